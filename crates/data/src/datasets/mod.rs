//! The datasets that can be read: recognised, opened, checked, fetched and packed.

pub mod check;
mod contents;
pub mod fetch;
pub mod find;
mod format;
pub mod ibug;
pub mod imm;
mod kind;
pub mod open;
pub mod pack;
pub mod pts_folder;
mod record;
mod report;
mod subset;

pub use find::{Found, find, find_first};
pub use format::DatasetKind;
pub use report::CheckReport;
