//! `facekp init`: from a folder of annotated pictures to a scheme, a recipe and the commands that follow.

mod framing;

use crate::{
    output::{say, write_file},
    shared_args::DeviceArg,
};
use anyhow::{Context, Result, bail};
use facekp_data::{
    Split,
    datasets::{
        find_first,
        propose::{Proposal, propose},
    },
    scheme::by_name,
};
use facekp_models::locate;
use framing::Framing;
use std::path::{Path, PathBuf};

/// What the recipe is made of; shown by `--list` as well.
const CHOICES: &str = "\
network   MobileNetV2 with two x2 stages and a map a point, whatever the number of points: 5 MB
view      192 x 192 pixels: the box of the points where they lie on faces that a face finder finds, so
          that `predict` finds them as well, enlarged until it shows the whole face; else the whole
          picture where each shows one object that fills it; else the box x 1.25, which `predict` has
          to be given
start     for faces the trunk and the stages of face68, else ImageNet's trunk; the last layer is new,
          the trunk learns at 0.3 of its rate
epochs    as many as two cores train in an hour, 20 pictures a second, but 50 at most and 10 at least
flips     where the scheme has mirror pairs
val       the faces of val.txt, else every tenth face, or every tenth person where the files say who it is";

/// Pixels of a view's sides.
const SIDE: usize = 192;
/// Pictures a second on two cores, and seconds that a training may take.
const RATE: usize = 20;
const SECONDS: usize = 3600;
const EPOCHS: [usize; 2] = [10, 50];

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp init data/wings --out wings.toml")]
pub(crate) struct Args {
    /// A folder of annotated pictures in any format that is read.
    #[arg(required_unless_present = "list", help_heading = "Data")]
    dir: Option<PathBuf>,
    /// Say how the recipe's settings are chosen, and write nothing.
    #[arg(long, conflicts_with = "dir")]
    list: bool,
    /// The recipe [default: the folder's name with .toml].
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Replace a recipe that is there.
    #[arg(long, help_heading = "Output")]
    overwrite: bool,
    #[command(flatten)]
    device: DeviceArg,
}

pub(crate) fn run(a: &Args) -> Result<()> {
    let Some(dir) = &a.dir else { return say(CHOICES) };
    let whole = std::path::absolute(dir)?;
    let name = whole.file_name().and_then(|n| n.to_str()).context("expected a folder with a name")?;
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' }).collect();
    let out = a.out.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.toml")));
    if out.exists() && !a.overwrite {
        bail!("{}: expected no such file yet, or --overwrite", out.display());
    }
    let found = find_first(dir)?;
    let set = found.open_plain()?;
    // a pack keeps its scheme, and nothing stands beside it
    let is_folder = found.path.is_dir();
    let scheme_file = if is_folder { found.path.join("scheme.toml") } else { out.with_extension("scheme.toml") };
    let is_known = by_name(set.scheme().name()).is_some_and(|known| known == *set.scheme());
    let scheme = if is_known || scheme_file.is_file() {
        set.scheme().as_ref().clone()
    } else {
        let proposal = propose(set.as_ref(), &name)?;
        write_file(&scheme_file, proposal.to_toml()?.as_bytes())?;
        let Proposal { scheme, evidence } = proposal;
        say(&format!("{}: a scheme of {} points; {}", scheme_file.display(), scheme.len(), evidence.join("; ")))?;
        scheme
    };
    let fit = set.split(Split::Fit)?.len();
    let framing = Framing::of(set.as_ref(), &scheme, &a.device.open()?)?;
    let is_face = matches!(framing, Framing::Face { .. }) && locate("face68").is_ok();
    let start = if is_face { "face68" } else { "mobilenet_v2_imagenet" };
    let epochs = (SECONDS * RATE / fit.max(1)).clamp(EPOCHS[0], EPOCHS[1]);
    let named = if is_known { format!("{:?}", scheme.name()) } else { toml_path(&scheme_file, &out)? };
    let place = std::path::absolute(&found.path)?;
    let folder = place.file_name().and_then(|n| n.to_str()).context("expected a folder with a name in UTF-8")?;
    let mirrors = scheme.mirror().is_some();
    let choice = Choice { name: &name, folder, scheme: &named, mirrors, start, epochs, framing: &framing };
    write_file(&out, recipe(&choice)?.as_bytes())?;
    let here = std::env::current_dir()?;
    let parent = match place.parent().unwrap_or(&place) {
        parent if parent == here => Path::new("."),
        parent => parent.strip_prefix(&here).unwrap_or(parent),
    };
    let (recipe, data, minutes) = (out.display(), parent.display(), (fit * epochs).div_ceil(RATE * 60));
    say(&format!("{recipe}: {fit} objects to train on, {epochs} epochs from {start}, {minutes} min on two cores"))?;
    say(&format!("facekp train {recipe} --data {data}\nfacekp eval runs/{name} --data {data} --split val"))?;
    let boxes = if framing == Framing::Box { " --box X,Y,W,H" } else { "" };
    say(&format!("facekp predict photo.jpg --weights runs/{name}{boxes}"))
}

/// The scheme's path as the recipe names it: relative to its own folder.
fn toml_path(scheme: &Path, recipe: &Path) -> Result<String> {
    let (scheme, recipe) = (std::path::absolute(scheme)?, std::path::absolute(recipe)?);
    let below = recipe.parent().and_then(|folder| scheme.strip_prefix(folder).ok()).unwrap_or(&scheme);
    Ok(toml::Value::from(below.to_string_lossy().as_ref()).to_string())
}

/// What the recipe's text depends on.
struct Choice<'a> {
    name: &'a str,
    folder: &'a str,
    scheme: &'a str,
    mirrors: bool,
    start: &'a str,
    epochs: usize,
    framing: &'a Framing,
}

fn recipe(c: &Choice<'_>) -> Result<String> {
    let Choice { name, folder, scheme, start, epochs, .. } = c;
    let (flip, averaged) = if c.mirrors { (0.5, true) } else { (0.0, false) };
    let folder = toml::Value::from(*folder);
    let looked_at = match c.framing {
        Framing::Picture => "crop = { kind = \"picture\" }\n\n".to_owned(),
        Framing::Face { fit, enlarge } => {
            let fit = fit
                .as_ref()
                .map(|fit| Ok::<_, anyhow::Error>(format!("[task.found_box]\n{}\n", toml::to_string(fit)?)));
            format!("crop = {{ kind = \"face\", enlarge = {enlarge} }}\n\n{}", fit.transpose()?.unwrap_or_default())
        }
        Framing::Box => "\n".to_owned(),
    };
    Ok(format!(
        "# Written by `facekp init`; `facekp init --list` says why.\n\
         name = {name:?}\nbase = \"face68\"\n\n\
         [data]\ntrain = [{{ path = {folder}, split = \"fit\" }}]\nval = {{ path = {folder}, split = \"val\" }}\n\
         allow_overlap = false\n\n\
         [task]\nscheme = {scheme}\n\n[task.view]\nwidth = {SIDE}\nheight = {SIDE}\n{looked_at}\
         [train]\nepochs = {epochs}\nvalidate_every = 5\nema = 0.98\nflip_test = {averaged}\ninit_from = {start:?}\n\
         small_first = {{ share = 0.0, scale = 1.0 }}\n\n\
         [train.augment]\nflip = {flip:.1}\n"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use facekp_data::Crop;
    use facekp_models::BoxFit;
    use facekp_train::Recipe;

    #[test]
    fn the_recipe_is_one() {
        let fit = BoxFit {
            coefficients: vec![[0.5, 0.0, -0.25, 1.0]; BoxFit::ROWS],
            picture: None,
            data: "wings".into(),
            faces: 3,
            overlap: 0.5,
        };
        for (mirrors, framing) in
            [(false, Framing::Picture), (true, Framing::Face { fit: Some(fit), enlarge: 2.05 }), (true, Framing::Box)]
        {
            let c = Choice {
                name: "wings",
                folder: "my wings",
                scheme: "\"ibug68\"",
                mirrors,
                start: "face68",
                epochs: 12,
                framing: &framing,
            };
            let r = Recipe::parse("wings.toml", &recipe(&c).unwrap(), &[]).unwrap();
            match framing {
                Framing::Picture => assert_eq!(r.task.view.crop, Crop::Picture),
                Framing::Face { fit, enlarge } => {
                    assert_eq!((r.task.found_box, r.task.view.crop), (fit, Crop::Face { enlarge }));
                }
                Framing::Box => assert!(r.task.found_box.is_none() && r.task.view.crop != Crop::Picture),
            }
            assert_eq!((r.train.augment.flip > 0.0, r.train.flip_test, r.train.epochs), (mirrors, mirrors, 12));
            assert_eq!((r.data.train[0].path.as_str(), r.train.init_from.as_deref()), ("my wings", Some("face68")));
        }
    }

    #[test]
    fn a_scheme_beside_the_recipe_is_named_relative_to_it() {
        let path = |scheme, recipe| toml_path(Path::new(scheme), Path::new(recipe)).unwrap();
        assert_eq!(path("/a/b/scheme.toml", "/a/w.toml"), "\"b/scheme.toml\"");
        assert_eq!(path("/a/scheme.toml", "/b/w.toml"), "\"/a/scheme.toml\"");
    }
}
