"""Trains the autoencoder on crops of pool frames until --minutes have passed. Resumable (OUT/state.pt).

Usage: train_vae.py POOL DATA --out DIR --minutes 25
"""
import argparse
import os
import time

import numpy as np
import torch
from diffusers import AutoencoderTiny
from PIL import Image

import hogwild
import vae as V
from augment import Icons


def heldout_images(data, n=96):
    """Held-out icons of all three styles on white, [-1, 1]."""
    icons = Icons(data, "heldout")
    pick = np.random.default_rng(0).permutation(len(icons))[:n]
    rgba = icons.pixels[np.sort(pick)].astype(np.float32)
    alpha = rgba[..., 3:] / 255
    rgb = rgba[..., :3] * alpha + 255 * (1 - alpha)
    return torch.from_numpy(rgb).permute(0, 3, 1, 2).contiguous() / 127.5 - 1


def work(index, shared, lock, args):
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(args.seed * 100 + index)
    rng = np.random.default_rng([args.seed, index, shared.step.item()])
    net = V.build(args.width, args.levels).to(device, memory_format=torch.channels_last)
    net.load_state_dict(shared.weights)
    worker = hogwild.Worker(index, shared, lock, net)
    shards, tick, count = V.open_shards(args.pool), time.time(), 0
    while not shared.stop.item():
        fraction = min(1.0, shared.used.item() / (args.minutes * 60))
        large = fraction > 0.85  # finish a little on larger crops
        warm = min(1.0, (shared.step.item() + 1) / 100)
        lr = args.lr * warm * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * fraction)))
        worker.pull()
        size = args.batch // 4 if large else args.batch
        x = V.batch(shards, size, args.crop * 2 if large else args.crop, rng).to(device, memory_format=torch.channels_last)
        with torch.autocast(device, torch.bfloat16):
            with torch.set_grad_enabled(not args.decoder_only):
                z = net.encode(x).latents.float()
            y = net.decode(z + torch.randn_like(z) * 0.05).sample
        loss = V.reconstruction_loss(y.float(), x) + (0 if args.decoder_only else 0.02 * V.latent_regulariser(z))
        loss.backward()
        worker.push(lr, size, weight_decay=1e-3, ema_decay=0.995)
        count += 1
        if count % 40 == 0:
            now = time.time()
            print(f"w{index} step {shared.step.item()} {shared.used.item():.0f}s loss {loss.item():.4f} {size * 40 / (now - tick):.1f}/s latents {z.std():.2f}", flush=True)
            tick = now
            if count % 400 == 0:
                shards = V.open_shards(args.pool)


@torch.no_grad()
def save(shared, args):
    """Writes the EMA as a diffusers folder and the resumable state, and reports held-out quality."""
    torch.set_num_threads(1)
    torch.save(shared.snapshot(), f"{args.out}/state.tmp")
    os.replace(f"{args.out}/state.tmp", f"{args.out}/state.pt")
    net = V.build(args.width, args.levels).eval()
    net.load_state_dict(shared.ema_state())
    x = heldout_images(args.data, args.test)
    z = net.encode(x).latents
    y = net.decode(z).sample
    net.register_to_config(scaling_factor=args.scaling_factor or round(1 / z.std().item(), 4))
    net.save_pretrained(f"{args.out}/vae")
    print(f"held-out ({args.test}) after {shared.step.item()} steps, {shared.used.item():.0f}s: PSNR {V.psnr(y, x).mean():.2f} dB, SSIM {V.ssim(y, x).mean():.4f}, "
          f"latents std {z.std():.3f} per channel {[round(v, 2) for v in z.std((0, 2, 3)).tolist()]} max {z.abs().max():.1f}", flush=True)
    rows = torch.cat([torch.cat(list(v[:12]), -1) for v in (x, y.clamp(-1, 1))], -2)
    Image.fromarray(((rows.permute(1, 2, 0).numpy() + 1) * 127.5).round().astype(np.uint8)).save(f"{args.out}/compare.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool")
    parser.add_argument("data")
    parser.add_argument("--out", required=True)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--width", type=int, default=48)
    parser.add_argument("--lr", type=float, default=4e-4)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--crop", type=int, default=64, help="side of the training crops; doubled at the end")
    parser.add_argument("--test", type=int, default=48, help="held-out images to report on")
    parser.add_argument("--decoder-only", help="an autoencoder folder: keep its encoder (and every latent made with it), improve its decoder")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    torch.manual_seed(args.seed)
    args.levels = len(AutoencoderTiny.load_config(args.decoder_only)["decoder_block_out_channels"]) if args.decoder_only else 3
    net = V.build(args.width, args.levels)
    args.scaling_factor = None
    if args.decoder_only:
        known = AutoencoderTiny.from_pretrained(args.decoder_only)
        net.load_state_dict(known.state_dict())
        args.scaling_factor = known.config.scaling_factor
    else:
        V.initialise(net, V.batch(V.open_shards(args.pool), 256, 64, np.random.default_rng(args.seed)))
    trainable = [k for k, _ in net.named_parameters() if not args.decoder_only or k.startswith("decoder.")]
    shared = hogwild.Shared(net.state_dict(), trainable)
    if os.path.exists(f"{args.out}/state.pt"):
        shared.restore(f"{args.out}/state.pt")
    hogwild.run(work, shared, args, args.minutes, lambda s: save(s, args), save_every=180)


if __name__ == "__main__":
    main()
