"""Draws the fixed held-out tests: TESTS.npz, each entry uint8 [G, 4, 2, SIZE, SIZE, 4], premultiplied.

seen: styles of the kinds trained on, with parameters of their own; unseen:<restyle>: ten restyles never trained on; high contrast and
gradient: flat emoji of held-out names and what the same designers drew; family:<name>: icon families never trained on (UNSEEN is
../render.mjs's folder of sets-unseen.json); photo:<style>: computed styles of photographs that scikit-image ships.
Usage: make_tests.py DATA UNSEEN TESTS.npz [--size 64]
"""
import argparse

import cv2
import numpy as np

from drawing import photo_styles
from drawing import styles
from drawing.groups import Generator
from drawing.pictures import Store


def designers(generator, held, other, rng, count):
    """Groups of held-out flat emoji and the same names in another set."""
    by_set = {}
    for i, m in enumerate(held.meta):
        by_set.setdefault(m["set"], {})[m["name"]] = i
    both = sorted(set(by_set["fluent-emoji-flat"]) & set(by_set[other]))
    out = []
    for _ in range(count):
        names = [both[i] for i in rng.choice(len(both), generator.count * 4, replace=False)]
        ids, second = ([by_set[s][n] for n in names] for s in ("fluent-emoji-flat", other))
        out.append(generator.drawings(rng, other, ids, second, held, clear=0.3)[0])
    return np.stack(out)


def families(generator, store, rng, count):
    """{name: groups} of families never trained on, from lines to solids and back."""
    out = {}
    for pairs in store.families:
        a, b = (store.meta[i] for i in pairs[0])
        groups = []
        for _ in range(count):
            chosen = [pairs[i] for i in rng.choice(len(pairs), generator.count * 4, replace=False)]
            groups.append(generator.drawings(rng, "test", [p[0] for p in chosen], [p[1] for p in chosen], store, clear=0.3)[0])
        out[f"family:{a['style']} to {b['style']}"] = np.stack(groups)
    return out


def photographs(rng, size, count):
    """{name: groups}: four different photographs in every group."""
    pictures, out = photo_styles.photographs(), {}
    for style in photo_styles.STYLES:
        groups = []
        for _ in range(count):
            group = []
            for i in rng.choice(len(pictures), 4, replace=False):
                h, w = pictures[i].shape[:2]
                side = int(min(h, w) * rng.uniform(0.6, 1))
                y, x = rng.integers(h - side + 1), rng.integers(w - side + 1)
                before = cv2.resize(pictures[i][y:y + side, x:x + side], (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
                both = np.stack([before, np.clip(style(before), 0, 1)])
                group.append(np.concatenate([both, np.ones_like(both[..., :1])], -1))
            groups.append(np.stack(group))
        out[f"photo:{style.__name__}"] = (np.stack(groups) * 255 + 0.5).astype(np.uint8)
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data")
    p.add_argument("unseen")
    p.add_argument("out")
    p.add_argument("--size", type=int, default=64)
    args = p.parse_args()
    store, held = Store([args.data]), Store([args.data], "heldout")
    generator = Generator(store, args.size, side=128)
    rng = np.random.default_rng(990)
    tests = {"high contrast": designers(generator, held, "fluent-emoji-high-contrast", rng, 48),
             "gradient": designers(generator, held, "fluent-emoji", rng, 48)}
    tests["seen"] = np.stack([generator(rng)[0] for _ in range(96)])
    for function in styles.UNSEEN:
        tests[f"unseen:{function.__name__}"] = np.stack([generator.drawings(rng, function.__name__, style=styles.restyle(function, rng), clear=0.3)[0] for _ in range(12)])
    tests.update(families(generator, Store([args.unseen]), rng, 6))
    tests.update(photographs(rng, args.size, 6))
    np.savez(args.out, **tests)


if __name__ == "__main__":
    main()
