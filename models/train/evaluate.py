"""Held-out numbers of an exported folder: autoencoder PSNR/SSIM, v-MSE with the right, a wrong and no caption, size.

Usage: evaluate.py MODEL DATA [--count 48]      (DATA: held-out icons rendered at the model's own size)
"""
import argparse

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor
from torch.utils.flop_counter import FlopCounterMode

import vae as V
from augment import Icons
from net import TOKENS, v_target

STYLES = {"fluent-emoji-flat": "flat emoji", "fluent-emoji": "puffy 3d shading", "fluent-emoji-high-contrast": "filled glyph"}


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--count", type=int, default=48)
    args = parser.parse_args()
    torch.manual_seed(0)
    pipe = StableDiffusionPipeline.from_pretrained(args.model, safety_checker=None)
    pipe.unet.set_attn_processor(AttnProcessor())
    icons = Icons(args.data, "heldout")
    order = np.random.default_rng(0).permutation(len(icons))
    all_latents = []
    for name, style in STYLES.items():
        rows = np.sort([i for i in order if icons.meta[i]["set"] == name][: args.count])
        rgba = icons.pixels[rows].astype(np.float32)
        alpha = rgba[..., 3:] / 255
        x = torch.from_numpy(rgba[..., :3] * alpha + 255 * (1 - alpha)).permute(0, 3, 1, 2).contiguous() / 127.5 - 1
        z = pipe.vae.encode(x).latents
        y = pipe.vae.decode(z).sample
        z = z * pipe.vae.config.scaling_factor
        all_latents.append(z)
        right = [f"{icons.meta[i]['name']}, {style}" for i in rows]
        losses = {}
        t = torch.arange(len(rows)) * 1000 // len(rows) + 10
        x_t, v = v_target(z, torch.randn(z.shape, generator=torch.Generator().manual_seed(1)), pipe.scheduler.alphas_cumprod[t])
        for kind, prompts in (("right", right), ("wrong", right[1:] + right[:1]), ("empty", [""] * len(right))):
            ids = pipe.tokenizer(prompts, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt").input_ids
            out = pipe.unet(x_t, t, pipe.text_encoder(ids).last_hidden_state).sample
            losses[kind] = round((out - v).pow(2).mean().item(), 4)
        print(f"{name}: PSNR {V.psnr(y, x).mean():.2f} dB, SSIM {V.ssim(y, x).mean():.4f}, v-MSE by caption {losses}", flush=True)
    print(f"latents x scaling_factor: std {torch.cat(all_latents).std():.3f}")
    for part in (pipe.vae, pipe.text_encoder, pipe.unet):
        print(type(part).__name__, sum(p.numel() for p in part.parameters()), "parameters")
    with FlopCounterMode(display=False) as counter:
        pipe.unet(z[:1], t[:1], pipe.text_encoder(ids[:1]).last_hidden_state)
    print(f"one UNet evaluation: {counter.get_total_flops() / 1e9:.2f} GFLOP (a multiply-add is two)")


if __name__ == "__main__":
    main()
