"""Restyles that draw: outlines, borders, fills with a pattern, plates to lie on."""
import numpy as np

from raster import centred, dilate, edges, erode, grid, ink, luma, shift, blur, under, unit, with_parts


def thick_outline(rgba, rng, backdrop):
    name, color = ink(rng, backdrop)
    return under(rgba, color, dilate(rgba[..., 3], 3)), f"thick {name} outline"


def sticker(rgba, rng, backdrop):
    border = dilate(rgba[..., 3], 4)
    return under(under(rgba, (255, 255, 255), border), (0, 0, 0), shift(blur(border, 3), 3, 0) * 0.4), "white border sticker"


def hollow(rgba, rng, backdrop):
    """A ring of ink along the silhouette around paper white; nothing else is drawn inside."""
    name, color = ink(rng, backdrop)
    inside = np.clip(erode(rgba[..., 3].astype(np.float32), 4), 0, 255)[..., None] / 255
    return with_parts(rgba, color * (1 - inside) + 255 * inside), f"hollow {name} shape"


def lined_fill(rgba, rng, backdrop):
    """The silhouette filled with ink, its inner borders left as light lines."""
    name, color = ink(rng, backdrop)
    inner = np.clip(edges(rgba, 7) - (255 - erode(rgba[..., 3].astype(np.float32), 2.5)), 0, 255)[..., None] / 255
    light = 255 if color.mean() < 140 else 20
    return with_parts(rgba, color * (1 - inner) + light * inner), f"{name} fill with thin gaps"


def bright_parts(rgba, rng, backdrop):
    """Dark parts in ink, light parts cut out to white: a two-level print in the icon's own shapes."""
    name, color = ink(rng, backdrop)
    seen = rgba[..., 3] > 128
    tone = luma(rgba)
    middle = np.median(tone[seen]) if seen.any() else 128
    light = np.clip((tone - middle - 8) * 0.1, 0, 1)[..., None]
    light = light * np.clip(erode(rgba[..., 3].astype(np.float32), 2), 0, 255)[..., None] / 255
    return with_parts(rgba, color * (1 - light) + 255 * light), f"{name} and white print"


def white_inner_line(rgba, rng, backdrop):
    a = rgba[..., 3].astype(np.float32)
    line = np.clip(erode(a, 2.5) - erode(a, 5), 0, 255)[..., None] / 255
    return with_parts(rgba, rgba[..., :3] * (1 - line) + 255 * line), "white inner line"


def striped(rgba, rng, backdrop):
    """Broad diagonal bands, every other one lighter."""
    y, x = grid(rgba)
    bands = np.clip(np.sin((x + y) * 2 * np.pi * float(rng.choice([5, 7, 9]))) * 8 * unit(rgba), -1, 1)[..., None] * 0.5 + 0.5
    rgb = rgba[..., :3].astype(np.float32)
    return with_parts(rgba, rgb + (255 - rgb) * bands * 0.5), "striped fill"


def bolder(rgba, rng, backdrop):
    """The silhouette grown in a darker shade of the icon's mean colour."""
    weight = rgba[..., 3:].astype(np.float32)
    mean = (rgba[..., :3] * weight).sum((0, 1)) / max(weight.sum(), 1)
    return under(rgba, mean * 0.6, dilate(rgba[..., 3], 3.5)), "dark border of its own color"


def badge(rgba, rng, backdrop):
    """The icon, smaller, on a coloured disc or rounded square."""
    name, color = ink(rng, backdrop)
    height, width = rgba.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = np.abs(y - height / 2 + 0.5), np.abs(x - width / 2 + 0.5)
    if rng.random() < 0.5:
        shape, distance = "disc", height / 2 - 2 - np.hypot(y, x)
    else:
        corner = height * 0.22
        shape = "rounded tile"
        distance = corner - np.hypot(np.maximum(y - height / 2 + 2 + corner, 0), np.maximum(x - width / 2 + 2 + corner, 0))
    plate = np.clip(distance * 255, 0, 255)
    top = centred(rgba, 0.62)
    seen = rgba[..., 3] > 128
    if seen.any() and luma(rgba)[seen].std() < 4:  # one flat tone: make it stand out
        top[..., :3] = (255 if color.mean() < 140 else 20) * top[..., 3:] / 255
    return with_parts(rgba, top[..., :3] + color * (1 - top[..., 3:] / 255), plate), f"on a {name} {shape}"


SHAPE = (thick_outline, sticker, hollow, lined_fill, bright_parts, white_inner_line, striped, bolder, badge)
