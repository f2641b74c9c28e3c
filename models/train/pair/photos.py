"""Cuts photographs into squares: OUT/photos.npy, uint8 [N, 192, 192, 3], and OUT/photos.json with names and counts.

Usage: photos.py OUT FILE... [--each 60]
"""
import argparse
import json
import os

import cv2
import numpy as np

SIDE = 192


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out")
    p.add_argument("files", nargs="+")
    p.add_argument("--each", type=int, default=60, help="squares from each photograph")
    args = p.parse_args()
    rng = np.random.default_rng(7)
    squares = []
    for path in args.files:
        picture = cv2.imread(path)
        if picture is None:
            raise SystemExit(f"{path} is not a picture that OpenCV can read.")
        h, w = picture.shape[:2]
        for _ in range(args.each):
            side = int(min(h, w) * np.exp(rng.uniform(np.log(0.15), 0)))
            y, x = rng.integers(h - side + 1), rng.integers(w - side + 1)
            square = cv2.resize(picture[y:y + side, x:x + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            if square.std() > 12:  # not a piece of sky
                squares.append(square[..., ::-1])
    os.makedirs(args.out, exist_ok=True)
    np.save(f"{args.out}/photos.npy", np.stack(squares))
    json.dump({"files": [os.path.basename(f) for f in args.files], "squares": len(squares)}, open(f"{args.out}/photos.json", "w"))
    print(f"{len(squares)} squares")


if __name__ == "__main__":
    main()
