"""Writes a model folder: config.json and model.safetensors (EMA weights, float16). The card, README.md, is written by hand.

Usage: export.py RUN OUT [--size 64]
"""
import argparse
import json
import os

import torch
from safetensors.torch import save_file

import evaluate


def write(model, folder, half=True, **facts):
    """The net's weights and configuration as others read them."""
    os.makedirs(folder, exist_ok=True)
    kind = torch.float16 if half else torch.float32
    weights = {k: v.detach().to(kind).contiguous() for k, v in model.state_dict().items()}
    for name, value in weights.items():
        if not torch.isfinite(value).all():
            raise SystemExit(f"{name} does not fit float16: train on, or store float32.")
    save_file(weights, f"{folder}/model.safetensors", metadata={"format": "pt"})
    with open(f"{folder}/config.json", "w") as f:
        json.dump({"_class_name": "PairNet", "format": 4, **model.config, **facts}, f, indent=1)
        f.write("\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run")
    p.add_argument("out")
    p.add_argument("--size", type=int, default=64, help="long side at which the backbone sees pictures, px, a multiple of 16")
    args = p.parse_args()
    model, queries = evaluate.load(args.run)
    write(model, args.out, size=args.size, queries=queries)
    size = os.path.getsize(f"{args.out}/model.safetensors")
    print(f"{sum(v.numel() for v in model.parameters())} parameters, {size / 2 ** 20:.2f} MiB, {queries} queries")


if __name__ == "__main__":
    main()
