"""The training of train.py on one device: the machine's cores draw groups into a ring in shared memory, the device trains.

Run again and it goes on from OUT/state.pt, which train.py reads too (with --optimizer the same).
Usage: gpu.py DATA[,DATA...] --out OUT --minutes M [--device cuda] [--size 64] [--styles 128] [--ring 40000] [train.py's other options]
"""
import os
import pathlib
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
import numpy as np
import torch
import torch.multiprocessing as mp

import batches
import muon
import optimizer
import pair_net
import train


def drawer(index, ring, filled, args, seed):
    """Draws groups into slots index, index + workers, ... of the ring, again and again."""
    torch.set_num_threads(1)
    rng = np.random.default_rng([seed, index, 77])
    draw = train.generator(args)
    slots, parent = np.arange(index, len(ring), args.drawers), os.getppid()
    store, turn = ring.numpy(), 0
    while os.getppid() == parent:
        store[slots[turn % len(slots)]] = (draw.easy if rng.random() < args.easy else draw)(rng)[0]
        turn += 1
        filled[index] = turn


def ready(filled, args):
    """How many slots of the ring are drawn, from the start of every drawer's share."""
    return int(filled.min()) * args.drawers


def main():
    p = train.parser()
    p.add_argument("--device", default="cuda")
    p.add_argument("--ring", type=int, default=40000, help="groups kept in memory")
    p.add_argument("--drawers", type=int, default=max((os.cpu_count() or 2) - 1, 1))
    p.add_argument("--no-compile", action="store_true")
    p.set_defaults(styles=128, warmup=500)
    args = p.parse_args()
    os.makedirs(args.out, exist_ok=True)
    device = torch.device(args.device)
    config, model, shared = train.start(args)
    count = shared.step.item()
    torch.manual_seed(args.seed * 7919 + count)
    rng = np.random.default_rng([args.seed, count])
    ring = torch.zeros(args.ring, 4, 2, args.size, args.size, 4, dtype=torch.uint8).share_memory_()
    filled = torch.zeros(args.drawers, dtype=torch.int64).share_memory_()
    context = mp.get_context("spawn")
    pool = [context.Process(target=drawer, args=(i, ring, filled, args, args.seed * 1000 + count), daemon=True) for i in range(args.drawers)]
    for process in pool:
        process.start()

    shared.to(device)
    net = pair_net.PairNet(config).to(device)
    parameters = dict(net.named_parameters())
    names = shared.trainable
    for name in names:
        parameters[name].data = shared.weights[name]  # one copy: the optimizer writes what the network reads
    forward = net if args.no_compile else torch.compile(net)
    update = muon.step if args.optimizer == "muon" else optimizer.adamw
    while ready(filled, args) < min(args.styles * 4, args.ring):
        time.sleep(0.2)
    before, start, saved, clock, recent = shared.used.item(), time.time(), time.time(), time.time(), []
    evaluated = shared.samples.item() // args.evaluate_every
    while shared.used.item() < args.minutes * 60:
        chosen = rng.choice(min(ready(filled, args), args.ring), args.styles, replace=False)
        references = batches.references(rng, 0 if args.no_bridge else batches.UNCONDITIONED)
        batch = batches.training_batch(ring[torch.from_numpy(np.sort(chosen))].numpy(), rng, references, device, args.parts > 0, rng.random() < args.parts, args.without, not args.no_bridge)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            answer = forward(batch.planes, args.styles, references, batch.near, batch.member, batch.palette, batch.own, batch.part)
        answer = answer.float()
        loss = train.losses(answer, batch.target, batch.change).mean()
        grads = dict(zip(names, torch.autograd.grad(loss, [parameters[k] for k in names], allow_unused=True)))
        used = [k for k in names if grads[k] is not None]
        norm = optimizer.clip([grads[k] for k in used])
        shared.step += 1
        shared.samples += len(batch.target)
        shared.used[0] = before + time.time() - start
        update(shared, used, [grads[k] for k in used], train.learning_rate(args, shared.step.item(), shared.used.item()), args.weight_decay, args.ema)
        if references:
            recent.append(torch.stack([(answer.detach() - batch.target).square().mean(), (batch.source - batch.target).square().mean()]))
        if len(recent) == 200:
            error, change = torch.stack(recent).sum(0).tolist()
            print(f"step {shared.step.item()} queries {shared.samples.item()} error {error / change:.3f} of doing nothing, {200 / (time.time() - clock):.2f} steps/s, "
                  f"{int(filled.sum())} groups drawn, gradient {norm:.2f}", flush=True)
            recent, clock = [], time.time()
        if time.time() - saved > args.save_minutes * 60:
            saved = time.time()
            train.save(shared, args, config)
        if args.evaluate and shared.samples.item() // args.evaluate_every > evaluated:
            evaluated = shared.samples.item() // args.evaluate_every
            train.evaluate_now(model, shared, args)
    train.save(shared, args, config)
    if args.evaluate:
        train.evaluate_now(model, shared, args)


if __name__ == "__main__":
    main()
