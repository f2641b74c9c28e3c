"""Trains the net on areas, on groups drawn afresh. Run again and it goes on from OUT/state.pt.

Facts of areas are kept instead of pictures, so a step is ten times as fast as one of the net on pixels.
Usage: areas/train.py DATA[,DATA...] --out OUT [--minutes M] [--workers 2]
"""
import argparse
import json
import os
import pathlib
import signal
import sys
import time

PAIR = pathlib.Path(__file__).resolve().parent.parent
sys.path[0] = str(PAIR)  # this folder's names are those of the package `areas`
sys.path.append(str(PAIR.parent))
import numpy as np
import torch
import torch.multiprocessing as mp

import batches
import closed_form
import hogwild
import muon
import optimizer
from areas import facts, net
from drawing.groups import Generator
from drawing.pictures import Store

SIZE = 128  # px of the pictures
ITSELF = 0.4  # share of the steps in which a reference is a query as well: what the pair shows must come out as shown
BUFFER = 3000  # groups kept to be drawn again, otherwise augmented
muon.ADAM = ("ref_in", "query_in", "style_in")


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data")
    p.add_argument("--out", required=True)
    p.add_argument("--minutes", type=float, default=1e9, help="in all, over all runs")
    p.add_argument("--decay-minutes", type=float, default=0, help="the rate falls to 0 over the last minutes")
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--styles", type=int, default=16, help="groups in a step")
    p.add_argument("--fresh", type=int, default=6, help="new groups for every two steps")
    p.add_argument("--families", type=float, default=0.5, help="share of icon families among drawings")
    p.add_argument("--inked", type=float, default=8, help="how often a family that goes from colours to one ink is drawn, compared with others")
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--warmup", type=int, default=200)
    p.add_argument("--ema", type=float, default=0.998)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--config", default="", help="JSON over net.CONFIG, for a new net")
    p.add_argument("--save-minutes", type=float, default=2)
    return p


def tensors(rows):
    """Groups of facts.of_group -> {name: [R, K, ...]}"""
    return {k: torch.from_numpy(np.stack([r[k] for r in rows])) for k in rows[0]}


def augmented(x, rng):
    """The pictures of each style in another order, and its colours through batches.color_maps; of a part of the styles only a part of the
    change is made, or none."""
    styles, count = x["palette"].shape[:2]
    order = torch.from_numpy(np.stack([rng.permutation(count) for _ in range(styles)]))
    x = {k: v[torch.arange(styles)[:, None], order] for k, v in x.items()}
    maps = torch.from_numpy(batches.color_maps(rng, styles))
    share = np.where(rng.random(styles) < batches.SUBTLE, rng.uniform(0.15, 0.8, styles), 1.0)
    share = torch.from_numpy(np.where(rng.random(styles) < batches.IDENTITY, 0.0, share).astype(np.float32))
    def mapped(colors, which):
        return closed_form.valid(colors.flatten(1, -2) @ maps[:, which]).view_as(colors)
    before, after = mapped(x["palette"][..., :4], 0), mapped(x["fate"][..., 2:6], 1)
    s = share.view(-1, 1, 1, 1, 1)
    after = before[..., None, :].lerp(after, s)
    # The colours of a style of which a part is made are unknown; where nothing changes they are those of before.
    s, unchanged = s[..., 0], (share == 0).view(-1, 1, 1)
    palette = torch.where(unchanged[..., None], before, mapped(x["after"][..., :4], 1))
    known = torch.where(unchanged, x["palette"][..., 4], x["after"][..., 4] * (share == 1).view(-1, 1, 1))
    return {"palette": torch.cat([before, x["palette"][..., 4:]], -1), "form": x["form"], "touches": x["touches"],
            "fate": torch.cat([x["fate"][..., :2], after, x["fate"][..., 6:] * s[..., None]], -1),
            "after": torch.cat([palette, known[..., None]], -1)}


def split(x, references):
    return {k: v[:, :references] for k, v in x.items()}, {k: v[:, references:] for k, v in x.items()}


def losses(choices, query, palette):
    """(loss [R, m], squared error [R, m], squared change [R, m]) over the cores of areas. Errors count as shares of the style's change; in
    the absolute one small areas and bins count more than by their pixels, as they do to the eye. Absolute errors are those of the colours
    that are mixed, each by its weight, and not of the mixture: so a choice between two colours ends at one of them and not at half of both."""
    made, drawn, picked = choices
    counts, after, own = query["fate"][..., 0], query["fate"][..., 2:6], query["palette"][..., None, :4]
    weight = counts / counts.sum((-1, -2), keepdim=True).clamp(min=1)
    root = counts.sqrt()
    visible = 0.6 * weight + 0.4 * root / root.sum((-1, -2), keepdim=True).clamp(min=1)
    def total(weights, values):
        return (weights * values).sum((-1, -2))
    chosen = picked[..., :-1] @ palette[:, None, None, :, :4] + picked[..., -1:] * own
    square = total(weight, (made + drawn * (chosen - made) - after).square().mean(-1))
    change = total(weight, (own - after).square().mean(-1))
    scale = change.mean(1, keepdim=True) + 0.004
    apart = sum((after[..., i, None] - palette[:, None, None, None, :, i]).abs() for i in range(4)) / 4
    kept = (own - after).abs().mean(-1)
    of_choice = (picked[..., :-1] * apart).sum(-1) + picked[..., -1] * kept
    drawn = drawn[..., 0]
    expected = (1 - drawn) * (made - after).abs().mean(-1) + drawn * of_choice
    return 0.3 * square / scale + 2 * total(visible, expected) / scale.sqrt(), square, change


def worker(index, shared, lock, args, config):
    torch.set_num_threads(1)
    start = shared.step.item()
    rng = np.random.default_rng([args.seed, start, index])
    draw = Generator(Store(args.data.split(",")), SIZE, side=SIZE, families=args.families, inked=args.inked)
    model = net.AreaNet(config)
    local = dict(model.named_parameters())
    names = shared.trainable
    buffer, recent, clock = [], [], time.time()
    parent = os.getppid()
    while not shared.stop.item() and os.getppid() == parent:  # a worker whose parent was killed ends
        for _ in range(args.fresh if buffer else 3 * args.styles):
            group, kind = draw(rng)
            if kind == "photograph":
                continue  # areas decide nothing there
            row = facts.of_group(group)
            if row["palette"][..., 4].sum(1).min() < 1:
                continue  # pictures without areas say nothing here
            if len(buffer) < BUFFER:
                buffer.append(row)
            else:
                buffer[rng.integers(BUFFER)] = row
        for _ in range(2):
            x = augmented(tensors([buffer[i] for i in rng.choice(len(buffer), args.styles, replace=False)]), rng)
            ref, query = split(x, batches.references(rng, 0))
            if rng.random() < ITSELF:
                query = {k: torch.cat([v, ref[k][:, :1]], 1) for k, v in query.items()}
            with torch.no_grad():
                torch._foreach_copy_([local[k] for k in names], [shared.weights[k] for k in names])
            palette = ref["after"].flatten(1, 2)
            loss, square, change = losses(model.choices(ref, query, palette)[:3], query, palette)
            loss.mean().backward()
            used = [k for k in names if local[k].grad is not None]
            grads = [local[k].grad for k in used]
            if torch.isfinite(optimizer.clip(grads)):
                with lock:
                    shared.step += 1
                    shared.samples += loss.numel()
                    muon.step(shared, used, grads, rate(args, shared), 0.02, args.ema)
            for k in used:
                local[k].grad = None
            recent.append((square.sum().item(), change.sum().item(), loss.mean().item()))
        if len(recent) >= 400:
            error, change, loss = np.sum(recent, 0)
            print(f"worker {index} step {shared.step.item()} queries {shared.samples.item()} error {error / change:.3f} of doing nothing, loss {loss / len(recent):.3f}, "
                  f"{len(recent) / (time.time() - clock):.2f} steps/s", flush=True)
            recent, clock = [], time.time()


def rate(args, shared):
    left = args.minutes * 60 - shared.used.item()
    fall = min(1.0, max(left / (args.decay_minutes * 60), 0.02)) if args.decay_minutes else 1.0
    return args.lr * min(1.0, (shared.step.item() + 1) / args.warmup) * fall


def load(path):
    """(net with its EMA weights, queries seen), from a training folder or a model folder."""
    config = json.load(open(f"{path}/config.json"))
    if os.path.exists(f"{path}/state.pt"):
        state = torch.load(f"{path}/state.pt", map_location="cpu")
        weights, config, queries = {**state["weights"], **state["ema"]}, config, int(state["samples"])
    else:
        from safetensors.torch import load_file
        prefix = "area_net."
        weights = {k[len(prefix):]: v.float() for k, v in load_file(f"{path}/model.safetensors").items() if k.startswith(prefix)}
        config, queries = {k: config["area_" + k] for k in net.CONFIG}, config.get("area_queries", 0)
    model = net.AreaNet(config)
    model.load_state_dict(weights)
    return model.eval(), queries


def main():
    args = parser().parse_args()
    os.makedirs(args.out, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    kept = f"{args.out}/config.json"
    config = json.load(open(kept)) if os.path.exists(kept) else {**net.CONFIG, **json.loads(args.config or "{}")}
    model = net.AreaNet(config)
    shared = hogwild.Shared(model.state_dict(), [k for k, _ in model.named_parameters()])
    path = f"{args.out}/state.pt"
    if os.path.exists(path):
        shared.restore(path)
    json.dump(config, open(kept, "w"))
    print(f"{sum(v.numel() for v in model.parameters())} parameters, {shared.samples.item()} queries seen, {json.dumps(vars(args))}", flush=True)
    context = mp.get_context("spawn")
    lock = context.Lock()
    pool = [context.Process(target=worker, args=(i, shared, lock, args, config), daemon=True) for i in range(args.workers)]
    for p in pool:
        p.start()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: shared.stop.fill_(1))
    def save():
        torch.save(shared.snapshot(), path + ".part")
        os.replace(path + ".part", path)
    before, began, saved = shared.used.item(), time.time(), time.time()
    while not shared.stop.item() and shared.used.item() < args.minutes * 60 and any(p.is_alive() for p in pool):
        time.sleep(1)
        shared.used[0] = before + time.time() - began
        if time.time() - saved > args.save_minutes * 60:
            saved = time.time()
            save()
    shared.stop[0] = 1
    for p in pool:
        p.join(60)
    save()


if __name__ == "__main__":
    main()
