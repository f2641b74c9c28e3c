"""Procedural restyles of one RGBA icon, each with the phrase that captions it.

A one-pair adapter can only steer a base model toward what it nearly knows, so the base sees every
subject drawn in many plain ways. Signature: f(rgba uint8 [H, W, 4], rng, backdrop rgb) -> (rgba, phrase).
"""
import numpy as np
from PIL import Image, ImageFilter

INKS = {"black": (20, 20, 20), "white": (250, 250, 250), "red": (220, 40, 40), "orange": (245, 120, 30), "yellow": (250, 200, 30),
        "green": (30, 160, 80), "blue": (40, 90, 230), "purple": (130, 60, 200), "pink": (235, 80, 150), "navy": (25, 35, 90)}


def _ink(rng, backdrop=None):
    def clear(rgb):
        return backdrop is None or abs(float(np.mean(rgb)) - float(np.mean(backdrop))) > 60
    names = [n for n in INKS if clear(INKS[n])] or ["black"]
    name = names[rng.integers(len(names))]
    return name, np.array(INKS[name], np.float32)


def _blur(gray, radius):
    return np.asarray(Image.fromarray(np.clip(gray, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius)), np.float32)


def _dilate(gray, radius):
    """A round-ish dilation: a blur, steepened."""
    return np.clip(_blur(gray, radius) * 5 - 60, 0, 255)


def _luma(rgba):
    return rgba[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def _with(rgba, rgb=None, alpha=None):
    out = np.array(rgba, np.float32)
    if rgb is not None:
        out[..., :3] = rgb
    if alpha is not None:
        out[..., 3] = alpha
    return np.clip(out + 0.5, 0, 255).astype(np.uint8)


def _under(rgba, rgb, alpha):
    """Lays a flat colour with coverage `alpha` under the icon."""
    top = rgba.astype(np.float32)
    a, b = top[..., 3:] / 255, alpha[..., None] / 255
    out = a + b * (1 - a)
    color = (top[..., :3] * a + np.asarray(rgb, np.float32) * b * (1 - a)) / np.maximum(out, 1e-3)
    return np.clip(np.concatenate([color, out * 255], -1) + 0.5, 0, 255).astype(np.uint8)


def _edges(rgba, gain=4.0):
    """Line art: where colour or coverage changes. Coverage 0..255."""
    flat = rgba.astype(np.float32)
    flat = np.concatenate([flat[..., :3] * flat[..., 3:] / 255, flat[..., 3:]], -1)
    dy = np.abs(np.diff(flat, axis=0, prepend=flat[:1])).max(-1)
    dx = np.abs(np.diff(flat, axis=1, prepend=flat[:, :1])).max(-1)
    return np.clip(_blur(np.maximum(dx, dy), 1.0) * gain, 0, 255)


def greyscale(rgba, rng, backdrop):
    return _with(rgba, _luma(rgba)[..., None].repeat(3, -1)), "greyscale"


def inverted(rgba, rng, backdrop):
    return _with(rgba, 255 - rgba[..., :3].astype(np.float32)), "inverted colors"


def duotone(rgba, rng, backdrop):
    name, dark = _ink(rng, backdrop)
    t = (_luma(rgba) / 255)[..., None]
    return _with(rgba, dark * (1 - t) + (0.25 * dark + 0.75 * 255) * t), f"{name} monochrome"


def silhouette(rgba, rng, backdrop):
    name, ink = _ink(rng, backdrop)
    return _with(rgba, ink), f"{name} silhouette"


def outline(rgba, rng, backdrop):
    name, ink = _ink(rng, backdrop)
    return _with(rgba, ink, _edges(rgba, 5)), f"{name} outline drawing"


def posterized(rgba, rng, backdrop):
    return _with(rgba, np.round(rgba[..., :3].astype(np.float32) / 85) * 85), "posterized"


def thick_outline(rgba, rng, backdrop):
    name, ink = _ink(rng, backdrop)
    return _under(rgba, ink, _dilate(rgba[..., 3], 3)), f"thick {name} outline"


def comic(rgba, rng, backdrop):
    edge = (_edges(rgba, 6) / 255)[..., None]
    inked = _with(rgba, rgba[..., :3] * (1 - edge), np.maximum(rgba[..., 3], edge[..., 0] * 255))
    return _under(inked, (10, 10, 10), _dilate(rgba[..., 3], 2)), "comic ink lines"


def sticker(rgba, rng, backdrop):
    border = _dilate(rgba[..., 3], 4)
    shadow = np.roll(_blur(border, 3), 3, axis=0) * 0.4
    return _under(_under(rgba, (255, 255, 255), border), (0, 0, 0), shadow), "white border sticker"


def soft_shadow(rgba, rng, backdrop):
    return _under(rgba, (0, 0, 0), np.roll(_blur(rgba[..., 3], 5), (6, 3), (0, 1)) * 0.55), "soft shadow"


def gradient(rgba, rng, backdrop):
    _, a = _ink(rng, backdrop)
    _, b = _ink(rng, backdrop)
    t = np.linspace(0, 1, rgba.shape[0], dtype=np.float32)[:, None, None]
    fill = a * (1 - t) + b * t
    shade = 0.55 + 0.45 * (_luma(rgba) / 255)[..., None]
    return _with(rgba, fill * (shade if _luma(rgba).max() > 30 else 1)), "gradient fill"


def pastel(rgba, rng, backdrop):
    return _with(rgba, 255 - (255 - rgba[..., :3].astype(np.float32)) * 0.45), "pastel colors"


def vivid(rgba, rng, backdrop):
    luma = _luma(rgba)[..., None]
    return _with(rgba, luma + (rgba[..., :3] - luma) * 1.9), "vivid colors"


def dark_mode(rgba, rng, backdrop):
    return _with(rgba, rgba[..., :3].astype(np.float32) * 0.45), "dark shade"


def neon(rgba, rng, backdrop):
    names = [n for n in INKS if n not in ("black", "navy", "white")]
    name = names[rng.integers(len(names))]
    ink = np.array(INKS[name], np.float32)
    lines = _edges(rgba, 6)
    glow = np.clip(_blur(lines, 4) * 1.4, 0, 255)
    return _under(_with(rgba, 0.5 * ink + 127, lines), ink, glow), f"{name} neon glow"


def _relief(rgba, radius):
    """Lambert shading of the blurred coverage seen as a height field, and a highlight, in [0, 1]."""
    height = _blur(rgba[..., 3], radius) * 0.65 + _blur(rgba[..., 3], radius / 2.5) * 0.35
    gy, gx = np.gradient(height / 255 * radius * 2.2)
    norm = np.sqrt(gx * gx + gy * gy + 1)
    light = (-0.45 * -gx - 0.65 * -gy + 0.62) / norm
    return np.clip(light, 0, 1), np.clip(light, 0, 1) ** 14


def puffy(rgba, rng, backdrop):
    light, shine = _relief(rgba, float(rng.uniform(6, 11)))
    rgb = np.maximum(rgba[..., :3], 25) * (0.45 + 0.85 * light)[..., None] + 110 * shine[..., None]
    return _with(rgba, rgb), "puffy 3d shading"


def glossy(rgba, rng, backdrop):
    height = rgba.shape[0]
    y, x = np.mgrid[0:height, 0:height].astype(np.float32) / height
    shine = np.clip(1 - ((x - 0.35) ** 2 + (y - 0.25) ** 2) * 7, 0, 1) * 0.6
    shade = 1.08 - 0.35 * y
    rgb = rgba[..., :3] * shade[..., None]
    return _with(rgba, rgb + (255 - rgb) * shine[..., None]), "glossy shading"


def pixelated(rgba, rng, backdrop):
    side = int(rng.choice([16, 22, 32]))
    flat = rgba.astype(np.float32)
    flat[..., :3] *= flat[..., 3:] / 255
    small = np.asarray(Image.fromarray(flat.astype(np.uint8)).resize((side, side), Image.BOX), np.float32)
    alpha = small[..., 3:]
    small = np.concatenate([small[..., :3] / np.maximum(alpha / 255, 0.05), (alpha > 110) * 255], -1)
    return np.asarray(Image.fromarray(np.clip(small, 0, 255).astype(np.uint8)).resize(rgba.shape[:2], Image.NEAREST)), "pixel art"


def halftone(rgba, rng, backdrop):
    name, ink = _ink(rng, backdrop)
    pitch = int(rng.choice([5, 6, 8]))
    y, x = np.mgrid[0:rgba.shape[0], 0:rgba.shape[1]].astype(np.float32) * (np.pi / pitch)
    screen = (np.cos(x + y) * np.cos(x - y) + 1) * 0.5
    tone = np.clip(1 - _luma(rgba) / 255 * 0.85, 0.15, 1)
    return _with(rgba, ink, np.clip((tone - (1 - screen)) * 6 + 0.5, 0, 1) * rgba[..., 3]), f"{name} halftone"


def wobbly(rgba, rng, backdrop):
    height, width = rgba.shape[:2]
    noise = [np.asarray(Image.fromarray(rng.normal(size=(9, 9)).astype(np.float32)).resize((width, height), Image.BICUBIC)) * 2.6 for _ in range(2)]
    y, x = np.mgrid[0:height, 0:width]
    moved = rgba[np.clip(y + noise[0].round().astype(int), 0, height - 1), np.clip(x + noise[1].round().astype(int), 0, width - 1)]
    return np.ascontiguousarray(moved), "wobbly hand drawn"


def soft_blur(rgba, rng, backdrop):
    flat = rgba.astype(np.float32)
    flat[..., :3] *= flat[..., 3:] / 255
    soft = np.asarray(Image.fromarray(flat.astype(np.uint8)).filter(ImageFilter.GaussianBlur(2)), np.float32)
    return _with(rgba, soft[..., :3] / np.maximum(soft[..., 3:] / 255, 0.02), soft[..., 3]), "soft blurred"


def badge(rgba, rng, backdrop):
    """The icon, smaller, on a coloured disc."""
    name, ink = _ink(rng, backdrop)
    height, width = rgba.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    disc = np.clip((height / 2 - 2 - np.hypot(y - height / 2 + 0.5, x - width / 2 + 0.5)) * 255, 0, 255)
    side = int(height * 0.62)
    flat = rgba.astype(np.float32)
    flat[..., :3] *= flat[..., 3:] / 255
    small = np.asarray(Image.fromarray(flat.astype(np.uint8)).resize((side, side), Image.BICUBIC), np.float32)
    top = np.zeros((height, width, 4), np.float32)
    start = (height - side) // 2
    top[start:start + side, start:start + side] = small
    if _luma(rgba)[rgba[..., 3] > 128].std() < 4 if (rgba[..., 3] > 128).any() else False:
        top[..., :3] = (255 if ink.mean() < 140 else 20) * top[..., 3:] / 255
    alpha = top[..., 3:] / 255
    return _with(rgba, top[..., :3] + ink * (1 - alpha), disc), f"on a {name} disc"


RESTYLES = {f.__name__: f for f in (
    greyscale, inverted, duotone, silhouette, outline, posterized, thick_outline, comic, sticker, soft_shadow, gradient, pastel,
    vivid, dark_mode, neon, puffy, glossy, pixelated, halftone, wobbly, soft_blur, badge)}
