"""What a least-squares fit says about a pair: a colour map, and how far it can be trusted at each colour.

Pictures are premultiplied RGBA in 0..1. The map is ridge regression from quadratic features of a colour to its change,
on at most `BINS` colour bins of the pair, each counted about once however large its area. Trust comes from what is left
out of the fit: every bin is predicted by the fit without it (leave-one-out residuals of a linear smoother), and a colour is
trusted as far as the bins near it were predicted, and only if the bins span it (its leverage is small).
"""
import torch

BINS = 48
LEVELS = 6  # per colour channel; alpha has 3
AREA = 0.004  # a bin of this share of the pixels counts half
RIDGE = (0.02, 0.02, 0.02, 0.02, 0.05, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
NEAR = 0.6  # reach of the kernel between colours
FAR = 0.02  # weight of a bin at any distance
FLOOR = 2e-4  # squared error that is never trusted away


def features(color):
    """[..., 4] -> [..., 11]: r g b a 1 rr gg bb rg gb br."""
    r, g, b, _ = color.unbind(-1)
    return torch.cat([color, torch.ones_like(color[..., :1]), torch.stack([r * r, g * g, b * b, r * g, g * b, b * r], -1)], -1)


def valid(picture):
    """Premultiplied RGBA with every value in range. Channels are the last axis."""
    alpha = picture[..., 3:].clamp(0, 1)
    return torch.cat([torch.minimum(picture[..., :3].clamp_min(0), alpha), alpha], -1)


@torch.no_grad()
def fit(before, after):
    """before, after [R, P, 4], all pixels of the pairs of each of R styles. Returns what `apply` needs."""
    styles, pixels, _ = before.shape
    rgb = (before[..., :3] * LEVELS).long().clamp(0, LEVELS - 1)
    alpha = (before[..., 3] * 2 + 0.5).long().clamp(0, 2)
    index = ((rgb[..., 0] * LEVELS + rgb[..., 1]) * LEVELS + rgb[..., 2]) * 3 + alpha
    values = torch.cat([before, after, (after - before).square().sum(-1, keepdim=True), torch.ones_like(before[..., :1])], -1)
    size = LEVELS ** 3 * 3
    sums = torch.zeros(styles, size, 10, dtype=before.dtype, device=before.device).scatter_add_(1, index[..., None].expand(-1, -1, 10), values)
    order = sums[..., 9].long() * size - torch.arange(size, device=before.device)  # of equally full bins, the first
    chosen = order.topk(BINS, 1).indices
    sums = sums.gather(1, chosen[..., None].expand(-1, -1, 10))
    count = sums[..., 9]
    mean = sums / count.clamp_min(1)[..., None]
    color, change, square = mean[..., :4], mean[..., 4:8] - mean[..., :4], mean[..., 8]
    share = count / pixels
    weight = share / (share + AREA)  # 0 for an empty bin
    x = features(color)
    weighted = x * weight[..., None]
    inverse = torch.linalg.inv(weighted.transpose(1, 2) @ x + torch.diag(torch.tensor(RIDGE, dtype=before.dtype, device=before.device)))
    map_ = inverse @ (weighted.transpose(1, 2) @ change)
    leverage = ((weighted @ inverse) * x).sum(-1)
    left_out = (change - x @ map_) / (1 - leverage).clamp_min(0.02)[..., None]
    spread = (square - change.square().sum(-1)).clamp_min(0)
    return dict(map=map_, inverse=inverse, color=color, error=weight * (left_out.square().sum(-1) + spread), change=weight * square)


@torch.no_grad()
def apply(fitted, picture):
    """picture [R, P, 4] -> (the picture as the fit maps it [R, P, 4], trust [R, P, 1] in 0..1)."""
    x = features(picture)
    mapped = valid(picture + x @ fitted["map"])
    color = torch.cat([fitted["color"] * (-2 / NEAR ** 2), fitted["color"].square().sum(-1, keepdim=True) / NEAR ** 2], -1)
    ones = torch.ones_like(picture[..., :1])
    own = 1 - picture.square().sum(-1, keepdim=True) / NEAR ** 2
    values = torch.stack([fitted["error"], fitted["change"]], -1)
    sums = []
    if picture.is_cuda:
        near = torch.baddbmm(own, torch.cat([picture, ones], -1), color.transpose(1, 2), alpha=-1).clamp_min_(0)
        sums = list(near.square_() @ values)
    for r in range(len(picture) if not sums else 0):  # one style at a time stays in the processor's cache
        near = torch.addmm(own[r], torch.cat([picture[r], ones[r]], -1), color[r].T, alpha=-1).clamp_min_(0)
        sums.append(near.mul_(near) @ values[r])
    error, change = (torch.stack(sums) + FAR * values.sum(1, keepdim=True) + FLOOR).chunk(2, -1)
    reach = ((x @ fitted["inverse"]) * x).sum(-1, keepdim=True)
    return mapped, (1 - error / change).clamp(0, 1) / (1 + (reach - 1.5).clamp_min(0))
