"""Operations on one layer: straight RGBA, float32 [H, W, 4] in 0..1. Lengths are in pixels of a 128 px picture."""
import cv2
import numpy as np

cv2.setNumThreads(1)
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def unit(x):
    """Pixels of this picture per pixel of a 128 px picture."""
    return x.shape[0] / 128


def luma(rgb):
    return rgb[..., :3] @ LUMA


def blur(plane, sigma):
    sigma *= unit(plane)
    return cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) if sigma > 0.2 else plane


def distance(mask):
    """Distance of every true pixel to the nearest false one, in pixels of a 128 px picture; false pixels are 0."""
    if mask.all():
        return np.full(mask.shape, 99, np.float32)
    return cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 5) / unit(mask)


def moved(plane, dy, dx):
    """The plane moved by dy, dx; 0 comes in at the borders."""
    u = unit(plane)
    return cv2.warpAffine(plane, np.array([[1, 0, dx * u], [0, 1, dy * u]], np.float32), plane.shape[1::-1])


def over(top, bottom):
    """Alpha compositing of two layers; `bottom` may be None (nothing)."""
    if bottom is None:
        return top
    a, b = top[..., 3:], bottom[..., 3:]
    alpha = a + b * (1 - a)
    rgb = (top[..., :3] * a + bottom[..., :3] * (b * (1 - a))) / np.maximum(alpha, 1e-4)
    return np.concatenate([rgb, alpha], -1)


def flat(rgb, alpha):
    """One colour with a coverage [H, W]."""
    return np.concatenate([np.broadcast_to(rgb, alpha.shape + (3,)), alpha[..., None]], -1).astype(np.float32)


def borders(x):
    """Strength of the change of colour between neighbours within the layer [H, W], about 0..1, and at its silhouette."""
    flat_ = np.concatenate([x[..., :3] * x[..., 3:], x[..., 3:]], -1)
    flat_ = cv2.GaussianBlur(flat_, (0, 0), max(0.6 * unit(x), 0.3))
    gy = np.abs(flat_[2:, 1:-1] - flat_[:-2, 1:-1]).max(-1)
    gx = np.abs(flat_[1:-1, 2:] - flat_[1:-1, :-2]).max(-1)
    return np.pad(np.maximum(gy, gx), 1)


class Regions:
    """The areas of one colour that a drawing consists of, found between its borders.

    labels [H, W] (1..count; border pixels belong to the nearest area), border (bool [H, W]), within (distance to the area's
    border); per area: area (share of the picture), tone (mean brightness), color, box (top, left, height, width), covered.
    """

    def __init__(self, x, threshold=0.12):
        self.border = borders(x) > threshold
        if self.border.all():
            self.border[0, 0] = False
        away, self.labels = cv2.distanceTransformWithLabels(self.border.view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP)
        self.within = distance(~self.border)
        self.count = int(self.labels.max())
        size = self.count + 1
        inside = self.labels * ~self.border
        flat_labels = inside.ravel()
        pixels = np.maximum(np.bincount(flat_labels, minlength=size), 1).astype(np.float32)
        self.area = pixels / inside.size
        self.color = np.stack([np.bincount(flat_labels, x[..., c].ravel(), size) for c in range(4)], -1).astype(np.float32) / pixels[:, None]
        self.tone = self.color[:, :3] @ LUMA
        self.covered = self.color[:, 3] > 0.5

    def plane(self, values):
        """A value per area as a picture."""
        return np.asarray(values, np.float32)[self.labels]

    def boxes(self):
        """(centre y, centre x, half height, half width) of every area, in pixels."""
        h, w = self.labels.shape
        box = np.tile(np.array([h / 2, w / 2, h / 2, w / 2], np.float32), (self.count + 1, 1))
        rows, cols = np.nonzero(~self.border)
        labels = self.labels[rows, cols]
        low = np.full((self.count + 1, 2), 1e9, np.float32)
        high = np.full((self.count + 1, 2), -1, np.float32)
        np.minimum.at(low[:, 0], labels, rows); np.minimum.at(low[:, 1], labels, cols)
        np.maximum.at(high[:, 0], labels, rows); np.maximum.at(high[:, 1], labels, cols)
        seen = high[:, 0] >= 0
        box[seen] = np.concatenate([(low + high)[seen] / 2, (high - low)[seen] / 2 + 1], -1)
        return box


def box(alpha):
    """(centre y, centre x, half height, half width) of what is covered, in pixels."""
    rows, cols = np.flatnonzero(alpha.max(1) > 0.3), np.flatnonzero(alpha.max(0) > 0.3)
    if not len(rows):
        h, w = alpha.shape
        return h / 2, w / 2, h / 2, w / 2
    return (rows[0] + rows[-1]) / 2, (cols[0] + cols[-1]) / 2, (rows[-1] - rows[0]) / 2 + 1, (cols[-1] - cols[0]) / 2 + 1


def noise(rng, shape, scale):
    """Smooth noise of mean 0 and deviation about 1; `scale` is the size of its features."""
    h, w = shape
    u = h / 128
    small = rng.normal(size=(max(int(h / (scale * u)), 2), max(int(w / (scale * u)), 2))).astype(np.float32)
    return cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC)
