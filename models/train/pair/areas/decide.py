"""Trains how far each area decides for its pixels, where the net on pixels has an answer of its own: the last output of the net on areas.

Groups are drawn afresh; of every area the absolute errors of both answers are kept, and the share that makes their mixture's error
least is fitted on what the net on areas knows of it. Both nets stay as they are.
Usage: areas/decide.py AREAS_RUN PIXELS_RUN DATA[,DATA...] --photos PHOTOS [--groups 400]
"""
import argparse
import os
import pathlib
import sys

PAIR = pathlib.Path(__file__).resolve().parent.parent
sys.path[0] = str(PAIR)
sys.path.append(str(PAIR.parent))
import numpy as np
import torch
import torch.nn.functional as F

import evaluate
from areas import facts, train
from drawing.groups import Generator
from drawing.pictures import Photos, Store


@torch.no_grad()
def sample(areas, pixels, groups):
    """Of every area of the queries: what the net on areas knows of it, its share of the picture, and the errors of both as shares of the
    style's change: (float32 [P, width], [P], [P], [P])."""
    kept = {}
    hook = areas.out.register_forward_hook(lambda _, inputs, __: kept.update(y=inputs[0]))
    x = train.tensors([facts.of_group(g) for g in groups])
    ref, query = train.split(x, 1)
    made, _ = areas(ref, query, ref["after"].flatten(1, 2))
    hook.remove()
    answers = evaluate.answers(pixels, groups, half=True)[0].numpy()
    out = []
    for g, group in enumerate(groups):
        scale = np.sqrt(np.square(group[:, 0] / 255 - group[:, 1] / 255).mean() + 0.004)
        for q in range(len(group) - 1):
            if facts.trust(group[q + 1, 0]) == 0:
                continue
            found = facts.find(group[q + 1, 0])
            wanted = group[q + 1, 1].astype(np.float32) / 255
            there = found.label >= 0
            label = found.label[there]
            bins = np.digitize(np.minimum(found.distance[there], facts.MOST_FATE_DISTANCE), facts.EDGES)
            source = group[q + 1, 0][there].astype(np.float32) / 255
            own = query["palette"][g, q, :, :4].numpy()
            said = source + made[g, q].numpy()[label, bins] - own[label]
            errors = [np.abs(answer - wanted[there]).mean(1) for answer in (said, answers[g, q][there])]
            counts = np.bincount(label, minlength=facts.AREAS)
            means = [np.bincount(label, e, facts.AREAS) / np.maximum(counts, 1) / scale for e in errors]
            some = counts > 0
            out.append((kept["y"][g, q].numpy()[some], (counts / wanted[..., 0].size)[some], means[0][some], means[1][some]))
    return [np.concatenate(part) for part in zip(*out)]


SHARPER = 4  # the logit is multiplied by this: a choice, for pictures between two answers look like neither


def fit(known, share, of_areas, of_pixels, held_out=0.2, steps=400):
    """Weights [width] and bias of the logit: a logistic regression on which answer is better, where each area counts by what the choice costs."""
    x, w, a, p = (torch.from_numpy(np.asarray(v, np.float32)) for v in (known, share, of_areas, of_pixels))
    w = 0.5 * w / w.mean() + 0.5 * w.sqrt() / w.sqrt().mean()
    first = int(len(x) * (1 - held_out))
    weight, bias = torch.zeros(x.shape[1], requires_grad=True), torch.zeros(1, requires_grad=True)
    better, cost = (a < p).float(), w * (a - p).abs()
    cost = cost / cost.mean()
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=steps, line_search_fn="strong_wolfe")
    def closure():
        optimizer.zero_grad()
        logit = x[:first] @ weight + bias
        loss = (cost[:first] * F.binary_cross_entropy_with_logits(logit, better[:first], reduction="none")).mean() + 3e-4 * weight.square().sum()
        loss.backward()
        return loss
    optimizer.step(closure)
    with torch.no_grad():
        weight *= SHARPER
        bias *= SHARPER
        t = torch.sigmoid(x @ weight + bias)
        for name, part in (("fitted", slice(0, first)), ("held out", slice(first, None))):
            def mean(v):
                return (w[part] * v[part]).mean().item()
            print(f"{name}: errors of areas {mean(a):.4f}, of pixels {mean(p):.4f}, mixed {mean(t * a + (1 - t) * p):.4f}, always the better {mean(torch.minimum(a, p)):.4f}; mean share {t[part].mean():.2f}")
    return weight.detach(), bias.detach()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("areas")
    p.add_argument("pixels")
    p.add_argument("data")
    p.add_argument("--photos", default="")
    p.add_argument("--groups", type=int, default=400)
    args = p.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    areas, pixels = train.load(args.areas)[0], evaluate.load(args.pixels)[0]
    rng = np.random.default_rng(1)
    draw = Generator(Store(args.data.split(",")), train.SIZE, photos=Photos(args.photos) if args.photos else None, side=train.SIZE)
    parts = []
    for _ in range(0, args.groups, 8):
        parts.append(sample(areas, pixels, np.stack([draw(rng)[0] for _ in range(8)])))
    weight, bias = fit(*(np.concatenate(part) for part in zip(*parts)))
    path = f"{args.areas}/state.pt"
    state = torch.load(path, map_location="cpu")
    for weights in (state["weights"], state["ema"]):
        weights["out.weight"][-1] = weight
        weights["out.bias"][-1] = bias
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


if __name__ == "__main__":
    main()
