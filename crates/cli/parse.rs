//! What arguments mean that are more than text or a number.

use candle_vision_helpers::{Rect, heatmap::Decode};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use facekp_data::DatasetKind;
use facekp_eval::metrics::Boxes;
use serde::Deserialize;
use serde::de::{IntoDeserializer, value};

/// A face's box.
pub(crate) fn parse_box(s: &str) -> Result<Rect, String> {
    let bad = || format!("expected X,Y,W,H in pixels with W and H above 0, got {s:?}");
    let v = s.split(',').map(|p| p.trim().parse::<f64>()).collect::<Result<Vec<_>, _>>().map_err(|_| bad())?;
    match v[..] {
        [x, y, w, h] if v.iter().all(|n| n.is_finite()) && w > 0.0 && h > 0.0 => Ok(Rect::new(x, y, w, h)),
        _ => Err(bad()),
    }
}

/// A length in pixels.
pub(crate) fn parse_side(s: &str) -> Result<f64, String> {
    let side = s.trim().parse::<f64>().ok().filter(|side| side.is_finite() && *side > 0.0);
    side.ok_or_else(|| format!("expected pixels above 0, got {s:?}"))
}

/// How points are read from maps, by the names that recipes use.
pub(crate) fn parse_decode(s: &str) -> Result<Decode, String> {
    let name: value::StrDeserializer<'_, value::Error> = s.into_deserializer();
    Decode::deserialize(name).map_err(|_| format!("expected argmax, quarter, dark or soft_argmax, got {s:?}"))
}

/// Whose boxes a network looks at.
pub(crate) fn parse_boxes(s: &str) -> Result<Boxes, String> {
    let name: value::StrDeserializer<'_, value::Error> = s.into_deserializer();
    Boxes::deserialize(name).map_err(|_| format!("expected annotated or found, got {s:?}"))
}

/// An override of a recipe's key; what the value may be is the recipe's business.
pub(crate) fn parse_change(s: &str) -> Result<String, String> {
    match s.split_once('=') {
        Some((key, _)) if !key.trim().is_empty() => Ok(s.to_owned()),
        _ => Err(format!("expected KEY=VALUE, such as train.epochs=3, got {s:?}")),
    }
}

/// A kind of dataset by its name in recipes.
pub(crate) fn kinds() -> impl TypedValueParser<Value = DatasetKind> {
    PossibleValuesParser::new(DatasetKind::names()).try_map(|name| name.parse::<DatasetKind>())
}

/// The name of a weights file.
pub(crate) fn parse_name(s: &str) -> Result<String, String> {
    let plain = !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if plain && !s.starts_with('.') {
        Ok(s.to_owned())
    } else {
        Err(format!("expected letters, digits, _, - and ., got {s:?}"))
    }
}
