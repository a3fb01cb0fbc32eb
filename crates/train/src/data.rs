//! What a recipe's data is once it is opened.

use crate::{
    error::{Error, Result},
    recipe::Recipe,
};
use facekp_data::{Dataset, open_dataset};
use std::{collections::HashMap, path::Path, sync::Arc};

/// The opened data of a recipe.
#[derive(Clone)]
pub struct Data {
    /// Trained on, in the order of the recipe's sources, which say how often each comes up.
    pub train: Vec<Faces>,
    /// Validated on.
    pub val: Faces,
}

/// Some faces of a dataset.
#[derive(Clone)]
pub struct Faces {
    /// The dataset; a source and the validation part of one folder share it.
    pub dataset: Arc<dyn Dataset>,
    /// Which of its samples.
    pub indices: Vec<usize>,
}

impl Data {
    /// Opens what a recipe asks for below `dir`; each folder is read once.
    ///
    /// # Errors
    /// When a dataset or a split is missing, or has other points than the recipe's scheme.
    pub fn open(recipe: &Recipe, dir: &Path) -> Result<Self> {
        let mut opened: HashMap<&str, Arc<dyn Dataset>> = HashMap::new();
        let mut open = |path, split| {
            if !opened.contains_key(path) {
                opened.insert(path, Arc::from(open_dataset(dir, Some(path), &recipe.task.scheme)?));
            }
            let dataset = opened.get(path).map(Arc::clone);
            let dataset = dataset.ok_or_else(|| Error::setting("data", "a dataset", path))?;
            Ok::<_, Error>(Faces { indices: dataset.split(split)?, dataset })
        };
        let train = recipe.data.train.iter().map(|s| open(&s.path, s.split)).collect::<Result<Vec<_>>>()?;
        let val = open(&recipe.data.val.path, recipe.data.val.split)?;
        Ok(Self { train, val })
    }
}
