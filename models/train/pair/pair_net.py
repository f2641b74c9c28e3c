"""The pair-conditioned net. README.md specifies it with shapes and equations; names here are the names in the file.

One backbone sees every picture, references and queries, as planes at the backbone's size. At every attention block a
query also reads the keys and values of its references. A head at the picture's own resolution turns the backbone's
features and the picture's own planes into the answer. Pictures are premultiplied RGBA in 0..1, channels last.
"""
import math
from typing import NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F

PLANES = 17  # source 4, target so far 4, closed form 4, trust, t, noise, is a reference, source known
GRID = 16  # reference pixels that are looked up, in each direction
EMBED = 15  # dimensions in which pixels are compared
OWN = 13  # the first planes, which the head sees too
CONFIG = dict(stem=12, widths=[80, 160], heads=[2, 5], depths=[2, 2, 2], expansion=1.5, features=16, blurs=[2, 5], refine=24, head=20, lookups=2, areas=24)


ABSENT = 1e4  # score of a colour that a palette does not have, below all others
NEAR = 2  # planes that say how near a border is


class Own(NamedTuple):
    """What the head sees of the queries at their own size, or of a part of them."""
    planes: torch.Tensor  # [Q, h, w, 13 or more]
    near: torch.Tensor  # [Q, h, w, 2]
    member: torch.Tensor  # [Q, h, w, areas]


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


def grid(height, width):
    """Rows and columns [GRID * GRID] of one pixel in each cell of a GRID x GRID grid over a picture; the place in the cell varies."""
    i, j = torch.meshgrid(torch.arange(GRID), torch.arange(GRID), indexing="ij")
    def at(cell, offset, side):
        return ((cell * 32 + offset % 16 * 2 + 1) * side // (32 * GRID)).flatten()
    return at(i, 7 * i + 3 * j, height), at(j, 2 * i + 5 * j, width)


class Lookup(nn.Module):
    """What became of the reference pixels that look like the query's: kernel regression in a learned space, by a grid of reference pixels."""

    def __init__(self, inputs, heads):
        super().__init__()
        self.heads = heads
        self.embed = nn.Linear(inputs, heads * EMBED)
        with torch.no_grad():  # the first head starts as a kernel of colours
            self.embed.weight[:4, :4] += 5 * torch.eye(4)

    def forward(self, inputs, own, pairs):
        """inputs [R, P, n] of the reference pixels, own [R, Q, n] of the queries' pixels, pairs [R, P, 8] before and after
        -> [R, Q, heads * 12]: after, change and before, as the nearest reference pixels have them."""
        def split(x):
            return self.embed(x).unflatten(-1, (self.heads, EMBED)).transpose(1, 2)
        keys, queries = split(inputs), split(own)
        keys = torch.cat([keys, -0.5 * keys.square().sum(-1, keepdim=True)], -1)  # exp(q k - k k / 2) is a Gaussian of q - k, but for a factor of q
        queries = torch.cat([queries, torch.ones_like(queries[..., :1])], -1)
        before, after = pairs[..., :4], pairs[..., 4:]
        values = torch.cat([after, after - before, before, torch.zeros_like(before)], -1)[:, None].expand(-1, self.heads, -1, -1)
        out = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)[..., :12]
        return out.transpose(1, 2).flatten(2)


def on_rim(height, width):
    """[height, width]: 1 / (pixels of the picture's rim) on the rim, 0 inside it."""
    rim = torch.zeros(height, width)
    rim[[0, -1]] = 1
    rim[:, [0, -1]] = 1
    return rim / rim.sum()


class AreaValues(nn.Module):
    """One decision for each area of one colour, from the means of what its pixels know: a vector for the head, and a change of colour,
    which may be drawn to the nearest colours of the references' after pictures."""

    def __init__(self, hidden, lookups, width):
        super().__init__()
        self.lookups = lookups
        self.inner = nn.Linear(hidden + 12 * lookups + 6, width)
        # residual 4, for every lookup the share of its after and of its change, how far to the palette's colours, how sharply they are chosen
        self.out = nn.Linear(width, 6 + 2 * lookups)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, hidden, found, source, member, palette):
        """[Q, H, W, C] each, at the backbone's size, palette [Q, colours, 5] -> [Q, areas, width + 4]; of an area without pixels it
        is not to be used."""
        weights = member.flatten(1, 2)
        counts = weights.sum(1)[..., None]
        means = weights.transpose(1, 2) @ torch.cat([hidden, found, source], -1).flatten(1, 2) / (counts + 0.01)
        size = (counts / weights.shape[1]).sqrt()
        rim = weights.transpose(1, 2) @ on_rim(*member.shape[1:3]).to(member).flatten()[:, None]
        inner = F.silu(self.inner(torch.cat([means, size, rim], -1)))
        out = self.out(inner)
        color = means[..., -4:]
        change = out[..., :4]
        for i in range(self.lookups):
            at = hidden.shape[-1] + 12 * i
            change = change + out[..., 4 + 2 * i:5 + 2 * i] * (means[..., at:at + 4] - color) + out[..., 5 + 2 * i:6 + 2 * i] * means[..., at + 4:at + 8]
        known = palette[..., 4]
        away = (color + change)[:, :, None] - palette[:, None, :, :4]
        sharpness = (3 + out[..., -1:]).clamp(max=8).exp()
        chosen = (ABSENT * (known - 1)[:, None] - sharpness * away.square().sum(-1)).softmax(-1) @ palette[..., :4]
        change = change + out[..., -2:-1] * (chosen - color - change)
        return torch.cat([inner, change], -1)


def positions(height, width):
    """Fourier features of the token centres [height, width, 14]: y, x, then sin and cos of 1, 2 and 4 turns."""
    y = (torch.arange(height) + 0.5) / height
    x = (torch.arange(width) + 0.5) / width
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij"), -1)
    turns = torch.cat([grid * (2 * math.pi * f) for f in (1, 2, 4)], -1)
    return torch.cat([grid, turns.sin(), turns.cos()], -1)


def blurred(x, sigma):
    """[N, H, W, C] blurred by a Gaussian of `sigma` px, with weights renormalised at the borders."""
    def weights(n):
        at = torch.arange(n, device=x.device)
        w = torch.exp(-0.5 * ((at[:, None] - at) / sigma) ** 2)
        return (w / w.sum(1, keepdim=True)).to(x.dtype)
    return torch.einsum("yi,nijc,xj->nyxc", weights(x.shape[1]), x, weights(x.shape[2]))


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
        features = config["features"] + 4 * len(config["blurs"])
        self.refine1 = nn.Conv2d(4 + features, config["refine"], 3, padding=1)
        self.refine2 = nn.Conv2d(config["refine"], config["features"], 3, padding=1)
        nn.init.zeros_(self.refine2.weight)
        nn.init.zeros_(self.refine2.bias)
        self.head1 = nn.Conv2d(OWN + features + NEAR, config["head"], 3, padding=1)
        self.head2 = nn.Conv2d(config["head"], config["head"], 3, padding=1)
        self.lookup = Lookup(4 + features + config["head"] + NEAR, config["lookups"])
        self.head3 = nn.Conv2d(config["head"] + 12 * config["lookups"] + 9, config["head"], 1)
        # residual 4, share of the closed form, matrix 4 x 4, then for every lookup the share of its after and of its change
        self.head4 = nn.Conv2d(config["head"], 21 + 2 * config["lookups"], 1)
        nn.init.zeros_(self.head4.weight)
        nn.init.zeros_(self.head4.bias)
        with torch.no_grad():  # a share of what the first lookup finds, so that lookups learn from the first step on
            self.head4.bias[22] = 0.3
        self.area_values = AreaValues(config["head"], config["lookups"], config["areas"])
        # what areas say, put to the use of each pixel: added to head4's channels, and how much of the pixel's own answer is left out
        self.head5 = nn.Conv2d(config["head"] + config["areas"], config["head"], 1)
        self.head6 = nn.Conv2d(config["head"], 22 + 2 * config["lookups"], 1)
        nn.init.zeros_(self.head6.weight)
        nn.init.zeros_(self.head6.bias)
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
        """planes [N, H, W, 17], H and W multiples of 16 -> features, then the source blurred, [N, H, W, features + 4 * blurs]"""
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
        source = planes[..., :4] - 0.5
        near = torch.cat([blurred(source, s) for s in self.config["blurs"]], -1)
        features = shuffle(self.patch_out(self.norm_out(x)), 4)
        # What tokens say of their pixels, made one across their borders and along the picture's edges.
        refined = conv(self.refine2, F.silu(conv(self.refine1, torch.cat([source, features, near], -1))))
        return torch.cat([features + refined, near], -1)

    def seen(self, planes, near, features):
        """At any size: (the head's hidden channels [N, H, W, head], what pixels are compared by [N, H, W, 4 + features + head + 2])"""
        h = F.silu(conv(self.head1, torch.cat([planes[..., :OWN], features, near], -1)))
        h = F.silu(conv(self.head2, h))
        return h, torch.cat([planes[..., :4] - 0.5, features, h, near], -1)

    def joined(self, planes, hidden, found):
        """[N, H, W, head]: what the head knows of each pixel by itself"""
        return F.silu(conv(self.head3, torch.cat([hidden, found, planes[..., :4], planes[..., 8:13]], -1)))

    def answer(self, planes, joined, found, member, values):
        """planes [N, H, W, 13 or more], joined, found and member at the pictures' own size, values [N, areas, width + 4] -> the
        after pictures [N, H, W, 4]."""
        source, mapped, trust = planes[..., :4], planes[..., 8:12], planes[..., 12:13]
        of_area = (member.flatten(1, 2) @ values).unflatten(1, member.shape[1:3])
        inner, recolored = of_area[..., :-4], of_area[..., -4:]
        more = conv(self.head6, F.silu(conv(self.head5, torch.cat([joined, inner], -1))))
        h = conv(self.head4, joined) + more[..., :-1]
        matrix = h[..., 5:21].unflatten(-1, (4, 4))
        change = (trust + h[..., 4:5]) * (mapped - source) + h[..., :4] + (matrix @ source[..., None])[..., 0]
        for i in range(self.config["lookups"]):
            after, changed = found[..., 12 * i:12 * i + 4], found[..., 12 * i + 4:12 * i + 8]
            change = change + h[..., 21 + 2 * i:22 + 2 * i] * (after - source) + h[..., 22 + 2 * i:23 + 2 * i] * changed
        return source + (1 - more[..., -1:]) * change + recolored

    def forward(self, planes, styles, references, near, member, palette, own=None, part=None):
        """planes [N, H, W, 17] and near [N, H, W, 2] at the backbone's size, references first; member [Q, H, W, areas] of the queries;
        palette [styles, colours, 5] of the references' after pictures (regions.py);
        own: an Own where the queries' own size is another, or for a part of them: part is (top, left, full height, full width).
        Returns the queries' after pictures at their own size, or that part."""
        features = self.backbone(planes, styles, references)
        first = styles * references
        rows, columns = grid(*planes.shape[1:3])
        theirs = self.seen(planes[:first], near[:first], features[:first])[1][:, rows, columns] if first else planes.new_zeros(0)
        pairs = planes[:first, rows, columns][..., :8]

        def known(of, features):
            """(joined, found) of the queries' pixels"""
            hidden, compared = self.seen(of.planes, of.near, features)
            if not first:
                found = compared.new_zeros(*compared.shape[:3], 12 * self.config["lookups"])
            else:
                def of_style(x):
                    return x.reshape(styles, -1, x.shape[-1])
                found = self.lookup(of_style(theirs), of_style(compared), of_style(pairs)).view(*compared.shape[:3], -1)
            return self.joined(of.planes, hidden, found), found

        features = features[first:]
        whole = Own(planes[first:], near[first:], member)
        joined, found = known(whole, features)
        values = self.area_values(joined, found, whole.planes[..., :4], member, palette.repeat_interleave(len(member) // styles, 0))
        if own is not None:
            top, left, *full = part or (0, 0, *own.planes.shape[1:3])
            if tuple(full) != tuple(features.shape[1:3]):
                features = F.interpolate(features.permute(0, 3, 1, 2), tuple(full), mode="bilinear").permute(0, 2, 3, 1)
            features = features[:, top:top + own.planes.shape[1], left:left + own.planes.shape[2]]
            joined, found = known(own, features)
        return self.answer((own or whole).planes, joined, found, (own or whole).member, values)
