"""Icon frames as a designer would lay them out: background, place, scale, colour, and procedural restyles.

Everything is numpy + Pillow and takes a numpy Generator, so a frame is a pure function of (icons, rng).
"""
import json
import numpy as np
from PIL import Image

from restyle import choose, restyled

COLORS = {
    "black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128), "red": (220, 38, 38), "orange": (249, 115, 22),
    "yellow": (250, 204, 21), "green": (34, 160, 80), "teal": (20, 160, 150), "blue": (37, 99, 235), "navy": (23, 37, 90),
    "purple": (126, 58, 200), "pink": (236, 72, 153), "brown": (120, 72, 40), "cyan": (34, 200, 230),
}


class Icons:
    """The rendered dataset: `pixels[i]` is RGBA [side, side, 4] uint8; `meta[i]` has name, set, style, mono."""

    def __init__(self, folder, stem="icons"):
        listing = json.load(open(f"{folder}/{stem}.json"))
        self.meta, self.side = listing["icons"], listing["side"]
        self.pixels = np.memmap(f"{folder}/{stem}.rgba", dtype=np.uint8, mode="r").reshape(-1, self.side, self.side, 4)
        assert len(self.meta) == len(self.pixels)

    def __len__(self):
        return len(self.meta)


def named_color(rng, not_near=None):
    """A jittered named colour, optionally far in luminance from another one. Returns (name, rgb)."""
    names = list(COLORS)
    for _ in range(20):
        name = names[rng.integers(len(names))]
        rgb = np.clip(np.array(COLORS[name]) + rng.integers(-12, 13, 3), 0, 255)
        if not_near is None or abs(luminance(rgb) - luminance(not_near)) > 70:
            return name, rgb
    return ("white", np.array(COLORS["white"])) if luminance(not_near) < 128 else ("black", np.array(COLORS["black"]))


def luminance(rgb):
    return float(np.dot(np.asarray(rgb, np.float32)[:3], (0.299, 0.587, 0.114)))


def background(rng, side):
    """(phrase or '', [side, side, 3] float32, mean rgb)."""
    u = rng.random()
    if u < 0.45:
        name, rgb = "", np.array([255, 255, 255])
    elif u < 0.57:
        name, rgb = "light grey", np.full(3, rng.integers(225, 250))
    elif u < 0.65:
        name, rgb = "black", np.full(3, rng.integers(0, 30))
    elif u < 0.85:
        name, rgb = named_color(rng)
    else:
        name, rgb = "", rng.integers(0, 256, 3)
        if rng.random() < 0.7:  # pastel, as frames usually are
            rgb = 255 - (255 - rgb) // 4
    flat = np.broadcast_to(rgb.astype(np.float32), (side, side, 3))
    if u >= 0.57 and rng.random() < 0.15:
        end = np.clip(rgb + rng.integers(-70, 71, 3), 0, 255).astype(np.float32)
        ramp = np.linspace(0, 1, side, dtype=np.float32)
        ramp = ramp[:, None, None] if rng.random() < 0.5 else ramp[None, :, None]
        flat = flat * (1 - ramp) + end * ramp
        name = ""
    return (f"on {name}" if name else ""), np.array(flat), rgb


def paste(canvas, rgba, box):
    """Alpha-composites `rgba` into the square box (x, y, side) of the canvas, in place."""
    x, y, side = box
    if side != len(rgba):
        premultiplied = rgba.astype(np.float32)
        premultiplied[..., :3] *= premultiplied[..., 3:] / 255
        small = Image.fromarray(np.clip(premultiplied + 0.5, 0, 255).astype(np.uint8)).resize((side, side), Image.BOX if side * 2 < len(rgba) else Image.BICUBIC)
        rgba = np.asarray(small, dtype=np.float32)
        rgb, alpha = rgba[..., :3], rgba[..., 3:] / 255
    else:
        rgba = rgba.astype(np.float32)
        alpha = rgba[..., 3:] / 255
        rgb = rgba[..., :3] * alpha
    view = canvas[y:y + side, x:x + side]
    view *= 1 - alpha
    view += rgb


def trim(rgba):
    """Crops to the visible square (centred), so that scale means how much of the frame is filled."""
    alpha, whole = rgba[..., 3], len(rgba)
    ys, xs = np.flatnonzero(alpha.max(1) > 8), np.flatnonzero(alpha.max(0) > 8)
    if not len(ys):
        return rgba
    side = max(ys[-1] - ys[0], xs[-1] - xs[0]) + 1
    if not 0.2 * whole < side < 0.92 * whole:
        return rgba
    cy, cx = (ys[0] + ys[-1] + 1) // 2, (xs[0] + xs[-1] + 1) // 2
    y, x = np.clip(cy - side // 2, 0, whole - side), np.clip(cx - side // 2, 0, whole - side)
    return np.asarray(Image.fromarray(rgba[y:y + side, x:x + side]).resize((whole, whole), Image.BICUBIC))


def drawn(icons, index, rng, backdrop, restyles):
    """One icon with its colour and restyles, if any. Returns (rgba uint8, subject, style phrase)."""
    meta = icons.meta[index]
    rgba = np.array(icons.pixels[index])
    subject, style = meta["name"], meta["style"]
    if meta["mono"]:
        if luminance(backdrop) < 90 or rng.random() < 0.6:
            name, rgb = named_color(rng, backdrop)
            rgba[..., :3] = rgb
            if name != "black" and rng.random() < 0.8:
                style = f"{name} {style}"
    elif rng.random() < 0.04:  # hue change
        order = rng.permutation(3)
        rgba[..., :3] = rgba[..., :3][..., order]
        style = f"recolored {style}" if tuple(order) != (0, 1, 2) else style
    if rng.random() < 0.25:
        rgba = trim(rgba)
    if rng.random() < 0.5:
        rgba = np.ascontiguousarray(rgba[:, ::-1])
    if restyles:
        rgba, phrase = restyled(rgba, rng, backdrop, restyles)
        style = phrase if rng.random() < 0.5 else f"{style}, {phrase}"
    return rgba, subject, style


def frame(icons, index, rng, restyle_share=0.45):
    """One augmented frame: (rgb uint8 [side, side, 3], {subject, style, place})."""
    whole = icons.side
    place, canvas, backdrop = background(rng, whole)
    restyles = choose(rng, restyle_share)
    if rng.random() < 0.06:  # several icons of one style
        same = [j for j in (index + rng.integers(-40, 41, 12)) % len(icons) if icons.meta[j]["style"] == icons.meta[index]["style"]]
        members = [index] + same[: rng.integers(1, 4)]
        cells = [(0, 0), (1, 1)] if len(members) == 2 else [(0, 0), (1, 0), (0, 1), (1, 1)]
        subjects, cell_side = [], whole // 2
        for cell, member in zip(cells, members):
            rgba, subject, style = drawn(icons, member, rng, backdrop, restyles)
            side = int(cell_side * rng.uniform(0.78, 0.98))
            paste(canvas, rgba, (cell[0] * cell_side + (cell_side - side) // 2, cell[1] * cell_side + (cell_side - side) // 2, side))
            subjects.append(subject)
        subject = " and ".join(subjects)
    else:
        rgba, subject, style = drawn(icons, index, rng, backdrop, restyles)
        u = rng.random()
        side = whole if u < 0.35 else int(whole * rng.uniform(0.75, 0.97)) if u < 0.87 else int(whole * rng.uniform(0.44, 0.75))
        x, y = (int(np.clip((whole - side) / 2 * (1 + rng.normal() * 0.5), 0, whole - side)) for _ in range(2))
        paste(canvas, rgba, (x, y, side))
    if rng.random() < 0.5:
        place = ""
    return np.clip(canvas + 0.5, 0, 255).astype(np.uint8), {"subject": subject, "style": style, "place": place}
