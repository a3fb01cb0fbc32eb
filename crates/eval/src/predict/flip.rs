//! Whether a network looks a second time, at the mirrored view.

use crate::error::{Error, Result};
use facekp_models::Manifest;
use toml::{Table, Value};

/// Whether a view is looked at a second time, mirrored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flip {
    /// The view alone.
    Off,
    /// The mean of the points found in the view and in its mirror image.
    Averaged,
}

/// [`Flip::Averaged`] where a recipe's `flip_test` is set.
impl From<bool> for Flip {
    fn from(flip_test: bool) -> Self {
        if flip_test { Self::Averaged } else { Self::Off }
    }
}

impl Flip {
    /// As the recipe says that a network was trained by: `train.flip_test`, which is [`Flip::Off`] where it is missing.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where the recipe is no TOML.
    pub fn of(manifest: &Manifest) -> Result<Self> {
        let (id, recipe) = (format!("recipe of {}", manifest.name), &manifest.recipe);
        let wrong = |e: toml::de::Error| Error::Mismatch { id, reason: format!("expected TOML, got {}", e.message()) };
        let recipe: Table = toml::from_str(recipe).map_err(wrong)?;
        let flip_test = recipe.get("train").and_then(|train| train.get("flip_test")).and_then(Value::as_bool);
        Ok(Self::from(flip_test.unwrap_or(false)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use facekp_models::{WeightsFile, locate};

    #[test]
    fn a_recipe_decides_on_the_second_look() {
        let mut manifest = WeightsFile::read(&locate("nose").unwrap()).unwrap().manifest;
        assert_eq!(Flip::of(&manifest).unwrap(), Flip::Averaged);
        manifest.recipe = manifest.recipe.replace("flip_test = true", "flip_test = false");
        assert_eq!(Flip::of(&manifest).unwrap(), Flip::Off);
        manifest.recipe = "[train]\nepochs = 2".into();
        assert_eq!(Flip::of(&manifest).unwrap(), Flip::Off);
        manifest.recipe = "train = [".into();
        let message = Flip::of(&manifest).unwrap_err().to_string();
        assert!(message.starts_with("recipe of nose: expected TOML, got "), "{message}");
    }
}
