"""Writes a model folder: config.json and model.safetensors (EMA weights of both nets, float16). The card, README.md, is written by hand.

Usage: export.py RUN AREAS_RUN OUT [--size 64]
"""
import argparse
import json
import os

import torch
from safetensors.torch import save_file

import evaluate
from areas import train as areas_train


def write(model, areas, folder, half=True, **facts):
    """The weights and the configuration of the net on pixels and of the one on areas, as others read them."""
    os.makedirs(folder, exist_ok=True)
    kind = torch.float16 if half else torch.float32
    states = {**model.state_dict(), **{f"area_net.{k}": v for k, v in areas.state_dict().items()}}
    weights = {k: v.detach().to(kind).contiguous() for k, v in states.items()}
    for name, value in weights.items():
        if not torch.isfinite(value).all():
            raise SystemExit(f"{name} does not fit float16: train on, or store float32.")
    save_file(weights, f"{folder}/model.safetensors", metadata={"format": "pt"})
    of_areas = {f"area_{k}": v for k, v in areas.config.items()}
    with open(f"{folder}/config.json", "w") as f:
        json.dump({"_class_name": "PairNet", "format": 6, **model.config, **of_areas, **facts}, f, indent=1)
        f.write("\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run")
    p.add_argument("areas")
    p.add_argument("out")
    p.add_argument("--size", type=int, default=64, help="long side at which the backbone sees pictures, px, a multiple of 16")
    args = p.parse_args()
    model, queries = evaluate.load(args.run)
    areas, area_queries = areas_train.load(args.areas)
    write(model, areas, args.out, size=args.size, queries=queries, area_queries=area_queries)
    size = os.path.getsize(f"{args.out}/model.safetensors")
    count = sum(v.numel() for net in (model, areas) for v in net.parameters())
    print(f"{count} parameters, {size / 2 ** 20:.2f} MiB, {queries} and {area_queries} queries")


if __name__ == "__main__":
    main()
