"""Restyles that change colours and leave every shape where it is."""
import numpy as np

from raster import ink, luma, with_parts


def greyscale(rgba, rng, backdrop):
    return with_parts(rgba, luma(rgba)[..., None].repeat(3, -1)), "greyscale"


def inverted(rgba, rng, backdrop):
    return with_parts(rgba, 255 - rgba[..., :3].astype(np.float32)), "inverted colors"


def silhouette(rgba, rng, backdrop):
    name, color = ink(rng, backdrop)
    return with_parts(rgba, color), f"{name} silhouette"


def pastel(rgba, rng, backdrop):
    return with_parts(rgba, 255 - (255 - rgba[..., :3].astype(np.float32)) * 0.45), "pastel colors"


def vivid(rgba, rng, backdrop):
    grey = luma(rgba)[..., None]
    return with_parts(rgba, grey + (rgba[..., :3] - grey) * 1.9), "vivid colors"


def muted(rgba, rng, backdrop):
    grey = luma(rgba)[..., None]
    return with_parts(rgba, grey * 0.9 + 12 + (rgba[..., :3] - grey) * 0.4), "muted colors"


def dark_mode(rgba, rng, backdrop):
    return with_parts(rgba, rgba[..., :3].astype(np.float32) * 0.45), "dark shade"


def strong_contrast(rgba, rng, backdrop):
    x = rgba[..., :3].astype(np.float32) / 255
    return with_parts(rgba, 255 / (1 + np.exp(-(x - 0.5) * 12))), "strong contrast"


def faded(rgba, rng, backdrop):
    return with_parts(rgba, rgba[..., :3].astype(np.float32) * 0.45 + 115), "faded colors"


def tinted(rgba, rng, backdrop):
    """Light passed through coloured glass: colours multiply, so hues stay apart."""
    name, gains = [("warm", (1.12, 0.95, 0.68)), ("cool", (0.7, 0.95, 1.15)), ("rosy", (1.12, 0.8, 0.98)), ("mint", (0.75, 1.12, 0.9))][rng.integers(4)]
    return with_parts(rgba, rgba[..., :3] * np.array(gains, np.float32)), f"{name} tint"


def rotated_hue(rgba, rng, backdrop):
    """Turns colours around the grey axis."""
    name, turns = [("a third", 1 / 3), ("half", 1 / 2), ("two thirds", 2 / 3)][rng.integers(3)]
    c, s, third = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns), 1 / 3
    a, b, d = c + (1 - c) * third, third * (1 - c) - np.sqrt(third) * s, third * (1 - c) + np.sqrt(third) * s
    matrix = np.array([[a, b, d], [d, a, b], [b, d, a]], np.float32)
    return with_parts(rgba, rgba[..., :3].astype(np.float32) @ matrix.T), f"hues turned by {name}"


def see_through(rgba, rng, backdrop):
    return with_parts(rgba, alpha=rgba[..., 3].astype(np.float32) * 0.5), "see-through"


def metallic(rgba, rng, backdrop):
    """Bands of reflection: brightness folds twice over height and tone."""
    name, low, high = [("silver", (60, 65, 75), (245, 248, 252)), ("gold", (110, 70, 10), (255, 236, 150)), ("copper", (95, 40, 20), (255, 200, 165))][rng.integers(3)]
    tone = luma(rgba) / 255 * 1.2 + np.linspace(0, 1.1, rgba.shape[0], dtype=np.float32)[:, None]
    t = (0.5 - 0.5 * np.cos(2 * np.pi * tone))[..., None]
    return with_parts(rgba, np.array(low, np.float32) * (1 - t) + np.array(high, np.float32) * t), f"{name} metal"


COLOR = (greyscale, inverted, silhouette, pastel, vivid, muted, dark_mode, strong_contrast, faded, tinted, rotated_hue,
         see_through, metallic)
