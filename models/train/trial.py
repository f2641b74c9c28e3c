"""Quick trial of a base model: learn one pair of a benchmark task with the real program, restyle a few pictures, score them.

Scores, all on white, each also for doing nothing: mean absolute error against the truth (0..255), error of colours
(sorted per channel, so places do not count), and roughness: mean local deviation of the result where input and truth
are both flat. The benchmark proper is bench/pairs; this one is for comparing training states in minutes.
Usage: trial.py MODEL SUITE OUT [--tasks a,b] [--count 6] [--strength 1] [--threads 2] [--learn "--steps 300"]
"""
import argparse
import json
import pathlib
import subprocess
import time

import numpy as np
from PIL import Image

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "dist/cli/diptych.mjs"
TASKS = "designers-high-contrast-1,designers-gradient-1,family-ph-regular-fill-1,filter-blueprint-1"


def on_white(path):
    """float32 [H, W, 3] in 0..255."""
    rgba = np.asarray(Image.open(path).convert("RGBA"), np.float32)
    alpha = rgba[..., 3:] / 255
    return rgba[..., :3] * alpha + 255 * (1 - alpha)


def box_mean(image, size):
    """Mean of the size x size window around every pixel, edges repeated. float64 [H, W, C]"""
    padded = np.pad(image.astype(np.float64), ((size // 2 + 1, size // 2), (size // 2 + 1, size // 2), (0, 0)), "edge")
    total = padded.cumsum(0).cumsum(1)
    return (total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]) / size ** 2


def local_deviation(image, size=9):
    """Standard deviation in a size x size window around every pixel, mean of the channels. [H, W]"""
    return np.sqrt(np.maximum(box_mean(image ** 2, size) - box_mean(image, size) ** 2, 0)).mean(-1)


def scores(result, given, truth):
    flat = (local_deviation(given) < 0.5) & (local_deviation(truth) < 0.5)
    return {
        "error": float(np.abs(result - truth).mean()),
        "colour": float(np.abs(np.sort(result.reshape(-1, 3), 0) - np.sort(truth.reshape(-1, 3), 0)).mean()),
        "roughness": float(local_deviation(result)[flat].mean()) if flat.any() else 0.0,
    }


def diptych(*words):
    done = subprocess.run(["node", str(PROGRAM), *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"diptych {words[0]}: {done.stderr.strip()[-400:]}")


def run_task(args, task):
    """Learns and restyles unless that is done already. Returns mean scores of the results and of doing nothing."""
    folder, out = pathlib.Path(args.suite) / task, pathlib.Path(args.out) / task
    about = json.loads((folder / "task.json").read_text())
    prompt = ["--prompt", about["prompt"]] if about.get("prompt") else []
    shared = ["--model", args.model, "--threads", str(args.threads)]
    out.mkdir(parents=True, exist_ok=True)
    style, seconds = out / "style.safetensors", {}
    names = sorted(p.name for p in (folder / "test").iterdir())
    names = names[:: max(1, len(names) // args.count)][: args.count]
    if not style.exists():
        start = time.time()
        diptych("learn", str(folder / "before.png"), str(folder / "after.png"), *prompt, "--style", about["style"], *shared, *args.learn.split(), "-o", str(style))
        seconds["learn"] = time.time() - start
    results = out / f"at-{args.strength}"
    if not all((results / n).exists() for n in names):
        start = time.time()
        diptych("restyle", str(style), *[str(folder / "test" / n) for n in names], "--strength", str(args.strength), *shared, "-o", str(results))
        seconds["each image"] = (time.time() - start) / len(names)
    images = [[on_white(d / n) for d in (folder / "test", results, folder / "truth")] for n in names]
    ours = [scores(r, g, t) for g, r, t in images]
    nothing = [scores(g, g, t) for g, r, t in images]
    rows = [[on_white(folder / "before.png"), on_white(folder / "after.png"), np.full_like(images[0][0], 255)]] + images
    sheet = np.concatenate([np.concatenate(row, 0) for row in rows], 1)
    Image.fromarray(sheet.round().clip(0, 255).astype(np.uint8)).resize((sheet.shape[1] // 2, sheet.shape[0] // 2)).save(out / f"sheet-{args.strength}.png")
    mean = lambda rows: {k: round(float(np.mean([r[k] for r in rows])), 2) for k in rows[0]}
    better = sum(a["error"] < b["error"] for a, b in zip(ours, nothing))
    return {"task": task, "ours": mean(ours), "nothing": mean(nothing), "nearer to truth": f"{better} of {len(names)}",
            **{k: round(v, 1) for k, v in seconds.items()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "suite", "out"):
        parser.add_argument(name)
    parser.add_argument("--tasks", default=TASKS)
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("--strength", default="1")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--learn", default="", help="further options of diptych learn")
    args = parser.parse_args()
    for task in args.tasks.split(","):
        print(json.dumps(run_task(args, task)), flush=True)


if __name__ == "__main__":
    main()
