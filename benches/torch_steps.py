#!/usr/bin/env python3
"""The networks in PyTorch, timed as `facekp bench` times ours: the other side of `cargo xtask bench`.

    python3 -m pip install torch torchvision
    python3 benches/torch_steps.py --only face58

One JSON line a network, with the keys of `facekp bench`. A step is forward (training mode), mean-squared error, backward and
AdamW; every figure is the median of the rounds after two warm-ups (for one picture three times as many rounds).
"""
import argparse
import json
import resource
import time

import torch
import torchvision
from torch import nn

from timing import median, milliseconds, timed


def stack(channels, kernels, hidden, outputs, height, width):
    """Convolutions with "same" padding, each with ReLU and a 2x2 max-pool; two fully connected layers."""
    modules, before = [], 1
    for after, kernel in zip(channels, kernels):
        modules += [nn.Conv2d(before, after, kernel, padding=kernel // 2), nn.ReLU(), nn.MaxPool2d(2)]
        before = after
        height, width = height // 2, width // 2
    modules += [nn.Flatten(), nn.Linear(before * height * width, hidden), nn.ReLU(), nn.Linear(hidden, outputs)]
    return nn.Sequential(*modules)


def maps():
    """A ResNet-50 trunk and three x2 stages to 68 maps of a quarter of the side."""
    trunk = list(torchvision.models.resnet50().children())[:-2]
    stages, before = [], 2048
    for _ in range(3):
        stages += [nn.Upsample(scale_factor=2), nn.Conv2d(before, 256, 3, padding=1, bias=False), nn.BatchNorm2d(256), nn.ReLU()]
        before = 256
    return nn.Sequential(*trunk, *stages, nn.Conv2d(256, 68, 1))


class Mobile(nn.Module):
    """torchvision's MobileNetV2 up to features.17 and two x2 stages beside its maps of those sizes, to 68 maps of an eighth of the side."""

    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.mobilenet_v2().features[:18]
        self.doubled = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(before, 128, 3, padding=1, bias=False), nn.BatchNorm2d(128))
            for before in (320, 128)
        )
        self.beside = nn.ModuleList(nn.Conv2d(before, 128, 1) for before in (96, 32))
        self.head = nn.Conv2d(128, 68, 1)

    def forward(self, x):
        kept = {}
        for i, layer in enumerate(self.trunk):
            x = kept[i] = layer(x)
        for doubled, beside, i in zip(self.doubled, self.beside, (13, 6)):
            x = (doubled(x) + beside(kept[i])).relu()
        return self.head(x)


# name: network, input, output, batch
NETWORKS = {
    "nose": (lambda: stack([20, 20, 20], [7, 5, 3], 128, 2, 60, 80), (1, 60, 80), (2,), 16),
    "face58": (lambda: stack([20, 24, 26, 28, 30], [5] * 5, 256, 116, 180, 240), (1, 180, 240), (116,), 8),
    "resnet50": (lambda: torchvision.models.resnet50(num_classes=136), (3, 224, 224), (136,), 8),
    "heatmap": (maps, (3, 256, 256), (68, 64, 64), 4),
    "mobile": (Mobile, (3, 192, 192), (68, 24, 24), 16),
}


def measure(name, device, rounds, batch, bf16):
    build, shape, target, usual = NETWORKS[name]
    batch = batch or usual
    sync = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    torch.manual_seed(0)
    network = build().to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    x = torch.randn(batch, *shape, device=device)
    y = torch.randn(batch, *target, device=device)
    forward, step = [], []
    for _ in range(rounds + 2):
        sync()
        start = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16):
            out = network(x)
        sync()
        forward.append(milliseconds(start))
        nn.functional.mse_loss(out.float(), y).backward()
        optimizer.step()
        sync()
        step.append(milliseconds(start))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    network.eval()
    with torch.inference_mode():
        infer = {n: torch.randn(n, *shape, device=device) for n in (1, 8)}
        infer1 = timed(lambda: network(infer[1]), 3 * rounds, sync)
        infer8 = timed(lambda: network(infer[8]), rounds, sync)
    return {
        "name": name,
        "device": device,
        "batch": batch,
        "forward_ms": median(forward),
        "step_ms": median(step),
        "images_per_s": round(batch * 1e3 / median(step), 2),
        "infer1_ms": infer1,
        "infer8_ms": infer8,
        "parameters": sum(p.numel() for p in network.parameters()),
        "threads": torch.get_num_threads(),
        "ops": f"torch {torch.__version__}",
        "peak_mib": round(peak, 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", choices=NETWORKS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--bf16", action="store_true", help="training steps under autocast to bfloat16")
    args = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = args.tf32
    for name in [args.only] if args.only else NETWORKS:
        print(json.dumps(measure(name, args.device, args.rounds, args.batch, args.bf16)), flush=True)


if __name__ == "__main__":
    main()
