"""Restyles that light and shade: gradients, relief, gloss, blur."""
import numpy as np
from PIL import Image, ImageFilter

from raster import blur, edges, erode, grid, ink, luma, premultiplied, shift, unit, with_parts


def gradient(rgba, rng, backdrop):
    _, a = ink(rng, backdrop)
    _, b = ink(rng, backdrop)
    t = np.linspace(0, 1, rgba.shape[0], dtype=np.float32)[:, None, None]
    shade = 0.55 + 0.45 * (luma(rgba) / 255)[..., None]
    return with_parts(rgba, (a * (1 - t) + b * t) * (shade if luma(rgba).max() > 30 else 1)), "gradient fill"


def lit_from(rgba, rng, backdrop):
    """The icon's own colours, brighter towards the light and darker away from it."""
    y, x = grid(rgba)
    name, t = [("above", 1 - y), ("the left", 1 - x), ("the top left", 1 - (x + y) / 2), ("the middle", 1.1 - 1.6 * np.hypot(x - 0.5, y - 0.5))][rng.integers(4)]
    gain = (0.55 + 0.75 * t)[..., None]
    rgb = rgba[..., :3].astype(np.float32)
    return with_parts(rgba, np.minimum(rgb * gain, 255) + np.maximum(gain - 1, 0) * 90), f"lit from {name}"


def soft_volume(rgba, rng, backdrop):
    """Darker towards the silhouette, as on a cushion."""
    inner = blur(rgba[..., 3], float(rng.uniform(7, 12)))[..., None] / 255
    return with_parts(rgba, rgba[..., :3] * (0.35 + 0.75 * inner)), "soft volume"


def rim_light(rgba, rng, backdrop):
    """A bright line inside the side that faces the light."""
    rim = np.clip(rgba[..., 3].astype(np.float32) - shift(rgba[..., 3].astype(np.float32), 3, 3), 0, 255)
    t = (blur(rim, 0.8) / 255 * 0.85)[..., None]
    return with_parts(rgba, rgba[..., :3] * (1 - t) * (1 - 0.15 * (1 - t)) + 255 * t), "rim light"


def relief(rgba, radius):
    """Lambert shading of the blurred coverage seen as a height field, and its highlight; both in 0..1."""
    height = blur(rgba[..., 3], radius) * 0.65 + blur(rgba[..., 3], radius / 2.5) * 0.35
    gy, gx = np.gradient(height / 255 * radius * 2.2 * unit(rgba))
    norm = np.sqrt(gx * gx + gy * gy + 1)
    light = np.clip((0.45 * gx + 0.65 * gy + 0.62) / norm, 0, 1)
    return light, light ** 14


def puffy(rgba, rng, backdrop):
    light, shine = relief(rgba, float(rng.uniform(6, 11)))
    rgb = np.maximum(rgba[..., :3], 25) * (0.45 + 0.85 * light)[..., None] + 110 * shine[..., None]
    return with_parts(rgba, rgb), "puffy 3d shading"


def bevelled(rgba, rng, backdrop):
    light, _ = relief(rgba, 2.5)
    return with_parts(rgba, rgba[..., :3] + (light - 0.62)[..., None] * 210), "bevelled edges"


def embossed(rgba, rng, backdrop):
    """Every colour border becomes a small step: lit on one side, dark on the other."""
    tone = blur(luma(rgba) * (rgba[..., 3] / 255), 1.2)
    slope = (tone - shift(tone, 2, 2))[..., None]
    return with_parts(rgba, rgba[..., :3].astype(np.float32) * 0.85 + 20 + slope * 1.1), "embossed"


def paper_cut(rgba, rng, backdrop):
    """A soft shadow below every colour border, as if colours were layers of paper."""
    shade = np.clip(shift(blur(edges(rgba, 4), 2.2), 2, 1) / 255 * 0.75, 0, 0.6)[..., None]
    return with_parts(rgba, rgba[..., :3] * (1 - shade)), "paper cut layers"


def glossy(rgba, rng, backdrop):
    y, x = grid(rgba)
    shine = np.clip(1 - ((x - 0.35) ** 2 + (y - 0.25) ** 2) * 7, 0, 1)[..., None] * 0.6
    rgb = rgba[..., :3] * (1.08 - 0.35 * y)[..., None]
    return with_parts(rgba, rgb + (255 - rgb) * shine), "glossy shading"


def glass_top(rgba, rng, backdrop):
    """A hard-edged lighter band over the upper half, a little inside the silhouette."""
    y, x = grid(rgba)
    band = (y < 0.48 + 0.06 * np.sin(2 * np.pi * x)) * np.clip(erode(rgba[..., 3].astype(np.float32), 3), 0, 255) / 255 * 0.38
    return with_parts(rgba, rgba[..., :3] * (1 - band[..., None]) + 255 * band[..., None]), "glass button"


def soft_blur(rgba, rng, backdrop):
    soft = Image.fromarray(premultiplied(rgba).astype(np.uint8)).filter(ImageFilter.GaussianBlur(2 * unit(rgba)))
    soft = np.asarray(soft, np.float32)
    return with_parts(rgba, soft[..., :3] / np.maximum(soft[..., 3:] / 255, 0.02), soft[..., 3]), "soft blurred"


LIGHT = (gradient, lit_from, soft_volume, rim_light, puffy, bevelled, embossed, paper_cut, glossy, glass_top, soft_blur)
