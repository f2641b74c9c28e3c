"""Frames like those of an interface: a theme's cards, buttons, fields, lists and charts with icons and words."""
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from . import palette
from .layers import flat, over

WORDS = ("Home", "Save", "Next", "Today", "Inbox", "Send", "Price", "Team", "Open", "Login", "Total", "Music", "Order", "Done", "Menu", "Profile",
         "Settings", "Welcome", "Search", "Archive", "42", "128", "9:41", "$18.50", "+7%", "New message", "Good morning", "Your week")


def rounded(side, x, y, w, h, radius):
    """Coverage [side, side] of a rounded rectangle; all in pixels."""
    yy, xx = np.ogrid[0:side, 0:side]
    r = min(radius, w / 2, h / 2)
    dy, dx = np.abs(yy + 0.5 - (y + h / 2)) - h / 2 + r, np.abs(xx + 0.5 - (x + w / 2)) - w / 2 + r
    return np.clip(r - np.hypot(np.maximum(dy, 0), np.maximum(dx, 0)) - np.minimum(np.maximum(dy, dx), 0) * (r == 0) + 0.5, 0, 1).astype(np.float32)


class Theme:
    """What the frames of one group share: colours, corners, sizes of type."""

    def __init__(self, rng):
        dark = rng.random() < 0.3
        self.page = rng.uniform(0.02, 0.15, 3) if dark else 1 - rng.uniform(0, 0.12) * rng.random(3)
        self.card = np.clip(self.page + (0.08 if dark else rng.choice([-0.05, 0.04])), 0, 1)
        self.text = np.full(3, rng.uniform(0.85, 1)) if dark else np.full(3, rng.uniform(0, 0.25))
        self.quiet = self.text * 0.45 + self.page * 0.55
        self.accent = palette.apart(rng, self.card, 0.2)
        self.second = palette.color(rng)
        self.corner = rng.choice([0.0, 2.0, 5.0, 10.0])
        self.clear = rng.random() < 0.25  # a frame without a page behind


def word(rng):
    return WORDS[rng.integers(len(WORDS))]


def text(side, words, x, y, size, color):
    """Words with their top left at x, y, as a layer."""
    page = Image.new("L", (side, side))
    ImageDraw.Draw(page).text((x, y), words, fill=255, font=ImageFont.load_default(max(size, 5)))
    return flat(color.astype(np.float32), np.asarray(page, np.float32) / 255)


def frame(rng, theme, store, side):
    """One frame of a theme: straight RGBA float32 [side, side, 4]."""
    u = side / 128
    out = np.zeros((side, side, 4), np.float32) if theme.clear else np.broadcast_to(np.append(theme.page, 1).astype(np.float32), (side, side, 4)).copy()

    def box(x, y, w, h, color, radius=None):
        nonlocal out
        out = over(flat(np.asarray(color, np.float32), rounded(side, x * u, y * u, w * u, h * u, (theme.corner if radius is None else radius) * u)), out)

    def words(x, y, size, color, what=None):
        nonlocal out
        out = over(text(side, what or word(rng), x * u, y * u, size * u, color), out)

    def icon(x, y, size, color):
        nonlocal out
        layer = store.layer(int(rng.integers(len(store))), color.astype(np.float32), max(int(size * u), 4))
        whole = np.zeros((side, side, 4), np.float32)
        y, x = int(y * u), int(x * u)
        part = layer[:side - y, :side - x]
        whole[y:y + part.shape[0], x:x + part.shape[1]] = part
        out = over(whole, out)

    y = rng.uniform(4, 14)
    if rng.random() < 0.6:
        words(8, y, rng.uniform(11, 18), theme.text)
        y += 22
    while y < 118:
        kind, left = rng.integers(6), 7
        if kind == 0:  # card with an icon and two lines
            h = rng.uniform(26, 40)
            box(left, y, 114, h, theme.card)
            icon(left + 5, y + h / 2 - 9, 18, theme.accent)
            words(left + 30, y + 4, 9, theme.text)
            box(left + 30, y + h - 11, rng.uniform(25, 70), 4, theme.quiet, 2)
        elif kind == 1:  # button
            h, w = rng.uniform(15, 22), rng.uniform(45, 114)
            box(left, y, w, h, theme.accent)
            words(left + w / 2 - 16, y + h / 2 - 6, 9, theme.card)
        elif kind == 2:  # field
            h = rng.uniform(14, 20)
            box(left, y, 114, h, theme.quiet)
            box(left + 1.2, y + 1.2, 111.6, h - 2.4, theme.page if not theme.clear else theme.card)
            words(left + 5, y + h / 2 - 6, 8, theme.quiet)
        elif kind == 3:  # bars
            h, n = rng.uniform(28, 44), rng.integers(4, 9)
            box(left, y, 114, h, theme.card)
            for i in range(n):
                b = rng.uniform(0.15, 0.9) * (h - 6)
                box(left + 6 + i * 104 / n, y + h - 3 - b, 70 / n, b, theme.accent if rng.random() < 0.7 else theme.second, 1)
        elif kind == 4:  # row of icons
            h, n = 22, rng.integers(3, 6)
            for i in range(n):
                icon(left + i * 114 / n, y + 1, 18, theme.text if rng.random() < 0.6 else theme.second)
        else:  # lines of a paragraph
            h, n = 0, rng.integers(2, 5)
            for _ in range(n):
                box(left, y + h, rng.uniform(60, 112), 4, theme.quiet, 2)
                h += 8
        y += h + rng.uniform(4, 10)
    return np.clip(out, 0, 1).astype(np.float32)
