"""Areas of one colour in a picture, and how near its pixels are to their borders. No weights: what flat drawings say of themselves.

An area's core is what is linked to its neighbours; anti-aliased pixels between two cores belong to both, by the share that
explains their colour. So a change that is constant on areas keeps anti-aliased borders exact. Photographs have few areas or none.
"""
from typing import NamedTuple

import cv2
import numpy as np

AREAS = 32  # areas kept, the largest
LINKED = 8  # neighbours whose colours differ by no more (of 255, in every channel) are linked
LINKS = 3  # of a core pixel's four neighbours, so many are linked to it; what lies beyond the picture counts as linked
LEAST = 4  # core pixels of an area that is kept
AROUND = sorted(((y, x) for y in range(-2, 3) for x in range(-2, 3) if y or x), key=lambda at: (at[0] ** 2 + at[1] ** 2, at))
UNLIKE = 0.1  # a pixel whose colour is this far (RGBA distance) from every mixture of its areas belongs to none
REACHES = (1 / 96, 1 / 32)  # of the planes that say how near a border is, as shares of the picture's long side


class Areas(NamedTuple):
    member: np.ndarray  # float32 [H, W, AREAS], sums to 1 at most
    near: np.ndarray  # float32 [H, W, 2], exp(-distance to the nearest border / reach)
    palette: np.ndarray  # float32 [AREAS, 5], mean colour of every area's core, then 1; 0 where there is no such area


def cores(picture):
    """uint8 [H, W, 4] -> (number of the area of every core pixel, -1 elsewhere [H, W] int32; pixels at a border [H, W] bool)"""
    values = picture.astype(np.int16)
    height, width = picture.shape[:2]
    down = np.abs(values[1:] - values[:-1]).max(-1) <= LINKED
    across = np.abs(values[:, 1:] - values[:, :-1]).max(-1) <= LINKED
    links = np.zeros((height, width), np.int8)
    links[:-1] += down
    links[1:] += down
    links[:, :-1] += across
    links[:, 1:] += across
    links[[0, -1]] += 1
    links[:, [0, -1]] += 1
    core = links >= LINKS
    # Pixels at even places and their links between them, so that only linked neighbours are joined.
    joined = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    joined[::2, ::2] = core
    joined[1::2, ::2] = down & core[1:] & core[:-1]
    joined[::2, 1::2] = across & core[:, 1:] & core[:, :-1]
    _, found = cv2.connectedComponents(joined, connectivity=4)
    found = found[::2, ::2]
    names, first, counts = np.unique(found[core], return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))[:AREAS]
    kept = np.full(found.max() + 1, -1, np.int32)
    kept[names[order[counts[order] >= LEAST]]] = np.arange((counts[order] >= LEAST).sum())
    return np.where(core, kept[found], -1), links < 4


def mixed(picture, label):
    """Two areas and their shares at every pixel: (labels [2, H, W], shares [2, H, W]); label -1 has share 0."""
    height, width = label.shape
    colors = picture.astype(np.float32) / 255
    at = np.flatnonzero(label.ravel() < 0)
    y, x = np.divmod(at, width)
    nearest = np.full((2, len(at)), -1)  # core pixels: the nearest, and the nearest of another area
    flat = label.ravel()
    for dy, dx in AROUND:
        there = (y + dy >= 0) & (y + dy < height) & (x + dx >= 0) & (x + dx < width)
        pixel = np.where(there, at + dy * width + dx, 0)
        area = np.where(there, flat[pixel], -1)
        first = (area >= 0) & (nearest[0] < 0)
        second = (area >= 0) & (nearest[0] >= 0) & (nearest[1] < 0) & (area != flat[nearest[0]])
        nearest[0][first] = pixel[first]
        nearest[1][second] = pixel[second]
    own = colors.reshape(-1, 4)
    a, b, p = own[nearest[0]], own[nearest[1]], own[at]
    b = np.where((nearest[1] >= 0)[:, None], b, a)
    line = a - b
    length = (line * line).sum(1)
    share = np.where(length > 1e-4, ((p - b) * line).sum(1) / np.maximum(length, 1e-4), 1).clip(0, 1)
    left = np.sqrt((((a * share[:, None] + b * (1 - share[:, None])) - p) ** 2).sum(1))
    sure = np.where(nearest[0] >= 0, (1 - left / UNLIKE).clip(0, 1), 0)
    labels = np.stack([flat, np.full_like(flat, -1)])
    shares = np.zeros((2, height * width), np.float32)
    shares[0, flat >= 0] = 1
    for i, weight in ((0, sure * share), (1, sure * (1 - share) * (nearest[1] >= 0))):
        labels[i, at] = np.where(nearest[i] >= 0, flat[nearest[i]], -1)
        shares[i, at] = weight
    return labels.reshape(2, height, width), shares.reshape(2, height, width)


def palette(picture, label):
    """Mean colours of the areas' cores, then 1: float32 [AREAS, 5]; 0 where there is no such area."""
    core = label >= 0
    counts = np.bincount(label[core], minlength=AREAS)
    sums = [np.bincount(label[core], picture[..., c][core], AREAS) for c in range(4)]
    return np.stack([*(of / (255 * np.maximum(counts, 1)) for of in sums), counts > 0], -1).astype(np.float32)


def areas(picture):
    """uint8 [H, W, 4], premultiplied -> Areas at its size."""
    label, border = cores(picture)
    height, width = label.shape
    labels, shares = mixed(picture, label)
    member = np.zeros((height * width, AREAS + 1), np.float32)  # the last column takes what has no area
    rows = np.arange(height * width)
    for i in range(2):
        member[rows, labels[i].ravel()] += shares[i].ravel()
    distance = cv2.distanceTransform(1 - border.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) if border.any() else np.full((height, width), np.float32(1e6))
    near = np.exp(-distance[..., None] / (np.array(REACHES, np.float32) * max(height, width)))
    return Areas(member[:, :AREAS].reshape(height, width, AREAS), near.astype(np.float32), palette(picture, label))


def of_all(pictures):
    """torch or numpy float [N, H, W, 4] in 0..1 -> Areas of all, stacked."""
    values = np.floor(np.asarray(pictures, np.float32) * 255 + 0.5).astype(np.uint8)
    found = [areas(v) for v in values]
    return Areas(*(np.stack(of) for of in zip(*found)))
