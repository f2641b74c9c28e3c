"""What both training loops of the UNet share: learning rate, timesteps, the report line, the saved state."""
import os
import time

import numpy as np
import torch


def learning_rate(args, step, seconds):
    left = args.minutes - seconds / 60
    fall = min(1.0, max(0.02, left / args.decay_minutes)) if args.decay_minutes else 1.0
    return args.lr * min(1.0, (step + 1) / args.warmup) * fall


class Report:
    """Mean v-MSE over all samples since the last line, and by quarter of the timesteps."""

    def __init__(self):
        self.sums, self.counts, self.since = np.zeros(4), np.zeros(4), time.time()

    def add(self, timesteps, losses):
        band = (timesteps // 250).numpy()
        np.add.at(self.sums, band, losses.numpy())
        np.add.at(self.counts, band, 1)

    def line(self, shared, norm, lr):
        now, count = time.time(), self.counts.sum()
        text = (f"step {shared.step.item()} samples {shared.samples.item()} {shared.used.item():.0f}s v-mse {self.sums.sum() / count:.4f} by quarter of t "
                f"{[round(b, 4) for b in (self.sums / self.counts.clip(1)).tolist()]} norm {norm:.2f} lr {lr:.2e} {count / (now - self.since):.1f}/s")
        self.__init__()
        return text


def stratified(n, device="cpu"):
    """One timestep from each of n equal parts of the schedule."""
    return ((torch.arange(n, device=device) + torch.rand(n, device=device)) / n * 1000).long()


def save(shared, args):
    torch.save(shared.snapshot(), f"{args.out}/state.tmp")
    os.replace(f"{args.out}/state.tmp", f"{args.out}/state.pt")
