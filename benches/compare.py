"""Times `facekp bench`, torch_steps.py and perhaps onnx_infer.py in turn, a process each turn, into one JSON file.

python benches/compare.py PROGRAM [--turns 5] [--threads 2] [--only nose,face58] [--stock] [--onnx] --out FILE

Of each program the median turn counts. FILE holds one entry a kind of processor; networks that are not measured keep their
figures there.
"""
import argparse, json, os, re, statistics, subprocess, sys
from pathlib import Path

MEASURED = ["step_ms", "forward_ms", "infer1_ms", "peak_mib"]
HERE = Path(__file__).parent


def line(command, threads):
    """The JSON of the last line that a program prints."""
    names = ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]
    env = {**os.environ, **{name: str(threads) for name in names}}
    text = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    return json.loads(text.splitlines()[-1])


def middle(lines):
    """The lines' medians, key by key."""
    out = dict(lines[0])
    for key in MEASURED:
        values = [line[key] for line in lines if line.get(key) is not None]
        if values:
            out[key] = statistics.median_high(values)
    if "step_ms" in out:
        out["images_per_s"] = round(out["batch"] * 1e3 / out["step_ms"], 2)
    return out


def machine(threads):
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"model name\s*: (.*)", info)
    simd = next((flag for flag in ["avx512f", "avx2", "sse2"] if re.search(rf"\b{flag}\b", info)), "other")
    lock = (HERE.parent / "Cargo.lock").read_text()
    version = lambda package: re.search(rf'name = "{package}"\nversion = "(.*)"', lock).group(1)
    rustc = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    processor = f"{model.group(1) if model else '?'} ({simd})"
    return {"processor": processor, "threads": threads, "rustc": rustc,
            "candle": version("candle-core"), "gemm": version("gemm")}


def positive(text):
    if (value := int(text)) < 1:
        raise ValueError
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--turns", type=positive, default=5)
    parser.add_argument("--threads", type=positive, default=2)
    parser.add_argument("--only", default="nose,face58,resnet50,heatmap,mobile")
    parser.add_argument("--stock", action="store_true", help="also candle's stock operations, in one turn")
    parser.add_argument("--onnx", action="store_true", help="also ONNX Runtime, one picture")
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    everything = json.loads(a.out.read_text()) if a.out.exists() else {}
    here = machine(a.threads)
    results = everything.setdefault(here["processor"], {})
    for name in a.only.split(","):
        own = [a.program, "bench", "--device", "cpu", "--only", name]
        torch = [sys.executable, str(HERE / "torch_steps.py"), "--only", name]
        onnx = [sys.executable, str(HERE / "onnx_infer.py"), "--only", name]
        ours, theirs, runtime = [], [], []
        for turn in range(1, a.turns + 1):
            print(f"{name}: turn {turn} of {a.turns}", file=sys.stderr)
            ours.append(line(own, a.threads))
            theirs.append(line(torch, a.threads))
            runtime.extend([line(onnx, a.threads)] if a.onnx else [])
        entry = {"facekp": middle(ours), "pytorch": middle(theirs), "turns": a.turns}
        if a.onnx:
            entry["onnx"] = middle(runtime)
        if a.stock:
            entry["candle"] = line([*own, "--ops", "candle", "--rounds", "3"], a.threads)
        results[name] = {**results.get(name, {}), **entry}
    results["machine"] = here
    a.out.write_text(json.dumps(everything, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
