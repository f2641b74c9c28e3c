"""Encodes pool shards once: OUT/NNN.lat.npy, float16 [n, 4, h, w], unscaled, and its captions. Resumable; follows the pool as it grows.

--half averages 2 x 2 pixels first: latents of a quarter of the area, for the quick first phase of training.
Usage: encode_pool.py POOL VAE OUT [--shards 0:8] [--half]
"""
import argparse
import glob
import os
import shutil

import numpy as np
import torch
from diffusers import AutoencoderTiny


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool")
    parser.add_argument("vae")
    parser.add_argument("out")
    parser.add_argument("--shards", default="0:1000")
    parser.add_argument("--half", action="store_true")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    net = AutoencoderTiny.from_pretrained(args.vae).eval().to(device, memory_format=torch.channels_last)
    os.makedirs(args.out, exist_ok=True)
    low, high = map(int, args.shards.split(":"))
    for path in sorted(glob.glob(f"{args.pool}/[0-9][0-9][0-9].npy")):
        stem = os.path.basename(path)[:3]
        out = f"{args.out}/{stem}.lat.npy"
        if os.path.exists(out) or not low <= int(stem) < high:
            continue
        frames, latents = np.load(path, mmap_mode="r"), []
        for k in range(0, len(frames), 40):
            x = torch.from_numpy(np.ascontiguousarray(frames[k:k + 40])).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
            x = torch.nn.functional.avg_pool2d(x, 2) if args.half else x
            with torch.autocast(device, torch.bfloat16):
                latents.append(net.encode(x.contiguous(memory_format=torch.channels_last)).latents.half().cpu().numpy())
        latents = np.concatenate(latents)
        shutil.copy(path.replace(".npy", ".json"), f"{args.out}/{stem}.json")
        np.save(f"{args.out}/{stem}.tmp.npy", latents)
        os.rename(f"{args.out}/{stem}.tmp.npy", out)
        print(out, f"mean {latents.astype(np.float32).mean((0, 2, 3)).round(3)} std {latents.astype(np.float32).std():.4f}", flush=True)


if __name__ == "__main__":
    main()
