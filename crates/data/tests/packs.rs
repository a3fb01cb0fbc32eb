//! Packs: what was packed comes back, and a broken one is named.

use crate::common::imm_face;
use candle_vision_helpers::Point;
use facekp_data::{
    Dataset, Split, check,
    datasets::{
        ibug, imm,
        pack::{self, Area, Encoding, PackDataset},
    },
    open_kind,
};
use std::{fs, path::PathBuf};

fn packed(options: pack::Options) -> (tempfile::TempDir, PathBuf, Box<dyn Dataset>) {
    let dir = tempfile::tempdir().unwrap();
    for person in 1..=3 {
        imm_face(&dir.path().join("data"), &format!("{person:02}-1m"));
    }
    let data = open_kind(&dir.path().join("data"), imm::KIND).unwrap();
    let path = dir.path().join("small.fkpack");
    let mut heard = Vec::new();
    pack::write(&*data, imm::KIND, &path, options, &mut |done, of| heard.push((done, of))).unwrap();
    assert_eq!(heard, [(3, 3)]);
    (dir, path, data)
}

#[test]
fn a_pack_shows_what_was_packed() {
    let options = pack::Options { area: Area::Face(1.5), side: 32, encoding: Encoding::Png };
    let (dir, path, data) = packed(options);
    for pack in [open_kind(&path, imm::KIND).unwrap(), open_kind(dir.path(), imm::KIND).unwrap()] {
        assert_eq!((pack.len(), pack.scheme()), (3, data.scheme()));
        assert_eq!(pack.split(Split::Val).unwrap(), data.split(Split::Val).unwrap());
        assert!(pack.split(Split::Common).is_err());
        for i in 0..3 {
            let (a, b) = (data.get(i).unwrap(), pack.get(i).unwrap());
            assert_eq!(
                (a.id, a.subject, a.subset, a.original, a.face, a.scale),
                (b.id, b.subject, b.subset, b.original, b.face, b.scale)
            );
            assert_eq!(a.points, b.points);
            // A box of 21 x 21 times 1.5 is 31.5 px, no shrinking: 33 or 34 whole pixels about it.
            assert_eq!(b.to_image.scale(), 1.0);
            assert!((32..=34).contains(&b.image.width()), "{}", b.image.width());
            // The same picture at the same place.
            for p in [Point::new(25.0, 20.0), Point::new(33.0, 15.0)] {
                let q = b.to_image.apply(p);
                assert_eq!(q, Point::new(q.x.round(), q.y.round()));
                let (pixel, cut) =
                    (a.image.get_pixel(p.x as u32, p.y as u32), b.image.get_pixel(q.x as u32, q.y as u32));
                assert_eq!(pixel, cut);
            }
        }
    }
    assert!(open_kind(&path, ibug::KIND).is_err());
    assert!(check(&path).unwrap().problems.is_empty());
}

#[test]
fn a_shrunk_pack_keeps_its_geometry() {
    let options = pack::Options { area: Area::Picture, side: 32, encoding: Encoding::Png };
    let (_dir, path, _) = packed(options);
    let sample = PackDataset::open(&path).unwrap().get(0).unwrap();
    assert_eq!(sample.image.dimensions(), (32, 24));
    // The whole area goes onto the whole area: half the size, centers at (x + 0.5) / 2 - 0.5.
    assert_eq!(sample.to_image.apply(Point::new(10.0, 20.0)), Point::new(4.75, 9.75));
    // The ramps of the picture, 4 a pixel in x and 5 in y, read at (16.5, 20.5).
    let [r, g, _] = sample.image.get_pixel(8, 10).0;
    assert!((f64::from(r) - 66.0).abs() < 4.0 && (f64::from(g) - 102.5).abs() < 5.0, "{r} {g}");
}

#[test]
fn a_broken_pack_is_named() {
    let (dir, path, data) = packed(pack::Options::default());
    let whole = fs::read(&path).unwrap();
    let complaint = |bytes: &[u8]| {
        let path = dir.path().join("broken.fkpack");
        fs::write(&path, bytes).unwrap();
        PackDataset::open(&path).err().map(|e| e.to_string()).unwrap_or_default()
    };
    let altered = |at: usize, by: u8| {
        let mut bytes = whole.clone();
        bytes[at] ^= by;
        complaint(&bytes)
    };
    assert_eq!(complaint(&whole), "");
    assert!(complaint(b"").ends_with("expected a facekp pack, got 0 bytes of something else"));
    assert!(complaint(&whole[..whole.len() - 1]).contains(&format!(
        "expected {} bytes, got {}",
        whole.len(),
        whole.len() - 1
    )));
    assert!(complaint(&whole[..100]).contains("bytes, got 100"));
    assert!(altered(0, 1).contains("expected a facekp pack"));
    assert!(altered(7, 2).contains("expected a pack of version 1, got version 3"));
    for at in [8, 15, 16, 23, 24, 60, whole.len() / 2, whole.len() - 1] {
        let text = altered(at, 1);
        assert!(text.contains("broken.fkpack: expected ") && text.lines().count() == 1, "byte {at}: {text:?}");
    }
    let small = pack::Options { side: 0, ..pack::Options::default() };
    let refused = dir.path().join("refused.fkpack");
    assert!(pack::write(&*data, imm::KIND, &refused, small, &mut |_, _| {}).is_err());
    fs::write(dir.path().join("data/02-1m.jpg"), b"").unwrap();
    assert!(pack::write(&*data, imm::KIND, &refused, pack::Options::default(), &mut |_, _| {}).is_err());
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "no partial file is left: {left:?}");
}
