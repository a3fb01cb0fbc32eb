//! What a recipe's data is once it is opened.

use crate::{
    error::{Error, Result},
    recipe::Recipe,
};
use facekp_data::{Dataset, datasets::open::has_dataset, open_dataset};
use std::{collections::HashMap, path::Path, sync::Arc};

/// The opened data of a recipe.
#[derive(Clone)]
pub struct Data {
    /// Trained on, in the order of the recipe's sources.
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
    /// Which of the recipe's sources this is; 0 for the validation part.
    pub source: usize,
}

impl Data {
    /// Opens what a recipe asks for below `dir`; each folder is read once. An optional source that is not there is left
    /// out, with a warning.
    ///
    /// # Errors
    /// When a dataset or a split is missing, or has other points than the recipe's scheme.
    pub fn open(recipe: &Recipe, dir: &Path) -> Result<Self> {
        let mut opened: HashMap<&str, Arc<dyn Dataset>> = HashMap::new();
        let config = &recipe.data;
        let mut open = |path, split, source| {
            if !opened.contains_key(path) {
                opened.insert(
                    path,
                    match path == config.val.path {
                        true => config.open_val(dir, &recipe.task.scheme)?,
                        false => Arc::from(open_dataset(dir, Some(path), &recipe.task.scheme)?),
                    },
                );
            }
            let dataset = opened.get(path).map(Arc::clone);
            let dataset = dataset.ok_or_else(|| Error::setting("data", "a dataset", path))?;
            Ok::<_, Error>(Faces { indices: dataset.split(split)?, dataset, source })
        };
        let mut train = Vec::new();
        for (i, source) in config.train.iter().enumerate() {
            if source.optional && !has_dataset(dir, &source.path)? {
                let (name, dir, path) = (&recipe.name, dir.display(), &source.path);
                tracing::warn!("{name}: {dir} has no {path}, which is left out: the network will be worse for it");
                continue;
            }
            train.push(open(&source.path, source.split, i)?);
        }
        let val = open(&config.val.path, config.val.split, 0)?;
        Ok(Self { train, val })
    }
}
