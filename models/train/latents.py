"""Encoded pool frames with their captions, as the UNet's training reads them."""
import glob
import json
import os

import numpy as np
import torch
from tokenizers import Tokenizer

from net import TOKENS

# Adapters are often learned and applied without a caption, so the empty one is common.
DROP_ALL, DROP_STYLE, DROP_SUBJECT = 0.2, 0.15, 0.2
# Of pairs: how many are shown as single pictures, and how many of the others the other way round.
SINGLE, REVERSED = 0.35, 0.15


class Captions:
    """Token ids of captions, padded with the end mark to TOKENS."""

    def __init__(self, folder):
        self.tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.bos, self.eos = (self.tokenizer.token_to_id(t) for t in ("<|startoftext|>", "<|endoftext|>"))
        self.vocabulary = self.tokenizer.get_vocab_size()

    def ids(self, text):
        found = self.tokenizer.encode(text).ids
        found = found[:TOKENS - 1] + [self.eos] if len(found) > TOKENS else found
        return np.array(found + [self.eos] * (TOKENS - len(found)), np.int16)

    def variants(self, caption):
        """[4, TOKENS]: whole, without style, without subject, empty."""
        join = lambda *parts: self.ids(", ".join(p for p in parts if p))
        subject, style, place = caption["subject"], caption["style"], caption["place"]
        return np.stack([join(subject, style, place), join(subject, place), join(style, place), self.ids("")])


class Latents:
    """All shards of a folder: latents float16 [n, 4, side, side] (every shard of one size) and caption variants."""

    def __init__(self, folder, tokenizer):
        self.folder, self.captions = folder, Captions(tokenizer)
        self.shards, self.ids, self.seen = [], [], set()
        self.refresh()

    def refresh(self):
        """Takes up shards that have appeared since."""
        for path in sorted(glob.glob(f"{self.folder}/[0-9][0-9][0-9].lat.npy")):
            if path in self.seen:
                continue
            self.seen.add(path)
            captions = json.load(open(path.replace(".lat.npy", ".json")))
            self.shards.append(np.load(path))
            self.ids.append(np.stack([self.captions.variants(c) for c in captions]))
        if not self.shards:
            raise SystemExit(f"{self.folder}: no NNN.lat.npy shards; run encode_pool.py first")

    @property
    def side(self):
        return self.shards[0].shape[-1]

    def per_step(self, batch):
        """Samples that cost what `batch` samples of 32 x 32 do."""
        return batch * 32 * 32 // self.side ** 2

    def batch(self, size, rng):
        """Latents float32 [size, 4, h, w], unscaled, and token ids int64 [size, TOKENS]."""
        rows = [(s := rng.integers(len(self.shards)), rng.integers(len(self.shards[s]))) for _ in range(size)]
        latents = np.stack([self.shards[s][r] for s, r in rows]).astype(np.float32)
        ids = np.stack([self.ids[s][r, v] for (s, r), v in zip(rows, choose_variants(torch.from_numpy(rng.random((2, size)))).tolist())])
        return torch.from_numpy(latents), torch.from_numpy(ids.astype(np.int64))

    def translations(self, size):
        """Of a folder of make_pairs.py: latents before and after, float32 [size, 4, h, w], and ids of after's caption."""
        starts = np.cumsum([0] + [len(shard) for shard in self.shards])
        before, after, variant = (x.tolist() for x in pair_rows(size, int(starts[-1])))
        place = lambda row: (s := int(np.searchsorted(starts, row, "right")) - 1, row - starts[s])
        latents = lambda rows: torch.from_numpy(np.stack([self.shards[s][r] for s, r in map(place, rows)]).astype(np.float32))
        ids = np.stack([self.ids[s][r, v] for (s, r), v in zip(map(place, after), variant)])
        return latents(before), latents(after), torch.from_numpy(ids.astype(np.int64))

    def on_device(self, device):
        """Everything at once: latents float16 [n, 4, h, w] and ids int16 [n, 4, TOKENS]."""
        return torch.from_numpy(np.concatenate(self.shards)).to(device), torch.from_numpy(np.concatenate(self.ids)).to(device)


def choose_variants(u):
    """Which caption variant each sample gets, from uniform numbers u [2, n]."""
    part = torch.where(u[0] < DROP_STYLE, 1, torch.where(u[0] < DROP_STYLE + DROP_SUBJECT, 2, 0))
    return torch.where(u[1] < DROP_ALL, 3, part)


def pair_rows(size, count, device="cpu"):
    """Rows of pairs (2k, 2k + 1) among `count`: before, after, and the variant of after's caption, each [size]. Some are
    single pictures, their own before and after; a translation's caption always names the style."""
    u = torch.rand(5, size, device=device)
    first = 2 * torch.randint(count // 2, (size,), device=device)
    single, turned = u[0] < SINGLE, torch.where(u[0] < SINGLE, u[1] < 0.5, u[1] < REVERSED).long()
    after = first + 1 - turned
    before = torch.where(single, after, first + turned)
    return before, after, torch.where(single, choose_variants(u[2:4]), torch.where(u[4] < 0.5, 2, 0))
