//! The recipes that come with the program.

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        /// Name and text.
        pub(super) const BUILT_IN: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../recipes/", $name, ".toml")))),*];
    };
}

built_in![
    "nose",
    "face58",
    "face68",
    "face68_short",
    "ibug68_resnet50",
    "ibug68_heatmap",
    "ibug68_resnet50_128",
    "ibug68_heatmap_128",
    "ibug68_heatmap_128_start",
    "ibug68_heatmap_64",
    "ytf68_heatmap_128",
    "ibug68_heatmap_192",
    "ibug68_heatmap_192_more",
    "ibug68_resnet50_128_more",
    "ibug68_summed_128",
];

/// The text of a built-in recipe.
pub(super) fn text(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}
