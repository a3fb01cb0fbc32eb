#!/usr/bin/env python3
"""One picture, and eight at once, through the same networks in ONNX Runtime, which people take for prediction.

    python3 -m pip install torch torchvision onnx onnxruntime
    python3 benches/onnx_infer.py --only mobile
    python3 benches/onnx_infer.py --only mobile --export FOLDER
    python3 benches/onnx_infer.py --file FOLDER/mobile.onnx

One JSON line a network: the median of the rounds after two warm-ups (for one picture three times as many rounds). PyTorch
exports the networks, normalization folded; --export does no more, and --file times such a file, without PyTorch.
OMP_NUM_THREADS says how many threads there are.
"""
import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from timing import timed


def export(only, folder):
    """Files of all networks or one, for any number of pictures."""
    import torch
    from torch_steps import NETWORKS

    if only and only not in NETWORKS:
        sys.exit(f"--only {only}: expected one of {', '.join(NETWORKS)}")
    for name in [only] if only else NETWORKS:
        build, shape, _, _ = NETWORKS[name]
        torch.manual_seed(0)
        file = str(Path(folder) / f"{name}.onnx")
        any_number = {"x": {0: "pictures"}, "y": {0: "pictures"}}
        torch.onnx.export(build().eval(), torch.randn(1, *shape), file, input_names=["x"], output_names=["y"],
                          dynamic_axes=any_number, opset_version=17, dynamo=False)
        yield file


def infer(file, pictures, threads, rounds):
    """Milliseconds for so many pictures at once, by a session that knows how many they are."""
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_free_dimension_override_by_name("pictures", pictures)
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape[1:]
    x = numpy.random.default_rng(0).standard_normal((pictures, *shape), dtype=numpy.float32)
    return timed(lambda: session.run(None, {"x": x}), rounds)


def measure(file, rounds):
    import onnxruntime

    threads = int(os.environ.get("OMP_NUM_THREADS", 0))
    return {
        "name": Path(file).stem,
        "infer1_ms": infer(file, 1, threads, 3 * rounds),
        "infer8_ms": infer(file, 8, threads, rounds),
        "threads": threads,
        "ops": f"onnxruntime {onnxruntime.__version__}",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAME")
    parser.add_argument("--export", metavar="FOLDER")
    parser.add_argument("--file")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    if args.export:
        for file in export(args.only, args.export):
            print(file)
    elif args.file:
        print(json.dumps(measure(args.file, args.rounds)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            for file in export(args.only, folder):
                print(json.dumps(measure(file, args.rounds)), flush=True)


if __name__ == "__main__":
    main()
