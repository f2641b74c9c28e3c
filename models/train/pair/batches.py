"""From groups of pictures to the net's planes: augmentation of whole groups, the closed form, the bridge and its noise."""
from typing import NamedTuple

import numpy as np
import torch

import closed_form
import regions
from pair_net import Own

IDENTITY = 0.04  # share of groups whose reference says "change nothing"
SUBTLE = 0.25  # share of groups of whose change only a part is made
SWAPPED = 0.08  # share of groups whose before and after change places
UNCONDITIONED = 0.05  # share of steps without references and without a source: ordinary denoising
PARTWAY = 0.25  # share of queries that start on the way from the closed form to the after picture
NOISED = 0.2  # share of queries with noise


def references(rng, unconditioned=UNCONDITIONED):
    """How many references a step has: mostly one; none in the share that trains an ordinary denoiser."""
    return 0 if rng.random() < unconditioned else int(rng.choice([1, 2, 3], p=[0.78, 0.15, 0.07]))


def color_maps(rng, styles):
    """Maps of premultiplied colours [R, 2, 4, 4] (before and after of each style; row vectors): one permutation of the channels and
    one inversion for both, a random affine map for the after pictures or for both. What is clear stays clear."""
    out = np.tile(np.eye(4, dtype=np.float32), (styles, 2, 1, 1))
    for r in range(styles):
        if rng.random() < 0.4:
            out[r] = out[r][:, np.append(rng.permutation(3), 3)]
        if rng.random() < 0.1:
            invert = np.diag([-1.0, -1.0, -1.0, 1.0])
            invert[3, :3] = 1
            out[r] = out[r] @ invert
        u = rng.random()
        if u < 0.2:
            affine = np.eye(4)
            affine[:3, :3] = np.eye(3) * rng.uniform(0.3, 1.1) + rng.normal(0, 0.25, (3, 3))
            affine[3, :3] = rng.uniform(-0.2, 0.35, 3)
            for side in (1,) if u < 0.15 else (0, 1):
                out[r, side] = out[r, side] @ affine
    return out


def floats(groups, device):
    return torch.from_numpy(np.ascontiguousarray(groups)).to(device).float().div_(255)


def turned(groups, rng):
    """uint8 [R, K, 2, H, W, 4], its pictures in another order, mirrored or transposed; all of a style alike."""
    groups = groups[:, rng.permutation(groups.shape[1])]
    for style in groups:
        if rng.random() < 0.5:
            style[:] = style[:, :, :, ::-1].copy()
        if rng.random() < 0.1:
            style[:] = style[:, :, ::-1].copy()
        if rng.random() < 0.1:
            style[:] = style.swapaxes(2, 3).copy()
        if rng.random() < SWAPPED:
            style[:] = style[:, ::-1].copy()
    return groups


class Recolored:
    """A change of colours for each of R styles, all its pictures alike, so it is a new style of new pictures."""

    def __init__(self, rng, styles, device):
        def column(values):
            return torch.from_numpy(values.astype(np.float32)).to(device).view(-1, 1, 1, 1, 1, 1)
        self.maps = torch.from_numpy(color_maps(rng, styles)).to(device)
        share = np.where(rng.random(styles) < SUBTLE, rng.uniform(0.15, 0.8, styles), 1.0)
        self.share = column(np.where(rng.random(styles) < IDENTITY, 0.0, share))

    def __call__(self, x):
        """float32 [R, K, 2, H, W, 4] in 0..1"""
        x = closed_form.valid((x.flatten(3, 4) @ self.maps[:, None]).view_as(x))
        return torch.cat([x[:, :, :1], x[:, :, :1].lerp(x[:, :, 1:], self.share)], 2)


def planes(source, so_far, mapped, trust, t, noise, reference, known):
    """The net's input [N, H, W, 17]; t, noise, reference and known are numbers or [N, 1, 1, 1]."""
    shape = source.shape[:-1] + (1,)
    def plane(v):
        return torch.as_tensor(v, dtype=source.dtype, device=source.device).expand(shape)
    return torch.cat([source, so_far, mapped, trust, plane(t), plane(noise), plane(reference), plane(known)], -1)


def closed_forms(before, after, pictures):
    """before, after [R, n, H, W, 4]; pictures [R, m, H, W, 4] -> (mapped like pictures, trust [R, m, H, W, 1])."""
    fitted = closed_form.fit(before.flatten(1, 3), after.flatten(1, 3))
    mapped, trust = closed_form.apply(fitted, pictures.flatten(1, 3))
    return mapped.view_as(pictures), trust.view(*pictures.shape[:-1], 1)


def condition(before, after, queries, without=None, references_too=True):
    """Planes of the references, then of the queries at t = 0 without noise: what one evaluation takes.

    before, after [R, n, H, W, 4]; queries [R, Q, H, W, 4] (any size without references_too); without [R], styles whose closed
    form is kept from the net -> [R * n + R * Q, H, W, 17]
    """
    n = before.shape[1] if references_too else 0
    pictures = torch.cat([before, queries], 1) if references_too else queries
    mapped, trust = closed_forms(before, after, pictures)
    if without is not None:
        without = without.view(-1, 1, 1, 1, 1)
        mapped, trust = torch.where(without, pictures, mapped), torch.where(without, 0.0, trust)
    start = queries + trust[:, n:] * (mapped[:, n:] - queries)
    flat = lambda x: x.flatten(0, 1)
    own = planes(flat(queries), flat(start), flat(mapped[:, n:]), flat(trust[:, n:]), 0, 0, 0, 1)
    if not references_too:
        return own
    return torch.cat([planes(flat(before), flat(after), flat(mapped[:, :n]), flat(trust[:, :n]), 1, 0, 1, 1), own])


def areas_of(pictures):
    """regions.Areas of pictures [N, H, W, 4] in 0..1, as tensors."""
    return regions.Areas(*(torch.from_numpy(x).to(pictures.device) for x in regions.of_all(pictures.cpu())))


def palette_of(after):
    """[R, n, H, W, 4] -> the colours of the areas of a style's after pictures [R, n * areas, 5]"""
    return areas_of(after.flatten(0, 1)).palette.view(len(after), -1, 5)


def halved(x):
    """[..., H, W, C] averaged down to half the size."""
    rows = x[..., ::2, :, :] + x[..., 1::2, :, :]
    return (rows[..., ::2, :] + rows[..., 1::2, :]) * 0.25


class Batch(NamedTuple):
    """What a step trains on. `own` and `part`: see PairNet.forward; None where the head sees what the backbone sees."""
    planes: torch.Tensor
    near: torch.Tensor
    member: torch.Tensor
    palette: torch.Tensor
    references: int
    own: Own | None
    part: tuple | None
    target: torch.Tensor  # [N, H, W, 4], or the part of it
    source: torch.Tensor  # like target
    change: torch.Tensor  # [N], mean squared change of the style's pictures


def training_batch(groups, rng, references, device="cpu", half=False, part=False, without=0.0, bridge=True):
    """groups uint8 [R, K, 2, H, W, 4]. half: the net sees them at half their size; part: the backbone does, the head sees a
    square of half the side at full size, as when a large picture is restyled in parts."""
    groups = turned(groups, rng)
    styles = len(groups)
    recolored = Recolored(rng, styles, device)
    x = floats(groups, device)
    x = recolored(halved(x) if half or part else x)
    change = (x[:, :, 0] - x[:, :, 1]).square().mean((1, 2, 3, 4))
    if references == 0:
        target = x[:, :, 1].flatten(0, 1)
        s = torch.rand(len(target), 1, 1, 1, device=device)
        noised = target * (1 - s) + s * (0.5 + 0.5 * torch.randn_like(target))
        p = planes(noised, noised, noised, torch.zeros_like(noised[..., :1]), 0, s, 0, 0)
        seen = areas_of(noised)
        return Batch(p, seen.near, seen.member, x.new_zeros(styles, regions.AREAS, 5), 0, None, None, target, noised, torch.full((len(target),), 0.05, device=device))
    without = torch.from_numpy(rng.random(styles) < without).to(device)
    p = condition(x[:, :references, 0], x[:, :references, 1], x[:, references:, 0], without)
    first = styles * references
    target = x[:, references:, 1].flatten(0, 1)
    n = len(target)
    draws = torch.rand(4, n, device=device)
    t = (draws[0] * (draws[1] < PARTWAY * bridge)).view(n, 1, 1, 1)
    s = (draws[2] * 0.4 * (draws[3] < NOISED * bridge)).view(n, 1, 1, 1)
    noise = 0.5 + 0.5 * torch.randn_like(target)
    def under_way(p, target, noise):
        so_far = p[..., 4:8] * (1 - t) + target * t
        p[..., 4:8] = so_far * (1 - s) + s * noise
        p[..., 13:14] = t
        p[..., 14:15] = s
    under_way(p[first:], target, noise)
    own = place = None
    if not part:
        seen = areas_of(p[..., :4])
        palette = palette_of(x[:, :references, 1])
        near, member = seen.near, seen.member[first:]
    else:
        height, width = groups.shape[-3:-1]
        top, left = int(rng.integers(height // 2 + 1)), int(rng.integers(width // 2 + 1))
        place = (top, left, height, width)
        full = recolored(floats(groups, device))
        seen = areas_of(torch.cat([full[:, :references, 0].flatten(0, 1), full[:, references:, 0].flatten(0, 1)]))
        palette = palette_of(full[:, :references, 1])
        near, member = halved(seen.near), halved(seen.member[first:])
        def cut(x):
            return x[..., top:top + height // 2, left:left + width // 2, :]
        queries = cut(full[:, references:])
        planes_of_part = condition(x[:, :references, 0], x[:, :references, 1], queries[:, :, 0], without, references_too=False)
        target = queries[:, :, 1].flatten(0, 1)
        under_way(planes_of_part, target, noise)
        own = Own(planes_of_part, cut(seen.near[first:]), cut(seen.member[first:]))
    source = (p[first:] if own is None else own.planes)[..., :4]
    return Batch(p, near, member, palette, references, own, place, target, source, change.repeat_interleave(n // styles))
