//! Results take the place of results alone.

use crate::common::{facekp, fails_with, people, picture};
use std::fs;

/// Of `--json a.jpg b.jpg` the first photo is taken for the file of results.
#[test]
fn a_mistaken_name_costs_nobody_a_photo_a_list_a_video_or_a_scheme() {
    let dir = tempfile::tempdir().unwrap();
    let (d, photo) = (dir.path(), fs::read(picture()).unwrap());
    let there: [(&str, &[u8]); 5] = [
        ("a.jpg", &photo),
        ("b.jpg", &photo),
        ("list.txt", b"b.jpg\n"),
        ("clip.y4m", b"YUV4MPEG2 W2 H2 Cmono\nFRAME\n\0\0\0\0"),
        ("scheme.toml", b"name = \"mine\"\npoints = 3\n"),
    ];
    there.iter().for_each(|(name, bytes)| fs::write(d.join(name), bytes).unwrap());
    let faces = people().join("imm_face_db").display().to_string();
    let other = "expected a new file, or";
    let cases: [(&[&str], &str, &str); 12] = [
        (&["predict", "--json", "a.jpg", "b.jpg"], "a.jpg: ", other),
        (&["predict", "--jsonl", "a.jpg", "b.jpg"], "a.jpg: ", other),
        (&["predict", "--list", "list.txt", "--jsonl", "list.txt"], "list.txt: ", other),
        (&["track", "clip.y4m", "--jsonl", "clip.y4m"], "clip.y4m: ", other),
        (&["track", "clip.y4m", "--out", "./clip.y4m"], "clip.y4m: ", "expected another file than the video"),
        (&["eval", "nose", "--json", "a.jpg"], "a.jpg: ", other),
        (&["eval", "nose", "--csv", "list.txt"], "list.txt: ", other),
        (&["eval", "nose", "--draw", "a.jpg"], "a.jpg: ", other),
        (&["bench", "--json", "a.jpg"], "a.jpg: ", other),
        (&["datasets", "preview", &faces, "--out", "a.jpg"], "a.jpg: ", other),
        (&["datasets", "pack", &faces, "--out", "a.jpg"], "a.jpg: ", other),
        (&["datasets", "scheme", &faces, "--out", "scheme.toml"], "scheme.toml: ", "expected no such file yet"),
    ];
    for (case, file, words) in cases {
        fails_with(facekp().current_dir(d).args(case), &[file, words]);
    }
    for (name, bytes) in there {
        assert!(fs::read(d.join(name)).unwrap() == bytes, "{name} is another file now");
    }
    assert_eq!(fs::read_dir(d).unwrap().count(), there.len());
}
