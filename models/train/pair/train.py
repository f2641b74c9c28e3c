"""Trains the pair-conditioned net on groups drawn afresh. Run again and it goes on from OUT/state.pt.

Each worker is one single-threaded process that draws its own groups; updates are asynchronous (../hogwild.py).
Usage: train.py DATA[,DATA...] --out OUT [--minutes M] [--nice 3,15] [--size 64] [--lr 1.5e-3] [--optimizer muon|adamw]
"""
import argparse
import json
import os
import pathlib
import signal
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
import numpy as np
import torch
import torch.multiprocessing as mp

import hogwild
import muon
import pair_net
import perceptual
import optimizer
import batches
from drawing.groups import Generator
from drawing.pictures import Photos, Store

BUFFER = 240  # groups kept to be drawn again, otherwise augmented


def parser():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("data")
    p.add_argument("--out", required=True)
    p.add_argument("--photos", default="", help="a folder of photographs")
    p.add_argument("--minutes", type=float, default=1e9, help="in all, over all runs")
    p.add_argument("--nice", default="3,15", help="one worker for each, with this niceness")
    p.add_argument("--size", type=int, default=64)
    p.add_argument("--styles", type=int, default=6, help="groups in a step")
    p.add_argument("--parts", type=float, default=0, help="share of the steps in which the head sees a part of each picture at full size; if not 0, the backbone always sees them at half")
    p.add_argument("--fresh", type=int, default=2, help="new groups in a step")
    p.add_argument("--lr", type=float, default=1.5e-3)
    p.add_argument("--warmup", type=int, default=300)
    p.add_argument("--decay-minutes", type=float, default=0, help="the rate falls to 0 over the last minutes")
    p.add_argument("--without", type=float, default=0.5, help="share of styles whose closed form is kept from the net, so that it has to read the references")
    p.add_argument("--easy", type=float, default=0, help="share of the groups that change colours only")
    p.add_argument("--no-bridge", action="store_true", help="no steps on the way, no noise, always references")
    p.add_argument("--perceptual", type=float, default=0, help="weight of the perceptual distance in the loss")
    p.add_argument("--optimizer", choices=("muon", "adamw"), default="muon")
    p.add_argument("--weight-decay", type=float, default=0.02)
    p.add_argument("--ema", type=float, default=0.999)
    p.add_argument("--begin", default="", help="a model folder whose weights a new run starts from")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--config", default="", help="JSON over pair_net.CONFIG, for a new net")
    p.add_argument("--evaluate", default="", help="a file made by make_tests.py")
    p.add_argument("--evaluate-every", type=int, default=10000, help="queries")
    p.add_argument("--save-minutes", type=float, default=5)
    return p


def generator(args):
    """Draws the groups. Where parts are seen at full size, that is the size at which the icons are rendered."""
    photos = Photos(args.photos) if args.photos else None
    return Generator(Store(args.data.split(",")), args.size, photos=photos, side=args.size if args.parts else None)


def losses(answer, target, change):
    """Per picture [N], all as shares of the style's change (mean squared, [N]), so that a slight style counts as much as a strong one:
    squared error; absolute error, which prefers one of two answers to their mean; absolute error of the differences between neighbours."""
    e = answer - target
    scale = change + 0.004
    edges = (e[:, 1:] - e[:, :-1]).abs().mean((1, 2, 3)) + (e[:, :, 1:] - e[:, :, :-1]).abs().mean((1, 2, 3))
    return 0.3 * e.square().mean((1, 2, 3)) / scale + (2 * e.abs().mean((1, 2, 3)) + 1.5 * edges) / scale.sqrt()


def seen_difference(ruler, rng, answer, target, source, styles):
    """Mean perceptual distance of answers from what is wanted, as a share of the style's change; of half of the queries."""
    each = len(answer) // styles
    kept = torch.arange(len(answer)).view(styles, each)[:, :max(1, each // 2 + rng.integers(2) * (each % 2))].flatten()
    backgrounds = torch.from_numpy(rng.choice([0.0, 1.0, 1.0, 0.5], len(kept)).astype(np.float32))[:, None].expand(-1, 3)
    with torch.no_grad():
        wanted, before = (ruler(perceptual.over(x[kept], backgrounds)) for x in (target, source))
        change = ruler.distance(before, wanted).view(styles, -1).mean(1, keepdim=True)
    away = ruler.distance(ruler(perceptual.over(answer[kept], backgrounds)), wanted).view(styles, -1)
    return (away / (change + 0.05)).mean()


def learning_rate(args, step, used):
    left = args.minutes * 60 - used
    fall = min(1.0, max(left / (args.decay_minutes * 60), 0.02)) if args.decay_minutes else 1.0
    return args.lr * min(1.0, (step + 1) / args.warmup) * fall


def worker(index, shared, lock, args, config):
    os.nice(int(args.nice.split(",")[index]))
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # lookups have many weights near 0
    start = shared.step.item()
    torch.manual_seed(args.seed * 7919 + start * 13 + index)
    rng = np.random.default_rng([args.seed, start, index])
    draw = generator(args)
    ruler = perceptual.Perceptual() if args.perceptual else None
    model = pair_net.PairNet(config)
    local = dict(model.named_parameters())
    names = shared.trainable
    update = muon.step if args.optimizer == "muon" else optimizer.adamw
    buffer, recent, clock = [], [], time.time()
    parent = os.getppid()
    while not shared.stop.item() and os.getppid() == parent:  # a worker whose parent was killed ends
        for _ in range(args.fresh if buffer else 3 * args.styles):
            group = (draw.easy if rng.random() < args.easy else draw)(rng)[0]
            if len(buffer) < BUFFER:
                buffer.append(group)
            else:
                buffer[rng.integers(BUFFER)] = group
        chosen = np.stack([buffer[i] for i in rng.choice(len(buffer), args.styles, replace=False)])
        references = batches.references(rng, 0 if args.no_bridge else batches.UNCONDITIONED)
        batch = batches.training_batch(chosen, rng, references, half=args.parts > 0, part=rng.random() < args.parts, without=args.without, bridge=not args.no_bridge)
        with torch.no_grad():
            torch._foreach_copy_([local[k] for k in names], [shared.weights[k] for k in names])
        answer = model(batch.planes, len(chosen), references, batch.near, batch.member, batch.palette, batch.own, batch.part)
        loss = losses(answer, batch.target, batch.change).mean()
        if ruler and references:
            loss = loss + args.perceptual * seen_difference(ruler, rng, answer, batch.target, batch.source, len(chosen))
        loss.backward()
        used = [k for k in names if local[k].grad is not None]
        grads = [local[k].grad for k in used]
        norm = optimizer.clip(grads)
        if torch.isfinite(norm):
            with lock:
                shared.step += 1
                shared.samples += len(batch.target)
                update(shared, used, grads, learning_rate(args, shared.step.item(), shared.used.item()), args.weight_decay, args.ema)
        for k in used:
            local[k].grad = None
        if references:
            with torch.no_grad():
                recent.append(((answer - batch.target).square().mean().item(), (batch.source - batch.target).square().mean().item()))
        if len(recent) == 50:
            error, change = np.sum(recent, 0)
            print(f"worker {index} step {shared.step.item()} queries {shared.samples.item()} error {error / change:.3f} of doing nothing, "
                  f"{50 / (time.time() - clock):.2f} steps/s, gradient {norm:.2f}", flush=True)
            recent, clock = [], time.time()


def save(shared, args, config):
    path = f"{args.out}/state.pt"
    torch.save(shared.snapshot(), path + ".part")
    os.replace(path + ".part", path)
    json.dump(config, open(f"{args.out}/config.json", "w"))


def start(args):
    """(config, net, shared weights), new or as OUT/state.pt has them."""
    torch.manual_seed(args.seed)
    kept = f"{args.out}/config.json"
    if os.path.exists(kept):
        config = json.load(open(kept))
    elif args.begin:
        known = json.load(open(f"{args.begin}/config.json"))
        config = {k: known[k] for k in pair_net.CONFIG}
    else:
        config = {**pair_net.CONFIG, **json.loads(args.config or "{}")}
    model = pair_net.PairNet(config)
    shared = hogwild.Shared(model.state_dict(), [k for k, _ in model.named_parameters()])
    if os.path.exists(f"{args.out}/state.pt"):
        shared.restore(f"{args.out}/state.pt")
    elif args.begin:
        from evaluate import load
        earlier, queries = load(args.begin)
        for name, value in earlier.state_dict().items():
            shared.weights[name].copy_(value)
            shared.ema[name].copy_(value)
        shared.samples += queries
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, {shared.samples.item()} queries seen, {json.dumps(vars(args))}", flush=True)
    return config, model, shared


def evaluate_now(model, shared, args):
    """Evaluates the EMA weights, prints a line and appends it to OUT/curve.jsonl."""
    import evaluate
    seen = shared.samples.item()
    model.load_state_dict({k: v.cpu() for k, v in shared.ema_state().items()})
    rows = evaluate.evaluate(model, args.evaluate)
    print(evaluate.line(seen, rows), flush=True)
    with open(f"{args.out}/curve.jsonl", "a") as f:
        f.write(json.dumps({"queries": seen, "minutes": round(shared.used.item() / 60, 1), "size": args.size, "rows": rows}) + "\n")


def main():
    args = parser().parse_args()
    os.makedirs(args.out, exist_ok=True)
    torch.set_num_threads(1)
    config, model, shared = start(args)
    context = mp.get_context("spawn")
    lock = context.Lock()
    pool = [context.Process(target=worker, args=(i, shared, lock, args, config), daemon=True) for i in range(len(args.nice.split(",")))]
    for p in pool:
        p.start()
    signal.signal(signal.SIGTERM, lambda *_: shared.stop.fill_(1))
    signal.signal(signal.SIGINT, lambda *_: shared.stop.fill_(1))
    before, began, saved = shared.used.item(), time.time(), time.time()
    evaluated = shared.samples.item() // args.evaluate_every
    while not shared.stop.item() and shared.used.item() < args.minutes * 60 and any(p.is_alive() for p in pool):
        time.sleep(1)
        shared.used[0] = before + time.time() - began
        if time.time() - saved > args.save_minutes * 60:
            saved = time.time()
            save(shared, args, config)
        if args.evaluate and shared.samples.item() // args.evaluate_every > evaluated:
            evaluated = shared.samples.item() // args.evaluate_every
            evaluate_now(model, shared, args)
    shared.stop[0] = 1
    for p in pool:
        p.join(60)
    save(shared, args, config)


if __name__ == "__main__":
    main()
