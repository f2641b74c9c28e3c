"""Draws augmented frames into resumable shards: pool/NNN.npy uint8 [n, side, side, 3] and pool/NNN.json captions.

Usage: make_pool.py DATA POOL --shards 0:20 [--size 4000]
"""
import argparse
import json
import os

import numpy as np

from augment import Icons, frame


def weights(icons):
    """Colour sets a little more often than line sets; they hold most of the variety of fill and shade. Most often those
    that other sets draw on the same outlines, and flat emoji."""
    w = np.array([0.6 if m["mono"] else 1.4 if m.get("family") or m["set"] == "fluent-emoji-flat" else 1.0 for m in icons.meta])
    return w / w.sum()


def write_shards(args, seed, draw):
    """Writes the shards of args.pool that are missing: draw(icons, index, rng) gives some frames [k, side, side, 3] and their
    k captions, k the same for all, and is called until a shard is full."""
    os.makedirs(args.pool, exist_ok=True)
    icons = Icons(args.data)
    p = weights(icons)
    for shard in range(*map(int, args.shards.split(":"))):
        path = f"{args.pool}/{shard:03d}"
        if os.path.exists(path + ".npy"):
            continue
        rng = np.random.default_rng([seed, shard])
        frames, captions = np.empty((args.size, icons.side, icons.side, 3), np.uint8), []
        order = iter(rng.choice(len(icons), args.size, p=p))
        while len(captions) < args.size:
            drawn, said = draw(icons, int(next(order)), rng)
            frames[len(captions):len(captions) + len(said)] = drawn
            captions += said
        json.dump(captions, open(path + ".json", "w"))
        np.save(path + ".tmp.npy", frames)
        os.rename(path + ".tmp.npy", path + ".npy")
        print(path, flush=True)


def arguments(doc):
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("data")
    parser.add_argument("pool")
    parser.add_argument("--shards", default="0:20")
    parser.add_argument("--size", type=int, default=4000, help="frames of a shard")
    return parser.parse_args()


def single(icons, index, rng):
    drawn, caption = frame(icons, index, rng)
    return drawn[None], [caption]


if __name__ == "__main__":
    write_shards(arguments(__doc__), 7, single)
