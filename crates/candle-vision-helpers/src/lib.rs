//! Vision helpers for candle, with no word of faces: geometry and warps, picture ↔ tensor,
//! heatmaps, drawing, and the trainable image operations that candle lacks.
//!
//! One convention everywhere: points are `(x, y)`, 0-based, and the center of the first pixel is
//! `(0, 0)`, so a picture of width `W` covers `-0.5 ..= W - 0.5`.

pub mod affine;
pub mod convert;
pub mod draw;
mod font;
pub mod geom;
pub mod grad_check;
pub mod heatmap;
pub mod ops;
pub mod rng;
pub mod warp;
pub mod wrong;

pub use affine::Affine;
pub use geom::{Point, Rect, Size};
pub use wrong::Wrong;
