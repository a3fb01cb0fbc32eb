"""Trains the same run by one process and by ranks under MPI: pictures a second, the difference of the weights, a model of more.

python benches/scaling.py PROGRAM --folder NEW [--recipe face68_short] [--data DIR] [--count 200] [--epochs 4]
    [--set KEY=VALUE]... [--bind none]

PROGRAM is built with `--features mpi`. Without --data faces are rendered. Trains the recipe by one process with one thread
and with two, and by two ranks with one thread each; then, for the difference of weights alone, with plain gradient descent
by one process and by two ranks. Prints Markdown: what was measured, how far the trained weights of two ranks are from those
of one process after so many steps, and what the model of docs/scaling.md makes of it for 8 and 64 ranks.
"""
import argparse, array, csv, json, math, os, re, struct, subprocess, sys, time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# what is assumed of networks: seconds until the first byte, bytes a second
NETWORKS = {"10 Gbit/s Ethernet": (30e-6, 1.25e9), "100 Gbit/s InfiniBand": (2e-6, 12.5e9)}
DESCENT = ["train.optimizer={kind=\"sgd\",momentum=0.9}", "train.schedule={kind=\"constant\",lr=1e-3}"]
# sums of that many bytes in all are heard by every rank, as crates/train/src/ranks/sum.rs has it
FEW = 64 << 10


def train(args, name, ranks, threads, changes=()):
    """Trains into a folder of that name: seconds and faces of the quickest epoch, and steps in all."""
    run = args.folder / name
    command = [args.program, "train", args.recipe, "--device", "cpu", "--data", args.data, "--out", str(run),
               "--epochs", str(args.epochs)]
    for change in ["train.validate_every=1000", *args.set, *changes]:
        command += ["--set", change]
    if ranks:
        command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", args.bind, "-n", str(ranks), *command]
    env = {"FACEKP_WEIGHTS": str(HERE.parent / "weights"), "OMPI_MCA_mpi_yield_when_idle": "1",
           # containers often forbid one process to read another one's memory
           "OMPI_MCA_btl_vader_single_copy_mechanism": "none", **os.environ, "RAYON_NUM_THREADS": str(threads)}
    begun = time.time()
    done = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    epochs, steps = map(int, re.search(r"(\d+) epochs of (\d+) steps", done.stderr).groups())
    rates = [float(rate) for rate in re.findall(r"([\d.]+) pictures/s", done.stderr)]
    seconds = [float(row["seconds"]) for row in csv.DictReader(open(run / "history.csv"))]
    return {"run": run, "rate": max(rates), "seconds": min(seconds), "steps": epochs * steps, "each": steps,
            "took": time.time() - begun}


def trained(run):
    """The trained weights and running statistics of a run by name."""
    data = (run / "optim.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    tensors = {}
    for name, about in header.items():
        if name.startswith("trained."):
            start, end = about["data_offsets"]
            tensors[name.removeprefix("trained.")] = array.array("f", body[start:end])
    return tensors


def difference(one, two):
    """The largest and the root of the mean square difference, and the largest value."""
    a, b = trained(one), trained(two)
    assert a.keys() == b.keys()
    most, squares, count, largest = 0.0, 0.0, 0, 0.0
    for name, values in a.items():
        for x, y in zip(values, b[name]):
            most, squares, largest = max(most, abs(x - y)), squares + (x - y) ** 2, max(largest, abs(x))
        count += len(values)
    return most, math.sqrt(squares / count), largest


def total(ranks, size, latency, bandwidth):
    """Seconds of one sum over ranks of `size` bytes: nothing overlaps, every rank on a machine of its own."""
    gather = lambda size: latency * math.ceil(math.log2(ranks)) + size * (ranks - 1) / bandwidth
    if size * ranks <= FEW:
        return gather(size)
    part = size / ranks
    return latency * (ranks - 1) + part * (ranks - 1) / bandwidth + gather(part)


def model(run, batch, seconds_a_face):
    tensors = trained(run)
    channels = [len(values) for name, values in tensors.items() if name.endswith(".running_mean")]
    buffers = sum(len(v) for name, v in tensors.items() if ".running_" in name)
    parameters = sum(map(len, tensors.values())) - buffers
    print(f"\nModel: {parameters} parameters, {4 * parameters / 1e6:.1f} MB of gradients a step; {len(channels)} batch "
          f"normalizations of {sum(channels)} channels; {batch} faces a rank and step, {1e3 * seconds_a_face:.1f} ms each.\n")
    print("| network | ranks | faces a step | compute, ms | statistics, ms | gradients, ms | efficiency | without statistics |")
    print("|---|---|---|---|---|---|---|---|")
    compute = batch * seconds_a_face
    for network, (latency, bandwidth) in NETWORKS.items():
        for ranks in [2, 8, 64]:
            size = lambda numbers: total(ranks, 8 * numbers, latency, bandwidth)
            # forwards three numbers a channel, backwards two
            statistics = sum(size(3 * c + 1) + size(2 * c) for c in channels)
            gradients = total(ranks, 4 * parameters, latency, bandwidth) + 4 * size(2)
            parts = [compute, statistics, gradients]
            shown = " | ".join(f"{1e3 * part:.1f}" for part in parts)
            print(f"| {network} | {ranks} | {batch * ranks} | {shown} | {compute / sum(parts):.2f} | "
                  f"{compute / (compute + gradients):.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--folder", required=True)
    parser.add_argument("--recipe", default="face68_short")
    parser.add_argument("--data")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--bind", default="none")
    args = parser.parse_args()
    args.program, args.folder = str(Path(args.program).resolve()), Path(args.folder).resolve()
    args.folder.mkdir(parents=True)
    if not args.data:
        args.data = str(args.folder / "data")
        faces = ["datasets", "synth", "--scheme", "ibug68", "--count", str(args.count), "--out", args.data + "/ibug_300W"]
        subprocess.run([args.program, *faces], check=True, stdout=subprocess.DEVNULL)

    rows = {"one process, 1 thread": train(args, "one-1", 0, 1), "one process, 2 threads": train(args, "one-2", 0, 2),
            "2 ranks, 1 thread each": train(args, "ranks-2", 2, 1)}
    threads, ranks = rows["one process, 2 threads"], rows["2 ranks, 1 thread each"]
    print("| | pictures/s | of one process with 2 threads | seconds of the quickest epoch, with its validation |")
    print("|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['rate']:.1f} | {row['rate'] / threads['rate']:.2f} | {row['seconds']:.2f} |")

    descent = [train(args, f"descent-{ranks or 1}", ranks, 2 - bool(ranks), DESCENT) for ranks in [0, 2]]
    print(f"\n| {ranks['steps']} steps of | largest difference of a weight | root of the mean square | largest weight |")
    print("|---|---|---|---|")
    for name, (one, two) in {"the recipe's optimizer": (threads, ranks), "gradient descent": descent}.items():
        print("| " + " | ".join([name, *(f"{value:.1e}" for value in difference(one["run"], two["run"]))]) + " |")

    batch = int(re.search(r"^batch = (\d+)", (ranks["run"] / "recipe.toml").read_text(), re.M).group(1))
    model(ranks["run"], batch, 1 / rows["one process, 1 thread"]["rate"])


if __name__ == "__main__":
    main()
