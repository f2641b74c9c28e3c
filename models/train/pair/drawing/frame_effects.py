"""Effects on a whole picture, background and all: each maker draws its parameters once and returns f(picture) -> picture."""
import numpy as np

from . import palette
from .effects import affine_map, blurred, channel_mix, curves, grade, gradient_map, levels, snap, with_rgb


def frame_effect(rng):
    """An effect on a whole picture, background and all: (f, name)."""
    makers = (affine_map, grade, grade, curves, curves, channel_mix, gradient_map, snap, levels, blurred, vignette, fog)
    maker = makers[rng.integers(len(makers))]
    return maker(rng), f"frame {maker.__name__}"


def vignette(rng):
    k, c, power = rng.uniform(0.3, 1), palette.color(rng) * (rng.random() < 0.4), rng.choice([1.0, 2.0])
    def f(x):
        h, w = x.shape[:2]
        y, xx = np.mgrid[0:h, 0:w].astype(np.float32)
        t = (np.clip(np.hypot(y / h - 0.5, xx / w - 0.5) * 1.4, 0, 1) ** (2 * power) * k)[..., None]
        return with_rgb(x, x[..., :3] * (1 - t) + c * t)
    return f


def fog(rng):
    c, k, ramp = palette.color(rng), rng.uniform(0.2, 0.7), rng.random() < 0.5
    angle = rng.uniform(0, 2 * np.pi)
    def f(x):
        h, w = x.shape[:2]
        y, xx = np.mgrid[0:h, 0:w].astype(np.float32)
        t = np.clip((y / h - 0.5) * np.sin(angle) + (xx / w - 0.5) * np.cos(angle) + 0.5, 0, 1)[..., None] * k if ramp else k
        return with_rgb(x, x[..., :3] * (1 - t) + c * t)
    return f
