"""Where an effect acts: coverage planes [H, W] in 0..1 computed from a layer. Each maker draws its parameters once.

A maker is called with a generator and returns f(layer) -> plane. Parallel stripes, bands of reflection, dots that grow
with tone and relief of colour borders are left out: they are test styles, or the benchmark's exact filters.
"""
import numpy as np

from .layers import LUMA, Regions, blur, borders, box, distance, luma, moved, noise, unit


def silhouette_band(rng):
    """A line along the inside of the silhouette, at some distance from it."""
    start = rng.uniform(1.5, 6) if rng.random() < 0.3 else 0
    width = rng.uniform(1.2, 7)
    return lambda x: np.clip((distance(x[..., 3] > 0.5) - start) + 0.5, 0, 1) * np.clip(start + width - distance(x[..., 3] > 0.5) + 0.5, 0, 1)


def inner_glow(rng):
    width = rng.uniform(2, 16)
    middle = rng.random() < 0.3  # from the centre of the shape outwards
    def f(x):
        t = np.exp(-distance(x[..., 3] > 0.5) / width)
        return 1 - t if middle else t
    return f


def inner_lines(rng):
    """Lines between areas of different colour, with or without the silhouette."""
    threshold, width = rng.uniform(0.06, 0.3), rng.uniform(0.6, 3)
    outline = rng.random() < 0.5
    def f(x):
        edge = borders(x) > threshold
        if not outline:
            edge &= distance(x[..., 3] > 0.5) > 2.5
        return np.clip(width - distance(~edge) + 0.5, 0, 1) if edge.any() else np.zeros(edge.shape, np.float32)
    return f


def line_work(rng):
    """Silhouette and inner lines of one width, as a pen would draw them."""
    threshold, width = rng.uniform(0.06, 0.25), rng.uniform(1.5, 5)
    def f(x):
        inside = x[..., 3] > 0.5
        edge = (borders(x) > threshold) & (distance(inside) > width)
        line = np.clip(width - distance(inside) + 0.5, 0, 1)
        return np.maximum(line, np.clip(width / 2 - distance(~edge) + 0.5, 0, 1)) if edge.any() else line
    return f


def tone_range(rng):
    """Where the colour is brighter (or darker) than a level, of the picture or of the drawing's own mean; soft or hard."""
    level, softness = rng.uniform(0.2, 0.85), rng.choice([0.01, 0.05, 0.2])
    own, sign = rng.random() < 0.4, rng.choice([-1.0, 1.0])
    weights = LUMA if rng.random() < 0.7 else np.eye(3, dtype=np.float32)[rng.integers(3)]
    def f(x):
        tone = x[..., :3] @ weights
        middle = float((tone * x[..., 3]).sum() / max(x[..., 3].sum(), 1)) if own else level
        return np.clip(sign * (tone - middle) / softness + 0.5, 0, 1)
    return f


def saturation_range(rng):
    level, sign = rng.uniform(0.1, 0.6), rng.choice([-1.0, 1.0])
    return lambda x: np.clip(sign * (x[..., :3].max(-1) - x[..., :3].min(-1) - level) * 12 + 0.5, 0, 1)


def hue_range(rng):
    """Colours near one direction of hue."""
    angle, width = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.3)
    def f(x):
        r, g, b = (x[..., i] for i in range(3))
        a, c = r - (g + b) / 2, (g - b) * 0.866
        turn = np.abs((np.arctan2(c, a) - angle + np.pi) % (2 * np.pi) - np.pi)
        return np.clip((width - turn) * 4, 0, 1) * np.clip(np.hypot(a, c) * 8, 0, 1)
    return f


def area_choice(rng):
    """Whole areas of one colour, chosen by their size, tone or place."""
    kind, sign = rng.integers(4), rng.choice([-1.0, 1.0])
    level = [rng.uniform(0.005, 0.12), rng.uniform(0.25, 0.8), rng.uniform(0.35, 0.65), 0.0][kind]
    def f(x):
        r = Regions(x)
        if kind == 0:
            v = r.area
        elif kind == 1:
            v = r.tone
        elif kind == 2:
            v = r.boxes()[:, 0] / x.shape[0]
        else:  # brighter than the drawing's mean
            v = r.tone - float((luma(x) * x[..., 3]).sum() / max(x[..., 3].sum(), 1))
        return r.plane((sign * (v - level) > 0) & r.covered)
    return f


def area_within(rng):
    """Near (or away from) the border of each area."""
    width, away = rng.uniform(1, 6), rng.random() < 0.5
    hard = rng.random() < 0.5
    def f(x):
        d = Regions(x).within
        t = np.clip(width - d + 0.5, 0, 1) if hard else np.exp(-d / width)
        return 1 - t if away else t
    return f


def ramp(rng):
    """A gradient over the frame, the shape's box, or every area's box; linear or radial, with a random curve."""
    frame, angle = rng.choice(3, p=[0.25, 0.45, 0.3]), rng.uniform(0, 2 * np.pi)
    radial, cy, cx, reach = rng.random() < 0.35, rng.uniform(-0.7, 0.7), rng.uniform(-0.7, 0.7), rng.uniform(0.8, 1.8)
    low, high, power = rng.uniform(-0.3, 0.4), rng.uniform(0.6, 1.4), rng.choice([0.6, 1.0, 1.0, 2.0])
    def f(x):
        h, w = x.shape[:2]
        y, xx = np.mgrid[0:h, 0:w].astype(np.float32)
        if frame == 0:
            y, xx = y / h * 2 - 1, xx / w * 2 - 1
        elif frame == 1:
            a, b, c, d = box(x[..., 3])
            y, xx = (y - a) / c, (xx - b) / d
        else:
            r = Regions(x)
            a = r.boxes()[r.labels]
            y, xx = (y - a[..., 0]) / a[..., 2], (xx - a[..., 1]) / a[..., 3]
        t = np.hypot(y - cy, xx - cx) / reach if radial else (y * np.sin(angle) + xx * np.cos(angle)) / 2.4 + 0.5
        return np.clip((t - low) / (high - low), 0, 1) ** power
    return f


def height(rng):
    """A height field over a layer: domes, bevels or pillows from its coverage, its areas or its tone. f(layer) -> plane."""
    kind, size = rng.choice(4, p=[0.4, 0.25, 0.25, 0.1]), rng.uniform(2, 14)
    def f(x):
        if kind == 0:
            a = x[..., 3]
            return blur(a, size) * size * 0.65 + blur(a, size / 2.5) * size * 0.35
        if kind == 1:
            d = distance(x[..., 3] > 0.5)
            return blur(np.sqrt(np.clip(d, 0, size) * (2 * size - np.clip(d, 0, size))), 1.0)
        if kind == 2:
            d = np.clip(Regions(x).within, 0, size)
            return blur(np.sqrt(d * (2 * size - d)), 0.8)
        return blur(luma(x) * x[..., 3], size / 3) * size
    return f


def light(rng):
    """Light from one side on a height field: how bright each pixel is (or how dark), or its highlight alone."""
    field, angle, lift = height(rng), rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.2)
    if rng.random() < 0.6:
        angle = -np.pi / 2 + rng.normal(0, 0.6)  # mostly from above
    steep, part = rng.uniform(0.6, 2.5), rng.integers(3)
    shine = rng.uniform(6, 30)
    def f(x):
        z = field(x)
        u = unit(x)
        gy, gx = np.gradient(z * steep * u)
        norm = np.sqrt(gx * gx + gy * gy + 1)
        level = np.hypot(lift, 1)
        lit = (-(gx * np.cos(angle) + gy * np.sin(angle)) + lift) / norm / level
        if part == 2:
            return np.clip(lit, 0, 1) ** shine
        d = (lit - lift / level) * 1.6
        return np.clip(d if part == 0 else -d, 0, 1)
    return f


def spot(rng):
    """A soft spot of light in the shape's box."""
    cy, cx, ry, rx = rng.uniform(-0.8, 0.8), rng.uniform(-0.8, 0.8), rng.uniform(0.2, 0.9), rng.uniform(0.2, 0.9)
    hard = rng.choice([1.0, 2.0, 12.0], p=[0.45, 0.35, 0.2])
    def f(x):
        h, w = x.shape[:2]
        y, xx = np.mgrid[0:h, 0:w].astype(np.float32)
        a, b, c, d = box(x[..., 3])
        return np.clip((1 - np.hypot(((y - a) / c - cy) / ry, ((xx - b) / d - cx) / rx)) * hard, 0, 1)
    return f


def rim(rng):
    """The side of the shape that faces one direction, hard or soft; an inner shadow or a rim of light."""
    angle, length, soft = rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 12), rng.choice([0, 1.0, 3.0, 6.0])
    def f(x):
        a = x[..., 3]
        return np.clip(blur(a - a * moved(a, length * np.sin(angle), length * np.cos(angle)), soft), 0, 1)
    return f


def pattern(rng):
    """Dots, checks, rings, crosses or blobs of one size, fixed to the frame."""
    kind, size, share = rng.integers(5), rng.uniform(5, 22), rng.uniform(0.25, 0.7)
    angle, seed = rng.uniform(0, np.pi), rng.integers(1 << 31)
    def f(x):
        h, w = x.shape[:2]
        s = size * unit(x)
        y, xx = np.mgrid[0:h, 0:w].astype(np.float32)
        y, xx = y * np.cos(angle) + xx * np.sin(angle), xx * np.cos(angle) - y * np.sin(angle)
        if kind == 0:
            return np.clip((share * 0.5 - np.hypot((y / s) % 1 - 0.5, (xx / s) % 1 - 0.5)) * s + 0.5, 0, 1)
        if kind == 1:
            return ((np.floor(y / s) + np.floor(xx / s)) % 2).astype(np.float32)
        if kind == 2:
            return np.clip((np.sin(np.hypot(y - h / 2, xx - w / 2) * 2 * np.pi / s)) * s / 3 + 0.5, 0, 1)
        if kind == 3:
            a, b = np.abs((y / s) % 1 - 0.5), np.abs((xx / s) % 1 - 0.5)
            return ((np.minimum(a, b) < share * 0.12) & (np.maximum(a, b) < share * 0.5)).astype(np.float32)
        return np.clip(noise(np.random.default_rng(seed), (h, w), size) * 3 + 0.5, 0, 1)
    return f


def grain(rng):
    """Fine noise; every picture has its own."""
    scale, gain = rng.uniform(1, 3), rng.uniform(0.1, 0.35)
    return lambda x: np.clip(noise(np.random.default_rng(int(x[..., :3].sum() * 97) & 0xFFFF), x.shape[:2], scale) * gain, 0, 1)


def everywhere(rng):
    return lambda x: np.ones(x.shape[:2], np.float32)


MAKERS = ((silhouette_band, 1.3), (inner_glow, 1.0), (inner_lines, 1.0), (line_work, 1.3), (tone_range, 1.2), (saturation_range, 0.5),
          (hue_range, 0.6), (area_choice, 1.3), (area_within, 0.9), (ramp, 2.2), (light, 2.2), (spot, 0.8), (rim, 1.1), (pattern, 0.6),
          (grain, 0.2), (everywhere, 0.9))
WEIGHTS = np.array([w for _, w in MAKERS])
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def mask(rng):
    """A random mask; now and then the product of two, or an inverse."""
    f = MAKERS[rng.choice(len(MAKERS), p=WEIGHTS)][0](rng)
    u = rng.random()
    if u < 0.1:
        g = MAKERS[rng.choice(len(MAKERS), p=WEIGHTS)][0](rng)
        return lambda x: f(x) * g(x)
    if u < 0.15:
        return lambda x: 1 - f(x)
    return f
