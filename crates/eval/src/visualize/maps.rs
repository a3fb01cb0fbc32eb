//! What a network has learned and shows: filters, feature maps, heatmaps.

use crate::error::{Error, Result};
use candle_core::{DType, Tensor};
use candle_vision_helpers::{convert, draw};
use image::RgbImage;
use ndarray::Array2;

/// The filters of a first convolution `(O, C, KH, KW)`, each scaled from its own least to its own greatest weight,
/// about `side` pixels each; three channels are colors, any other number is averaged.
///
/// # Errors
/// On another rank.
pub(crate) fn filter_grid(filters: &Tensor, side: usize) -> Result<RgbImage> {
    let (count, channels, kh, kw) = filters.dims4()?;
    let filters = filters.to_dtype(DType::F32)?.to_device(&candle_core::Device::Cpu)?;
    let times = (side / kh.max(kw).max(1)).max(1) as u32;
    let tile = |i: usize| {
        let filter = filters.get(i)?;
        let filter = if channels == 1 || channels == 3 { filter } else { filter.mean_keepdim(0)? };
        Ok(super::enlarge(&convert::tensor_to_rgb(&filter)?, times))
    };
    let tiles = (0..count).map(tile).collect::<Result<Vec<_>>>()?;
    Ok(draw::grid(&tiles, columns(count), 6))
}

/// The first `most` maps of `(1, C, H, W)`, each scaled on its own, about `side` pixels each.
///
/// # Errors
/// On another rank or without maps.
pub(crate) fn feature_grid(maps: &Tensor, most: usize, side: usize) -> Result<RgbImage> {
    let (_, channels, h, w) = maps.dims4()?;
    if channels == 0 || h == 0 || w == 0 {
        return Err(Error::plot("feature maps", "expected at least one map, got none"));
    }
    let maps = maps.get(0)?.to_device(&candle_core::Device::Cpu)?;
    let times = (side / h.max(w)).max(1) as u32;
    let tile = |i: usize| Ok(super::enlarge(&convert::tensor_to_rgb(&maps.get(i)?)?, times));
    let tiles = (0..channels.min(most)).map(tile).collect::<Result<Vec<_>>>()?;
    Ok(draw::grid(&tiles, columns(tiles.len()), 4))
}

/// A view with the maps `(K, h, w)` in `0..=1` over it: at every place the highest of them.
///
/// # Errors
/// On another rank.
pub(crate) fn heat_picture(view: &RgbImage, maps: &Tensor, side: usize) -> Result<RgbImage> {
    let times = (side as f64 / f64::from(view.width().max(view.height()))).round().max(1.0) as u32;
    let mut picture = super::enlarge(view, times);
    draw::overlay_heat(&mut picture, &highest(maps)?, 0.65);
    Ok(picture)
}

/// One map alone, dark to bright: at every place the highest of `(K, h, w)`, about `side` pixels.
///
/// # Errors
/// On another rank.
pub(crate) fn map_picture(maps: &Tensor, side: usize) -> Result<RgbImage> {
    let heat = highest(maps)?;
    let (h, w) = heat.dim();
    let scale = side as f64 / h.max(w).max(1) as f64;
    let long = |v: usize| ((v as f64 * scale).round() as u32).max(1);
    let mut picture = RgbImage::new(long(w), long(h));
    draw::overlay_heat(&mut picture, &heat, 1.0);
    Ok(picture)
}

fn highest(maps: &Tensor) -> Result<Array2<f32>> {
    let (_, h, w) = maps.dims3()?;
    let values = maps.to_dtype(DType::F32)?.max(0)?.flatten_all()?.to_vec1::<f32>()?;
    Array2::from_shape_vec((h, w), values).map_err(|e| Error::plot("heatmaps", e))
}

/// About twice as wide as high, as a page is.
fn columns(tiles: usize) -> usize {
    ((tiles as f64 * 2.2).sqrt().ceil() as usize).max(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use candle_core::Device;

    #[test]
    fn each_filter_uses_the_whole_range() {
        // Two filters of very different size look the same.
        let filters =
            Tensor::from_vec(vec![0f32, 1., 2., 3., 0., 100., 200., 300.], (2, 1, 2, 2), &Device::Cpu).unwrap();
        let grid = filter_grid(&filters, 8).unwrap();
        assert_eq!(grid.dimensions(), (8 + 6 + 8, 8));
        for (x, y) in (0..8).flat_map(|x| (0..8).map(move |y| (x, y))) {
            assert_eq!(grid.get_pixel(x, y), grid.get_pixel(x + 14, y));
        }
        assert_eq!((grid.get_pixel(0, 0).0, grid.get_pixel(7, 7).0), ([0; 3], [255; 3]));
    }

    #[test]
    fn heat_is_brightest_where_a_map_peaks() {
        let mut values = vec![0f32; 2 * 4 * 4];
        values[5] = 1.0; // map 0, row 1, column 1
        values[16 + 15] = 0.5; // map 1, row 3, column 3
        let maps = Tensor::from_vec(values, (2, 4, 4), &Device::Cpu).unwrap();
        let picture = map_picture(&maps, 40).unwrap();
        let light = |x, y| picture.get_pixel(x, y).0.iter().map(|v| u32::from(*v)).sum::<u32>();
        assert!(
            light(15, 15) > light(35, 35) && light(35, 35) > light(5, 35),
            "{} {} {}",
            light(15, 15),
            light(35, 35),
            light(5, 35)
        );
    }
}
