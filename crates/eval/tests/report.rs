//! The page is whole, holds its pictures, asks the net for nothing, and is never half-written.

use crate::common::{self, Discs};
use candle_core::Device;
use facekp_data::{Augment, Dataset, Split};
use facekp_eval::{
    Flip,
    report::{PageInput, Photos, RunInput, write},
};
use facekp_models::codec::heatmap::Target;
use std::{fs, path::Path, sync::Arc};

fn input(run: &Path, scheme: &str) -> RunInput {
    let data = Discs { scheme: common::scheme_named(scheme), len: 8 };
    let (train, val) = (data.split(Split::Train).unwrap(), data.split(Split::Val).unwrap());
    RunInput {
        run: run.into(),
        data: Arc::new(data),
        train,
        val,
        val_name: "val".into(),
        augment: Augment { rotation: 20.0, shift: 0.08, flip: 0.5, ..Augment::default() },
        flip: Flip::Averaged,
    }
}

fn page() -> PageInput {
    PageInput {
        title: "A <page> & more".into(),
        profile: Some("smoke".into()),
        notices: vec!["rendered faces: \"no\" <photographs>".into()],
        photos: Photos::default(),
        finding: None,
    }
}

#[test]
fn the_page_is_whole_and_holds_its_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b, c) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("c"));
    common::write_run(&a, "nose", common::nose());
    common::write_run(&b, "points <68>", common::heatmaps(Target::Softmax));
    common::write_run(&c, "summed", common::heatmaps(Target::Summed));
    let photo = dir.path().join("my photo.png");
    Discs::picture(3).save(&photo).unwrap();
    let page = PageInput { photos: Photos { files: vec![photo], finder: Some(common::finder()) }, ..page() };
    let out = dir.path().join("report");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("keep.txt"), "not ours").unwrap();
    let runs = [input(&a, "nose1"), input(&b, "ibug68"), input(&c, "ibug68")];
    let index = write(&out, &page, &runs, &Device::Cpu).unwrap();

    let html = fs::read_to_string(&index).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.ends_with("</html>"));
    for needed in [
        "A &lt;page&gt; &amp; more",
        "&lt;photographs&gt;",
        "points &lt;68&gt;",
        "Your photos",
        "my photo.png",
        "flip_test = true",
    ] {
        assert!(html.contains(needed), "{needed} is missing");
    }
    // Nothing from elsewhere: the only addresses are name spaces.
    for (i, _) in html.match_indices("://") {
        let start = html[..i].rfind('"').unwrap();
        assert!(html[start..].starts_with("\"http://www.w3.org/"), "{}", &html[start..i + 20]);
    }
    for tag in ["figure", "section", "table", "tr", "td", "div", "svg", "details", "p", "body"] {
        let (open, close) = (
            html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count(),
            html.matches(&format!("</{tag}>")).count(),
        );
        assert_eq!(open, close, "<{tag}>");
    }
    assert_eq!(html.matches("<img ").count(), html.matches(" alt=\"").count());
    // Every picture is also a file that can be read, and every file is on the page.
    let mut files: Vec<_> = fs::read_dir(out.join("figures")).unwrap().map(|e| e.unwrap().path()).collect();
    // the list of figures, by which the next page knows its own
    files.retain(|f| f.file_name().unwrap() != ".facekp");
    for f in &files {
        match f.extension().unwrap().to_str().unwrap() {
            "svg" => assert!(html.contains(&fs::read_to_string(f).unwrap())),
            _ => assert!(image::open(f).unwrap().width() > 8, "{}", f.display()),
        }
    }
    let names: Vec<String> = files.iter().map(|f| f.file_name().unwrap().to_string_lossy().into_owned()).collect();
    for needed in [
        "nose-loss.png",
        "nose-best-1.jpg",
        "nose-worst-2.jpg",
        "nose-filters.png",
        "nose-features-1.png",
        "points--68--heatmaps.jpg",
        "summed-heatmaps.jpg",
    ] {
        assert!(names.iter().any(|n| n == needed), "{needed} is missing among {names:?}");
    }
    assert_eq!(fs::read_to_string(out.join("keep.txt")).unwrap(), "not ours");
    let mut left: Vec<String> =
        fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    left.sort();
    assert_eq!(left, ["a", "b", "c", "my photo.png", "report"], "temporary files stay behind");
}

/// Colors that a hash scatters: a JPEG has about 1 byte a pixel of them at quality 88.
#[test]
fn a_page_of_many_photos_has_at_most_6_mb_and_says_what_that_cost() {
    const PHOTOS: usize = 24;
    let dir = tempfile::tempdir().unwrap();
    let (run, out) = (dir.path().join("run"), dir.path().join("report"));
    common::write_run(&run, "nose", common::nose());
    let mixed = |n: u32| (n ^ (n >> 15)).wrapping_mul(0x2c1b_3c6d);
    let noise = image::RgbImage::from_fn(640, 640, |x, y| {
        let [r, g, b, _] = mixed(mixed(x + 640 * y + 1)).to_be_bytes();
        image::Rgb([r, g, b])
    });
    let files: Vec<_> = (0..PHOTOS).map(|i| dir.path().join(format!("noise{i:02}.png"))).collect();
    noise.save(&files[0]).unwrap();
    for file in &files[1..] {
        fs::copy(&files[0], file).unwrap();
    }
    let page = PageInput { photos: Photos { files, finder: Some(common::finder()) }, ..page() };
    let index = write(&out, &page, &[input(&run, "nose1")], &Device::Cpu).unwrap();
    let html = fs::read_to_string(index).unwrap();
    let figure = |name: &str| fs::metadata(out.join("figures").join(name)).unwrap().len();
    let whole: u64 = (1..=PHOTOS).map(|i| figure(&format!("photo-{i}-nose.jpg"))).sum();
    assert!(whole * 4 / 3 > 6_000_000 && html.len() <= 6_000_000, "{whole} {}", html.len());
    assert!(
        html.contains("This page has 6 MB at most. Its pictures are compressed more than those in the folder figures")
    );
    let shown = html.matches("<h3>noise").count();
    let said = format!("of your photos are left out, from noise{shown:02}.png on");
    assert!(shown == PHOTOS || html.contains(&said), "{said}");
}

#[test]
fn runs_of_one_recipe_are_told_apart_and_each_has_its_own_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b, out) = (dir.path().join("slow"), dir.path().join("quick"), dir.path().join("report"));
    [&a, &b].into_iter().for_each(|run| common::write_run(run, "nose", common::nose()));
    let photo = dir.path().join("photo.png");
    Discs::picture(3).save(&photo).unwrap();
    let page = PageInput { photos: Photos { files: vec![photo], finder: Some(common::finder()) }, ..page() };
    let index = write(&out, &page, &[input(&a, "nose1"), input(&b, "nose1")], &Device::Cpu).unwrap();
    let html = fs::read_to_string(index).unwrap();
    for title in ["nose (slow)", "nose (quick)"] {
        assert!(html.contains(&format!("<h2>{title}</h2>")), "{title}");
    }
    let names = fs::read_dir(out.join("figures")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("photo-1-")).collect();
    names.sort();
    assert_eq!(names, ["photo-1-nose--quick-.jpg", "photo-1-nose--slow-.jpg"]);
}

#[test]
fn the_same_run_gives_the_same_page() {
    let dir = tempfile::tempdir().unwrap();
    let (run, out) = (dir.path().join("run"), dir.path().join("report"));
    common::write_run(&run, "nose", common::nose());
    let page_of = || fs::read(write(&out, &page(), &[input(&run, "nose1")], &Device::Cpu).unwrap()).unwrap();
    assert!(page_of() == page_of(), "the second page differs");
}

#[test]
fn an_incomplete_run_is_named_and_an_old_page_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (run, out) = (dir.path().join("run"), dir.path().join("report"));
    common::write_run(&run, "nose", common::nose());
    fs::create_dir_all(out.join("figures")).unwrap();
    let old = "<meta name=\"generator\" content=\"facekp\"><p>old";
    fs::write(out.join("index.html"), old).unwrap();
    let broken: [(&str, &[u8]); 4] = [
        ("history.csv", b"epoch,train_loss\n1,x\n"),
        ("recipe.toml", b"\xff"),
        ("eval.json", b"{}"),
        ("best.safetensors", b"cut"),
    ];
    for (file, text) in broken {
        let path = run.join(file);
        let kept = fs::read(&path).ok();
        fs::write(&path, text).unwrap();
        let e = write(&out, &page(), &[input(&run, "nose1")], &Device::Cpu).unwrap_err().to_string();
        assert!(e.contains(file) && !e.contains('\n'), "{e}");
        fs::remove_file(&path).unwrap();
        if let Some(kept) = kept {
            let e = write(&out, &page(), &[input(&run, "nose1")], &Device::Cpu).unwrap_err().to_string();
            assert!(e.contains(file) && !e.contains('\n'), "{e}");
            fs::write(&path, kept).unwrap();
        }
    }
    assert_eq!(fs::read_to_string(out.join("index.html")).unwrap(), old);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "temporary files stay behind");
    assert!(write(&out, &page(), &[], &Device::Cpu).is_err());
}
