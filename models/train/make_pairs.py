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

REPAINT = 0.35
"""Share of the pairs whose drawing lies on another ground afterwards."""


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

    def icon(i, ink):
        rgba = np.array(icons.pixels[i])
        if icons.meta[i]["mono"]:
            rgba[..., :3] = ink
        return rgba

    u, v = rng.random(), rng.random()
    themed, kept = bool(others.get(index)) and u < 0.7, u >= 0.75
    other = others[index][rng.integers(len(others[index]))] if themed else index
    after_ground, after_backdrop, after_ink, phrases = ground, backdrop, ink, []
    framed = v >= REPAINT and (kept or rng.random() < 0.12)
    if v < REPAINT:  # another ground
        name, after_backdrop = named_color(rng, backdrop)
        after_ground = np.broadcast_to(after_backdrop.astype(np.float32), ground.shape)
        phrases.append(f"ground turned {name}")
        if icons.meta[other]["mono"] and abs(luminance(after_backdrop) - luminance(ink)) < 80:
            ink_name, after_ink = ("white", np.full(3, 250)) if luminance(after_backdrop) < 128 else ("black", np.full(3, 15))
            phrases.insert(0, f"{ink_name} ink")
    first, second, style = icon(index, ink), icon(other, after_ink), meta["style"]
    if themed:
        phrase = icons.meta[other]["style"]
        inked = icons.meta[other]["mono"] and not meta["mono"] and after_ink is ink
        phrases.insert(0, f"{phrase}, {ink_name} ink" if inked else phrase)
    elif not kept:
        if rng.random() < 0.2:
            first, added = restyled(first, rng, backdrop, (some_restyle(rng),))
            second, style = first.copy(), f"{style}, {added}"
        second, phrase = restyled(second, rng, after_backdrop, (some_restyle(rng),))
        phrases.insert(0, phrase)
    before, after = layout.lay(ground, first), layout.lay(after_ground, second)
    if framed:
        after, added = FRAME[rng.integers(len(FRAME))](after, rng)
        phrases.append(added)
    frames = np.clip(np.stack([before, after]) + 0.5, 0, 255).astype(np.uint8)
    return frames, [{"subject": meta["name"], "style": s, "place": ""} for s in (style, ", ".join(phrases))]


def draw(icons, index, rng):
    return pair(icons, index, rng, themes(icons))


if __name__ == "__main__":
    write_shards(arguments(__doc__), 11, draw)
