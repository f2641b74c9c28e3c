"""What is known of a picture's areas without a net: their forms, which ones touch, and what became of them in an after picture."""
from typing import NamedTuple

import cv2
import numpy as np

import regions
from regions import AREAS

# Where the distance bins of an area end, from its border inwards, in units of 1/64 of the picture's long side; the last has no end.
EDGES = np.array([0.75, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4.5, 5.5, 6.5, 8, 10, 13], np.float32)
# Distances at which what is said of bins holds, in the same unit; between them it is interpolated.
CENTRES = np.concatenate([[0.55], (EDGES[1:] + EDGES[:-1]) / 2, [16]]).astype(np.float32)
BINS = len(CENTRES)
UNITS = 64
FORM = 12
MOST_DISTANCE = 32  # larger distances count as this in an area's form,
MOST_FATE_DISTANCE = 40  # and as this in what became of it
MOST_GAP = 3  # areas touch where they are opposite each other in a row or column, with at most this many pixels of no area between
BESIDE = 0.05  # areas with more than this share of an area's border count as its neighbours
TOO_LITTLE, ENOUGH = 0.9, 0.96  # areas decide nothing where they have the first share of a picture or less, everything from the second on


class Found(NamedTuple):
    label: np.ndarray  # int32 [H, W], the area in whose core a pixel is, -1 elsewhere
    distance: np.ndarray  # float32 [H, W], to the nearest border, in units
    palette: np.ndarray  # float32 [AREAS, 5], mean colours, then 1 where there is such an area


def find(picture):
    """uint8 [H, W, 4], premultiplied -> Found"""
    label, border = regions.cores(picture)
    unit = max(label.shape) / UNITS
    if border.any():
        distance = cv2.distanceTransform(1 - border.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / unit
    else:
        distance = np.full(label.shape, np.float32(UNITS))
    return Found(label, distance, regions.palette(picture, label))


def touching(label):
    """How often two areas are opposite each other across a gap, float32 [AREAS, AREAS], symmetric."""
    counts = np.zeros(AREAS * AREAS)
    for rows in (label, label.T):
        for gap in range(1, MOST_GAP + 2):
            a, b = rows[:, :-gap], rows[:, gap:]
            both = (a >= 0) & (b >= 0) & (a != b)
            for i in range(1, gap):
                both &= rows[:, i:i - gap] < 0
            counts += np.bincount(a[both] * AREAS + b[both], minlength=AREAS * AREAS)
    counts = counts.reshape(AREAS, AREAS)
    return (counts + counts.T).astype(np.float32)


def form(found, touches):
    """[AREAS, FORM]: root of the share of the picture, share of the picture's rim, centre (y, x) and spread (y, x) as shares of the sides; then
    as logarithms of 1 + x the largest and the mean distance to the border, and the places where it touches others as a share of height and
    width; then of what it touches the mean alpha, the number in eighths, and the largest share."""
    label, distance, palette = found
    height, width = label.shape
    core = label >= 0
    at = label[core]
    counts = np.bincount(at, minlength=AREAS).astype(np.float32)
    y, x = np.nonzero(core)
    y, x = (y + 0.5) / height, (x + 0.5) / width
    d = np.minimum(distance[core], MOST_DISTANCE)
    def mean(v):
        return np.bincount(at, v, AREAS) / np.maximum(counts, 1)
    def spread(v):
        return np.sqrt(np.maximum(mean(v * v) - mean(v) ** 2, 0))
    most = np.zeros(AREAS)
    np.maximum.at(most, at, d)
    rim = np.concatenate([label[0], label[-1], label[1:-1, 0], label[1:-1, -1]])
    places = touches.sum(1)
    shares = touches / np.maximum(places, 1)[:, None]
    return np.stack([np.sqrt(counts / label.size), np.bincount(rim[rim >= 0], minlength=AREAS) / len(rim), mean(y), mean(x), spread(y), spread(x),
                     np.log1p(most), np.log1p(mean(d)), np.log1p(places / (height + width)),
                     shares @ palette[:, 3], (shares > BESIDE).sum(1) / 8, shares.max(1)], -1).astype(np.float32)


def fate(found, after):
    """What became of every area by distance: uint8 or float after [H, W, 4] in 0..1 -> float32 [AREAS, BINS, 7]: pixels, their mean distance,
    mean colour (4), standard deviation of the colour."""
    core = found.label >= 0
    d = np.minimum(found.distance[core], MOST_FATE_DISTANCE)
    index = found.label[core] * BINS + np.digitize(d, EDGES)
    size = AREAS * BINS
    counts = np.bincount(index, minlength=size)
    values = after[core].astype(np.float32)
    if after.dtype == np.uint8:
        values = values / 255
    def mean(v):
        return np.bincount(index, v, size) / np.maximum(counts, 1)
    means = np.stack([mean(values[:, c]) for c in range(4)], -1)
    deviation = np.sqrt(np.maximum(mean(np.square(values).sum(1)) - np.square(means).sum(-1), 0))
    return np.concatenate([counts[:, None], mean(d)[:, None], means, deviation[:, None]], -1).reshape(AREAS, BINS, 7).astype(np.float32)


def of_group(group):
    """uint8 [K, 2, H, W, 4], before and after, premultiplied -> {name: array of K rows}: palette, form, touches, fate, after (its palette)."""
    rows = []
    for before, after in group:
        found = find(before)
        touches = touching(found.label)
        label, _ = regions.cores(after)
        rows.append((found.palette, form(found, touches), touches, fate(found, after), regions.palette(after, label)))
    return {k: np.stack(v) for k, v in zip(("palette", "form", "touches", "fate", "after"), zip(*rows))}


def interpolated(distance):
    """[P] in units -> weights of the bins [P, BINS]"""
    d = np.clip(distance, CENTRES[0], CENTRES[-1])
    i = np.clip(np.searchsorted(CENTRES, d, side="right") - 1, 0, BINS - 2)
    t = (d - CENTRES[i]) / (CENTRES[i + 1] - CENTRES[i])
    out = np.zeros((len(d), BINS), np.float32)
    out[np.arange(len(d)), i] = 1 - t
    out[np.arange(len(d)), i + 1] = t
    return out


def trust(picture):
    """How far the areas of a picture decide for its pixels: in drawings nearly every pixel has areas, in photographs many have none."""
    covered = float(regions.areas(picture).member.sum() / picture[..., 0].size)
    return min(1.0, max(0.0, (covered - TOO_LITTLE) / (ENOUGH - TOO_LITTLE)))


def rendered(picture, colours, palette, shares):
    """What areas say of a picture's pixels: uint8 [H, W, 4], [AREAS, BINS, 4], [AREAS, 5], [AREAS] -> the change of RGBA times the share that
    decides [H, W, 4], and that share [H, W, 1]."""
    member = regions.areas(picture).member.reshape(-1, AREAS) * shares
    weights = member[:, :, None] * interpolated(find(picture).distance.ravel())[:, None]
    change = weights.reshape(len(member), -1) @ (colours - palette[:, None, :4]).reshape(-1, 4)
    return change.reshape(picture.shape), member.sum(1).reshape(*picture.shape[:2], 1)
