//! The part of the picture that a view shows.

/// The part of the picture that a view shows.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Crop {
    /// The whole picture, fitted into the view with its proportions kept, centered; what is left over repeats the edge.
    Picture,
    /// The square about the face box's center, with the box's longer side times `enlarge`.
    Face {
        /// 1.25 keeps the field's usual margin around the tight box of the points.
        enlarge: f64,
    },
}
