"""Procedural restyles of one RGBA icon, each with the phrase that captions it.

A one-pair adapter can only steer a base model toward what it nearly knows, so the base sees every subject drawn
in many plain ways. What the pair benchmark uses as exact filters (pencil, halftone, duotone, neon outline, pixel
mosaic, watercolour, long shadow, blueprint, cel) is deliberately not among them.
Signature: f(rgba uint8 [H, W, 4], rng, backdrop rgb) -> (rgba, phrase).
"""
from restyle_color import COLOR
from restyle_light import LIGHT
from restyle_shape import SHAPE

RESTYLES = COLOR + LIGHT + SHAPE


def restyled(rgba, rng, backdrop, chosen):
    """Applies the chosen restyles in order. Returns (rgba, their phrases joined)."""
    phrases = []
    for f in chosen:
        rgba, phrase = f(rgba, rng, backdrop)
        phrases.append(phrase)
    return rgba, ", ".join(phrases)


def choose(rng, share):
    """With probability `share` one restyle, sometimes two; else none."""
    if rng.random() >= share:
        return ()
    first = RESTYLES[rng.integers(len(RESTYLES))]
    second = RESTYLES[rng.integers(len(RESTYLES))]
    return (first, second) if second is not first and rng.random() < 0.12 else (first,)
