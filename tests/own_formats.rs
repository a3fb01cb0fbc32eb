//! Points of one's own in every format, from `init` to `predict`.

use crate::common::{facekp, files};
use crate::own_data::own;
use std::{fs, path::Path};

/// The 68 points of a face, pixels counted from 0.
fn points(file: &Path) -> Vec<(f64, f64)> {
    let text = fs::read_to_string(file).unwrap();
    let rows = text.lines().skip_while(|l| !l.starts_with('{')).skip(1).take(68);
    let number = |v: &str| v.parse::<f64>().unwrap() - 1.0;
    rows.map(|row| row.split_once(' ').map(|(x, y)| (number(x), number(y))).unwrap()).collect()
}

/// A table of the points that `chosen` makes of each of twelve rendered faces, beside their pictures.
fn table(dir: &Path, chosen: impl Fn(&[(f64, f64)]) -> Vec<(f64, f64)>) {
    let own = own(dir);
    let (mut rows, mut count) = (String::new(), 0);
    for (file, _) in files(&own).into_iter().filter(|(file, _)| file.extension().is_some_and(|e| e == "pts")) {
        let points = chosen(&points(&file));
        count = points.len();
        let cells: String = points.iter().map(|(x, y)| format!(",{x:.3},{y:.3}")).collect();
        rows += &format!("{}.jpg{cells}\n", file.file_stem().unwrap().to_str().unwrap());
        fs::remove_file(&file).unwrap();
    }
    let header: String = (0..count).map(|i| format!(",x{i},y{i}")).collect();
    fs::write(own.join("points.csv"), format!("file{header}\n{rows}")).unwrap();
}

/// Goes from the folder `name` to points in a photo by the commands that `init` prints, shortened; what `eval`
/// measured.
fn walk(dir: &Path, name: &str) -> serde_json::Value {
    let at = |line: &str| {
        let mut c = facekp();
        c.current_dir(dir).args(line.split(' '));
        c
    };
    let out = at(&format!("init {name}")).assert().success().get_output().stdout.clone();
    let said = String::from_utf8(out).unwrap();
    let commands: Vec<&str> = said.lines().filter_map(|l| l.strip_prefix("facekp ")).collect();
    let [train, eval, predict] = commands[..] else { panic!("{said}") };
    let short = ["train.epochs=1", "task.view.width=64", "task.view.height=64", "task.model.up=[16,16]"];
    let mut c = at(train);
    c.args(short.iter().flat_map(|set| ["--set", set])).args(["--device", "cpu"]).assert().success();
    let out = at(eval).args(["--json", "-"]).assert().success().get_output().stdout.clone();
    let photo = files(&dir.join(name)).into_iter().map(|f| f.0).find(|p| p.extension().is_some_and(|e| e == "jpg"));
    let predict = predict.replace("photo.jpg", photo.unwrap().to_str().unwrap()).replace("X,Y,W,H", "100,100,200,200");
    at(&predict).assert().success();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn five_points_are_learned_from_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    table(d, |all| [36, 45, 30, 48, 54].map(|i: usize| all[i]).to_vec());
    let first = walk(d, "own");
    assert_eq!((&first["points"], &first["faces"]), (&5.into(), &2.into()), "{first}");
    for form in ["pts", "imglab", "coco"] {
        let mut c = facekp();
        c.current_dir(d).args(["datasets", "convert", "own", form, "--to", form]).assert().success();
        // the same faces validate, and the same network has the same errors
        let again = walk(d, form);
        assert_eq!((&again["points"], &again["faces"]), (&5.into(), &2.into()), "{again}");
        let px = |v: &serde_json::Value| v["mean_px"].as_f64().unwrap();
        assert!((px(&first) - px(&again)).abs() < 0.05 * px(&first), "{form}: {first} {again}");
    }
    // tpsDig counts from below
    let tps = d.join("tps");
    fs::create_dir(&tps).unwrap();
    let text = fs::read_to_string(d.join("own/points.csv")).unwrap();
    let mut objects = String::new();
    for row in text.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        fs::copy(d.join("own").join(cells[0]), tps.join(cells[0])).unwrap();
        let height = f64::from(image::image_dimensions(tps.join(cells[0])).unwrap().1);
        let rows: String = cells[1..]
            .chunks_exact(2)
            .map(|pair| format!("{} {}\n", pair[0], height - pair[1].parse::<f64>().unwrap()))
            .collect();
        objects += &format!("LM=5\n{rows}IMAGE={}\nID=0\n", cells[0]);
    }
    fs::write(tps.join("all.tps"), objects).unwrap();
    assert_eq!(walk(d, "tps")["points"], 5);
}

#[test]
fn ninety_eight_points_are_learned_and_measured_as_sixty_eight() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    // the 68, and thirty that lie between two of them
    table(d, |all| {
        let between = (0..30).map(|i| ((all[i].0 + all[i + 1].0) / 2.0, (all[i].1 + all[i + 1].1) / 2.0));
        all.iter().copied().chain(between).collect()
    });
    assert_eq!(walk(d, "own")["points"], 98);
    let places: Vec<usize> = (0..68).collect();
    fs::write(d.join("98to68.toml"), format!("of = 98\npoints = {places:?}\n")).unwrap();
    let mut c = facekp();
    c.current_dir(d).args(["eval", "face58", "--data", "own", "--map", "98to68.toml"]);
    let said = String::from_utf8(c.assert().code(1).get_output().stderr.clone()).unwrap();
    assert!(said.contains("98to68.toml: expected 58 points, one for each of imm58, got 68"), "{said}");
    let few: Vec<usize> = places.iter().copied().take(58).collect();
    fs::write(d.join("98to58.toml"), format!("of = 98\npoints = {few:?}\n")).unwrap();
    let mut c = facekp();
    c.current_dir(d).args(["eval", "face58", "--data", "own", "--split", "all", "--map", "98to58.toml", "--json", "-"]);
    let out = c.assert().success().get_output().stdout.clone();
    let measured: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((&measured["points"], &measured["faces"]), (&58.into(), &12.into()), "{measured}");
}
