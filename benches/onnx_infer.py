#!/usr/bin/env python3
"""One picture through the same networks in ONNX Runtime, which people take for prediction.

    python3 -m pip install torch torchvision onnx onnxruntime
    python3 benches/onnx_infer.py --only mobile

One JSON line a network: the median of the rounds after two warm-ups. PyTorch exports the networks, normalization folded by
the runtime. OMP_NUM_THREADS says how many threads there are.
"""
import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import onnxruntime
import torch

from torch_steps import NETWORKS, median, milliseconds


def measure(name, rounds):
    build, shape, _, _ = NETWORKS[name]
    torch.manual_seed(0)
    picture = torch.randn(1, *shape)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "network.onnx")
        torch.onnx.export(build().eval(), picture, file, input_names=["x"], opset_version=17, dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", 0))
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    times = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        session.run(None, {"x": picture.numpy()})
        times.append(milliseconds(start))
    return {
        "name": name,
        "infer1_ms": median(times),
        "threads": options.intra_op_num_threads,
        "ops": f"onnxruntime {onnxruntime.__version__}",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=NETWORKS)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    for name in [args.only] if args.only else NETWORKS:
        print(json.dumps(measure(name, args.rounds)), flush=True)


if __name__ == "__main__":
    main()
