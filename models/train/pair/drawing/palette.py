"""Random colours and where an effect takes its colour from."""
import colorsys

import numpy as np

from .layers import LUMA, luma


def color(rng):
    """One colour, float32 [3]: black, white, greys, inks, pastels, anything."""
    u = rng.random()
    if u < 0.12:
        return np.full(3, rng.uniform(0, 0.15), np.float32)
    if u < 0.24:
        return np.full(3, rng.uniform(0.9, 1), np.float32)
    if u < 0.28:
        return np.full(3, rng.random(), np.float32)
    if u < 0.5:
        return rng.random(3).astype(np.float32)
    s, v = (rng.uniform(0.6, 1), rng.uniform(0.5, 1)) if u < 0.75 else (rng.uniform(0.1, 0.4), rng.uniform(0.8, 1)) if u < 0.9 else (rng.uniform(0.5, 1), rng.uniform(0.1, 0.4))
    return np.array(colorsys.hsv_to_rgb(rng.random(), s, v), np.float32)


def apart(rng, other, least=0.25):
    """A colour whose brightness differs from another's."""
    for _ in range(8):
        c = color(rng)
        if abs(float(c @ LUMA) - float(other[:3] @ LUMA)) > least:
            return c
    return np.zeros(3, np.float32) if float(other[:3] @ LUMA) > 0.5 else np.ones(3, np.float32)


def source(rng):
    """Where an effect's colour comes from: f(rgb [..., 3]) -> rgb. The same parameters for every picture of a group."""
    u = rng.random()
    if u < 0.5:
        c = color(rng) if rng.random() < 0.6 else np.full(3, float(rng.random() < 0.5), np.float32)
        return lambda rgb: np.broadcast_to(c, rgb.shape)
    if u < 0.62:
        k = rng.uniform(0.2, 0.75)
        return lambda rgb: rgb * k
    if u < 0.74:
        k = rng.uniform(0.25, 0.8)
        return lambda rgb: 1 - (1 - rgb) * k
    if u < 0.8:
        k = rng.uniform(1.3, 2.6)
        return lambda rgb: luma(rgb)[..., None] + (rgb - luma(rgb)[..., None]) * k
    if u < 0.86:
        return lambda rgb: np.broadcast_to(luma(rgb)[..., None], rgb.shape)
    if u < 0.91:
        return lambda rgb: 1 - rgb
    matrix, offset = affine(rng)
    return lambda rgb: rgb @ matrix + offset


def tint(rng, light):
    """A version of any colour: its hue turned a little, its saturation changed, and mixed with white or darkened. f(rgb) -> rgb."""
    turn, saturation = rng.normal(0, 0.45), rng.uniform(0.75, 1.5)
    grey, third = np.full((3, 3), 1 / 3), 1 / np.sqrt(3)
    across = third * np.array([[0, 1, -1], [-1, 0, 1], [1, -1, 0]])  # for row vectors
    matrix = (grey + saturation * (np.cos(turn) * (np.eye(3) - grey) + np.sin(turn) * across)).astype(np.float32)
    k = rng.uniform(0.4, 1)
    return (lambda rgb: 1 - (1 - rgb @ matrix) * k) if light else (lambda rgb: (rgb @ matrix) * k)


def affine(rng, strength=1.0):
    """A random affine colour map: (matrix [3, 3] for row vectors, offset [3])."""
    matrix = np.eye(3) * rng.uniform(0.2, 1.1) + rng.normal(0, 0.25 * strength, (3, 3))
    grey = rng.uniform(-0.2, 0.7)
    matrix = matrix * (1 - max(grey, 0)) + np.outer(LUMA, np.ones(3)) * max(grey, 0)
    return matrix.astype(np.float32), rng.uniform(-0.25, 0.3, 3).astype(np.float32)


def blend(rng):
    """How an effect's colour joins the colour below: f(below, above) -> rgb."""
    u = rng.random()
    if u < 0.55:
        return lambda a, b: b
    if u < 0.68:
        return lambda a, b: a * b
    if u < 0.8:
        return lambda a, b: 1 - (1 - a) * (1 - b)
    if u < 0.9:  # soft light (Pegtop)
        return lambda a, b: (1 - 2 * b) * a * a + 2 * b * a
    if u < 0.95:
        return lambda a, b: a + b * 0.6
    return lambda a, b: np.abs(a - b)
