"""Computed styles of photographs, for tests only: colour grade, faded film, sepia, night, cel and pencil.

f(rgb float32 [H, W, 3] in 0..1) -> rgb. Their parameters are fixed and no training style is made like the last two.
"""
import cv2
import numpy as np

from .layers import LUMA


def grade(x):
    """Teal shadows, orange lights, a little more contrast."""
    t = (x @ LUMA)[..., None]
    y = (x - 0.5) * 1.15 + 0.5
    return y + (1 - t) * np.float32([-0.05, 0.02, 0.06]) + t * np.float32([0.07, 0.02, -0.06])


def faded(x):
    return x * 0.6 + 0.25 + np.float32([0.03, 0.0, -0.03])


def sepia(x):
    return (x @ LUMA)[..., None] * np.float32([1.05, 0.86, 0.62])


def night(x):
    return x ** 1.4 * np.float32([0.3, 0.4, 0.65])


def cel(x):
    """Smoothed, few levels, dark lines."""
    s = x
    for _ in range(3):
        s = cv2.bilateralFilter(np.ascontiguousarray(s), 7, 0.15, 3)
    g = cv2.GaussianBlur(s @ LUMA, (0, 0), 0.8)
    line = np.clip(np.hypot(cv2.Sobel(g, cv2.CV_32F, 1, 0), cv2.Sobel(g, cv2.CV_32F, 0, 1)) * 1.6 - 0.35, 0, 1)[..., None]
    return np.round(s * 4) / 4 * (1 - line)


def pencil(x):
    """Grey lines on white paper (colour dodge of the blurred negative)."""
    g = x @ LUMA
    return np.repeat(np.clip(g / np.maximum(cv2.GaussianBlur(g, (0, 0), 2.5), 0.05), 0, 1)[..., None], 3, -1)


STYLES = (grade, faded, sepia, night, cel, pencil)


def photographs():
    """The colour photographs that scikit-image ships, uint8 [H, W, 3]."""
    import os

    import skimage
    folder = os.path.join(os.path.dirname(skimage.__file__), "data")
    names = ("astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png", "rocket.jpg", "retina.jpg")
    pictures = [cv2.imread(os.path.join(folder, n)) for n in names]
    return [p[..., ::-1] for p in pictures if p is not None]
