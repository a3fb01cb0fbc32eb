//! The datasets that can be read: recognised, opened, checked, fetched and packed.

pub mod check;
mod contents;
pub mod fetch;
pub mod ibug;
pub mod imm;
pub mod open;
pub mod pack;
pub mod pts_folder;
mod record;
