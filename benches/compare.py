"""Times `facekp bench` and others in turn, a process each turn, into one JSON file.

python benches/compare.py PROGRAM [--turns 5] [--rounds 7] [--threads 2] [--only nose,face58] [--onnx] [--rten] [--stock]
    [--bf16] [--held] --out FILE

Others are torch_steps.py, onnx_infer.py and crates/models/benches/rten_infer.rs, the last two with the networks that
PyTorch exports once. Of each program the median turn counts; inference is also timed with one thread. --bf16 times
training steps alone, with products of bf16 on both sides; --held times with AVX2 alone on a processor that has more.
FILE holds one entry a kind of processor and is written after each network; what is not measured keeps its figures there.
"""
import argparse, datetime, json, os, re, statistics, subprocess, sys, tempfile
from pathlib import Path

MEASURED = ["step_ms", "forward_ms", "infer1_ms", "infer8_ms", "peak_mib", "peak1_gflops", "peak_gflops"]
HERE = Path(__file__).resolve().parent
# facekp's vectors, PyTorch's own, oneDNN's and MKL's; ONNX Runtime and rten take what there is
HELD = {"CANDLE_VISION_SIMD": "avx2", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


def line(command, threads):
    """The JSON of the last line that a program prints."""
    names = ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "RTEN_NUM_THREADS"]
    env = {**os.environ, **{name: str(threads) for name in names}}
    text = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
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


def in_turn(name, turns, programs):
    """The medians of programs (names with commands and threads), each of which runs once a turn."""
    lines = {who: [] for who in programs}
    for turn in range(1, turns + 1):
        print(f"{name}: turn {turn} of {turns}", file=sys.stderr)
        for who, (command, threads) in programs.items():
            lines[who].append(line(command, threads))
    return {who: middle(those) for who, those in lines.items()}


def locked(package):
    """A package's version in Cargo.lock."""
    lock = (HERE.parent / "Cargo.lock").read_text()
    return re.search(rf'name = "{package}"\nversion = "(.*)"', lock).group(1)


def machine(threads, held):
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"model name\s*: (.*)", info)
    simd = next((flag for flag in ["avx512f", "avx2", "sse2"] if re.search(rf"\b{flag}\b", info)), "other")
    rustc = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    processor = f"{model.group(1) if model else '?'} ({simd}{' held to avx2' if held else ''})"
    note = {"note": "Both programs were told to use AVX2 alone, on a processor that has more."} if held else {}
    return {**note, "processor": processor, "threads": threads, "rustc": rustc,
            "date": datetime.date.today().isoformat(), "candle": locked("candle-core"), "gemm": locked("gemm")}


def rten_program():
    """Builds rten_infer.rs; the program's path."""
    command = "cargo bench --workspace --bench rten_infer --no-run --message-format json-render-diagnostics"
    text = subprocess.run(command.split(), cwd=HERE.parent, check=True, stdout=subprocess.PIPE, text=True).stdout
    built = [json.loads(row) for row in text.splitlines()]
    return next(b["executable"] for b in built if b.get("executable") and b["target"]["name"] == "rten_infer")


def positive(text):
    if (value := int(text)) < 1:
        raise ValueError
    return value


def network(a, name, rten, folder):
    """What is measured of one network."""
    file, rounds = str(Path(folder) / f"{name}.onnx"), ["--rounds", str(a.rounds)]
    onnx = [sys.executable, str(HERE / "onnx_infer.py")]
    if a.onnx or rten:
        subprocess.run([*onnx, "--only", name, "--export", folder], check=True, stdout=subprocess.DEVNULL)
    own = [a.program, "bench", "--device", "cpu", "--only", name]
    if a.bf16:
        theirs = [sys.executable, str(HERE / "torch_steps.py"), "--only", name, "--bf16", *rounds]
        ours = [*own, "--precision", "bf16", *rounds]
        programs = {"facekp_bf16": (ours, a.threads), "pytorch_bf16": (theirs, a.threads)}
        keep = ["batch", "step_ms", "forward_ms", "images_per_s", "cpu_precision", "ops", "peak_mib", "threads"]
        timed = in_turn(name, a.turns, programs)
        return {who: {key: of[key] for key in keep if key in of} for who, of in timed.items()}
    programs = {
        "facekp": ([*own, *rounds], a.threads),
        "pytorch": ([sys.executable, str(HERE / "torch_steps.py"), "--only", name, *rounds], a.threads),
        "facekp_1_thread": ([*own, *rounds, "--inference"], 1),
    }
    if a.onnx:
        timed = [*onnx, "--file", file, *rounds]
        programs |= {"onnx": (timed, a.threads), "onnx_1_thread": (timed, 1)}
    if rten:
        programs["rten"] = ([rten, file], a.threads)
    entry = {"turns": a.turns, **in_turn(name, a.turns, programs)}
    if rten:
        entry["rten"]["ops"] = f"rten {locked('rten')}"
    if a.stock:
        entry["candle"] = line([*own, "--ops", "candle", "--rounds", "3"], a.threads)
    return entry


def write(file, everything):
    """The file is whole at any time."""
    part = file.with_name(f"{file.name}.part")
    part.write_text(json.dumps(everything, indent=2, sort_keys=True) + "\n")
    part.replace(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--turns", type=positive, default=5)
    parser.add_argument("--rounds", type=positive, default=7, help="of each program, after two warm-ups")
    parser.add_argument("--threads", type=positive, default=2)
    parser.add_argument("--only", default="nose,face58,resnet50,heatmap,mobile")
    parser.add_argument("--stock", action="store_true", help="also candle's stock operations, in one turn")
    parser.add_argument("--onnx", action="store_true", help="also ONNX Runtime, one picture and eight")
    parser.add_argument("--rten", action="store_true", help="also rten, one picture")
    parser.add_argument("--bf16", action="store_true", help="only training steps, with products of bf16")
    parser.add_argument("--held", action="store_true", help="AVX2 alone, in facekp and PyTorch")
    parser.add_argument("--out", type=Path, required=True)
    a = parser.parse_args()
    if a.held and (a.onnx or a.rten or a.bf16):
        parser.error("--held: expected neither --onnx, --rten nor --bf16 beside it, which cannot be held")
    os.environ.update(HELD if a.held else {})
    everything = json.loads(a.out.read_text()) if a.out.exists() else {}
    here, rten = machine(a.threads, a.held), rten_program() if a.rten else None
    results = everything.setdefault(here["processor"], {})
    if not (a.bf16 and "machine" in results):
        peak = ([a.program, "bench", "--device", "cpu", "--only", "peak", "--rounds", str(a.rounds)], a.threads)
        results["machine"] = {**here, "peak": in_turn("peak", a.turns, {"peak": peak})["peak"]}
    with tempfile.TemporaryDirectory() as folder:
        for name in a.only.split(","):
            results[name] = {**results.get(name, {}), **network(a, name, rten, folder)}
            write(a.out, everything)


if __name__ == "__main__":
    main()
