"""A style: a random composition of effects, restyles of ../restyle.py and changes of background, drawn afresh every time."""
import pathlib
import sys

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))
from . import effects
from . import frame_effects
from . import palette
from restyle import RESTYLES
from restyle_frame import FRAME

HELD_OUT = ("thick_outline", "striped", "badge", "gradient", "glossy", "embossed", "rotated_hue", "metallic", "lined_fill", "soft_volume")
"""Whole restyles that are never trained on: the test of unseen kinds."""
UNSEEN = [f for f in RESTYLES if f.__name__ in HELD_OUT]
PLAIN = [f for f in RESTYLES if f.__name__ not in HELD_OUT]
assert len(UNSEEN) == len(HELD_OUT)


def restyle(function, rng):
    """One of ../restyle.py's restyles with fixed parameters, on float layers: f(layer, backdrop rgb) -> layer."""
    seed = int(rng.integers(1 << 31))
    def f(x, backdrop):
        out, _ = function((np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8), np.random.default_rng(seed), backdrop * 255)
        return out.astype(np.float32) / 255
    return f


def layer_style(rng):
    """One to three effects or restyles on a layer: (f(layer, backdrop) -> layer, names)."""
    parts, names = [], []
    if rng.random() < 0.3:
        function = PLAIN[rng.integers(len(PLAIN))]
        parts.append(restyle(function, rng))
        names.append(function.__name__)
    count = rng.choice([1, 2, 3], p=[0.5, 0.35, 0.15]) if not parts else rng.choice([0, 1], p=[0.7, 0.3])
    for _ in range(count):
        f, name = effects.effect(rng)
        parts.append(lambda x, backdrop, f=f: f(x))
        names.append(name)
    def style(x, backdrop):
        for part in parts:
            x = part(x, backdrop)
        return x
    return style, names


def frame_style(rng):
    """An effect on the whole picture: (f(picture) -> picture, name)."""
    if rng.random() < 0.2:
        allowed = [f for f in FRAME if f.__name__ not in ("under_light", "swapped")]
        function, seed = allowed[rng.integers(len(allowed))], int(rng.integers(1 << 31))
        def f(x):
            rgb, _ = function(x[..., :3] * 255, np.random.default_rng(seed))
            return effects.with_rgb(x, rgb / 255)
        return f, function.__name__
    return frame_effects.frame_effect(rng)


def background(rng, share_clear=0.4):
    """What lies behind: (f(shape) -> straight RGBA [H, W, 4] or None, mean rgb). Nothing, one colour, or a gradient."""
    u = rng.random()
    if u < share_clear:
        return (lambda shape: None), np.ones(3, np.float32)
    v = rng.random()
    c = np.ones(3, np.float32) if v < 0.35 else np.full(3, rng.uniform(0.85, 0.98), np.float32) if v < 0.5 else palette.color(rng)
    if rng.random() > 0.12:
        return (lambda shape: np.broadcast_to(np.append(c, 1).astype(np.float32), shape + (4,))), c
    d, angle = palette.color(rng), rng.uniform(0, 2 * np.pi)
    def f(shape):
        h, w = shape
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        t = np.clip((y / h - 0.5) * np.sin(angle) + (x / w - 0.5) * np.cos(angle) + 0.5, 0, 1)[..., None]
        return np.concatenate([c * (1 - t) + d * t, np.ones((h, w, 1), np.float32)], -1)
    return f, (c + d) / 2
