"""A net on areas of one colour instead of pixels: what becomes of each area of a query, by distance from its border, as a pair's areas show it."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from .facts import AREAS, BINS, FORM

CONFIG = dict(width=128, heads=4, layers=4, inner=256, lookups=2)
COMPARED = 32  # width in which areas are compared by a lookup
NONE = -1e4  # score of what is not there, below all others
ALIKE = 50  # how fast colours cease to be alike with their squared distance
MOST_SHARPNESS = 8  # logarithm of how sharply colours are chosen


class Layer(nn.Module):
    """References read their own areas; a query reads its own and those of all its references. Then a gated MLP on each."""

    def __init__(self, width, heads, inner):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.to_out = nn.Linear(width, width)
        self.beside = nn.Parameter(torch.zeros(heads))  # score of areas that touch
        self.mlp_in, self.mlp_out = nn.Linear(width, 2 * inner), nn.Linear(inner, width)
        for layer in (self.to_out, self.mlp_out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def split(self, x):
        return x.unflatten(-1, (len(self.beside), -1)).transpose(-2, -3)

    def added(self, x, q, k, v, scores):
        """x after reading and the MLP; q, k, v [R, pictures, heads, areas, d]"""
        flat = lambda z: z.flatten(0, 1)
        read = F.scaled_dot_product_attention(flat(q), flat(k), flat(v), attn_mask=flat(scores))
        x = x + self.to_out(read.transpose(1, 2).flatten(2)).view_as(x)
        a, b = self.mlp_in(self.norm2(x)).chunk(2, -1)
        return x + self.mlp_out(a * F.silu(b))

    def forward(self, refs, queries, ref_absent, query_absent, ref_beside, query_beside):
        """refs [R, n, AREAS, C], queries [R, m, AREAS, C]; absent [R, n or m, AREAS], 0 or NONE; beside [R, n or m, AREAS, AREAS]"""
        m = queries.shape[1]
        x, y = self.norm1(refs), self.norm1(queries)
        qx, kx, vx = (self.split(f(x)) for f in (self.to_q, self.to_k, self.to_v))
        qy, ky, vy = (self.split(f(y)) for f in (self.to_q, self.to_k, self.to_v))
        touching = self.beside[:, None, None]
        def own(absent, beside):
            return absent[:, :, None, None, :] + touching * beside[:, :, None]
        def shown(z):
            return z.transpose(1, 2).flatten(2, 3)[:, None].expand(-1, m, -1, -1, -1)
        theirs = ref_absent.flatten(1)[:, None, None, None].expand(-1, m, len(self.beside), AREAS, -1)
        scores = torch.cat([own(query_absent, query_beside), theirs], -1)
        return (self.added(refs, qx, kx, vx, own(ref_absent, ref_beside)),
                self.added(queries, qy, torch.cat([ky, shown(kx)], 3), torch.cat([vy, shown(vx)], 3), scores))


def filled(values, present):
    """[..., BINS, c], [..., BINS] 0 or 1 -> bins without pixels have the values of the nearest one with some, of equally near ones the inner."""
    at = torch.arange(BINS)
    away = (at[:, None] - at[None]).abs() + 0.4 * (at[None] < at[:, None])  # [to, from]
    return (-8.0 * away + NONE * (1 - present)[..., None, :]).softmax(-1) @ values


def variety(palette):
    """Logarithm of the number of different colours of palettes [R, P, 5], about: [R]. Colours much less than 0.14 apart count as one."""
    known = palette[..., 4]
    near = torch.exp(-ALIKE * (palette[:, :, None, :4] - palette[:, None, :, :4]).square().sum(-1))
    return (known / (near @ known[..., None])[..., 0].clamp(min=1)).sum(-1).clamp(min=1).log()


class AreaNet(nn.Module):
    def __init__(self, config=CONFIG):
        super().__init__()
        self.config = config
        width, n = config["width"], config["lookups"]
        self.query_in = nn.Linear(4 + FORM, width)
        self.ref_in = nn.Linear(4 + FORM + BINS * 6, width)
        self.style_in = nn.Linear(3, width, bias=False)
        nn.init.zeros_(self.style_in.weight)
        self.layers = nn.ModuleList([Layer(width, config["heads"], config["inner"]) for _ in range(config["layers"])])
        self.norm_q, self.norm_r = nn.LayerNorm(width), nn.LayerNorm(width)
        self.key, self.ask = nn.Linear(width, n * COMPARED), nn.Linear(width, n * COMPARED)
        self.look = nn.Parameter(torch.full((n,), 3.0))  # logarithm of how much a lookup goes by colour
        # for every bin a residual (4), and of every lookup the shares of its after and of its change; then how far and how sharply
        # colours are chosen, the score of the area's own colour, and how far the area decides for its pixels
        self.out = nn.Linear(width, BINS * (4 + 2 * n) + 4)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        with torch.no_grad():  # a share of what the first lookup finds, so that lookups learn from the first step on
            self.out.bias[4:BINS * (4 + 2 * n):4 + 2 * n] = 0.3

    def forward(self, ref, query, palette):
        """ref, query: facts.of_group's arrays as tensors, [R, n, ...] and [R, m, ...]; palette [R, P, 5] of the after pictures
        -> (after colours [R, m, AREAS, BINS, 4], logits of how far each area decides [R, m, AREAS])"""
        made, drawn, weights, logits = self.choices(ref, query, palette)
        own = query["palette"][..., None, :4]
        chosen = weights[..., :-1] @ palette[:, None, None, :, :4] + weights[..., -1:] * own
        return made + drawn * (chosen - made), logits

    def choices(self, ref, query, palette):
        """What `forward` mixes: (colours made [R, m, AREAS, BINS, 4], share of the chosen ones [R, m, AREAS, 1, 1], weights of the palette's
        colours and, last, of the area's own [R, m, AREAS, BINS, P + 1], logits of how far each area decides [R, m, AREAS])"""
        n, m = self.config["lookups"], query["palette"].shape[1]
        color_r, color_q = ref["palette"][..., :4], query["palette"][..., :4]
        absent_r, absent_q = (NONE * (1 - x["palette"][..., 4]) for x in (ref, query))
        beside_r, beside_q = (4 * x["touches"] / x["touches"].sum(-1, keepdim=True).clamp(min=1) for x in (ref, query))
        counts = ref["fate"][..., 0]
        present = (counts > 0).to(counts.dtype)
        after = filled(ref["fate"][..., 2:6], present)
        change = after - color_r[..., None, :]
        share = counts / counts.sum(-1, keepdim=True).clamp(min=1)
        seen = torch.cat([share[..., None], 2 * change * present[..., None], 2 * ref["fate"][..., 6:] * present[..., None]], -1)
        x = self.ref_in(torch.cat([2 * color_r - 1, ref["form"], seen.flatten(-2)], -1))
        y = self.query_in(torch.cat([2 * color_q - 1, query["form"]], -1))
        # A style that leaves few colours shows it here: those of the after pictures, those of the before pictures, whether there are any.
        style = torch.stack([variety(palette), variety(ref["palette"].flatten(1, 2)), palette[..., 4].amax(1)], -1)
        style = self.style_in(style)[:, None, None]
        x, y = x + style, y + style
        for layer in self.layers:
            x, y = layer(x, y, absent_r, absent_q, beside_r, beside_q)
        y = self.norm_q(y)
        keys = self.key(self.norm_r(x)).unflatten(-1, (n, COMPARED)).flatten(1, 2)
        asked = self.ask(y).unflatten(-1, (n, COMPARED)).flatten(1, 2)
        scores = torch.einsum("rqhd,rkhd->rhqk", asked, keys) / math.sqrt(COMPARED)
        apart = (color_q.flatten(1, 2)[:, :, None] - color_r.flatten(1, 2)[:, None]).square().sum(-1)
        weights = (scores - self.look[:, None, None].exp() * apart[:, None] + absent_r.flatten(1)[:, None, None]).softmax(-1)
        out = self.out(y)
        parts = out[..., :-4].unflatten(-1, (BINS, 4 + 2 * n))
        own = color_q[..., None, :]
        made = own + parts[..., :4]
        for i in range(n):
            def found(v):
                return (weights[:, i] @ v.flatten(1, 2).flatten(2)).unflatten(1, (m, AREAS)).unflatten(-1, (BINS, 4))
            made = made + parts[..., 4 + 2 * i:5 + 2 * i] * (found(after) - own) + parts[..., 5 + 2 * i:6 + 2 * i] * found(change)
        # Colours that it may take exactly: those of the after pictures, and its own.
        known = palette[..., 4]
        drawn = torch.sigmoid(out[..., -4] - 1) * known.amax(1)[:, None, None]
        sharpness = (3 + out[..., -3]).clamp(max=MOST_SHARPNESS).exp()[..., None]
        away = (made[..., None, :] - palette[:, None, None, None, :, :4]).square().sum(-1)
        stays = out[..., -2:-1] - sharpness * (made - own).square().sum(-1)
        scores = torch.cat([NONE * (1 - known)[:, None, None, None] - sharpness[..., None] * away, stays[..., None]], -1)
        return made, drawn[..., None, None], scores.softmax(-1), out[..., -1]
