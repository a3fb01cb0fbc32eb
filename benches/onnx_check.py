#!/usr/bin/env python3
"""Compares an exported network, run by ONNX Runtime, with what `facekp predict` prints.

    python3 -m pip install onnx onnxruntime numpy pillow
    python3 benches/onnx_check.py target/release/facekp face68 PICTURES [--count 20] [--flip]

PICTURES is a folder of photos with faces. The program cuts the largest face out of each and writes the network as an ONNX
file, which onnx.checker has to accept. Each face, resized to the network's view, is then read twice: by the program, which
is told where the face is, and by ONNX Runtime from the same pixels. Prints the largest differences and fails where a point
is off by 0.01 px or more, or a confidence by 0.001. With --flip both average with the mirrored picture, where the recipe
says so (`flip_test`). A summed map and the face finder are checked for their form alone.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import onnx
import onnxruntime
from PIL import Image

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


def facekp(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{program} {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def whole_view(width, height, crop):
    """The box of a face whose view is a whole picture of the view's size, pixel by pixel."""
    if crop["kind"] == "picture":
        return [-0.5, -0.5, width, height]
    side = min(width, height) / crop["enlarge"]
    return [(width - 1 - side) / 2, (height - 1 - side) / 2, side, side]


def cut_faces(a, pictures, size, folder):
    """Views of the largest face of each picture, as files."""
    facekp(a.program, "predict", *pictures, "--weights", a.weights, "--faces", "largest", "--crop", "--out", folder / "cut")
    views = []
    for crop in sorted((folder / "cut").rglob("*.crop.png")):
        views.append(folder / f"view{len(views)}.png")
        Image.open(crop).convert("RGB").resize(size, Image.Resampling.LANCZOS).save(views[-1])
    if not views:
        sys.exit(f"{a.pictures}: no face was found")
    return views


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("weights")
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--flip", action="store_true")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "network.onnx"
        print(facekp(a.program, "export", a.weights, "--onnx", file, *["--flip"] * a.flip).strip())
        model = onnx.load(file)
        onnx.checker.check_model(model, full_check=True)
        print(f"the checker of onnx {onnx.__version__} accepts its {len(model.graph.node)} nodes")
        outputs = [output.name for output in model.graph.output]
        if "points" not in outputs:
            return
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        about = session.get_modelmeta().custom_metadata_map
        (width, height), crop = json.loads(about["view"]), json.loads(about["box"])
        pictures = sorted(p for p in a.pictures.iterdir() if p.suffix.lower() in PICTURES)[: a.count]
        if not pictures:
            sys.exit(f"{a.pictures}: expected pictures, found none")
        views = cut_faces(a, pictures, (width, height), folder)
        box = ",".join(map(repr, whole_view(width, height, crop)))
        options = ["--weights", a.weights, f"--box={box}", "--out", folder / "read", "--json", "-"]
        listed = json.loads(facekp(a.program, "predict", *views, *options, *["--no-flip"] * (not a.flip)))
        seen = session.run(None, {"image": numpy.stack([numpy.asarray(Image.open(v)) for v in views])})
    seen = dict(zip(outputs, seen))
    want = [face["points"] for entry in listed for face in entry["faces"]]
    points = numpy.array([[point[:2] for point in face] for face in want])
    off = numpy.abs(seen["points"] - points).max()
    unsure = 0.0
    if "confidence" in seen:
        unsure = numpy.abs(seen["confidence"] - numpy.array([[point[2] for point in face] for face in want])).max()
    print(f"{len(want)} faces: points differ by {off:.5f} px at most, confidences by {unsure:.6f}")
    if off >= 0.01 or unsure >= 0.001:
        sys.exit("expected differences below 0.01 px and 0.001")


if __name__ == "__main__":
    main()
