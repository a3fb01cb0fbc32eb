//! The command line: what is asked for, with an example of each command.

use crate::parse::{parse_box, parse_decode};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Train, evaluate and run facial keypoint networks.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = "Example: facekp predict face58 photo.jpg --out predictions")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Only warnings and errors on stderr.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// More on stderr.
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a network by a recipe into a run folder.
    Train(Train),
    /// Measure a network (or the mean shape) on a split of a dataset.
    Eval(Eval),
    /// Find the keypoints in pictures: an overlay PNG and a .pts each, and JSON.
    Predict(Predict),
    /// Draw the report page of one or more run folders.
    Report(Report),
    /// Render, check, fetch, preview and pack datasets.
    Datasets(Datasets),
    /// Write a network as a weights file to ship, measured, and note it in the manifest beside it.
    Export(Export),
    /// Time the four networks: forward, training step, inference.
    Bench(Bench),
}

/// Where it runs.
#[derive(Debug, Args)]
pub struct DeviceArg {
    /// auto, cpu, cuda:N or metal.
    #[arg(long, default_value = "auto", value_name = "D")]
    pub device: String,
    /// On CUDA, full f32 products instead of TF32.
    #[arg(long)]
    pub no_tf32: bool,
}

/// `facekp train`.
#[derive(Debug, Args)]
#[command(after_help = "Example: facekp train nose --data datasets --out runs/nose --set train.epochs=50\n\
    Recipes: nose, face58, ibug68_resnet50, ibug68_heatmap and others (a wrong name lists them), or a TOML file.")]
pub struct Train {
    /// A built-in recipe or a TOML file.
    pub recipe: String,
    /// The dataset's folder or its parent.
    #[arg(long, value_name = "DIR", env = "FACEKP_DATA", default_value = "datasets")]
    pub data: PathBuf,
    /// The run folder [default: runs/RECIPE].
    #[arg(long, value_name = "RUN")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArg,
    /// Replace a run that is in the folder already; refused where anything else is there.
    #[arg(long, conflicts_with = "resume")]
    pub overwrite: bool,
    /// Go on from the last checkpoint, by the run's own recipe, to the numbers of a run that never stopped.
    #[arg(long)]
    pub resume: bool,
    /// Train N epochs in all; with --resume cosine and one_cycle are stretched, so that the rate jumps.
    #[arg(long, value_name = "N")]
    pub epochs: Option<std::num::NonZeroUsize>,
    /// Override a key of the recipe, in TOML syntax.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// `facekp eval`.
#[derive(Debug, Args)]
#[command(after_help = "Example: facekp eval nose --data datasets/imm_face_db --split val --json -")]
pub struct Eval {
    /// A weights file, a run folder, a name in weights/ or runs/, or `mean-shape`: the mean of the training shapes, a baseline.
    pub weights: String,
    /// The dataset's folder or its parent.
    #[arg(long, value_name = "DIR", env = "FACEKP_DATA", default_value = "datasets")]
    pub data: PathBuf,
    /// train, fit, val, test, common, challenging, full or all; several are several lines.
    #[arg(long, default_value = "val", value_delimiter = ',')]
    pub split: Vec<facekp_data::Split>,
    /// Write the numbers as JSON (`-`: stdout).
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write each picture's errors as CSV.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Draw faces of the first split, spread over it: prediction red, truth blue (a PNG file).
    #[arg(long, value_name = "FILE")]
    pub draw: Option<PathBuf>,
    /// Do not average with the mirrored picture, even where the recipe does.
    #[arg(long)]
    pub no_flip: bool,
    /// How points are read from the maps, other than the recipe does: argmax, quarter, dark or soft_argmax (heatmap networks).
    #[arg(long, value_name = "HOW", value_parser = parse_decode)]
    pub decode: Option<candle_vision_helpers::heatmap::Decode>,
    /// With `mean-shape`: the dataset (imm58, imm_nose, ibug68, pts68), where DIR holds several.
    #[arg(long, value_name = "KIND")]
    pub dataset: Option<String>,
    #[command(flatten)]
    pub device: DeviceArg,
}

/// `facekp predict`.
#[derive(Debug, Args)]
#[command(after_help = "Example: facekp predict face58 photo.jpg --out predictions --json -")]
pub struct Predict {
    /// A weights file, a run folder, or a name in weights/ or runs/.
    pub weights: String,
    /// JPEG or PNG pictures.
    #[arg(required = true, value_name = "PICTURE")]
    pub pictures: Vec<PathBuf>,
    /// The face's box in every picture [default: the whole picture, refined from the points found].
    #[arg(long = "box", value_name = "X,Y,W,H", value_parser = parse_box, allow_hyphen_values = true)]
    pub face: Option<candle_vision_helpers::Rect>,
    /// Where the overlay PNG and the .pts of each picture go.
    #[arg(long, value_name = "DIR", default_value = "predictions")]
    pub out: PathBuf,
    /// Write boxes, points and confidences as JSON (`-`: stdout).
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Also draw the network's maps (heatmap networks).
    #[arg(long)]
    pub heatmap: bool,
    #[command(flatten)]
    pub device: DeviceArg,
}

/// `facekp report`.
#[derive(Debug, Args)]
#[command(after_help = "Example: facekp report runs/nose runs/face58 --data datasets --out report")]
pub struct Report {
    /// Run folders, or names in runs/.
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// The page (index.html) and its pictures.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Where the runs' datasets are; the first folder that has one is taken.
    #[arg(long, value_name = "DIR", env = "FACEKP_DATA", default_value = "datasets")]
    pub data: Vec<PathBuf>,
    /// The page's title.
    #[arg(long, default_value = "Facial keypoints")]
    pub title: String,
    /// The profile's name, for the page.
    #[arg(long)]
    pub profile: Option<String>,
    /// A sentence for the box at the top of the page.
    #[arg(long, value_name = "TEXT")]
    pub notice: Vec<String>,
    /// A folder of one's own photos, tried on every network.
    #[arg(long, value_name = "DIR")]
    pub photos: Option<PathBuf>,
    #[command(flatten)]
    pub device: DeviceArg,
}

/// `facekp export`.
#[derive(Debug, Args)]
#[command(after_help = "Example: facekp export runs/nose --name nose --data datasets --split val")]
pub struct Export {
    /// A weights file, a run folder, or a name in weights/ or runs/.
    pub weights: String,
    /// The name in weights/.
    #[arg(long)]
    pub name: String,
    /// The folder of NAME.safetensors and manifest.toml.
    #[arg(long, value_name = "DIR", default_value = "weights")]
    pub out: PathBuf,
    /// 16-bit floats: half the size.
    #[arg(long)]
    pub f16: bool,
    /// The dataset it is measured on.
    #[arg(long, value_name = "DIR", env = "FACEKP_DATA", default_value = "datasets")]
    pub data: PathBuf,
    /// The splits it is measured on.
    #[arg(long, default_value = "val", value_delimiter = ',')]
    pub split: Vec<facekp_data::Split>,
}

/// `facekp datasets`.
#[derive(Debug, Args)]
pub struct Datasets {
    /// What to do.
    #[command(subcommand)]
    pub command: DatasetsCommand,
}

/// The formats that can be rendered.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SynthScheme {
    /// IMM's 58 points, .jpg and .asf.
    Imm58,
    /// iBUG's 68 points, .jpg, .pts and XML.
    Ibug68,
}

/// `facekp datasets …`.
#[derive(Debug, Subcommand)]
pub enum DatasetsCommand {
    /// Render faces with exact keypoints as files of a real format.
    #[command(after_help = "Example: facekp datasets synth --scheme imm58 --count 240 --out datasets/imm_face_db")]
    Synth {
        /// Points and format.
        #[arg(long)]
        scheme: SynthScheme,
        /// How many pictures.
        #[arg(long)]
        count: usize,
        /// A folder that does not exist yet or is empty.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Other faces for another seed.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
    /// Read everything in a folder, report what is there, list every broken file.
    #[command(after_help = "Example: facekp datasets check datasets/imm_face_db")]
    Check {
        /// The folder.
        dir: PathBuf,
    },
    /// Download a dataset from its official page (research use; read the licence there).
    #[command(after_help = "Example: facekp datasets fetch imm --out datasets")]
    Fetch {
        /// imm or ibug.
        dataset: String,
        /// Another address of the same archive.
        #[arg(long)]
        url: Option<String>,
        /// The folder that will hold the dataset's folder.
        #[arg(long, default_value = "datasets", value_name = "DIR")]
        out: PathBuf,
    },
    /// Draw a grid of pictures with points and boxes.
    #[command(after_help = "Example: facekp datasets preview datasets/imm_face_db --out preview.png")]
    Preview {
        /// The folder.
        dir: PathBuf,
        /// A PNG file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// How many pictures.
        #[arg(long, default_value_t = 24)]
        count: usize,
    },
    /// Cut the faces of a dataset into one small file that loads as fast as a network asks.
    #[command(after_help = "Example: facekp datasets pack datasets/ibug_300W --out datasets/ibug68.fkpack --side 256")]
    Pack {
        /// The folder.
        dir: PathBuf,
        /// The pack file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Pixels along each cut picture's side.
        #[arg(long, default_value_t = 256)]
        side: u32,
        /// The cut square's side in face boxes: leaves room for augmentation.
        #[arg(long, default_value_t = 2.0)]
        margin: f64,
        /// Keep whole pictures, for networks that look at the picture instead of the face box.
        #[arg(long, conflicts_with = "margin")]
        whole: bool,
        /// Store without loss (larger).
        #[arg(long)]
        png: bool,
    },
}

/// `facekp bench`.
#[derive(Debug, Args)]
#[command(after_help = "Example: facekp bench --only face58 --json bench.json")]
pub struct Bench {
    /// nose, face58, resnet50 or heatmap.
    #[arg(long, value_name = "NAME")]
    pub only: Option<String>,
    /// Write the JSON lines to a file instead of stdout.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Timed rounds after two warm-ups; the median counts.
    #[arg(long, default_value_t = 7)]
    pub rounds: usize,
    /// Another batch size.
    #[arg(long)]
    pub batch: Option<usize>,
    /// Whose operations: `own`, or `candle` for its stock ones.
    #[arg(long, default_value = "own")]
    pub ops: String,
    #[command(flatten)]
    pub device: DeviceArg,
}
