//! docs/results.md and its curves, from run folders and shipped weights.

use super::{
    ablations, beside, cost, number, reliability,
    subject::{Measured, Subject},
    table,
};
use crate::{cmd::report, parse::parse_decode};
use anyhow::{Context, Result, bail};
use facekp_data::Split;
use facekp_eval::{
    Flip,
    report::{PageInput, Photos, write},
};
use facekp_models::CodecConfig;
use facekp_train::{Recipe, device::DeviceName};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The curves that go beside the page; none shows a dataset's picture.
const CURVES: [(&str, &str); 2] = [("loss", "loss of training and validation"), ("ced", "cumulative errors")];

/// The ways to read points from maps that are compared.
const DECODINGS: [&str; 4] = ["argmax", "quarter", "dark", "soft_argmax"];

const INTRODUCTION: &str = "# Results\n\nWritten by `cargo xtask results RUN...` from run folders and shipped weights; \
    do not edit. Every number was measured by `facekp eval` on the weights after the last epoch; errors in pixels are \
    those of the original pictures, NME is divided by the distance of the outer eye corners, iBUG's boxes are the \
    tight boxes of the annotated points × 1.25. Networks whose recipes allow it (`allow_overlap`, as `face68` and \
    `ibug68_heatmap_192_more` do) learned from the validation faces too: their figures on `val` flatter.\n\n";

const PARTS: &str = "\n## What prediction's parts give\n\nOn the validation faces (`facekp eval RUN --split val`, with \
    `--decode` and `--no-flip`):\n\n";

const HEAD: [&str; 9] =
    ["network", "split", "faces", "mean px", "median px", "NME", "NME pupil", "AUC 0.08", "failures 0.08"];

/// The page; its curves are written into the folder beside `out` that has its name.
pub(super) fn page(runs: &[PathBuf], ablated: &[PathBuf], data: &Path, out: &Path) -> Result<String> {
    let subjects = runs.iter().map(|r| Subject::of(r)).collect::<Result<Vec<_>>>()?;
    for (i, Subject { name, .. }) in subjects.iter().enumerate() {
        // the page names its curves by the network
        if subjects[..i].iter().any(|s| s.name == *name) {
            bail!("{name}: expected each network once, got it twice");
        }
    }
    let shipped = std::path::absolute(out)?.ancestors().nth(2).map(|root| root.join("weights")).unwrap_or_default();
    let (mut rows, mut parts, mut curves) = (Vec::new(), Vec::new(), String::new());
    let (mut found, mut others, mut costs, mut pieces) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut expected = Vec::new();
    for subject in &subjects {
        let tests = [Split::Common, Split::Challenging, Split::Full];
        let measured = subject.measure(data, &[&[Split::Val], &tests[..]].concat(), None, None)?;
        let summaries = measured.as_ref().map(Measured::summaries).transpose()?.unwrap_or_default();
        let file = shipped.join(format!("{}.safetensors", subject.name));
        let is_shipped = file.is_file();
        if is_shipped {
            costs.push(cost::of(subject, &file, &summaries)?);
            others.extend(beside::Row::of(subject, &summaries));
            if let Some(measured) = &measured {
                expected.extend(reliability::of(subject, measured)?);
                found.extend(beside::found(subject, measured)?);
                pieces.extend(beside::parts(&subject.name, measured)?);
            }
        }
        for s in summaries {
            let numbers = [
                (Some(s.mean_px), 2),
                (Some(s.median_px), 2),
                (s.nme, 4),
                (s.nme_pupil, 4),
                (s.auc_08, 4),
                (s.fr_08, 4),
            ];
            let mut row = vec![subject.name.clone(), s.split.clone(), s.faces.to_string()];
            row.extend(numbers.map(|(value, digits)| number(value, digits)));
            rows.push(row);
        }
        if is_shipped {
            parts.extend(ways_to_read(subject, data)?);
        }
        let folder = out.with_extension("");
        if let Some(run) = &subject.run {
            draw_curves(subject, run, data, &folder)?;
        }
        curves += &format!("\n## {}\n\n{}\n\n", subject.name, story(subject)?);
        curves += &curves_of(subject, &folder);
    }
    let mut text = INTRODUCTION.to_owned() + &table(&HEAD, &rows);
    text += &beside::found_section(&found);
    text += &beside::others(others)?;
    text += &beside::parts_section(&pieces);
    text += &cost::section(&costs, &out.with_extension(""))?;
    text += &reliability::section(&expected, &out.with_extension(""))?;
    if !parts.is_empty() {
        let head = ["network", "points read by", "averaged with the mirrored picture", "mean px", "NME"];
        text += PARTS;
        text += &table(&head, &parts);
    }
    text += &ablations::section(ablated, data)?;
    Ok(text + &curves)
}

/// Rows of the table of decodings and of averaging.
fn ways_to_read(subject: &Subject, data: &Path) -> Result<Vec<Vec<String>>> {
    let mut ways = vec![(None, Flip::Averaged), (None, Flip::Off)];
    let mut own = "regression".to_owned();
    if let CodecConfig::Heatmap(config) = &subject.file.manifest.task.codec {
        own = toml::Value::try_from(config.decode)?.as_str().unwrap_or_default().to_owned();
        ways.extend(DECODINGS.iter().filter(|d| **d != own).map(|d| (Some(*d), Flip::Averaged)));
    }
    let mut rows = Vec::new();
    for (decode, flip) in ways {
        let way = decode.map(|d| parse_decode(d).map_err(anyhow::Error::msg)).transpose()?;
        let measured = subject.measure(data, &[Split::Val], way, Some(flip))?;
        for s in measured.as_ref().map(Measured::summaries).transpose()?.into_iter().flatten() {
            let averaged = if flip == Flip::Averaged { "yes" } else { "no" };
            let names = [&subject.name, decode.unwrap_or(&own), averaged].map(str::to_owned);
            rows.push(names.into_iter().chain([number(Some(s.mean_px), 2), number(s.nme, 4)]).collect());
        }
    }
    Ok(rows)
}

/// The run in a sentence.
fn story(subject: &Subject) -> Result<String> {
    let manifest = &subject.file.manifest;
    let Recipe { task, train, .. } = Recipe::parse(&manifest.name, &manifest.recipe, &[])?;
    let minutes = subject.run.as_ref().map(|run| ablations::minutes(run)).transpose()?.flatten();
    let minutes = minutes.map_or_else(String::new, |m| format!("; {m:.0} minutes"));
    let start = train.init_from.filter(|f| !f.is_empty()).map_or("random weights".to_owned(), |from| {
        format!("the weights of {}", Path::new(&from).file_name().unwrap_or_default().to_string_lossy())
    });
    let (count, batch, width, height) = (manifest.epoch, train.batch, task.view.width, task.view.height);
    Ok(format!("{count} epochs of batches of {batch} at {width}×{height}, from {start}{minutes}."))
}

/// Draws a run's curves into `folder`.
fn draw_curves(subject: &Subject, run: &Path, data: &Path, folder: &Path) -> Result<()> {
    let page = PageInput {
        title: subject.name.clone(),
        profile: None,
        notices: Vec::new(),
        finding: None,
        photos: Photos::default(),
    };
    let drawn = tempfile::tempdir()?;
    write(drawn.path(), &page, &[report::run_input(run, &[data.to_path_buf()])?], &DeviceName::default().open()?)?;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (curve, _) in CURVES {
        let file = format!("{}-{curve}.svg", subject.name);
        let from = drawn.path().join("figures").join(&file);
        if from.is_file() {
            fs::copy(&from, folder.join(&file)).with_context(|| from.display().to_string())?;
        }
    }
    Ok(())
}

/// The lines that show a network's curves, those of an earlier page where its run is not at hand.
fn curves_of(subject: &Subject, folder: &Path) -> String {
    let (name, beside) = (&subject.name, folder.file_name().unwrap_or_default().to_string_lossy());
    let shown = CURVES.iter().filter(|(curve, _)| folder.join(format!("{name}-{curve}.svg")).is_file());
    shown.map(|(curve, words)| format!("![{name}: {words}]({beside}/{name}-{curve}.svg)\n\n")).collect()
}
