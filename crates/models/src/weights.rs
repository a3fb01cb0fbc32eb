//! Weights files: safetensors whose metadata says what they are (`facekp` key: a JSON [`Manifest`]).

use crate::calibration::Calibration;
use crate::error::{Error, Result};
use crate::header::{self, FINDER_KEY, KEY, WHOLE, bad, one_line};
use crate::load_report::LoadReport;
use crate::networks::{KeypointModel, trunk::match_names};
use crate::origin::Origin;
use crate::params::Params;
use crate::pth::{is_pth, state_dict};
use crate::task::Task;
use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize, Serializer};
use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

/// The metadata of a weights file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Name of the recipe.
    pub name: String,
    /// The task, which is enough to run the network; in the file with its scheme whole, so that the file needs no list
    /// of schemes.
    #[serde(serialize_with = "with_its_scheme")]
    pub task: Task,
    /// The whole resolved recipe as TOML.
    pub recipe: String,
    /// Number of epochs trained.
    pub epoch: usize,
    /// Metrics by name, as recorded when saved (`val_mean_px`, …).
    pub metrics: BTreeMap<String, f64>,
    /// The training data in words (`IMM face database, 192 pictures`; `rendered faces`).
    pub data: String,
    /// How the weights came about, where that was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What the spread of its maps says about its errors, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

fn with_its_scheme<S: Serializer>(task: &Task, to: S) -> Result<S::Ok, S::Error> {
    let whole = || {
        let mut value = serde_json::to_value(task)?;
        value["scheme"] = serde_json::to_value(task.scheme.as_ref())?;
        Ok::<_, serde_json::Error>(value)
    };
    whole().map_err(serde::ser::Error::custom)?.serialize(to)
}

/// A weights file in memory.
#[derive(Clone, Debug)]
pub struct WeightsFile {
    /// The metadata.
    pub manifest: Manifest,
    /// Tensors by name, on the CPU.
    pub tensors: HashMap<String, Tensor>,
}

impl WeightsFile {
    /// Reads a file written by [`save`].
    ///
    /// # Errors
    /// One line with the path when it is cut short, not safetensors, or has no metadata of this program.
    pub fn read(path: &Path) -> Result<Self> {
        let (tensors, metadata) = read_all(path)?;
        if metadata.contains_key(FINDER_KEY) {
            return Err(bad(path, "expected a keypoint network, got a face finder".into()));
        }
        let json = metadata
            .get(KEY)
            .ok_or_else(|| bad(path, format!("no {KEY} metadata: these weights were written by another program")))?;
        Ok(Self { manifest: header::manifest(path, KEY, json)?, tensors })
    }

    /// Writes the file, its tensors in the order of their names; as [`save`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path, dtype: DType) -> Result<()> {
        let mut tensors: Vec<(String, Tensor)> = self.tensors.iter().map(|(n, t)| (n.clone(), t.clone())).collect();
        tensors.sort_by(|a, b| a.0.cmp(&b.0));
        save(path, &tensors, &self.manifest, dtype)
    }

    /// The file with its values as they are once they were saved as `dtype` and read again.
    ///
    /// # Errors
    /// When `dtype` is neither F32 nor F16.
    pub fn rounded(mut self, dtype: DType) -> Result<Self> {
        for tensor in self.tensors.values_mut() {
            if let (Dtype::F16, bytes) = encode(tensor, dtype)? {
                *tensor = Tensor::from_vec(halves(&bytes), tensor.dims(), &Device::Cpu)?;
            }
        }
        Ok(self)
    }

    /// Builds the network of the manifest and loads the tensors; strict.
    ///
    /// # Errors
    /// Every missing, unexpected and misshaped tensor, in one line with the path.
    pub fn build(&self, path: &Path, device: &Device) -> Result<(Params, Box<dyn KeypointModel>)> {
        let params = Params::zeros(device);
        let model = self.manifest.task.build(&params).map_err(|e| match e {
            Error::Config(wrong) => bad(path, wrong.to_string()),
            other => other,
        })?;
        self.load_into(path, &params)?;
        Ok((params, model))
    }

    /// Loads the tensors into the variables of a network that was built already; strict.
    ///
    /// # Errors
    /// Every missing, unexpected and misshaped tensor, in one line with the path.
    pub fn load_into(&self, path: &Path, params: &Params) -> Result<()> {
        let report = params.load(&self.tensors)?;
        if report.is_clean() {
            Ok(())
        } else {
            Err(bad(path, format!("expected the manifest's network, got {report}")))
        }
    }
}

/// Reads the tensors of any safetensors file, or of a state dict that PyTorch saved (torchvision's `.pth`, for
/// instance), by name, on the CPU, as F32. Tensors of whole numbers, such as counters, are left out.
///
/// # Errors
/// One line with the path when it is cut short or neither.
pub fn read_tensors(path: &Path) -> Result<HashMap<String, Tensor>> {
    Ok(read_all(path)?.0)
}

/// Takes from `tensors` what matches the network by name and shape, a trunk also where one side names it
/// `trunk.…` and the other does not, as between a heatmap network, a regression network and torchvision's files.
///
/// # Errors
/// When a tensor operation fails.
pub fn init_from(params: &Params, tensors: &HashMap<String, Tensor>) -> Result<LoadReport> {
    params.load_matching(&match_names(params, tensors))
}

/// Writes parameters and buffers (as `dtype`: F32 or F16) with the manifest, through a temporary file that is renamed
/// when whole. A tensor with values beyond F16's range stays F32.
///
/// # Errors
/// When the file cannot be written.
pub fn save(path: &Path, tensors: &[(String, Tensor)], manifest: &Manifest, dtype: DType) -> Result<()> {
    let json =
        serde_json::to_string(manifest).map_err(|e| bad(path, format!("the manifest cannot be written: {e}")))?;
    write_tensors(path, tensors, HashMap::from([(KEY.to_string(), json)]), dtype)
}

/// Writes tensors with any metadata, as [`save`] does.
///
/// # Errors
/// When the file cannot be written.
pub fn write_tensors(
    path: &Path,
    tensors: &[(String, Tensor)],
    metadata: HashMap<String, String>,
    dtype: DType,
) -> Result<()> {
    let mut encoded = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        encoded.push((name.as_str(), tensor.dims().to_vec(), encode(tensor, dtype)?));
    }
    let mut views = Vec::with_capacity(encoded.len());
    for (name, shape, (dtype, bytes)) in &encoded {
        let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(|e| bad(path, format!("{name}: {e}")))?;
        views.push((*name, view));
    }
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|e| bad(path, e.to_string()))?;
    Ok(facekp_data::write_whole(path, &bytes)?)
}

/// Sync point: reads the tensor back.
fn encode(tensor: &Tensor, dtype: DType) -> Result<(Dtype, Vec<u8>)> {
    let values: Vec<f32> = tensor.detach().to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    let fits = || values.iter().all(|v| v.abs() <= half::f16::MAX.to_f32());
    match dtype {
        DType::F16 if fits() => {
            Ok((Dtype::F16, values.iter().flat_map(|&v| half::f16::from_f32(v).to_le_bytes()).collect()))
        }
        DType::F16 | DType::F32 => Ok((Dtype::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect())),
        other => Err(Error::config("weights", "F32 or F16 to be saved as", format_args!("{other:?}"))),
    }
}

pub(crate) type Contents = (HashMap<String, Tensor>, HashMap<String, String>);

pub(crate) fn read_all(path: &Path) -> Result<Contents> {
    let bytes = std::fs::read(path).map_err(|e| bad(path, e.to_string()))?;
    if is_pth(&bytes) {
        let tensors =
            state_dict(path, &bytes).map_err(|got| bad(path, format!("expected PyTorch's state dict, got {got}")))?;
        return Ok((tensors, HashMap::new()));
    }
    header::read(bytes.as_slice(), bytes.len() as u64).map_err(|got| bad(path, format!("{WHOLE}, got {got}")))?;
    let broken = |e: safetensors::SafeTensorError| bad(path, format!("{WHOLE}, got {}", one_line(&e)));
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
    let file = SafeTensors::deserialize(&bytes).map_err(broken)?;
    let mut tensors = HashMap::new();
    for (name, view) in file.iter() {
        if let Some(values) =
            decode(&view).map_err(|got| bad(path, format!("{name}: expected F32, F16 or BF16, got {got}")))?
        {
            tensors.insert(name.to_string(), Tensor::from_vec(values, view.shape(), &Device::Cpu)?);
        }
    }
    Ok((tensors, metadata.metadata().clone().unwrap_or_default()))
}

fn halves(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<2>().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32()).collect()
}

/// Values as F32; `None` for whole numbers; the name of any other type as the error.
fn decode(view: &TensorView<'_>) -> std::result::Result<Option<Vec<f32>>, String> {
    let bytes = view.data();
    Ok(match view.dtype() {
        Dtype::F32 => Some(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
        Dtype::F16 => Some(halves(bytes)),
        Dtype::BF16 => Some(bytes.as_chunks::<2>().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32()).collect()),
        Dtype::F64 => Some(bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect()),
        Dtype::BOOL
        | Dtype::U8
        | Dtype::I8
        | Dtype::I16
        | Dtype::U16
        | Dtype::I32
        | Dtype::U32
        | Dtype::I64
        | Dtype::U64 => None,
        other => return Err(format!("{other:?}")),
    })
}
