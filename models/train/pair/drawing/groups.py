"""Groups of pictures under one style: what the net is trained on, drawn afresh all the time.

A group is uint8 [K, 2, side, side, 4], premultiplied RGBA: K pictures before and after one style with the same parameters.
"""
import cv2
import numpy as np

from . import effects
from . import palette
from . import interface
from . import styles
from .pictures import Layout, clouds, ink_for
from .layers import LUMA, over


def packed(x, side):
    """Straight RGBA float to premultiplied uint8 at another size."""
    p = np.concatenate([x[..., :3] * x[..., 3:], x[..., 3:]], -1)
    if side != len(p):
        p = cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA)
    return (np.clip(p, 0, 1) * 255 + 0.5).astype(np.uint8)


def changed(group):
    """Mean squared change in 0..1 units."""
    return float(np.square((group[:, 1].astype(np.float32) - group[:, 0]) / 255).mean())


def identity(x, backdrop):
    return x


class Generator:
    """Draws groups. `size` is the side of the pictures, `count` how many a group has."""

    def __init__(self, store, size=64, count=4, photos=None, side=None, families=0.3, inked=1.0):
        """`side` is the size that effects are drawn at, 1.5 times `size` unless told; `families` is the share of icon families among
        drawings, and `inked` how often, compared with others, one of 300 drawings is drawn that goes from colours to one ink."""
        self.store, self.size, self.count, self.photos, self.side = store, size, count, photos, side or size * 3 // 2
        self.families = families
        likely = np.array([inked * len(f) / 300 if inked != 1 and not store.mono[f[0][0]] and store.mono[f[0][1]] else 1.0 for f in store.families])
        self.likely = likely / likely.sum()

    def __call__(self, rng):
        """(group uint8 [count, 2, size, size, 4], kind)"""
        for _ in range(20):
            u = rng.random()
            group, kind = self.photographs(rng) if u < 0.1 else self.interfaces(rng) if u < 0.16 else self.drawings(rng)
            if changed(group) > 2e-4:
                return group, kind
        return group, kind

    def easy(self, rng):
        """Icons whose colours alone change, by one map for all: what reading a pair is learned from first."""
        makers = [maker for maker, _ in effects.COLOR]
        for _ in range(20):
            f = makers[rng.integers(len(makers))](rng)
            group, kind = self.drawings(rng, kind="color", style=lambda x, backdrop: f(x), clear=0.2, repaint=True)
            if changed(group) > 5e-3:
                break
        return group, kind

    def photographs(self, rng):
        """Opaque pictures with continuous colours under one or two effects on the whole frame."""
        parts = [styles.frame_style(rng)[0] for _ in range(rng.choice([1, 2], p=[0.7, 0.3]))]
        out = []
        for _ in range(self.count):
            x = clouds(rng, self.side) if self.photos is None or rng.random() < 0.15 else self.photos.crop(rng, self.side)
            y = x
            for part in parts:
                y = part(y)
            out.append(np.stack([packed(x, self.size), packed(y, self.size)]))
        return np.stack(out), "photograph"

    def interfaces(self, rng):
        """Frames of one theme under effects on the whole frame, or on all it shows."""
        theme = interface.Theme(rng)
        if rng.random() < 0.6 and not theme.clear:
            parts = [styles.frame_style(rng)[0] for _ in range(rng.choice([1, 2], p=[0.7, 0.3]))]
        else:
            layer = styles.layer_style(rng)[0]
            parts = [lambda x: layer(x, theme.page)]
        out = []
        for _ in range(self.count):
            x = y = interface.frame(rng, theme, self.store, self.side)
            for part in parts:
                y = part(y)
            out.append(np.stack([packed(x, self.size), packed(y, self.size)]))
        return np.stack(out), "interface"

    def drawings(self, rng, kind=None, ids=None, second=None, store=None, style=None, clear=0.4, repaint=None):
        """Icons on backgrounds. ids (and second, the drawings of the after pictures) may be given, and one style."""
        store = store or self.store
        test = kind is not None  # a given style and nothing else
        family = not test and rng.random() < self.families
        if family:
            if store.shadings and rng.random() < 0.25:
                pairs = store.shadings[rng.integers(len(store.shadings))]
            else:
                pairs = store.families[rng.choice(len(store.families), p=self.likely)]
            chosen = [pairs[i] for i in rng.choice(len(pairs), self.count * 4)]
            ids, second = [p[0] for p in chosen], [p[1] for p in chosen]
            kind = "family"
        elif ids is None:
            pool = store.colored if rng.random() < 0.85 else np.arange(len(store))
            ids = rng.choice(pool, self.count * 4)
        first_style = layer = identity
        names = []
        if style is not None:
            layer = style
        elif not test and rng.random() < (0.25 if family else 0.88):
            layer, names = styles.layer_style(rng)
        u = rng.random()
        plain = not test and not family
        if plain and u < 0.1:  # both drawn in another style first
            first_style, _ = styles.layer_style(rng)
        chain = plain and u < 0.07
        frame = None
        if plain and (layer is identity or rng.random() < 0.08):
            frame, name = styles.frame_style(rng)
            names.append(name)
        vary = rng.random() < 0.25  # every picture on another background
        behind, mean = styles.background(rng, clear)
        behind_after, mean_after = behind, mean
        repaint = rng.random() < (0.4 if repaint else 0.22) and (repaint or not test)
        if repaint:
            behind_after, mean_after = styles.background(rng, 0.15)
        ink = ink_for(rng, mean)
        ink_after = ink
        if repaint and abs(float((mean_after - ink) @ LUMA)) < 0.25 or family and rng.random() < 0.2:
            ink_after = palette.apart(rng, mean_after)
        many = not test and rng.random() < 0.12
        in_frame = rng.random() < 0.6  # effects drawn in the frame, or on the icon before it is placed
        out, used = [], 0
        for k in range(self.count):
            if vary:
                behind, mean = styles.background(rng, clear)
                if not repaint:
                    behind_after = behind
            pieces = rng.integers(2, 5) if many else 1
            layout = Layout(rng, pieces)
            before = after = None
            for j in range(pieces):
                i = ids[used % len(ids)]
                a = store.layer(i, ink, self.side)
                b = store.layer(second[used % len(ids)], ink_after, self.side) if second is not None else a
                used += 1
                if first_style is not identity:
                    a = first_style(a, mean)
                    b = b if second is not None else a if chain else b
                if not in_frame:
                    b = layer(b, mean_after)
                a, b = layout.place(j, a, self.side), layout.place(j, b, self.side)
                before, after = over(a, before), over(b, after)
            if in_frame:
                after = layer(after, mean_after)
            before = over(before, behind((self.side, self.side)))
            after = over(after, behind_after((self.side, self.side)))
            if frame is not None:
                after = frame(after)
            out.append(np.stack([packed(before, self.size), packed(after, self.size)]))
        return np.stack(out), kind or "+".join(names) or "background"
