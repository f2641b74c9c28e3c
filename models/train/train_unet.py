"""Trains the UNet and text encoder on encoded pool frames until --minutes have passed. Resumable (OUT/state.pt).

Constant learning rate with a linear fall over the last --decay of the time; the EMA is what gets exported,
so the state is worth exporting at any time.
Usage: train_unet.py POOL TOKENIZER VAE --out DIR --minutes 80
"""
import argparse
import glob
import json
import os
import time

import numpy as np
import torch
from diffusers import AutoencoderTiny
from tokenizers import Tokenizer

import hogwild
from net import TOKENS, Net, build_scheduler, v_target

DROP_ALL, DROP_STYLE, DROP_SUBJECT = 0.12, 0.15, 0.05


class Latents:
    """All encoded shards, with three tokenised captions a frame: whole, without style, without subject."""

    def __init__(self, pool, tokenizer_path):
        self.pool, self.tokenizer = pool, Tokenizer.from_file(f"{tokenizer_path}/tokenizer.json")
        self.eos = self.tokenizer.token_to_id("<|endoftext|>")
        self.bos = self.tokenizer.token_to_id("<|startoftext|>")
        self.empty = self.ids("")
        self.latents, self.captions, self.seen = [], [], set()
        self.refresh()

    def ids(self, text):
        found = self.tokenizer.encode(text).ids
        found = found[:TOKENS - 1] + [self.eos] if len(found) > TOKENS else found
        return np.array(found + [self.eos] * (TOKENS - len(found)), np.int64)

    def refresh(self):
        for path in sorted(glob.glob(f"{self.pool}/[0-9][0-9][0-9].lat.npy")):
            if path in self.seen:
                continue
            self.seen.add(path)
            self.latents.append(np.load(path))
            join = lambda *parts: ", ".join(p for p in parts if p)
            self.captions.append(np.stack([
                np.stack([self.ids(join(c["subject"], c["style"], c["place"])), self.ids(join(c["subject"], c["place"])), self.ids(join(c["style"], c["place"]))])
                for c in json.load(open(path.replace(".lat.npy", ".json")))]).astype(np.int16))

    def batch(self, size, rng):
        latents = np.empty((size, 4, 32, 32), np.float32)
        ids = np.empty((size, TOKENS), np.int64)
        for k in range(size):
            shard = rng.integers(len(self.latents))
            row = rng.integers(len(self.latents[shard]))
            latents[k] = self.latents[shard][row]
            u = rng.random()
            which = 1 if u < DROP_STYLE else 2 if u < DROP_STYLE + DROP_SUBJECT else 0
            ids[k] = self.empty if rng.random() < DROP_ALL else self.captions[shard][row, which]
        return torch.from_numpy(latents), torch.from_numpy(ids)


def learning_rate(args, step, fraction):
    return args.lr * min(1.0, (step + 1) / args.warmup) * min(1.0, max(0.02, (1 - fraction) / args.decay))


def work(index, shared, lock, args):
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(args.seed * 1000 + index + shared.step.item() * 7)
    rng = np.random.default_rng([args.seed, index, shared.step.item()])
    data = Latents(args.pool, args.tokenizer)
    net = Net(data.tokenizer.get_vocab_size(), data.bos, data.eos).to(device, torch.bfloat16)
    worker = hogwild.Worker(index, shared, lock, net)
    alphas = build_scheduler().alphas_cumprod
    bands, counts, tick, step = np.zeros(4), np.zeros(4), time.time(), 0
    while not shared.stop.item():
        worker.pull()
        z, ids = data.batch(args.batch, rng)
        z = z * args.scaling_factor
        t = ((torch.arange(args.batch) + torch.rand(args.batch)) / args.batch * 1000).long()  # stratified
        x, v = v_target(z, torch.randn_like(z), alphas[t])
        out = net(x.to(device, torch.bfloat16), t.to(device), ids.to(device)).float().cpu()
        each = (out - v).pow(2).mean((1, 2, 3))
        each.mean().backward()
        lr = learning_rate(args, shared.step.item(), min(1.0, shared.used.item() / (args.minutes * 60)))
        norm = worker.push(lr, args.batch, ema_decay=args.ema)
        band = (t // 250).numpy()
        np.add.at(bands, band, each.detach().numpy())
        np.add.at(counts, band, 1)
        step += 1
        if step % 50 == 0:
            now = time.time()
            print(f"w{index} step {shared.step.item()} samples {shared.samples.item()} {shared.used.item():.0f}s v-mse {bands.sum() / counts.sum():.4f} by quarter of t "
                  f"{[round(b, 4) for b in (bands / counts.clip(1)).tolist()]} norm {norm.item():.2f} lr {lr:.2e} {args.batch * 50 / (now - tick):.1f}/s", flush=True)
            bands[:], counts[:], tick = 0, 0, now
            if step % 200 == 0:
                data.refresh()


def save(shared, args):
    torch.save(shared.snapshot(), f"{args.out}/state.tmp")
    os.replace(f"{args.out}/state.tmp", f"{args.out}/state.pt")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool")
    parser.add_argument("tokenizer")
    parser.add_argument("vae")
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=80)
    parser.add_argument("--batch", type=int, default=16, help="samples of one worker's step")
    parser.add_argument("--lr", type=float, default=4e-4)
    parser.add_argument("--warmup", type=int, default=200)
    parser.add_argument("--decay", type=float, default=0.35)
    parser.add_argument("--ema", type=float, default=0.999)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    torch.manual_seed(args.seed)
    args.scaling_factor = AutoencoderTiny.load_config(args.vae)["scaling_factor"]
    tokenizer = Tokenizer.from_file(f"{args.tokenizer}/tokenizer.json")
    net = Net(tokenizer.get_vocab_size(), tokenizer.token_to_id("<|startoftext|>"), tokenizer.token_to_id("<|endoftext|>"))
    shared = hogwild.Shared(dict(net.named_parameters()), [k for k, _ in net.named_parameters()])
    if os.path.exists(f"{args.out}/state.pt"):
        shared.restore(f"{args.out}/state.pt")
    del net
    hogwild.run(work, shared, args, args.minutes, lambda s: save(s, args), save_every=240)


if __name__ == "__main__":
    main()
