"""The pictures: rendered icon sets, their families, and where they lie in a frame."""
import pathlib
import sys
from collections import defaultdict

import cv2
import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
from . import palette
from augment import Icons
from .layers import LUMA


class Store:
    """Rendered icons (../render.mjs) of one or more folders; `families` lists pairs of drawings of the same things."""

    def __init__(self, folders, stem="icons"):
        self.parts = [Icons(folder, stem) for folder in folders]
        self.meta = [m for part in self.parts for m in part.meta]
        self.starts = np.cumsum([0] + [len(p) for p in self.parts])
        self.mono = np.array([bool(m.get("mono")) for m in self.meta])
        self.colored = np.flatnonzero(~self.mono)
        groups = defaultdict(lambda: defaultdict(dict))
        for i, m in enumerate(self.meta):
            if m.get("family"):
                groups[m["family"]][m["style"]][m["name"]] = i
        self.families, self.shadings = [], []  # lists of (i, j); shadings: one is the other without its gradients
        for family, styles in groups.items():
            for a in styles:
                for b in styles:
                    both = sorted(set(styles[a]) & set(styles[b])) if a != b else []
                    if len(both) >= 20:
                        pairs = [(styles[a][n], styles[b][n]) for n in both]
                        (self.shadings if family.endswith("-shading") else self.families).append(pairs)

    def __len__(self):
        return len(self.meta)

    def raw(self, i):
        """Straight RGBA uint8 [side, side, 4]."""
        part = int(np.searchsorted(self.starts, i, "right")) - 1
        return self.parts[part].pixels[i - self.starts[part]]

    def layer(self, i, ink, side):
        """Straight RGBA float32 [side, side, 4]; drawings in one colour take the ink."""
        x = self.raw(i)
        if len(x) != side:
            p = x.astype(np.float32)
            p[..., :3] *= p[..., 3:] / 255
            p = cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA)
            p[..., :3] *= 255 / np.maximum(p[..., 3:], 1e-3)
            x = np.clip(p, 0, 255)
        x = x.astype(np.float32) * (1 / 255)
        if self.mono[i]:
            x[..., :3] = ink
        return x


class Layout:
    """Where the layers of a scene lie: places in a frame of any side, the same before and after."""

    def __init__(self, rng, count=1):
        self.places = []
        cells = [(0.5, 0.5, 1.0)] if count == 1 else [((i % 2) * 0.5 + 0.25, (i // 2) * 0.5 + 0.25, 0.52) for i in rng.permutation(4)[:count]]
        for cx, cy, reach in cells:
            u = rng.random()
            size = reach * (1.0 if u < 0.2 else rng.uniform(0.72, 0.98) if u < 0.85 else rng.uniform(0.42, 0.72))
            slack = (reach - size) / 2
            self.places.append((cx + np.clip(rng.normal(0, 0.5), -1, 1) * slack, cy + np.clip(rng.normal(0, 0.5), -1, 1) * slack, size, rng.random() < 0.4))

    def place(self, k, layer, side):
        """The layer where it lies in an empty frame: straight RGBA float32 [side, side, 4]."""
        cx, cy, size, mirrored = self.places[k]
        if mirrored:
            layer = layer[:, ::-1]
        n = len(layer)
        s = size * side / n
        x0, y0 = round((cx - size / 2) * side), round((cy - size / 2) * side)
        w = max(int(round(size * side)), 4)
        if w == n == side and x0 == 0 and y0 == 0:
            return np.ascontiguousarray(layer)
        p = layer.copy()
        p[..., :3] *= p[..., 3:]
        small = p if w == n else cv2.resize(p, (w, w), interpolation=cv2.INTER_AREA if s < 1 else cv2.INTER_LINEAR)
        out = np.zeros((side, side, 4), np.float32)
        ya, xa, yb, xb = max(y0, 0), max(x0, 0), min(y0 + w, side), min(x0 + w, side)
        out[ya:yb, xa:xb] = small[ya - y0:yb - y0, xa - x0:xb - x0]
        out[..., :3] /= np.maximum(out[..., 3:], 1e-4)
        return np.minimum(out, 1)


def clouds(rng, side):
    """A procedural picture with continuous colours, for styles of photographs: smooth noise at several scales, and edges."""
    y = sum(cv2.resize(rng.normal(size=(n, n)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC) / n ** 0.8 for n in (3, 6, 12, 24, 48))
    z = sum(cv2.resize(rng.normal(size=(n, n)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC) / n ** 0.8 for n in (3, 6, 12))
    stops = np.stack([palette.color(rng) for _ in range(4)])
    t = 1 / (1 + np.exp(-3 * y / y.std()))
    u = 1 / (1 + np.exp(-rng.choice([2.0, 20.0]) * z / z.std()))
    t, u = t[..., None], u[..., None]
    rgb = (stops[0] * (1 - t) + stops[1] * t) * (1 - u) + (stops[2] * (1 - t) + stops[3] * t) * u
    return np.concatenate([rgb, np.ones((side, side, 1))], -1).astype(np.float32)


def ink_for(rng, backdrop):
    """The colour of one-colour drawings on a backdrop."""
    if float(backdrop @ LUMA) > 0.45 and rng.random() < 0.5:
        return np.zeros(3, np.float32)
    return palette.apart(rng, backdrop)


class Photos:
    """Photographs: `photos.npy` of a folder, uint8 [N, side, side, 3], cut by photos.py."""

    def __init__(self, folder):
        self.pixels = np.load(f"{folder}/photos.npy", mmap_mode="r")

    def crop(self, rng, side):
        """A random square, mirrored or not, as an opaque layer float32 [side, side, 4]."""
        x = self.pixels[rng.integers(len(self.pixels))]
        n = len(x)
        w = int(rng.uniform(min(side, n), n + 1)) if n > side else n
        y0, x0 = rng.integers(n - w + 1), rng.integers(n - w + 1)
        x = cv2.resize(np.ascontiguousarray(x[y0:y0 + w, x0:x0 + w]), (side, side), interpolation=cv2.INTER_AREA)
        if rng.random() < 0.5:
            x = x[:, ::-1]
        return np.concatenate([x.astype(np.float32) / 255, np.ones((side, side, 1), np.float32)], -1)
