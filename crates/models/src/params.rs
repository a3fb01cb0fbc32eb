//! The named variables of a network: trainable parameters and buffers (running statistics), sorted by name, each seeded
//! by its name.

use crate::error::{Error, Result};
use crate::init::{self, Init};
use crate::load_report::{LoadReport, Misshaped};
use candle_core::{DType, Device, Tensor, Var};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All variables of one network. Cheap to clone; clones share the variables.
#[derive(Clone)]
pub struct Params {
    inner: Arc<Inner>,
}

struct Inner {
    /// `None`: nothing is drawn at random, since it will be loaded.
    seed: Option<u64>,
    device: Device,
    entries: Mutex<BTreeMap<String, Entry>>,
}

#[derive(Clone)]
struct Entry {
    var: Var,
    trainable: bool,
}

impl Params {
    /// Makes an empty set; a parameter is created on first use, on the host, from a generator seeded by
    /// `hash(name) ^ seed`, then put on `device`.
    pub fn new(seed: u64, device: &Device) -> Self {
        Self::with(Some(seed), device)
    }

    /// Makes an empty set whose parameters start at zero instead of at random: for networks whose weights are loaded
    /// right away.
    pub fn zeros(device: &Device) -> Self {
        Self::with(None, device)
    }

    fn with(seed: Option<u64>, device: &Device) -> Self {
        Self { inner: Arc::new(Inner { seed, device: device.clone(), entries: Mutex::default() }) }
    }

    /// The scope at the top of the tree of names.
    pub fn root(&self) -> Scope {
        Scope { params: self.clone(), prefix: String::new() }
    }

    /// Trainable parameters, sorted by name.
    pub fn trainable(&self) -> Vec<(String, Var)> {
        self.entries().iter().filter(|(_, e)| e.trainable).map(|(n, e)| (n.clone(), e.var.clone())).collect()
    }

    /// Parameters and buffers, sorted by name.
    pub fn all(&self) -> Vec<(String, Var)> {
        self.entries().iter().map(|(n, e)| (n.clone(), e.var.clone())).collect()
    }

    /// Number of trainable values.
    pub fn count(&self) -> usize {
        self.entries().values().filter(|e| e.trainable).map(|e| e.var.elem_count()).sum()
    }

    /// The device of the variables.
    pub fn device(&self) -> &Device {
        &self.inner.device
    }

    /// Sets one variable (converted to its type and device); false when there is none of this name or its shape
    /// differs.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn set(&self, name: &str, value: &Tensor) -> Result<bool> {
        let var = self.entries().get(name).map(|e| e.var.clone());
        match var {
            Some(var) if var.dims() == value.dims() => {
                // A copy, since a variable refuses a tensor that shares its storage.
                var.set(&value.detach().to_dtype(var.dtype())?.to_device(var.device())?.copy()?)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Sets all variables, or none where a name is missing, unexpected or misshaped: the report names them. PyTorch's
    /// `num_batches_tracked` is no value of the network and is skipped.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn load(&self, tensors: &HashMap<String, Tensor>) -> Result<LoadReport> {
        let report = self.compare(tensors);
        if report.is_clean() {
            self.set_all(tensors)?;
        }
        Ok(report)
    }

    /// Sets the variables whose name and shape match; the report names all others.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn load_matching(&self, tensors: &HashMap<String, Tensor>) -> Result<LoadReport> {
        self.set_all(tensors)?;
        Ok(self.compare(tensors))
    }

    fn set_all(&self, tensors: &HashMap<String, Tensor>) -> Result<()> {
        tensors.iter().try_for_each(|(name, value)| self.set(name, value).map(drop))
    }

    fn compare(&self, tensors: &HashMap<String, Tensor>) -> LoadReport {
        let entries = self.entries();
        let mut report = LoadReport::default();
        for (name, entry) in entries.iter() {
            match tensors.get(name) {
                None => report.missing.push(name.clone()),
                Some(t) if t.dims() != entry.var.dims() => {
                    let (expected, got) = (entry.var.dims().to_vec(), t.dims().to_vec());
                    report.misshaped.push(Misshaped { name: name.clone(), expected, got });
                }
                Some(_) => {}
            }
        }
        let unknown = |name: &&String| !entries.contains_key(*name) && !name.ends_with("num_batches_tracked");
        report.unexpected = tensors.keys().filter(unknown).cloned().collect();
        report.unexpected.sort();
        report
    }

    /// A panic while the lock was held leaves whole entries behind, so they may be used.
    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.inner.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get_or_make(&self, name: String, shape: &[usize], init: Init, trainable: bool) -> Result<Var> {
        let mut entries = self.entries();
        if let Some(entry) = entries.get(&name) {
            if entry.var.dims() == shape && entry.trainable == trainable {
                return Ok(entry.var.clone());
            }
            let was = entry.var.dims();
            return Err(Error::config(&name, format_args!("{was:?}, as it was made"), format_args!("{shape:?}")));
        }
        let var = match (self.inner.seed, init) {
            (None, Init::Constant(_)) | (Some(_), _) => {
                let mut rng = init::generator(&name, self.inner.seed.unwrap_or(0));
                Var::from_vec(init::values(init, shape, &mut rng)?, shape, &self.inner.device)?
            }
            (None, _) => Var::zeros(shape, DType::F32, &self.inner.device)?,
        };
        entries.insert(name, Entry { var: var.clone(), trainable });
        Ok(var)
    }
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Params").field("variables", &self.entries().len()).field("device", &self.inner.device).finish()
    }
}

/// A place in the tree of names: `scope.pp("layer1").pp("0")`.
#[derive(Clone, Debug)]
pub struct Scope {
    params: Params,
    prefix: String,
}

impl Scope {
    /// The scope one level down.
    pub fn pp(&self, name: impl std::fmt::Display) -> Self {
        Self { params: self.params.clone(), prefix: self.path(name) }
    }

    /// Creates or finds a trainable parameter: the tensor shares the variable's storage, so it always shows the present
    /// value.
    ///
    /// # Errors
    /// When it was made with another shape.
    pub fn param(&self, name: &str, shape: &[usize], init: Init) -> Result<Tensor> {
        Ok(self.params.get_or_make(self.path(name), shape, init, true)?.as_tensor().clone())
    }

    /// Creates or finds a variable that is saved but not trained.
    ///
    /// # Errors
    /// When it was made with another shape.
    pub fn buffer(&self, name: &str, shape: &[usize], value: f64) -> Result<Var> {
        self.params.get_or_make(self.path(name), shape, Init::Constant(value), false)
    }

    /// The device of the variables.
    pub fn device(&self) -> &Device {
        self.params.device()
    }

    fn path(&self, name: impl std::fmt::Display) -> String {
        if self.prefix.is_empty() { name.to_string() } else { format!("{}.{name}", self.prefix) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn values(p: &Params, name: &str) -> Vec<f32> {
        p.all().iter().find(|(n, _)| n == name).unwrap().1.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn weights_depend_on_seed_and_name_alone() {
        let make = |seed, names: &[&str]| {
            let p = Params::new(seed, &Device::Cpu);
            for n in names {
                p.root().pp("layer").param(n, &[3, 4], Init::KaimingNormalFanIn).unwrap();
            }
            p
        };
        let (a, b, c) = (make(7, &["a", "b"]), make(7, &["b", "c", "a"]), make(8, &["a"]));
        assert_eq!(values(&a, "layer.a"), values(&b, "layer.a"));
        assert_ne!(values(&a, "layer.a"), values(&a, "layer.b"));
        assert_ne!(values(&a, "layer.a"), values(&c, "layer.a"));
    }

    #[test]
    fn buffers_are_neither_trained_nor_counted() {
        let p = Params::new(0, &Device::Cpu);
        p.root().param("w", &[2, 3], Init::Constant(1.0)).unwrap();
        p.root().buffer("m", &[5], 0.5).unwrap();
        assert_eq!((p.count(), p.trainable().len(), p.all().len()), (6, 1, 2));
        assert!(p.root().param("w", &[3, 2], Init::Constant(1.0)).is_err());
        assert!(p.root().param("m", &[5], Init::Constant(1.0)).is_err());
    }

    #[test]
    fn nothing_is_drawn_where_all_is_loaded() {
        let p = Params::zeros(&Device::Cpu);
        p.root().param("w", &[2, 3], Init::Uniform).unwrap();
        p.root().buffer("running_var", &[2], 1.0).unwrap();
        assert_eq!((values(&p, "w"), values(&p, "running_var")), (vec![0.0; 6], vec![1.0; 2]));
    }

    #[test]
    fn a_tensor_shows_the_present_value() {
        let p = Params::new(0, &Device::Cpu);
        let w = p.root().param("w", &[2], Init::Constant(1.0)).unwrap();
        assert!(p.set("w", &Tensor::new(&[3f64, 4.0], &Device::Cpu).unwrap()).unwrap());
        assert_eq!(w.to_vec1::<f32>().unwrap(), [3.0, 4.0]);
        // To itself: a variable alone would refuse.
        assert!(p.set("w", &w).unwrap());
        assert!(!p.set("w", &Tensor::new(&[3f32], &Device::Cpu).unwrap()).unwrap());
        assert!(!p.set("v", &w).unwrap());
    }

    #[test]
    fn a_strict_load_sets_all_or_nothing() {
        let p = Params::new(0, &Device::Cpu);
        for n in ["a", "b", "c"] {
            p.root().param(n, &[1], Init::Constant(0.0)).unwrap();
        }
        let one = |n: usize| Tensor::ones(n, DType::F32, &Device::Cpu).unwrap();
        let tensors: HashMap<_, _> = [("a", 1), ("b", 2), ("d", 1), ("bn.num_batches_tracked", 1)]
            .map(|(n, len)| (n.to_string(), one(len)))
            .into_iter()
            .collect();
        let report = p.load(&tensors).unwrap();
        assert_eq!(report.missing, ["c"]);
        assert_eq!(report.unexpected, ["d"]);
        assert_eq!(report.misshaped, [Misshaped { name: "b".to_string(), expected: vec![1], got: vec![2] }]);
        assert_eq!(values(&p, "a"), [0.0]);
        assert_eq!(p.load_matching(&tensors).unwrap(), report);
        assert_eq!(values(&p, "a"), [1.0]);
    }
}
