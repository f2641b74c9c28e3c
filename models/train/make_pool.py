"""Draws augmented frames into resumable shards: pool/NNN.npy uint8 [n, side, side, 3] and pool/NNN.json captions.

Usage: make_pool.py DATA POOL --shards 0:20 [--size 4000]
"""
import argparse
import json
import os

import numpy as np

from augment import Icons, frame


def weights(icons):
    """Colour sets a little more often than line sets; they hold most of the variety of fill and shade."""
    w = np.array([0.6 if m["mono"] else 1.4 if m["set"] == "fluent-emoji-flat" else 1.0 for m in icons.meta])
    return w / w.sum()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("pool")
    parser.add_argument("--shards", default="0:20")
    parser.add_argument("--size", type=int, default=4000)
    args = parser.parse_args()
    os.makedirs(args.pool, exist_ok=True)
    icons = Icons(args.data)
    p = weights(icons)
    for shard in range(*map(int, args.shards.split(":"))):
        path = f"{args.pool}/{shard:03d}"
        if os.path.exists(path + ".npy"):
            continue
        rng = np.random.default_rng([7, shard])
        frames, captions = np.empty((args.size, icons.side, icons.side, 3), np.uint8), []
        for k, index in enumerate(rng.choice(len(icons), args.size, p=p)):
            frames[k], caption = frame(icons, int(index), rng)
            captions.append(caption)
        json.dump(captions, open(path + ".json", "w"))
        np.save(path + ".tmp.npy", frames)
        os.rename(path + ".tmp.npy", path + ".npy")
        print(path, flush=True)


if __name__ == "__main__":
    main()
