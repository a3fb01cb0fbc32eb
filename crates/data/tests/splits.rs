//! Parts of datasets: nothing trains and validates at once, and faces are known without decoding their pictures.

use facekp_data::{
    Dataset, Split,
    datasets::{
        ibug, imm,
        pack::{self, Options},
        pts_folder,
    },
    open_kind,
    synthetic::{FaceSet, write_dataset},
};
use std::{fs, path::Path};

/// `count` rendered faces as each reader reads them, and packed.
fn readers(dir: &Path, count: usize) -> Vec<Box<dyn Dataset>> {
    let folder = |name: &str, set: FaceSet| {
        let folder = dir.join(name);
        write_dataset(set, count, &folder, 1).unwrap();
        folder
    };
    let [imm, ibug, points] =
        [("imm", FaceSet::Imm), ("ibug", FaceSet::Ibug), ("points", FaceSet::Ibug)].map(|(n, s)| folder(n, s));
    // no lists and no folders of iBUG's names: a points folder
    for list in ["train", "test"] {
        fs::remove_file(points.join(format!("labels_ibug_300W_{list}.xml"))).unwrap();
    }
    for (i, place) in ["afw", "helen", "lfpw", "ibug"].iter().filter(|f| points.join(f).is_dir()).enumerate() {
        fs::rename(points.join(place), points.join(format!("part{i}"))).unwrap();
    }
    let mut all: Vec<Box<dyn Dataset>> = Vec::new();
    for (folder, kind) in [(imm, imm::KIND), (ibug, ibug::KIND), (points, pts_folder::KIND)] {
        let read = open_kind(&folder, kind).unwrap();
        let file = folder.with_extension("fkpack");
        pack::write(read.as_ref(), kind, &file, Options::default(), &mut |_, _| {}).unwrap();
        all.extend([read, open_kind(&file, kind).unwrap()]);
    }
    all
}

#[test]
fn a_single_picture_does_not_train_and_validate() {
    let dir = tempfile::tempdir().unwrap();
    for data in readers(dir.path(), 1) {
        assert_eq!(data.split(Split::Val).unwrap(), [0], "{}", data.describe());
        let error = data.split(Split::Fit).unwrap_err().to_string();
        assert!(error.contains("1 picture: none left to train on"), "{}: {error}", data.describe());
    }
}

#[test]
fn the_only_person_validates_whatever_the_number() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("imm");
    write_dataset(FaceSet::Imm, 3, &folder, 1).unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let from = entry.unwrap().path();
        let name = from.file_name().unwrap().to_str().unwrap();
        let Some((_, rest)) = name.split_once('-') else { continue };
        let to = folder.join(format!("00-{rest}"));
        if from.extension().is_some_and(|e| e == "asf") {
            let text = fs::read_to_string(&from)
                .unwrap()
                .replace(&name.replace(".asf", ".jpg"), &format!("00-{rest}").replace(".asf", ".jpg"));
            fs::write(&from, text).unwrap();
        }
        fs::rename(&from, to).unwrap();
    }
    let data = open_kind(&folder, imm::KIND).unwrap();
    assert_eq!(data.split(Split::Val).unwrap().len(), 3);
    let error = data.split(Split::Train).unwrap_err().to_string();
    assert!(error.contains("expected two at least): 3 pictures: none left to train on"), "{error}");
}

#[test]
fn annotations_are_those_of_the_samples() {
    let dir = tempfile::tempdir().unwrap();
    for data in readers(dir.path(), 4) {
        for i in 0..data.len() {
            let (known, sample) = (data.annotation(i).unwrap(), data.get(i).unwrap());
            assert_eq!((&known.id, known.face), (&sample.id, sample.face));
            assert_eq!(known.points.points(), sample.points.points());
            assert_eq!(known.points.visible(), sample.points.visible());
            assert!(known.picture.starts_with(&sample.path), "{}", known.picture.display());
        }
        assert!(data.annotation(data.len()).is_err());
    }
}
