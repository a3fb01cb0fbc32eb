//! PyTorch's files of weights, as `torch.save` writes a state dict: a zip archive, or, before PyTorch 1.6, pickles and
//! raw numbers one after another. The pickles are read by candle, which runs nothing that they name.

use crate::pickle;
use candle_core::pickle::{Object, PthTensors, Stack, TensorInfo};
use candle_core::{DType, Device, Tensor};
use candle_vision_helpers::caught::caught;
use std::{
    collections::HashMap,
    fs::File,
    io::{BufReader, Read},
    path::Path,
};
use zip::ZipArchive;

/// How a zip archive begins.
const ZIP: &[u8] = b"PK\x03\x04";
/// How the older form begins: the pickle of its magic number, which is too large for candle's reader.
const OLD: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// Where checkpoints of more than weights hold these.
const NESTED: &str = "state_dict";
/// Bytes of an archive's pickle, which names tensors and holds none of their numbers.
const LARGEST_PICKLE: u64 = 64 << 20;

/// Whether a file that begins so is one of these.
pub(crate) fn is_pth(bytes: &[u8]) -> bool {
    bytes.starts_with(ZIP) || bytes.starts_with(OLD)
}

/// The tensors of floats by name, as F32; `bytes` is what the file at `path` holds.
///
/// # Errors
/// What was expected and what the file has.
pub(crate) fn state_dict(path: &Path, bytes: &[u8]) -> Result<HashMap<String, Tensor>, String> {
    // candle's reader takes the arguments of what it reads for granted, and would panic over a damaged pickle
    let read = || if bytes.starts_with(ZIP) { archive(path, bytes.len()) } else { old(bytes) };
    let tensors = caught(read).map_err(|_| "a damaged pickle".to_owned())?;
    let tensors = tensors.map_err(|e| format!("a file that ends early or is damaged ({e})").replace('\n', " "))?;
    if tensors.is_empty() {
        return Err("a file without tensors of floats by name".to_owned());
    }
    Ok(tensors)
}

fn is_float(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64 | DType::F16 | DType::BF16)
}

fn archive(path: &Path, length: usize) -> candle_core::Result<HashMap<String, Tensor>> {
    check_archive(path)?;
    // a file without such an entry holds the tensors themselves
    let file = PthTensors::new(path, Some(NESTED)).or_else(|_| PthTensors::new(path, None))?;
    let mut tensors = HashMap::new();
    for (name, info) in file.tensor_infos().iter().filter(|(_, info)| is_float(info.dtype)) {
        if bytes_of(info).is_none_or(|n| n > length) {
            candle_core::bail!("{name}: expected fewer numbers than the file has bytes, got {:?}", info.layout.dims());
        }
        if let Some(t) = file.get(name)? {
            tensors.insert(name.clone(), t.to_dtype(DType::F32)?);
        }
    }
    Ok(tensors)
}

/// Checks the pickles that candle is about to read.
fn check_archive(path: &Path) -> candle_core::Result<()> {
    let mut zip = ZipArchive::new(BufReader::new(File::open(path)?)).map_err(candle_core::Error::wrap)?;
    for i in 0..zip.len() {
        let entry = zip.by_index(i).map_err(candle_core::Error::wrap)?;
        if !entry.name().is_ok_and(|name| name.ends_with("data.pkl")) {
            continue;
        }
        let mut bytes = Vec::new();
        entry.take(LARGEST_PICKLE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST_PICKLE {
            candle_core::bail!("expected a pickle of {} MiB at most", LARGEST_PICKLE >> 20);
        }
        pickle::check(&bytes).map_err(candle_core::Error::msg)?;
    }
    Ok(())
}

fn bytes_of(info: &TensorInfo) -> Option<usize> {
    info.layout.dims().iter().try_fold(info.dtype.size_in_bytes(), |n, &d| n.checked_mul(d))
}

fn pickle(from: &mut &[u8]) -> candle_core::Result<Object> {
    pickle::check(from).map_err(candle_core::Error::msg)?;
    let mut stack = Stack::empty();
    stack.read_loop(from)?;
    stack.finalize()
}

fn old(bytes: &[u8]) -> candle_core::Result<HashMap<String, Tensor>> {
    let mut from = &bytes[OLD.len()..];
    let (_version, _system) = (pickle(&mut from)?, pickle(&mut from)?);
    let whole = pickle(&mut from)?;
    // what an optimizer keeps beside the weights has numbers among theirs
    let widths = storage_widths(&whole);
    let mut entries = dict(whole)?;
    if let Some(i) = entries.iter().position(|(k, _)| *k == Object::Unicode(NESTED.to_owned())) {
        entries = dict(entries.swap_remove(i).1)?;
    }
    let Object::List(keys) = pickle(&mut from)? else { candle_core::bail!("expected a list of storages") };
    let mut storages = HashMap::new();
    for key in keys {
        let key = key.unicode().map_err(|got| candle_core::Error::msg(format!("expected a name, got {got:?}")))?;
        let Some(&width) = widths.get(&key) else { candle_core::bail!("storage {key}: expected a known type") };
        storages.insert(key, storage(&mut from, width)?);
    }
    let mut tensors = HashMap::new();
    for (name, value) in entries {
        // types that candle lacks are of whole numbers
        let Ok(Some(info)) = value.into_tensor_info(name, Path::new("")) else { continue };
        if is_float(info.dtype) {
            let data = storages.get(info.path.trim_start_matches('/'));
            let Some(data) = data else { candle_core::bail!("{}: expected its numbers", info.name) };
            tensors.insert(info.name.clone(), tensor(&info, data)?);
        }
    }
    Ok(tensors)
}

/// Bytes of a number in every storage that is named anywhere in a pickle.
fn storage_widths(whole: &Object) -> HashMap<String, usize> {
    let (mut widths, mut open) = (HashMap::new(), vec![whole]);
    while let Some(object) = open.pop() {
        match object {
            Object::Tuple(all) | Object::List(all) => open.extend(all),
            Object::Dict(all) => open.extend(all.iter().flat_map(|(k, v)| [k, v])),
            Object::Reduce { callable, args } | Object::Build { callable, args } => open.extend([&**callable, &**args]),
            Object::PersistentLoad(id) => {
                // ("storage", class, name, device, count, ..)
                let Object::Tuple(id) = &**id else { continue };
                if let [_, Object::Class { class_name, .. }, Object::Unicode(name), ..] = &id[..] {
                    widths.extend(width_of(class_name).map(|width| (name.clone(), width)));
                }
            }
            _ => {}
        }
    }
    widths
}

fn width_of(class: &str) -> Option<usize> {
    Some(match class.strip_suffix("Storage")? {
        "Double" | "Long" => 8,
        "Float" | "Int" => 4,
        "Half" | "BFloat16" | "Short" => 2,
        "Byte" | "Char" | "Bool" => 1,
        _ => return None,
    })
}

fn dict(object: Object) -> candle_core::Result<Vec<(Object, Object)>> {
    object.dict().map_err(|_| candle_core::Error::msg("expected tensors by name"))
}

/// The numbers of a storage behind their count.
fn storage<'a>(from: &mut &'a [u8], width: usize) -> candle_core::Result<&'a [u8]> {
    let cut = || candle_core::Error::msg("expected the numbers of a storage, got the end of the file");
    let (count, rest) = from.split_first_chunk::<8>().ok_or_else(cut)?;
    let bytes = usize::try_from(u64::from_le_bytes(*count)).ok().and_then(|n| n.checked_mul(width)).ok_or_else(cut)?;
    let (data, rest) = rest.split_at_checked(bytes).ok_or_else(cut)?;
    *from = rest;
    Ok(data)
}

fn tensor(info: &TensorInfo, data: &[u8]) -> candle_core::Result<Tensor> {
    let (name, shape) = (&info.name, info.layout.shape());
    if !info.layout.is_contiguous() {
        candle_core::bail!("{name}: expected rows one after another");
    }
    let data = bytes_of(info).and_then(|n| data.get(info.layout.start_offset()..)?.get(..n));
    let Some(data) = data else { candle_core::bail!("{name}: expected {shape:?}, got fewer numbers") };
    Tensor::from_raw_buffer(data, info.dtype, shape.dims(), &Device::Cpu)?.to_dtype(DType::F32)
}
