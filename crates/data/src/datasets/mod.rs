//! The datasets that can be read: recognised, opened, checked, fetched and packed.

pub mod check;
mod contents;
pub mod convert;
mod faces;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod find;
pub mod fold;
mod format;
mod kind;
pub mod lists;
pub mod map;
pub mod open;
pub mod pack;
mod people;
pub mod propose;
pub(crate) mod record;
mod report;
mod subset;

pub use find::{Found, find, find_first};
pub use format::DatasetKind;
pub use report::CheckReport;

macro_rules! formats {
    ($($module:ident,)*) => {
        $(pub mod $module;)*

        /// Every format that can be read, in the order in which a folder is asked.
        const FORMATS: &[DatasetKind] = &[$($module::KIND),*];
    };
}

// Every format by its module, which this declares; listed nowhere else.
formats! {
    imm,
    ibug,
    pts_folder,
    csv,
    csv_pixels,
    tps,
    coco,
    imglab,
}

/// Names in old recipes and packs of a format that is seen through a smaller scheme.
const PARTS: &[DatasetKind] = &[imm::NOSE];
