"""The pair-conditioned net. README.md specifies it with shapes and equations; names here are the names in the file.

One backbone sees every picture, references and queries, as planes at the backbone's size. At every attention block a
query also reads the keys and values of its references. A head at the picture's own resolution turns the backbone's
features and the picture's own planes into the answer. Pictures are premultiplied RGBA in 0..1, channels last.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

PLANES = 17  # source 4, target so far 4, closed form 4, trust, t, noise, is a reference, source known
OWN = 13  # the first planes, which the head sees too
CONFIG = dict(stem=12, widths=[80, 160], heads=[2, 5], depths=[2, 2, 2], expansion=1.5, features=16, head=20)


def conv(layer, x):
    """A convolution on [N, H, W, C]."""
    return layer(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class Attention(nn.Module):
    """References read themselves; a query reads itself and all references of its style."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        nn.init.zeros_(self.to_out[0].weight)
        nn.init.zeros_(self.to_out[0].bias)

    def split(self, x):
        return x.reshape(*x.shape[:-1], self.heads, -1).transpose(-2, -3)

    def forward(self, x, styles, references):
        """x [styles * references + styles * queries, L, C], references first."""
        rows, length, width = x.shape
        first = styles * references
        q, k, v = self.split(self.to_q(x)), self.split(self.to_k(x)), self.split(self.to_v(x))  # [rows, heads, L, d]
        queries = (rows - first) // styles
        outs = []
        if first:
            outs.append(F.scaled_dot_product_attention(q[:first], k[:first], v[:first]))
        if queries:
            qk, qv = k[first:], v[first:]
            if first:
                def joined(own, ref):
                    ref = ref.reshape(styles, references, self.heads, length, -1).transpose(1, 2).flatten(2, 3)
                    return torch.cat([own, ref.repeat_interleave(queries, 0)], 2)
                qk, qv = joined(qk, k[:first]), joined(qv, v[:first])
            outs.append(F.scaled_dot_product_attention(q[first:], qk, qv))
        out = torch.cat(outs).transpose(1, 2).reshape(rows, length, width)
        return self.to_out[0](out)


class Block(nn.Module):
    """Reference attention, then a gated MLP with a depthwise convolution; both residual, both after a LayerNorm over channels."""

    def __init__(self, width, heads, expansion):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        inner = int(width * expansion)
        self.mlp_in = nn.Linear(width, 2 * inner)
        self.mlp_conv = nn.Conv2d(2 * inner, 2 * inner, 3, padding=1, groups=2 * inner)
        self.mlp_out = nn.Linear(inner, width)
        nn.init.zeros_(self.mlp_out.weight)
        nn.init.zeros_(self.mlp_out.bias)

    def forward(self, x, styles, references):
        n, h, w, c = x.shape
        x = x + self.attn(self.norm1(x).view(n, h * w, c), styles, references).view(n, h, w, c)
        a, b = conv(self.mlp_conv, self.mlp_in(self.norm2(x))).chunk(2, -1)
        return x + self.mlp_out(a * F.silu(b))


def positions(height, width):
    """Fourier features of the token centres [height, width, 14]: y, x, then sin and cos of 1, 2 and 4 turns."""
    y = (torch.arange(height) + 0.5) / height
    x = (torch.arange(width) + 0.5) / width
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1)
    turns = torch.cat([grid * (2 * math.pi * f) for f in (1, 2, 4)], -1)
    return torch.cat([grid, turns.sin(), turns.cos()], -1)


def unshuffle(x, p):
    """[N, H, W, C] -> [N, H / p, W / p, p * p * C]"""
    n, h, w, c = x.shape
    return x.reshape(n, h // p, p, w // p, p, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h // p, w // p, p * p * c)


def shuffle(x, p):
    """The inverse of unshuffle."""
    n, h, w, c = x.shape
    return x.reshape(n, h, w, p, p, c // (p * p)).permute(0, 1, 3, 2, 4, 5).reshape(n, h * p, w * p, c // (p * p))


class PairNet(nn.Module):
    def __init__(self, config=CONFIG):
        super().__init__()
        self.config = config
        fine, coarse = config["widths"]
        fine_heads, coarse_heads = config["heads"]
        down, middle, up = config["depths"]
        expansion = config["expansion"]
        self.stem = nn.Conv2d(PLANES, config["stem"], 3, padding=1)
        self.patch_in = nn.Linear(16 * (PLANES + config["stem"]), fine)
        self.position = nn.Linear(14, fine)
        self.down = nn.ModuleList([Block(fine, fine_heads, expansion) for _ in range(down)])
        self.merge = nn.Linear(4 * fine, coarse)
        self.middle = nn.ModuleList([Block(coarse, coarse_heads, expansion) for _ in range(middle)])
        self.expand = nn.Linear(coarse, fine * 4)
        self.up = nn.ModuleList([Block(fine, fine_heads, expansion) for _ in range(up)])
        self.norm_out = nn.LayerNorm(fine)
        self.patch_out = nn.Linear(fine, 16 * config["features"])
        self.head1 = nn.Conv2d(OWN + config["features"], config["head"], 3, padding=1)
        self.head2 = nn.Conv2d(config["head"], config["head"], 3, padding=1)
        self.head3 = nn.Conv2d(config["head"], 21, 1)  # residual 4, share of the closed form, matrix 4 x 4
        nn.init.zeros_(self.head3.weight)
        nn.init.zeros_(self.head3.bias)
        self.begin()

    @torch.no_grad()
    def begin(self):
        """Makes content count from the start: planes act centred and at full size on tokens where positions hardly show, and keys are
        projected as queries are, so that alike patches attend to each other (mimetic initialization, arXiv 2305.09828)."""
        for layer in (self.stem, self.patch_in):
            layer.weight *= 3
        self.stem.bias -= 0.5 * self.stem.weight.sum((1, 2, 3))
        self.patch_in.bias -= 0.5 * self.patch_in.weight.unflatten(1, (16, -1))[..., :PLANES].sum((1, 2))
        self.position.weight *= 0.1
        self.position.bias *= 0.1
        for block in (*self.down, *self.middle, *self.up):
            attn = block.attn
            for head in attn.to_q.weight.chunk(attn.heads):
                nn.init.orthogonal_(head)
            attn.to_k.weight.copy_(attn.to_q.weight)

    def backbone(self, planes, styles, references):
        """planes [N, H, W, 17], H and W multiples of 8 -> features of the queries [N - references, H, W, features]"""
        first = styles * references
        x = self.patch_in(unshuffle(torch.cat([planes, F.silu(conv(self.stem, planes))], -1), 4))
        x = x + self.position(positions(*x.shape[1:3]).to(x))
        for block in self.down:
            x = block(x, styles, references)
        y = self.merge(unshuffle(x, 2))
        for block in self.middle:
            y = block(y, styles, references)
        x = x + shuffle(self.expand(y), 2)
        for block in self.up:
            x = block(x, styles, references)
        return shuffle(self.patch_out(self.norm_out(x[first:])), 4)

    def answer(self, planes, features):
        """planes [N, H, W, 13 or more] at the pictures' own size, features at the same size -> the after pictures [N, H, W, 4]."""
        h = F.silu(conv(self.head1, torch.cat([planes[..., :OWN], features], -1)))
        h = conv(self.head3, F.silu(conv(self.head2, h)))
        source, mapped, trust = planes[..., :4], planes[..., 8:12], planes[..., 12:13]
        matrix = h[..., 5:].unflatten(-1, (4, 4))
        return source + (trust + h[..., 4:5]) * (mapped - source) + h[..., :4] + (matrix @ source[..., None])[..., 0]

    def forward(self, planes, styles, references, own=None):
        """planes [N, H, W, 17] at the backbone's size, references first; own [Q, h, w, 13 or more], the queries' planes at their
        own size where that is another. Returns the queries' after pictures at their own size."""
        features = self.backbone(planes, styles, references)
        if own is None:
            own = planes[styles * references:]
        elif own.shape[1:3] != features.shape[1:3]:
            features = F.interpolate(features.permute(0, 3, 1, 2), own.shape[1:3], mode="bilinear").permute(0, 2, 3, 1)
        return self.answer(own, features)
