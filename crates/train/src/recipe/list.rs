//! The built-in recipes as lists show them, and the chain that trains them one after the other.

use super::{Recipe, built_in, load};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What `cargo xtask train-all` does: networks in their order, and faces to render where a dataset is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Trained in this order.
    pub networks: Vec<Link>,
    /// What is rendered, by the folder that recipes name.
    pub stand_ins: Vec<StandIn>,
}

/// One network of the chain. A shorter profile leaves it out unless its recipe has a table `[profile.NAME]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// A built-in recipe.
    pub recipe: String,
    /// The recipe that takes its place in full training on a GPU; without one, the network is left out there.
    pub gpu: Option<String>,
    /// An earlier network of the chain whose run it starts from, where that one is trained too.
    pub starts_from: Option<String>,
    /// The split of the final measure; without one there are no points to measure.
    pub split: Option<String>,
    /// The profiles of its recipe.
    #[serde(default, skip_deserializing)]
    pub profiles: Vec<String>,
    /// The folder of its data.
    #[serde(default, skip_deserializing)]
    pub data: String,
}

/// Rendered faces in a dataset's own format, for where that dataset is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandIn {
    /// The folder that recipes name.
    pub path: String,
    /// The dataset's name for readers.
    pub title: String,
    /// The kind of dataset that is missing, as `facekp datasets find` calls it.
    pub kind: String,
    /// What `facekp datasets synth --scheme` is given.
    pub scheme: String,
    /// How many faces, by profile.
    pub faces: BTreeMap<String, usize>,
}

impl Chain {
    /// The built-in chain.
    ///
    /// # Errors
    /// Never: a test reads it.
    pub fn load() -> Result<Self> {
        let text = include_str!("../../chain.toml");
        let wrong = |e: toml::de::Error| Error::recipe("chain.toml", None, e.message().to_owned());
        let mut chain: Self = toml::from_str(text).map_err(wrong)?;
        for link in &mut chain.networks {
            let about = About::of(&link.recipe)?;
            link.profiles = about.profiles;
            link.data = about.recipe.data.val.path;
        }
        Ok(chain)
    }
}

/// A built-in recipe as lists show it.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// What it is for: the first sentence of its file.
    pub purpose: String,
    /// The recipe that it is laid over.
    pub base: Option<String>,
    /// Its shorter profiles.
    pub profiles: Vec<String>,
    /// All keys.
    #[serde(flatten)]
    pub recipe: Recipe,
}

impl About {
    /// Of a built-in recipe.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn of(name: &str) -> Result<Self> {
        let (layers, recipe) = load::load(name, None, &[])?;
        let text = built_in::text(name).unwrap_or_default();
        let comment = text.lines().map_while(|l| l.strip_prefix('#')).map(str::trim).collect::<Vec<_>>().join(" ");
        let first = comment.split_inclusive(". ").next().unwrap_or_default();
        let purpose = first.trim().trim_end_matches('.').to_owned();
        Ok(Self { purpose, base: layers.base(), profiles: layers.profiles(), recipe })
    }

    /// Of all built-in recipes.
    ///
    /// # Errors
    /// Never: a test reads them.
    pub fn all() -> Result<Vec<Self>> {
        built_in::BUILT_IN.iter().map(|(name, _)| Self::of(name)).collect()
    }
}
