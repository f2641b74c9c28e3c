"""Held-out numbers: squared error as a share of doing nothing, and the share of pictures better than doing nothing.

Usage: evaluate.py STATE_OR_MODEL TESTS.npz [--sheet SHEET.png] [--references 1] [--steps 1] [--swapped] [--bare] [--half]
"""
import argparse
import json
import os

import numpy as np
import torch

import batches
import closed_form
import pair_net


@torch.no_grad()
def restyle(model, before, after, queries, steps=1, swapped=False, bare=False, half=False):
    """Answers [R, Q, H, W, 4] in `steps` evaluations of the bridge from the closed form (t = 0) to the after picture.

    swapped: the net sees the references of the style before (what changes then is what it reads); bare: without the closed form;
    half: the backbone sees all pictures at half their size, as the program shows it large ones (steps must be 1).
    """
    styles, references = before.shape[:2]
    full, without = queries, torch.ones(styles, dtype=torch.bool) if bare else None
    if half:
        before, after, queries = (batches.halved(x) for x in (before, after, queries))
    planes = batches.condition(before, after, queries, without)
    first = styles * references
    if half:
        of_queries = batches.areas_of(full.flatten(0, 1))
        own = pair_net.Own(batches.condition(before, after, full, without, references_too=False), of_queries.near, of_queries.member)
        near = torch.cat([batches.areas_of(before.flatten(0, 1)).near, batches.halved(of_queries.near)])
        member = batches.halved(of_queries.member)
    else:
        own, seen = None, batches.areas_of(planes[..., :4])
        near, member = seen.near, seen.member[first:]
    palette = batches.palette_of(after)
    if swapped:
        planes[:first], palette = planes[:first].roll(references, 0), palette.roll(1, 0)
    start = planes[first:, ..., 4:8].clone()
    for i in range(steps):
        answer = closed_form.valid(model(planes, styles, references, near, member, palette, own))
        t = (i + 1) / steps
        if i + 1 < steps:
            planes[first:, ..., 4:8] = start * (1 - t) + answer * t
            planes[first:, ..., 13:14] = t
    return answer.view_as(full)


def floats(x):
    return torch.from_numpy(np.ascontiguousarray(x)).float().div(255)


def answers(model, groups, references=1, steps=1, batch=12, **how):
    """uint8 [G, K, 2, H, W, 4] -> (answers, befores, afters), each [G, K - references, H, W, 4]."""
    out = []
    for i in range(0, len(groups), batch):
        x = floats(groups[i:i + batch])
        out.append(restyle(model, x[:, :references, 0], x[:, :references, 1], x[:, references:, 0], steps, **how))
    rest = floats(groups[:, references:])
    return torch.cat(out), rest[:, :, 0], rest[:, :, 1]


def score(answer, before, after):
    """(error as a share of doing nothing, share of pictures better than doing nothing, the same median)"""
    e = (answer - after).square().mean((-1, -2, -3)).flatten()
    d = (before - after).square().mean((-1, -2, -3)).flatten()
    seen = d > 2e-5
    return [round(v, 4) for v in ((e.sum() / d.sum()).item(), (e[seen] < d[seen]).float().mean().item(), (e[seen] / d[seen]).median().item())]


def evaluate(model, path, references=1, steps=1, **how):
    """{test: [error, share better, median]} of every test in a file of make_tests.py, and means of the unseen restyles, families and photographs."""
    model.eval()
    tests = np.load(path)
    rows = {name: score(*answers(model, tests[name], references, steps, **how)) for name in tests.files}
    for kind in ("unseen", "family", "photo"):
        of_kind = [v for k, v in rows.items() if k.startswith(kind + ":")]
        if of_kind:
            rows[kind] = [round(float(np.mean([v[i] for v in of_kind])), 4) for i in range(3)]
    return rows


def line(queries, rows):
    return f"EVALUATED {queries}: " + ", ".join(f"{k} {v[0]:.3f} ({v[1]:.0%})" for k, v in rows.items() if ":" not in k)


def shown(x):
    """Premultiplied RGBA over a light checkerboard, uint8."""
    x = np.asarray(x, np.float32)
    h, w = x.shape[:2]
    board = (((np.indices((h, w)) // 8).sum(0) % 2) * 0.08 + 0.88)[..., None]
    return (np.clip(x[..., :3] + (1 - x[..., 3:]) * board, 0, 1) * 255 + 0.5).astype(np.uint8)


def sheet(model, tests, path, rows, **how):
    """Rows of reference before, reference after, then three times query, answer, truth."""
    import cv2
    out = []
    for name, count in rows:
        groups = tests[name][:count]
        y, b, a = answers(model, groups, **how)
        for g in range(len(groups)):
            cells = [shown(floats(groups[g, 0, 0])), shown(floats(groups[g, 0, 1]))]
            for q in range(y.shape[1]):
                cells += [shown(b[g, q]), shown(y[g, q]), shown(a[g, q])]
            cells = [np.pad(c, ((1, 1), (1, 1), (0, 0)), constant_values=255) for c in cells]
            out.append(np.concatenate(cells, 1))
    half = (len(out) + 1) // 2
    columns = [np.concatenate(out[:half]), np.concatenate(out[half:])] if len(out) % 2 == 0 else [np.concatenate(out)]
    cv2.imwrite(path, np.concatenate(columns, 1)[..., ::-1])


def load(path):
    """A net with its EMA weights, from a training folder (state.pt) or a model folder (config.json, model.safetensors)."""
    config = json.load(open(f"{path}/config.json"))
    model = pair_net.PairNet({k: config[k] for k in pair_net.CONFIG})
    if os.path.exists(f"{path}/state.pt"):
        state = torch.load(f"{path}/state.pt", map_location="cpu")
        model.load_state_dict({**state["weights"], **state["ema"]})
        return model.eval(), int(state["samples"])
    from safetensors.torch import load_file
    weights = load_file(f"{path}/model.safetensors").items()
    model.load_state_dict({k: v.float() for k, v in weights if not k.startswith("area_net.")})
    return model.eval(), config.get("queries", 0)


SHEET = (("high contrast", 8), ("gradient", 6), ("seen", 14), ("unseen:striped", 1), ("unseen:thick_outline", 1), ("unseen:badge", 1), ("unseen:gradient", 1),
         ("unseen:glossy", 1), ("unseen:embossed", 1), ("unseen:rotated_hue", 1), ("unseen:metallic", 1), ("unseen:lined_fill", 1), ("unseen:soft_volume", 1),
         ("photo:grade", 1), ("photo:cel", 1), ("photo:pencil", 1), ("photo:night", 1), ("family:tabler line icon to tabler solid icon", 2), ("family:ming solid icon to ming line icon", 2))


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("tests")
    p.add_argument("--sheet")
    p.add_argument("--references", type=int, default=1)
    p.add_argument("--steps", type=int, default=1)
    p.add_argument("--swapped", action="store_true", help="the net sees another style's references; equal numbers mean that it reads none")
    p.add_argument("--bare", action="store_true", help="the net sees no closed form")
    p.add_argument("--half", action="store_true", help="the backbone sees the pictures at half their size")
    args = p.parse_args()
    if args.half and args.steps > 1:
        p.error("--half takes one step: give it without --steps")
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    model, queries = load(args.model)
    if args.sheet:
        tests = np.load(args.tests)
        sheet(model, tests, args.sheet, [r for r in SHEET if r[0] in tests.files], half=args.half)
    else:
        rows = evaluate(model, args.tests, args.references, args.steps, swapped=args.swapped, bare=args.bare, half=args.half)
        print(line(queries, rows))
        print(json.dumps(rows))
