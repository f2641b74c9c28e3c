"""Effects on a layer (straight RGBA float32 in 0..1): each maker draws its parameters once and returns f(layer) -> layer.

Left out on purpose, as in ../restyle.py: the pair benchmark's exact filters (pencil, halftone, duotone, neon outline, mosaic,
watercolour, long shadow, blueprint, cel), and what the ten held-out restyles of styles.py do with stripes, plates that shrink
the drawing, bands of reflection and reliefs of tone.
"""
import cv2
import numpy as np

from . import masks
from . import palette
from .layers import Regions, blur, box, distance, flat, luma, moved, noise, over, unit


def with_rgb(x, rgb):
    return np.concatenate([np.clip(rgb, 0, 1), x[..., 3:]], -1).astype(np.float32)


def with_alpha(x, alpha):
    return np.concatenate([x[..., :3], np.clip(alpha, 0, 1)[..., None]], -1).astype(np.float32)


# Colour

def affine_map(rng):
    matrix, offset = palette.affine(rng)
    return lambda x: with_rgb(x, x[..., :3] @ matrix + offset)


def grade(rng):
    """Brightness, contrast, saturation and a tint."""
    bright, contrast, saturation = rng.uniform(-0.25, 0.25), rng.uniform(0.4, 1.8), rng.uniform(0, 2)
    tint = 1 + rng.normal(0, 0.15, 3).astype(np.float32) * (rng.random() < 0.6)
    def f(x):
        g = luma(x)[..., None]
        return with_rgb(x, ((g + (x[..., :3] - g) * saturation - 0.5) * contrast + 0.5 + bright) * tint)
    return f


def curves(rng):
    """A tone curve per channel through random points."""
    n = rng.integers(3, 6)
    one = rng.random() < 0.4
    points = np.linspace(0, 1, n)[:, None] * rng.choice([1.0, 1.0, -1.0]) + rng.normal(0, 0.22, (n, 1 if one else 3))
    points = points - min(points.min(), 0) if points.max() < 0.5 else points
    table = np.stack([np.interp(np.linspace(0, 1, 256), np.linspace(0, 1, n), np.clip(points[:, c % points.shape[1]], 0, 1)) for c in range(3)], -1).astype(np.float32)
    def f(x):
        i = (np.clip(x[..., :3], 0, 1) * 255).astype(np.uint8)
        return with_rgb(x, np.stack([table[i[..., c], c] for c in range(3)], -1))
    return f


def gradient_map(rng):
    """Brightness to three to five colours."""
    n = rng.integers(3, 6)
    stops = np.stack([palette.color(rng) for _ in range(n)])
    order = np.argsort(stops @ np.array([0.3, 0.59, 0.11])) if rng.random() < 0.6 else np.arange(n)
    stops = stops[order]
    keep = rng.choice([0.0, 0.0, 0.35])
    def f(x):
        t = np.clip(luma(x), 0, 1) * (n - 1)
        i = np.clip(t.astype(int), 0, n - 2)
        t = (t - i)[..., None]
        return with_rgb(x, (stops[i] * (1 - t) + stops[i + 1] * t) * (1 - keep) + x[..., :3] * keep)
    return f


def levels(rng):
    """Few steps per channel, or brightness steps in colours."""
    n = rng.integers(2, 5)
    cs = np.stack([palette.color(rng) for _ in range(n + 1)])
    own = rng.random() < 0.5
    def f(x):
        if own:
            return with_rgb(x, np.round(x[..., :3] * n) / n)
        return with_rgb(x, cs[np.clip((luma(x) * (n + 1)).astype(int), 0, n)])
    return f


def snap(rng):
    """The nearest of a few palette colours."""
    cs = np.stack([palette.color(rng) for _ in range(rng.integers(3, 8))])
    soft = rng.choice([0.02, 0.02, 0.1])
    def f(x):
        d = ((x[..., None, :3] - cs) ** 2).sum(-1)
        w = np.exp(-(d - d.min(-1, keepdims=True)) / soft)
        return with_rgb(x, (w / w.sum(-1, keepdims=True)) @ cs)
    return f


def channel_mix(rng):
    """One colour for bright, one for saturated, one for the rest: a product of channels."""
    m, k = rng.normal(0, 0.6, (9, 3)).astype(np.float32) * 0.5, np.eye(3, dtype=np.float32) * rng.uniform(0.2, 1)
    def f(x):
        r, g, b = (x[..., i] for i in range(3))
        q = np.stack([r * g, g * b, b * r, r * r, g * g, b * b, r, g, b], -1)
        return with_rgb(x, x[..., :3] @ k + q @ m + 0.1)
    return f


# Light and paint: any mask, any colour, any blend

def paint(rng):
    mask, source, mode = masks.mask(rng), palette.source(rng), palette.blend(rng)
    amount = rng.uniform(0.35, 1)
    def f(x):
        t = (mask(x) * amount)[..., None]
        return with_rgb(x, x[..., :3] * (1 - t) + np.clip(mode(x[..., :3], source(x[..., :3])), 0, 1) * t)
    return f


def shaded(rng):
    """Shading by form: light and dark sides of one light, a highlight, sometimes a rim or an inner shadow."""
    seed = rng.integers(1 << 31)
    def with_same(maker):
        return maker(np.random.default_rng(seed))
    lit = with_same(masks.light)
    warm, cool = palette.source(rng), palette.source(rng)
    if rng.random() < 0.7:
        k, m = rng.uniform(0.3, 0.8), rng.uniform(0.3, 0.9)
        warm, cool = (lambda rgb: 1 - (1 - rgb) * k), (lambda rgb: rgb * m)
    ramp, gain, ramp_amount = masks.ramp(rng), rng.uniform(0.6, 1.5), rng.uniform(0, 0.8)
    rim, rim_amount = masks.rim(rng), rng.uniform(0, 0.7) * (rng.random() < 0.5)
    gloss, gloss_amount = (masks.spot(rng) if rng.random() < 0.5 else masks.light(rng)), rng.uniform(0.2, 0.8) * (rng.random() < 0.5)
    rim_color = float(rng.random() < 0.5)
    def f(x):
        rgb = x[..., :3]
        t = np.clip(lit(x) * gain, 0, 1)[..., None]
        out = rgb * (1 - t) + warm(rgb) * t
        t = (ramp(x) * ramp_amount)[..., None]
        out = out * (1 - t) + cool(out) * t
        if rim_amount:
            t = (rim(x) * rim_amount)[..., None]
            out = out * (1 - t) + rim_color * t
        if gloss_amount:
            t = (gloss(x) * gloss_amount)[..., None]
            out = out * (1 - t) + t
        return with_rgb(x, out)
    return f


def gradient_fill(rng):
    """Colours run from a lighter to a darker version of themselves, over areas, the shape or the frame; often with a soft border inside."""
    first = rng.random() < 0.5
    ramp, a, b, amount = masks.ramp(rng), palette.tint(rng, first), palette.tint(rng, not first), rng.uniform(0.3, 1)
    makers = (masks.rim, masks.inner_glow, masks.area_within, masks.light, masks.spot)
    parts = [(makers[rng.integers(len(makers))](rng), palette.tint(rng, rng.random() < 0.6), rng.uniform(0.2, 0.9)) for _ in range(rng.integers(0, 3))]
    def f(x):
        rgb = x[..., :3]
        t = ramp(x)[..., None]
        out = rgb + (a(rgb) * (1 - t) + b(rgb) * t - rgb) * amount
        for mask, tint, share in parts:
            t = (mask(x) * share)[..., None]
            out = out * (1 - t) + tint(out) * t
        return with_rgb(x, out)
    return f


# Drawing

def line_drawing(rng):
    """An outline, inner lines, and the fill kept, replaced, faded or removed."""
    line, ink = masks.line_work(rng), palette.source(rng) if rng.random() < 0.3 else None
    c = palette.color(rng) if rng.random() < 0.5 else np.full(3, 0.06, np.float32)
    if ink is None:
        ink = lambda rgb: np.broadcast_to(c, rgb.shape)
    fill, paper, clear = rng.integers(4), palette.color(rng), rng.uniform(0, 0.4) * (rng.random() < 0.6)
    if rng.random() < 0.5:
        paper = np.full(3, 0.99, np.float32)
    def f(x):
        t = line(x)[..., None]
        rgb = x[..., :3]
        under, alpha = rgb, x[..., 3]
        if fill == 1:
            under = np.broadcast_to(paper, rgb.shape)
        elif fill == 2:
            under = rgb * 0.5 + paper * 0.5
        elif fill == 3:
            alpha = alpha * (clear + (1 - clear) * t[..., 0])
        return with_alpha(with_rgb(x, under * (1 - t) + ink(rgb) * t), alpha)
    return f


def two_tones(rng):
    """Every area becomes ink or paper, by its tone, size or saturation; lines keep areas apart. Paper may be see-through."""
    by, level, sign = rng.choice(4, p=[0.5, 0.2, 0.15, 0.15]), rng.uniform(0.25, 0.75), rng.choice([-1.0, 1.0], p=[0.8, 0.2])
    size, width, threshold = rng.uniform(0.005, 0.1), rng.uniform(1, 3.5), rng.uniform(0.07, 0.2)
    ink = palette.color(rng) if rng.random() < 0.5 else np.full(3, rng.uniform(0, 0.12), np.float32)
    paper = palette.apart(rng, ink) if rng.random() < 0.4 else np.full(3, float(ink.mean() < 0.5), np.float32)
    clear, outlined, gaps, tint = rng.random() < 0.35, rng.random() < 0.8, rng.random() < 0.75, rng.uniform(0, 0.5) * (rng.random() < 0.3)
    def f(x):
        r = Regions(x, threshold)
        if by == 0:
            v = r.tone - level
        elif by == 1:
            v = r.tone - float((luma(x) * x[..., 3]).sum() / max(x[..., 3].sum(), 1))
        elif by == 2:
            v = r.area - size
        else:
            v = r.color[:, :3].max(-1) - r.color[:, :3].min(-1) - level * 0.7
        dark = (sign * v > 0) == (by == 2)
        solid = r.plane(dark & r.covered)
        inside = distance(x[..., 3] > 0.5)
        edge = r.border & (inside > width)
        line = np.clip(width / 2 - distance(~edge) + 0.5, 0, 1) if edge.any() else np.zeros_like(solid)
        if gaps:  # between two inked areas the line is paper
            near = np.maximum(solid, blur(solid, 1.5))
            flip = (blur(solid, width) > 0.75).astype(np.float32)
            solid = solid * (1 - line * flip) + (1 - solid) * line * (1 - flip)
            solid = np.clip(solid * np.minimum(near * 4, 1) + line * (1 - flip), 0, 1)
        else:
            solid = np.maximum(solid, line)
        if outlined:
            solid = np.maximum(solid, np.clip(width - inside + 0.5, 0, 1))
        t = blur(solid, 0.4)[..., None]
        rgb = ink * t + (paper * (1 - tint) + x[..., :3] * tint) * (1 - t)
        out = with_rgb(x, rgb)
        return with_alpha(out, x[..., 3] * t[..., 0]) if clear else out
    return f


# Outside the shape

def outside_line(rng):
    """One or two borders around the silhouette, round or by its own colour, hard or glowing."""
    ink, width, soft, gap = palette.source(rng), rng.uniform(1.2, 8), rng.choice([0, 0, 0, 1.0, 3.0]), rng.uniform(1, 4) * (rng.random() < 0.25)
    second = (palette.color(rng), rng.uniform(1.5, 4)) if rng.random() < 0.2 else None
    amount = rng.uniform(0.6, 1) if soft else 1.0
    def ring(x, w):
        d = distance(x[..., 3] < 0.5)
        return np.clip(w - d + 0.5, 0, 1)
    def f(x):
        weight = x[..., 3:]
        mean = (x[..., :3] * weight).sum((0, 1)) / max(float(weight.sum()), 1e-3)
        cover = ring(x, width + gap)
        if soft:
            cover = blur(cover, soft)
        if gap:
            cover = np.clip(cover - ring(x, gap), 0, 1)
        out = over(x, flat(np.clip(ink(mean[None, None]), 0, 1)[0, 0], cover * amount))
        if second is not None:
            out = over(out, flat(second[0], ring(out, second[1])))
        return out
    return f


def shadow(rng):
    """A shadow, glow or solid copy below the drawing, moved by at most a few pixels."""
    angle, length, soft, grow = rng.uniform(0, 2 * np.pi), rng.uniform(0, 9), rng.choice([0, 0, 1.5, 3.0, 6.0]), rng.uniform(0, 3) * (rng.random() < 0.3)
    c = palette.color(rng) if rng.random() < 0.5 else np.zeros(3, np.float32)
    amount, own = rng.uniform(0.3, 1), rng.random() < 0.15
    def f(x):
        a = x[..., 3] if not grow else np.maximum(x[..., 3], np.clip(grow - distance(x[..., 3] < 0.5) + 0.5, 0, 1))
        low = flat(c, a) if not own else x
        low = moved(np.concatenate([low[..., :3] * low[..., 3:], low[..., 3:]], -1), length * np.sin(angle), length * np.cos(angle))
        low = blur(low, soft)
        low = np.concatenate([low[..., :3] / np.maximum(low[..., 3:], 1e-4), low[..., 3:] * amount], -1)
        return over(x, low)
    return f


def extruded(rng):
    """A solid side, a few pixels long."""
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(2, 9)
    side = palette.source(rng)
    def f(x):
        out = x
        low = np.concatenate([side(x[..., :3]).clip(0, 1) * x[..., 3:], x[..., 3:]], -1)
        for k in np.linspace(1, length, max(int(length * unit(x)), 2)):
            m = moved(low, k * np.sin(angle), k * np.cos(angle))
            out = over(out, np.concatenate([m[..., :3] / np.maximum(m[..., 3:], 1e-4), m[..., 3:]], -1))
        return out
    return f


def plate(rng):
    """A shape behind the drawing, which keeps its place and size: around its box, or centred in the frame."""
    c, corner, margin = palette.color(rng), rng.uniform(0.1, 1), rng.uniform(0.05, 0.25)
    framed, edge = rng.random() < 0.4, (palette.color(rng), rng.uniform(1.5, 5)) if rng.random() < 0.3 else None
    def f(x):
        h, w = x.shape[:2]
        y, xx = np.mgrid[0:h, 0:w].astype(np.float32)
        a, b, p, q = (h / 2, w / 2, h * 0.5, w * 0.5) if framed else box(x[..., 3])
        p, q = p * (1 + (0 if framed else margin)) - (h * margin * 0.4 if framed else 0), q * (1 + (0 if framed else margin)) - (w * margin * 0.4 if framed else 0)
        r = min(p, q) * corner
        d = r - np.hypot(np.maximum(np.abs(y - a) - p + r, 0), np.maximum(np.abs(xx - b) - q + r, 0))
        below = flat(c, np.clip(d + 0.5, 0, 1))
        if edge is not None:
            t = np.clip(edge[1] * unit(x) - d + 0.5, 0, 1)[..., None]
            below[..., :3] = below[..., :3] * (1 - t) + edge[0] * t
        return over(x, below)
    return f


# Coverage and shape

def weight_change(rng):
    """Thinner or bolder shapes; what is new takes the nearest colour."""
    w = rng.uniform(1, 4) * rng.choice([-1, 1])
    def f(x):
        if w < 0:
            return with_alpha(x, np.minimum(x[..., 3], np.clip(distance(x[..., 3] > 0.5) + w + 0.5, 0, 1)))
        r = max(int(round(w * unit(x))), 1)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1))
        premultiplied = np.concatenate([x[..., :3] * x[..., 3:], x[..., 3:]], -1)
        grown = cv2.blur(premultiplied, (2 * r + 1, 2 * r + 1))
        alpha = cv2.dilate(x[..., 3], kernel)
        return over(x, np.concatenate([grown[..., :3] / np.maximum(grown[..., 3:], 1e-4), alpha[..., None]], -1))
    return f


def knocked_out(rng):
    """Part of the drawing becomes see-through."""
    mask, amount = masks.mask(rng), rng.uniform(0.5, 1)
    return lambda x: with_alpha(x, x[..., 3] * (1 - mask(x) * amount))


def faint(rng):
    k = rng.uniform(0.25, 0.8)
    return lambda x: with_alpha(x, x[..., 3] * k)


def premultiplied(x):
    return np.concatenate([x[..., :3] * x[..., 3:], x[..., 3:]], -1)


def straight(p):
    return np.concatenate([np.clip(p[..., :3] / np.maximum(p[..., 3:], 1e-4), 0, 1), np.clip(p[..., 3:], 0, 1)], -1)


def blurred(rng):
    """Soft focus, all over or within the silhouette, or sharpened."""
    sigma, kind, k = rng.uniform(0.8, 4), rng.choice(3, p=[0.4, 0.3, 0.3]), rng.uniform(0.5, 2)
    def f(x):
        soft = blur(premultiplied(x), sigma)
        if kind == 0:
            return straight(soft)
        inner = straight(soft)[..., :3]
        return with_rgb(x, inner if kind == 1 else x[..., :3] + (x[..., :3] - inner) * k)
    return f


def warped(rng):
    """A wave, roughened edges, or a small shift, turn or change of size."""
    kind, size, amount, angle = rng.integers(3), rng.uniform(8, 50), rng.uniform(0.8, 3), rng.uniform(0, 2 * np.pi)
    turn, scale, dy, dx = rng.normal(0, 6) * (rng.random() < 0.5), rng.uniform(0.75, 1.15), *rng.uniform(-6, 6, 2)
    mirrored = rng.random() < 0.3
    def f(x):
        h, w = x.shape[:2]
        u = unit(x)
        p = premultiplied(x)
        if kind == 2:
            m = cv2.getRotationMatrix2D((w / 2, h / 2), turn, scale) + np.array([[0, 0, dx * u], [0, 0, dy * u]])
            p = cv2.warpAffine(np.ascontiguousarray(p[:, ::-1]) if mirrored else p, m, (w, h), flags=cv2.INTER_LINEAR)
            return straight(p)
        y, xx = np.mgrid[0:h, 0:w].astype(np.float32)
        if kind == 0:
            s = np.sin((y * np.sin(angle) + xx * np.cos(angle)) * (2 * np.pi / (size * u))) * amount * u
            sy, sx = s * np.cos(angle), s * np.sin(angle)
        else:
            r = np.random.default_rng(int(x[..., 3].sum()) & 0xFFFF)
            sy, sx = noise(r, (h, w), 4) * amount * u * 0.6, noise(r, (h, w), 4) * amount * u * 0.6
        return straight(cv2.remap(p, (xx + sx).astype(np.float32), (y + sy).astype(np.float32), cv2.INTER_LINEAR))
    return f


COLOR = ((affine_map, 1.0), (grade, 1.2), (curves, 0.8), (gradient_map, 0.7), (levels, 0.4), (snap, 0.6), (channel_mix, 0.4))
PAINT = ((paint, 4.0), (shaded, 2.6), (gradient_fill, 3.0))
DRAW = ((line_drawing, 1.8), (two_tones, 1.8))
OUTSIDE = ((outside_line, 1.3), (shadow, 1.0), (extruded, 0.4), (plate, 0.5))
COVER = ((weight_change, 0.4), (knocked_out, 0.4), (faint, 0.15), (blurred, 0.3), (warped, 0.35))
ALL = COLOR + PAINT + DRAW + OUTSIDE + COVER
WEIGHTS = np.array([w for _, w in ALL])
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def effect(rng):
    """One random effect with random parameters: (f, name)."""
    maker = ALL[rng.choice(len(ALL), p=WEIGHTS)][0]
    return maker(rng), maker.__name__
