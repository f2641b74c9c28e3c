"""From groups of pictures to the net's planes: augmentation of whole groups, the closed form, the bridge and its noise."""
import numpy as np
import torch

import closed_form

IDENTITY = 0.04  # share of groups whose reference says "change nothing"
SWAPPED = 0.08  # share of groups whose before and after change places
UNCONDITIONED = 0.05  # share of steps without references and without a source: ordinary denoising
PARTWAY = 0.25  # share of queries that start on the way from the closed form to the after picture
NOISED = 0.2  # share of queries with noise


def color_map(rng):
    """A random affine map of premultiplied colours: [5, 3] from r g b a 1; the last row is 0, so what is clear stays so."""
    matrix = np.zeros((4, 3), np.float32)
    matrix[:3] = np.eye(3) * rng.uniform(0.3, 1.1) + rng.normal(0, 0.25, (3, 3))
    matrix[3] = rng.uniform(-0.2, 0.35, 3)
    return torch.from_numpy(matrix)


def augmented(group, rng):
    """uint8 [K, 2, H, W, 4] -> float32 [K, 2, H, W, 4] in 0..1: the same change of every picture, so a new style of new pictures."""
    x = torch.from_numpy(group[rng.permutation(len(group))]).float().div(255)
    if rng.random() < 0.4:
        x = x[..., torch.from_numpy(np.append(rng.permutation(3), 3))]
    if rng.random() < 0.5:
        x = x.flip(-2)
    if rng.random() < 0.1:
        x = x.flip(-3)
    if rng.random() < 0.1:
        x = x.transpose(-2, -3)
    if rng.random() < 0.1:
        x = torch.cat([x[..., 3:] - x[..., :3], x[..., 3:]], -1)
    u = rng.random()
    if u < 0.2:
        side = slice(1, 2) if u < 0.15 else slice(0, 2)
        x = x.clone()
        x[:, side] = closed_form.valid(torch.cat([x[:, side] @ color_map(rng), x[:, side, ..., 3:]], -1))
    if rng.random() < SWAPPED:
        x = x.flip(1)
    if rng.random() < IDENTITY:
        x = x[:, :1].expand(-1, 2, -1, -1, -1)
    return x


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


def condition(before, after, queries):
    """Planes of the references, then of the queries at t = 0 without noise: what one evaluation takes.

    before, after [R, n, H, W, 4]; queries [R, Q, H, W, 4] -> [R * n + R * Q, H, W, 17]
    """
    n = before.shape[1]
    mapped, trust = closed_forms(before, after, torch.cat([before, queries], 1))
    start = queries + trust[:, n:] * (mapped[:, n:] - queries)
    flat = lambda x: x.flatten(0, 1)
    return torch.cat([
        planes(flat(before), flat(after), flat(mapped[:, :n]), flat(trust[:, :n]), 1, 0, 1, 1),
        planes(flat(queries), flat(start), flat(mapped[:, n:]), flat(trust[:, n:]), 0, 0, 0, 1)])


def training_batch(groups, rng, references):
    """groups: list of uint8 [K, 2, H, W, 4]. Returns (planes, references, targets [N, H, W, 4], weights [N], sources [N, H, W, 4])."""
    x = torch.stack([augmented(g, rng) for g in groups])  # [R, K, 2, H, W, 4]
    styles = len(x)
    if references == 0:
        target = x[:, :, 1].flatten(0, 1)
        s = torch.rand(len(target), 1, 1, 1)
        noised = target * (1 - s) + s * (0.5 + 0.5 * torch.randn_like(target))
        return planes(noised, noised, noised, torch.zeros_like(noised[..., :1]), 0, s, 0, 0), 0, target, torch.full((len(target),), 0.5), noised
    before, after = x[:, :references, 0], x[:, :references, 1]
    source, target = x[:, references:, 0], x[:, references:, 1]
    p = condition(before, after, source)
    first = styles * references
    source, target = source.flatten(0, 1), target.flatten(0, 1)
    n = len(source)
    t = torch.where(torch.rand(n) < PARTWAY, torch.rand(n), torch.zeros(n)).view(n, 1, 1, 1)
    s = torch.where(torch.rand(n) < NOISED, torch.rand(n) * 0.4, torch.zeros(n)).view(n, 1, 1, 1)
    so_far = p[first:, ..., 4:8] * (1 - t) + target * t
    p[first:, ..., 4:8] = so_far * (1 - s) + s * (0.5 + 0.5 * torch.randn_like(so_far))
    p[first:, ..., 13:14] = t
    p[first:, ..., 14:15] = s
    change = (source - target).square().mean((1, 2, 3)).view(styles, -1).mean(1, keepdim=True).expand(styles, n // styles).reshape(n)
    weight = (0.05 / (change + 0.02)).sqrt() * torch.where(t.view(n) > 0, 0.5, 1.0)
    return p, references, target, weight, source
