"""Encodes pool shards once: NNN.lat.npy, float16 [n, 4, 32, 32], unscaled. Resumable; follows the pool as it grows.

Usage: encode_pool.py POOL VAE [--shards 0:8]
"""
import argparse
import glob
import os

import numpy as np
import torch
from diffusers import AutoencoderTiny


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool")
    parser.add_argument("vae")
    parser.add_argument("--shards", default="0:1000")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    net = AutoencoderTiny.from_pretrained(args.vae).eval().to(device, memory_format=torch.channels_last)
    low, high = map(int, args.shards.split(":"))
    for path in sorted(glob.glob(f"{args.pool}/[0-9][0-9][0-9].npy")):
        out = path.replace(".npy", ".lat.npy")
        if os.path.exists(out) or not low <= int(os.path.basename(path)[:3]) < high:
            continue
        frames = np.load(path, mmap_mode="r")
        latents = np.empty((len(frames), 4, 32, 32), np.float16)
        for k in range(0, len(frames), 40):
            x = torch.from_numpy(np.ascontiguousarray(frames[k:k + 40])).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
            with torch.autocast(device, torch.bfloat16):
                latents[k:k + 40] = net.encode(x.contiguous(memory_format=torch.channels_last)).latents.float().cpu().numpy()
        np.save(out + ".tmp.npy", latents)
        os.rename(out + ".tmp.npy", out)
        print(out, f"mean {latents.astype(np.float32).mean((0, 2, 3)).round(3)} std {latents.astype(np.float32).std():.4f}", flush=True)


if __name__ == "__main__":
    main()
