"""Kills the processes of a job over many pictures again and again, and says whether anything is lost, twice or different.

python benches/many_pictures.py PROGRAM [--pictures 2000] [--shards 4] [--kills 3] [--weights W] [--seed 1] --folder NEW

Renders pictures into the new folder, predicts them in shards at the same time without disturbance, then again, each shard
killed by SIGKILL so many times at random and started again with the same command. Prints one JSON object; exit status 1
where the killed job ended otherwise than the undisturbed one.
"""
import argparse, json, os, random, signal, subprocess, sys, threading, time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def command(args, base, shard):
    return [args.program, "predict", "--quiet", "--weights", args.weights, "--list", "../all.txt", "--out", "out",
            "--shard", f"{shard}/{args.shards}", "--resume", "--jsonl", f"{shard}.jsonl"], {"cwd": base, "env": args.env}


def lines(base, shard):
    file = base / f"{shard}.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


def end(args, base, shard):
    """Runs a shard to its end; rendered pictures do not fail."""
    words, how = command(args, base, shard)
    subprocess.run(words, check=True, **how)


def disturb(args, base, shard, total, chance, found):
    """Kills a shard at so many random places of what is left of it."""
    for kill in range(args.kills):
        done = lines(base, shard)
        last = done + (total - done) // (args.kills - kill + 1)
        words, how = command(args, base, shard)
        process = subprocess.Popen(words, **how)
        wanted = chance.randint(done, last)
        while process.poll() is None and lines(base, shard) < wanted:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.2))
        process.kill()
        found["killed"] += process.wait() == -signal.SIGKILL
        file = base / f"{shard}.jsonl"
        found["torn_lines"] += file.exists() and not file.read_bytes().endswith(b"\n") and file.stat().st_size > 0
    end(args, base, shard)


def together(args, base, work):
    base.mkdir()
    threads = [threading.Thread(target=work, args=(shard,)) for shard in range(1, args.shards + 1)]
    begun = time.time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return round(time.time() - begun, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--weights", default="face68")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", required=True)
    args = parser.parse_args()
    args.program, folder = str(Path(args.program).resolve()), Path(args.folder).resolve()
    args.env = {"FACEKP_WEIGHTS": str(HERE.parent / "weights"), "FACEKP_LOG": "error", **os.environ}
    folder.mkdir(parents=True)
    pictures = folder / "imm_face_db"
    synth = ["datasets", "synth", "--scheme", "imm58", "--count", str(args.pictures), "--out", str(pictures)]
    subprocess.run([args.program, *synth], check=True, stdout=subprocess.DEVNULL, env=args.env)
    names = [f"../imm_face_db/{file.name}" for file in sorted(pictures.glob("*.jpg"))]
    (folder / "all.txt").write_text("".join(f"{name}\n" for name in names))

    whole, killed = folder / "whole", folder / "killed"
    shards = range(1, args.shards + 1)
    undisturbed = together(args, whole, lambda shard: end(args, whole, shard))
    totals = {shard: lines(whole, shard) for shard in shards}
    found = {"killed": 0, "torn_lines": 0}
    chances = {shard: random.Random(args.seed * 1000 + shard) for shard in shards}
    founds = {shard: dict(found) for shard in shards}
    disturbed = together(args, killed, lambda shard: disturb(
        args, killed, shard, totals[shard], chances[shard], founds[shard]))
    for key in found:
        found[key] = int(sum(part[key] for part in founds.values()))

    text = {base: b"".join((base / f"{shard}.jsonl").read_bytes() for shard in shards) for base in [whole, killed]}
    files = {base: {file.name: file.read_bytes() for file in (base / "out").iterdir()} for base in [whole, killed]}
    seen = [json.loads(line)["file"] for line in text[killed].splitlines()]
    report = {
        "pictures": len(names), "shards": args.shards, "lines_of_each": list(totals.values()), **found,
        "lost": len(set(names) - set(seen)), "twice": len(seen) - len(set(seen)),
        "same_lines": text[killed] == text[whole], "same_files": files[killed] == files[whole],
        "files": len(files[killed]), "half_written": sum(name.endswith(".part") for name in files[killed]),
        "seconds": undisturbed, "seconds_killed": disturbed,
    }
    print(json.dumps(report))
    good = report["same_lines"] and report["same_files"] and not report["lost"] and not report["twice"]
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
