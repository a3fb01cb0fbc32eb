//! Vision helpers for candle, with no word of faces.
#![cfg_attr(feature = "candle", doc = include_str!("../README.md"))]

pub mod affine;
pub mod caught;
pub mod convert;
pub mod draw;
mod font;
pub mod geom;
#[cfg(feature = "candle")]
pub mod grad_check;
pub mod heatmap;
#[cfg(feature = "candle")]
pub mod ops;
pub mod rng;
pub mod warp;
pub mod wrong;

pub use affine::Affine;
pub use geom::{Point, Rect, Size};
pub use wrong::Wrong;
