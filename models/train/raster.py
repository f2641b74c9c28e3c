"""Small operations on RGBA icons that the procedural restyles share. Lengths are in pixels of a 128 px icon."""
import numpy as np
from PIL import Image, ImageFilter

INKS = {"black": (20, 20, 20), "white": (250, 250, 250), "red": (220, 40, 40), "orange": (245, 120, 30), "yellow": (250, 200, 30),
        "green": (30, 160, 80), "blue": (40, 90, 230), "purple": (130, 60, 200), "pink": (235, 80, 150), "navy": (25, 35, 90)}


def ink(rng, backdrop=None):
    """A named colour that can be seen on the backdrop: (name, rgb float32 [3])."""
    def clear(rgb):
        return backdrop is None or abs(float(np.mean(rgb)) - float(np.mean(backdrop))) > 60
    names = [n for n in INKS if clear(INKS[n])] or ["black"]
    name = names[rng.integers(len(names))]
    return name, np.array(INKS[name], np.float32)


def unit(plane):
    """How many pixels of this picture make one of a 128 px icon."""
    return plane.shape[0] / 128


def blur(plane, radius):
    """Gaussian blur of one plane in 0..255."""
    picture = Image.fromarray(np.clip(plane, 0, 255).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius * unit(plane))), np.float32)


def shift(plane, dy, dx):
    """Moves a plane by whole pixels, with nothing coming in at the edges."""
    dy, dx = round(dy * unit(plane)), round(dx * unit(plane))
    out = np.zeros_like(plane)
    height, width = plane.shape[:2]
    out[max(dy, 0):height + min(dy, 0), max(dx, 0):width + min(dx, 0)] = plane[max(-dy, 0):height + min(-dy, 0), max(-dx, 0):width + min(-dx, 0)]
    return out


def dilate(plane, radius):
    """A round-ish dilation: a blur, steepened."""
    return np.clip(blur(plane, radius) * 5 - 60, 0, 255)


def erode(plane, radius):
    return 255 - dilate(255 - plane, radius)


def luma(rgba):
    return rgba[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def with_parts(rgba, rgb=None, alpha=None):
    """The icon with its colours or its coverage replaced. rgb broadcasts to [H, W, 3], alpha is [H, W] in 0..255."""
    out = np.array(rgba, np.float32)
    if rgb is not None:
        out[..., :3] = rgb
    if alpha is not None:
        out[..., 3] = alpha
    return np.clip(out + 0.5, 0, 255).astype(np.uint8)


def under(rgba, rgb, alpha):
    """Lays a flat colour with coverage `alpha` [H, W] under the icon."""
    top = rgba.astype(np.float32)
    a, b = top[..., 3:] / 255, alpha[..., None] / 255
    out = a + b * (1 - a)
    color = (top[..., :3] * a + np.asarray(rgb, np.float32) * b * (1 - a)) / np.maximum(out, 1e-3)
    return np.clip(np.concatenate([color, out * 255], -1) + 0.5, 0, 255).astype(np.uint8)


def premultiplied(rgba):
    out = rgba.astype(np.float32)
    out[..., :3] *= out[..., 3:] / 255
    return out


def edges(rgba, gain=4.0):
    """Where colour or coverage changes, as a line's coverage [H, W] in 0..255."""
    flat = premultiplied(rgba)
    dy = np.abs(np.diff(flat, axis=0, prepend=flat[:1])).max(-1)
    dx = np.abs(np.diff(flat, axis=1, prepend=flat[:, :1])).max(-1)
    return np.clip(blur(np.maximum(dx, dy), 1.0) * gain * unit(flat), 0, 255)


def grid(rgba):
    """Row and column of every pixel, in 0..1."""
    height, width = rgba.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return y / height, x / width


def centred(rgba, share):
    """The icon drawn smaller in the middle of its square, premultiplied float32 [H, W, 4]."""
    height, width = rgba.shape[:2]
    side = int(height * share)
    small = np.asarray(Image.fromarray(premultiplied(rgba).astype(np.uint8)).resize((side, side), Image.BICUBIC), np.float32)
    top = np.zeros((height, width, 4), np.float32)
    start = (height - side) // 2
    top[start:start + side, start:start + side] = small
    return top
