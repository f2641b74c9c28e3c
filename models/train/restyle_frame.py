"""Restyles of a whole frame, ground and all. Signature: f(rgb float32 [H, W, 3] in 0..255, rng) -> (rgb, phrase).

Ramps from brightness to two inks are left out: the pair benchmark has them (duotone, blueprint).
"""
import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def night(rgb, rng):
    """Light and dark change places, hues stay."""
    tone = (rgb @ LUMA)[..., None]
    return 255 - tone + (rgb - tone), "night mode"


def negative(rgb, rng):
    return 255 - rgb, "photo negative"


def under_light(rgb, rng):
    name, gains = [("red", (1.0, 0.45, 0.45)), ("green", (0.5, 1.0, 0.55)), ("blue", (0.45, 0.6, 1.0)), ("amber", (1.0, 0.8, 0.35)), ("violet", (0.8, 0.5, 1.0))][rng.integers(5)]
    return rgb * np.array(gains, np.float32), f"under {name} light"


def in_fog(rgb, rng):
    name, color = [("white", (245, 245, 245)), ("blue", (150, 180, 220)), ("pink", (240, 190, 205)), ("dark", (40, 40, 50))][rng.integers(4)]
    return rgb * 0.45 + np.array(color, np.float32) * 0.55, f"in {name} fog"


def swapped(rgb, rng):
    name, order = [("red and blue", (2, 1, 0)), ("red and green", (1, 0, 2)), ("green and blue", (0, 2, 1)), ("all turned", (1, 2, 0))][rng.integers(4)]
    return rgb[..., order], f"swapped colors, {name}"


def harsh(rgb, rng):
    return 255 / (1 + np.exp(-(rgb / 255 - 0.5) * 14)), "harsh print"


def vignette(rgb, rng):
    side = rgb.shape[0]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    return rgb * np.clip(1.15 - 2 * (x * x + y * y), 0, 1)[..., None], "dark corners"


FRAME = (night, negative, under_light, in_fog, swapped, harsh, vignette)
