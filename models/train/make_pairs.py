"""Draws one thing two ways on one layout: shards as make_pool.py's, where frame 2k + 1 is frame 2k in another style.

What changes is one of: a procedural restyle of the icon (sometimes of an icon already restyled), the theme (the same
drawing by the same designers in another weight or fill), the whole frame, the ground it lies on; or two of these.
Usage: make_pairs.py DATA POOL --shards 0:20 [--size 4000]
"""
from collections import defaultdict
from functools import cache

import numpy as np

from augment import background, luminance, named_color, paste
from make_pool import arguments, write_shards
from restyle import RESTYLES, restyled
from restyle_frame import FRAME


@cache
def themes(icons):
    """Icon number -> numbers of the same drawing in other themes."""
    groups = defaultdict(list)
    for i, meta in enumerate(icons.meta):
        if meta.get("family"):
            groups[meta["family"], meta["name"]].append(i)
    return {i: [j for j in group if j != i] for group in groups.values() for i in group}


def some_restyle(rng):
    return RESTYLES[rng.integers(len(RESTYLES))]


class Layout:
    """Where an icon lies in its frame, and how it is turned; the same for both frames of a pair."""

    def __init__(self, rng, side):
        u = rng.random()
        self.side = side if u < 0.35 else int(side * rng.uniform(0.75, 0.97)) if u < 0.87 else int(side * rng.uniform(0.44, 0.75))
        self.x, self.y = (int(np.clip((side - self.side) / 2 * (1 + rng.normal() * 0.5), 0, side - self.side)) for _ in range(2))
        self.mirrored = rng.random() < 0.5

    def lay(self, ground, rgba):
        canvas = np.array(ground)
        paste(canvas, rgba[:, ::-1] if self.mirrored else rgba, (self.x, self.y, self.side))
        return canvas


def pair(icons, index, rng, others):
    """([2, side, side, 3] uint8, captions of both)."""
    meta, layout = icons.meta[index], Layout(rng, icons.side)
    _, ground, backdrop = background(rng, icons.side)
    ink_name, ink = ("black", np.zeros(3)) if luminance(backdrop) > 120 and rng.random() < 0.4 else named_color(rng, backdrop)

    def icon(i):
        rgba = np.array(icons.pixels[i])
        if icons.meta[i]["mono"]:
            rgba[..., :3] = ink
        return rgba

    first, second, style, phrase = icon(index), icon(index), meta["style"], ""
    u = rng.random()
    if others.get(index) and u < 0.7:
        j = others[index][rng.integers(len(others[index]))]
        second, phrase = icon(j), icons.meta[j]["style"]
        if icons.meta[j]["mono"] and not meta["mono"]:
            phrase += f", {ink_name} ink"
    elif u < 0.75:
        if rng.random() < 0.2:
            first, added = restyled(first, rng, backdrop, (some_restyle(rng),))
            second, style = np.array(first), f"{style}, {added}"
        second, phrase = restyled(second, rng, backdrop, (some_restyle(rng),))
    after_ground, phrases = ground, [phrase] if phrase else []
    v = rng.random()
    if not phrases or v < 0.12:
        if rng.random() < 0.35:  # the ground alone is another
            name, rgb = named_color(rng, backdrop)
            after_ground = np.broadcast_to(rgb.astype(np.float32), ground.shape)
            if meta["mono"] and abs(luminance(rgb) - luminance(ink)) < 80:
                light = luminance(rgb) < 128
                second = np.array(second)
                second[..., :3] = 250 if light else 15
                phrases.append("white ink" if light else "black ink")
            phrases.append(f"ground turned {name}")
        else:
            v = 1
    before, after = layout.lay(ground, first), layout.lay(after_ground, second)
    if v == 1 or (phrases and rng.random() < 0.08):
        after, added = FRAME[rng.integers(len(FRAME))](after, rng)
        phrases.append(added)
    frames = np.clip(np.stack([before, after]) + 0.5, 0, 255).astype(np.uint8)
    return frames, [{"subject": meta["name"], "style": s, "place": ""} for s in (style, ", ".join(phrases))]


def draw(icons, index, rng):
    return pair(icons, index, rng, themes(icons))


if __name__ == "__main__":
    write_shards(arguments(__doc__), 11, draw)
