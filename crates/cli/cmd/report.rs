//! `facekp report`: the page of one or more run folders.

use crate::{
    cmd::{datasets::missing::with_help, eval::measured},
    output::say,
    shared_args::DeviceArg,
};
use anyhow::{Result, bail};
use facekp_data::{BoxedPhotos, Dataset, pictures_in};
use facekp_eval::{
    Finder, Flip,
    report::{PageInput, Photos, RunInput, write},
};
use facekp_models::{FINDER, locate};
use facekp_train::{Recipe, recipe::DataConfig};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp report runs/nose runs/face58 --data datasets --out report")]
pub(crate) struct Args {
    /// Run folders.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The folder of the page (index.html) and its pictures.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: PathBuf,
    /// Where the runs' datasets are; the first folder that has one is taken.
    #[arg(long, value_name = "DIR", env = "FACEKP_DATA", default_value = "datasets", help_heading = "Data")]
    data: Vec<PathBuf>,
    /// The page's title.
    #[arg(long, help_heading = "Output", default_value = "Facial keypoints")]
    title: String,
    /// The profile's name, for the page.
    #[arg(long, help_heading = "Output")]
    profile: Option<String>,
    /// A sentence for the box at the top of the page.
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    notice: Vec<String>,
    /// A folder of photos to run every network on.
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    photos: Option<PathBuf>,
    /// Photos with boxes (`boxes.json` or `photos.json`) to measure the face finder on.
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    finder: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArg,
}

pub(crate) fn run(a: &Args) -> Result<()> {
    let device = a.device.open()?;
    let runs = a.runs.iter().map(|r| run_input(&facekp_models::locate_run(r), &a.data)).collect::<Result<Vec<_>>>()?;
    let mut notices = a.notice.clone();
    for run in runs.iter().filter(|r| r.data.is_synthetic()) {
        let name = run.run.file_name().unwrap_or_default().to_string_lossy();
        notices.push(format!("{name} was trained and measured on rendered faces, not on photographs."));
    }
    let finder = || -> Result<Finder> { Ok(Finder::load(&locate(FINDER)?, &device)?) };
    let photos = match &a.photos {
        Some(dir) => Photos { files: pictures_in(dir)?, finder: Some(finder()?) },
        None => Photos::default(),
    };
    let finding = match &a.finder {
        Some(dir) => Some(measured(&finder()?, &BoxedPhotos::open(dir)?, None)?),
        None => None,
    };
    let page = PageInput { title: a.title.clone(), profile: a.profile.clone(), notices, finding, photos };
    let index = write(&a.out, &page, &runs, &device)?;
    say(&index.display().to_string())
}

/// What the page shows of a run folder.
pub(crate) fn run_input(run: &Path, data: &[PathBuf]) -> Result<RunInput> {
    let file = run.join("recipe.toml");
    if !file.is_file() {
        bail!("{}: expected a run folder with recipe.toml, found none", run.display());
    }
    let recipe = Recipe::load(&file.to_string_lossy(), &[])?;
    let DataConfig { train, val, .. } = &recipe.data;
    let set = open_first(data, &recipe)?;
    // samples of another dataset than the one that is measured on are not shown
    let trained = train.iter().find(|source| source.path == val.path);
    let train = trained.map(|source| set.split(source.split)).transpose()?.unwrap_or_default();
    let (val, val_name, flip) =
        (set.split(val.split)?, val.split.name().to_owned(), Flip::from(recipe.train.flip_test));
    Ok(RunInput { run: run.to_path_buf(), data: set, train, val, val_name, augment: recipe.train.augment, flip })
}

/// The dataset that a recipe validates on, in the first of the folders that has it.
fn open_first(data: &[PathBuf], recipe: &Recipe) -> Result<Arc<dyn Dataset>> {
    let mut first = None;
    for dir in data {
        match recipe.data.open_val(dir, &recipe.task.scheme) {
            Ok(set) => return Ok(set),
            Err(e) => first = first.or_else(|| Some(with_help(e, dir))),
        }
    }
    match first {
        Some(e) => Err(e),
        None => bail!("no data folder given"),
    }
}
