//! `facekp eval`: the errors of a network, or of the mean shape, on splits of a dataset; of a face finder on photos.

mod finder;
mod found;
mod parts;
mod setting;
mod table;

pub(crate) use finder::measured;
pub(crate) use found::beside as beside_found;
pub(crate) use setting::{Setting, recipe, setting};

use crate::{
    output::{ResultForm, Usage, say, write_file, write_result},
    parse::{kinds, parse_boxes, parse_decode, parse_side},
    shared_args::{DataArg, DeviceArg},
};
use anyhow::{Context, Result, bail};
use candle_vision_helpers::draw;
use facekp_data::{
    Crop, Dataset, DatasetKind, Frame, Split,
    datasets::{find_first, map::mapped},
    open_kind,
};
use facekp_eval::{
    FaceError, Flip, MeanShape, Prediction, Predictor, Summary,
    metrics::{self, Boxes},
    run_files,
    stats::spread,
    visualize,
};
use facekp_models::FinderFile;
use parts::{By, Divisor};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What makes the predictions.
#[allow(clippy::large_enum_variant)] // there is one
enum Subject {
    Network { predictor: Predictor, flip: Flip },
    MeanShape(MeanShape),
}

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp eval nose --data datasets/imm_face_db --split val --json -")]
pub(crate) struct Args {
    /// A weights file, a run folder, a name in weights/ or runs/, or `mean-shape`: the mean training shape, the
    /// baseline every network should beat. A face finder is measured on photos with boxes, `boxes.json` or
    /// `photos.json`.
    weights: String,
    #[command(flatten)]
    data: DataArg,
    /// One or more of train, fit, val, test, common, challenging, full and all, separated by commas; val by default.
    #[arg(long, help_heading = "Data", value_delimiter = ',')]
    split: Vec<facekp_data::Split>,
    /// With a face finder: the smallest face to look for, in pixels of the photos; a twenty-fifth of each photo's
    /// shorter side by default.
    #[arg(long, value_name = "PX", help_heading = "Data", value_parser = parse_side)]
    smallest: Option<f64>,
    /// Write the numbers as JSON (`-`: stdout).
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,
    /// Write each picture's errors as CSV.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    csv: Option<PathBuf>,
    /// Draw eight faces of the first split as a PNG: prediction red, truth blue. With a face finder: the curves of
    /// precision and recall as SVG.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    draw: Option<PathBuf>,
    /// Whose boxes the network looks at: those of the annotated points, or also, in rows of their own, those of the
    /// face finder; a face that it misses counts as a failure.
    #[arg(long, value_name = "annotated|found", value_parser = parse_boxes, default_value = "annotated",
        help_heading = "Data")]
    boxes: Boxes,
    /// Measure on annotations of another scheme: a TOML file with `of`, how many points the data have, and `points`,
    /// for each point of the network its index among them, from 0.
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    map: Option<PathBuf>,
    /// Divide errors by something else than the scheme does, for the NME and all that follows from it.
    #[arg(long, value_name = "LENGTH", value_enum, default_value_t)]
    normalizer: Divisor,
    /// Also print the errors of each point, group of points, or subset of the faces, or expected errors next to
    /// measured ones.
    #[arg(long, value_name = "WHAT", value_enum, help_heading = "Output")]
    by: Option<By>,
    /// Do not average with the mirrored picture.
    #[arg(long)]
    no_flip: bool,
    /// Read points from the maps in this way instead of the recipe's: argmax, quarter, dark or soft_argmax.
    #[arg(long, value_name = "HOW", value_parser = parse_decode)]
    decode: Option<candle_vision_helpers::heatmap::Decode>,
    /// With `mean-shape`: the dataset, where DIR holds several.
    #[arg(long, value_name = "KIND", value_parser = kinds(), help_heading = "Data")]
    dataset: Option<DatasetKind>,
    #[command(flatten)]
    device: DeviceArg,
}

pub(crate) fn run(a: &Args) -> Result<()> {
    for (file, form) in [(&a.json, ResultForm::JSON), (&a.csv, ResultForm::CSV), (&a.draw, ResultForm::DRAWING)] {
        file.as_deref().map_or(Ok(()), |file| form.may_replace(file))?;
    }
    if a.weights != "mean-shape" {
        let weights = facekp_models::locate(&a.weights)?;
        if FinderFile::is_one(&weights) {
            return finder::run(a, &weights);
        }
    }
    refuse_contradictions(a)?;
    let splits = if a.split.is_empty() { &[Split::Val][..] } else { &a.split };
    let (subject, data, about) = subject(a)?;
    let mut summaries = Vec::new();
    let (mut rows, mut tables) = (Vec::new(), Vec::new());
    for (split, predictions) in by_split(data.as_ref(), splits, |all| predictions(&subject, &data, all))? {
        if let Some(file) = a.draw.as_deref().filter(|_| summaries.is_empty()) {
            draw(file, data.as_ref(), &predictions)?;
        }
        let errors = a.normalizer.measure(&predictions)?;
        tables.extend(a.by.map(|by| parts::table(by, split.name(), &predictions, &errors, data.scheme())).transpose()?);
        summaries.push(Summary::of(&errors, split.name())?);
        rows.extend(errors);
    }
    if a.boxes == Boxes::Found {
        let Subject::Network { predictor, flip } = &subject else { bail!("--boxes found: expected a network") };
        summaries = found::beside(summaries, predictor, *flip, &data, splits)?;
    }
    if !is_stdout(a.json.as_ref()) {
        say(&about)?;
        say(&table::of(&summaries))?;
        tables.iter().try_for_each(|table| say(table))?;
    }
    if let Some(json) = &a.json {
        let text = match &summaries[..] {
            [one] => serde_json::to_string(one)?,
            many => serde_json::to_string_pretty(many)?,
        };
        write_result(json, &(text + "\n"))?;
    }
    if let Some(csv) = &a.csv {
        run_files::write_csv(csv, &rows)?;
    }
    Ok(())
}

/// Options that mean nothing beside others.
fn refuse_contradictions(a: &Args) -> Result<()> {
    let (mean_shape, found) = (a.weights == "mean-shape", a.boxes == Boxes::Found);
    let wrong = [
        (a.smallest.is_some(), "--smallest: expected with a face finder only"),
        (found && mean_shape, "--boxes found: expected a network, got the mean shape"),
        (found && a.normalizer != Divisor::Scheme, "--normalizer: expected with annotated boxes, got --boxes found"),
        (a.map.is_some() && mean_shape, "--map: expected a network, got the mean shape"),
        (a.by.is_some() && is_stdout(a.json.as_ref()), "--by: expected without --json -, which has stdout"),
    ];
    match wrong.iter().find(|(is_wrong, _)| *is_wrong) {
        Some((_, reason)) => Err(Usage((*reason).into()).into()),
        None => Ok(()),
    }
}

fn is_stdout(file: Option<&PathBuf>) -> bool {
    file.is_some_and(|file| file == Path::new("-"))
}

fn subject(a: &Args) -> Result<(Subject, Arc<dyn Dataset>, String)> {
    if a.weights == "mean-shape" {
        let data: Arc<dyn Dataset> = Arc::from(match a.dataset {
            Some(kind) => open_kind(&a.data.dir, kind)?,
            None => find_first(&a.data.dir)?.open()?,
        });
        let frame = data.frame();
        let shape = MeanShape::fit(data.as_ref(), &data.split(Split::Train)?, frame)?;
        let place = match frame {
            Frame::Box => "in the tight box of each face's points",
            Frame::Picture => "in the picture",
        };
        let about = format!("mean shape of the training faces, {place}; {}", data.describe());
        return Ok((Subject::MeanShape(shape), data, about));
    }
    if a.dataset.is_some() {
        return Err(Usage("--dataset: expected with mean-shape only, a weights file knows its dataset".into()).into());
    }
    let device = a.device.open()?;
    let (mut predictor, file) = Predictor::load(&facekp_models::locate(&a.weights)?, &device)?;
    if let Some(decode) = a.decode {
        predictor = predictor.with_decode(decode).with_context(|| file.manifest.name.clone())?;
    }
    let Setting { data, flip } = match &a.map {
        None => setting(&file.manifest, &a.data.dir)?,
        Some(map) => Setting {
            data: Arc::from(mapped(find_first(&a.data.dir)?.open_plain()?, &file.manifest.task.scheme, map)?),
            flip: recipe(&file.manifest)?.1,
        },
    };
    let flip = if a.no_flip { Flip::Off } else { flip };
    let about = format!(
        "{} (epoch {}, trained on {}); {}; sees {}{}",
        file.manifest.name,
        file.manifest.epoch,
        file.manifest.data,
        data.describe(),
        seen(file.manifest.task.view.crop),
        if flip == Flip::Averaged { "; averaged with the mirrored picture" } else { "" }
    );
    Ok((Subject::Network { predictor, flip }, data, about))
}

/// The errors of a network on each of `splits`.
pub(crate) fn summaries(
    predictor: &Predictor,
    data: &Arc<dyn Dataset>,
    splits: &[Split],
    flip: Flip,
) -> Result<Vec<Summary>> {
    let all = errors(predictor, data, splits, flip)?;
    all.iter().map(|(split, errors)| Ok(Summary::of(errors, split.name())?)).collect()
}

/// Each face's errors on each of `splits`.
pub(crate) fn errors(
    predictor: &Predictor,
    data: &Arc<dyn Dataset>,
    splits: &[Split],
    flip: Flip,
) -> Result<Vec<(Split, Vec<FaceError>)>> {
    by_split(data.as_ref(), splits, |all| Ok(predictor.predict_dataset(data.clone(), all, flip)?))?
        .into_iter()
        .map(|(split, found)| Ok((split, metrics::measure_all(&found)?)))
        .collect()
}

/// The predictions of each split; a face in several of them is looked at once.
fn by_split(
    data: &dyn Dataset,
    splits: &[Split],
    predict: impl FnOnce(&[usize]) -> Result<Vec<Prediction>>,
) -> Result<Vec<(Split, Vec<Prediction>)>> {
    let parts = splits.iter().map(|&s| Ok((s, data.split(s)?))).collect::<Result<Vec<_>>>()?;
    let mut all: Vec<usize> = parts.iter().flat_map(|(_, indices)| indices.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    let found: BTreeMap<usize, Prediction> = predict(&all)?.into_iter().map(|p| (p.index, p)).collect();
    let of = |indices: &[usize]| indices.iter().filter_map(|i| found.get(i).cloned()).collect();
    Ok(parts.iter().map(|(split, indices)| (*split, of(indices))).collect())
}

/// What of a picture the network is given: the box matters as much as the network.
fn seen(crop: Crop) -> String {
    match crop {
        Crop::Picture => "the whole picture".into(),
        Crop::Face { enlarge } => format!("the tight box of the annotated points × {enlarge}"),
    }
}

fn predictions(subject: &Subject, data: &Arc<dyn Dataset>, indices: &[usize]) -> Result<Vec<Prediction>> {
    Ok(match subject {
        Subject::Network { predictor, flip } => predictor.predict_dataset(data.clone(), indices, *flip)?,
        Subject::MeanShape(shape) => shape.predict(data.as_ref(), indices)?,
    })
}

/// Eight faces in two rows.
fn draw(file: &Path, data: &dyn Dataset, predictions: &[Prediction]) -> Result<()> {
    let tile = |p: &Prediction| {
        let sample = data.get(p.index)?;
        Ok(visualize::face_picture(&sample, Some(&p.points), Some(&sample.points), 300)?)
    };
    let chosen: Vec<&Prediction> = spread(&predictions.iter().collect::<Vec<_>>(), 8);
    let tiles = chosen.into_iter().map(tile).collect::<Result<Vec<_>>>()?;
    write_file(file, &visualize::png(&draw::grid(&tiles, tiles.len().clamp(1, 4), 4))?)
}
