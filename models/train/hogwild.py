"""Asynchronous data-parallel training on a few CPU cores.

Each worker is one single-threaded process: it copies the shared f32 weights, computes a gradient, and
applies AdamW to the shared weights under a lock. Nobody waits at a barrier, so a core that is busy with
something else slows only its own worker (Hogwild!, arXiv 1106.5730, with a lock around the update).
"""
import os
import time

import torch
import torch.multiprocessing as mp

import optimizer


class Shared:
    """Weights, AdamW moments, EMA and counters, all in shared memory until moved elsewhere. Picklable."""

    def __init__(self, state_dict, trainable):
        self.weights = {k: v.detach().float().clone().share_memory_() if v.is_floating_point() else v.clone() for k, v in state_dict.items()}
        self.trainable = list(trainable)
        self.first = {k: torch.zeros_like(self.weights[k]).share_memory_() for k in self.trainable}
        self.second = {k: torch.zeros_like(self.weights[k]).share_memory_() for k in self.trainable}
        self.ema = {k: self.weights[k].clone().share_memory_() for k in self.trainable}
        self.step = torch.zeros(1, dtype=torch.int64).share_memory_()
        self.samples = torch.zeros(1, dtype=torch.int64).share_memory_()
        self.used = torch.zeros(1, dtype=torch.float64).share_memory_()
        self.stop = torch.zeros(1, dtype=torch.int64).share_memory_()

    def snapshot(self):
        return {"weights": self.weights, "first": self.first, "second": self.second, "ema": self.ema,
                "step": self.step, "samples": self.samples, "used": self.used}

    def restore(self, path):
        saved = torch.load(path, map_location="cpu")
        for name, mine in self.snapshot().items():
            if isinstance(mine, dict):
                for k, v in mine.items():
                    v.copy_(saved[name][k])
            else:
                mine.copy_(saved[name])

    def to(self, device):
        """Moves weights, moments and EMA; the counters stay on the host."""
        for tensors in (self.weights, self.first, self.second, self.ema):
            for k in tensors:
                tensors[k] = tensors[k].to(device)
        return self

    def ema_state(self):
        return {k: self.ema.get(k, v).clone() for k, v in self.weights.items()}


class Worker:
    """What a training script's worker uses: pull weights, push gradients."""

    def __init__(self, index, shared, lock, model):
        self.index, self.shared, self.lock = index, shared, lock
        self.local = dict(model.named_parameters())

    @torch.no_grad()
    def pull(self):
        names = self.shared.trainable
        torch._foreach_copy_([self.local[k] for k in names], [self.shared.weights[k] for k in names])

    @torch.no_grad()
    def push(self, lr, samples, weight_decay=1e-2, ema_decay=0.999):
        """One update of the shared weights. Returns the gradient norm; a gradient that is not finite is dropped."""
        names = [k for k in self.shared.trainable if self.local[k].grad is not None]
        grads = [self.local[k].grad.float() for k in names]
        norm = optimizer.clip(grads)
        if torch.isfinite(norm):
            with self.lock:
                self.shared.step += 1
                self.shared.samples += samples
                optimizer.adamw(self.shared, names, grads, lr, weight_decay, ema_decay)
        for k in names:
            self.local[k].grad = None
        return norm


def run(target, shared, args, minutes, on_save, save_every=120):
    """Starts workers running target(index, shared, lock, args); calls on_save(shared) now and then and at the end."""
    context = mp.get_context("spawn")
    lock = context.Lock()
    workers = int(os.environ.get("WORKERS", "2"))
    pool = [context.Process(target=target, args=(i, shared, lock, args), daemon=True) for i in range(workers)]
    for p in pool:
        p.start()
    before, start, last = shared.used.item(), time.time(), time.time()
    while shared.used.item() < minutes * 60 and any(p.is_alive() for p in pool):
        time.sleep(1)
        shared.used[0] = before + time.time() - start
        if time.time() - last > save_every:
            last = time.time()
            on_save(shared)
    shared.stop[0] = 1
    for p in pool:
        p.join(60)
    on_save(shared)
