//! The datasets that can be read: recognised, opened, checked, fetched and packed.

pub mod check;
mod contents;
pub mod csv;
mod faces;
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

/// Every format that can be read, in the order in which a folder is asked; listed nowhere else.
#[rustfmt::skip]
const FORMATS: &[DatasetKind] = &[
    imm::KIND,
    ibug::KIND,
    pts_folder::KIND,
    csv::KIND,
];

/// Names in old recipes and packs of a format that is seen through a smaller scheme.
const PARTS: &[DatasetKind] = &[imm::NOSE];
