"""Held-out numbers of both nets together, of areas alone and of pixels alone: perceptual distance and squared error as shares of doing nothing.

Usage: areas/evaluate.py AREAS PIXELS TESTS.npz [--groups 8] [--sheet SHEET.png]   (training or model folders; tests of 128 px)
"""
import argparse
import os
import pathlib
import sys

PAIR = pathlib.Path(__file__).resolve().parent.parent
sys.path[0] = str(PAIR)
sys.path.append(str(PAIR.parent))
import numpy as np
import torch

import closed_form
import evaluate
import perceptual
from areas import facts, train


@torch.no_grad()
def answers(areas, pixels, groups):
    """uint8 [G, K, 2, H, W, 4] -> answers of {"both", "areas", "pixels"}, [G, K - 1, H, W, 4] each"""
    x = train.tensors([facts.of_group(g) for g in groups])
    ref, query = train.split(x, 1)
    made, logits = areas(ref, query, ref["after"].flatten(1, 2))
    shares = torch.sigmoid(logits)
    alone = evaluate.answers(pixels, groups, half=True)[0]
    out = {"both": torch.empty_like(alone), "areas": torch.empty_like(alone), "pixels": alone}
    for g in range(len(groups)):
        for q in range(len(groups[g]) - 1):
            picture = groups[g, q + 1, 0]
            source = torch.from_numpy(picture.astype(np.float32) / 255)
            for name, share in (("both", shares[g, q] * facts.trust(picture)), ("areas", torch.ones(facts.AREAS))):
                change, decides = (torch.from_numpy(v).float() for v in facts.rendered(picture, made[g, q].numpy(), query["palette"][g, q].numpy(), share.numpy()))
                rest = alone[g, q] if name == "both" else source
                out[name][g, q] = closed_form.valid(rest * (1 - decides) + source * decides + change)
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("areas")
    p.add_argument("pixels")
    p.add_argument("tests")
    p.add_argument("--groups", type=int, default=8)
    p.add_argument("--sheet")
    args = p.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    areas, seen = train.load(args.areas)
    pixels, seen_pixels = evaluate.load(args.pixels)
    print(f"areas {seen} queries, pixels {seen_pixels}")
    ruler, tests, rows, cells = perceptual.Perceptual(), np.load(args.tests), {}, []
    for name in tests.files:
        groups = tests[name][:args.groups]
        found = answers(areas, pixels, groups)
        before, after = (torch.from_numpy(groups[:, 1:, i].astype(np.float32) / 255) for i in (0, 1))
        def seen_as(x):
            with torch.no_grad():
                return ruler(perceptual.over(x.flatten(0, 1), torch.ones(x.shape[0] * x.shape[1], 3), 1))
        wanted = seen_as(after)
        nothing = ruler.distance(seen_as(before), wanted), (before - after).square().mean((2, 3, 4)).flatten()
        for kind, made in found.items():
            own = ruler.distance(seen_as(made), wanted), (made - after).square().mean((2, 3, 4)).flatten()
            numbers = [v for mine, theirs in zip(own, nothing) for v in ((mine.sum() / theirs.sum()).item(), (mine < theirs).float().mean().item())]
            rows.setdefault((name.split(":")[0], kind), []).append(numbers)
        for g in range(min(1, len(groups)) if args.sheet else 0):
            row = [evaluate.shown(groups[g, 0, i] / 255) for i in (0, 1)]
            for q in range(before.shape[1]):
                row += [evaluate.shown(x[g, q]) for x in (before, found["both"], after)]
            cells.append(np.concatenate([np.pad(c, ((1, 1), (1, 1), (0, 0)), constant_values=255) for c in row], 1))
    for (name, kind), numbers in rows.items():
        v = np.mean(numbers, 0)
        print(f"{name:14s} {kind:7s} perceptual {v[0]:.3f} ({v[1]:.0%} better than doing nothing), squared {v[2]:.3f} ({v[3]:.0%})")
    if args.sheet:
        import cv2
        half = (len(cells) + 1) // 2
        cells += [np.zeros_like(cells[0])] * (2 * half - len(cells))
        cv2.imwrite(args.sheet, np.concatenate([np.concatenate(cells[:half]), np.concatenate(cells[half:])], 1)[..., ::-1])


if __name__ == "__main__":
    main()
