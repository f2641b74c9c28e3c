"""Muon (Jordan, 2024) for the matrices of a net, AdamW for the rest, on weights in shared memory.

The momentum of a matrix is replaced by the nearest orthogonal matrix, scaled to the size of AdamW's updates
(Liu et al., arXiv 2502.16982), so that one learning rate serves both.
"""
import os

import torch

import optimizer

SCALE = float(os.environ.get("MUON_SCALE", "0.2"))  # size of a matrix's update, as a share of AdamW's largest
ADAM = ("stem", "position", "patch_in", "head", "patch_out", "mlp_conv", "refine")


def is_matrix(name, weight):
    return weight.ndim > 1 and not any(part in name for part in ADAM)


@torch.no_grad()
def orthogonal(m, steps=5):
    """Five Newton-Schulz steps towards the orthogonal factor of m [rows, columns]."""
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = m.shape[0] <= m.shape[1]
    x = m if wide else m.T
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        g = x @ x.T
        x = a * x + (b * g + c * g @ g) @ x
    return x if wide else x.T


@torch.no_grad()
def directions(gradients, momenta, beta=0.95):
    """Updates of matrices from their gradients; momenta are changed in place."""
    out = []
    for g, m in zip(gradients, momenta):
        m.lerp_(g, 1 - beta)
        flat = g.lerp(m, beta).flatten(1)
        out.append((orthogonal(flat) * (SCALE * max(flat.shape) ** 0.5)).view_as(g))
    return out


@torch.no_grad()
def step(state, names, grads, lr, weight_decay, ema_decay):
    """One update of state.weights[names] and their EMA; see hogwild.Shared."""
    gradients = dict(zip(names, grads))
    matrices = [k for k in names if is_matrix(k, state.weights[k])]
    rest = [k for k in names if k not in set(matrices)]
    optimizer.adamw(state, rest, [gradients[k] for k in rest], lr, weight_decay, ema_decay)
    updates = directions([gradients[k] for k in matrices], [state.first[k] for k in matrices])
    weights = [state.weights[k] for k in matrices]
    torch._foreach_mul_(weights, 1 - lr * weight_decay)
    torch._foreach_add_(weights, updates, alpha=-lr)
    count = state.step.item()
    torch._foreach_lerp_([state.ema[k] for k in matrices], weights, 1 - min(ema_decay, (1 + count) / (10 + count)))
