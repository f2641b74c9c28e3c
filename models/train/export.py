"""Writes a diffusers folder (StableDiffusionPipeline-shaped, float16 safetensors) from a training state, atomically.

Usage: export.py STATE VAE TOKENIZER OUT   (README.md and samples.png already in OUT are kept)
"""
import argparse
import json
import os
import shutil

import torch
from diffusers import AutoencoderTiny, __version__
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from net import Net, build_scheduler

INDEX = {
    "_class_name": "StableDiffusionPipeline", "_diffusers_version": __version__,
    "feature_extractor": [None, None], "image_encoder": [None, None], "requires_safety_checker": False, "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderTiny"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("state", "vae", "tokenizer", "out"):
        parser.add_argument(name)
    args = parser.parse_args()
    state = torch.load(args.state, map_location="cpu")
    tokenizer = Tokenizer.from_file(f"{args.tokenizer}/tokenizer.json")
    widths = [state["ema"][f"unet.down_blocks.{level}.resnets.0.conv1.weight"].shape[0] for level in range(3)]
    net = Net(tokenizer.get_vocab_size(), tokenizer.token_to_id("<|startoftext|>"), tokenizer.token_to_id("<|endoftext|>"), widths)
    missing, unexpected = net.load_state_dict(state["ema"], strict=False)
    assert not unexpected and all("position_ids" in k for k in missing), (missing, unexpected)
    out = args.out.rstrip("/")
    fresh, old = out + ".new", out + ".old"
    for folder in (fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    net.half().unet.save_pretrained(f"{fresh}/unet")
    net.text.save_pretrained(f"{fresh}/text_encoder")
    weights = f"{fresh}/text_encoder/model.safetensors"  # the key layout of every published CLIP text encoder
    save_file({k if k.startswith("text_model.") else f"text_model.{k}": v for k, v in load_file(weights).items()}, weights, {"format": "pt"})
    AutoencoderTiny.from_pretrained(args.vae).half().save_pretrained(f"{fresh}/vae")
    build_scheduler().save_pretrained(f"{fresh}/scheduler")
    shutil.copytree(args.tokenizer, f"{fresh}/tokenizer")
    json.dump(INDEX, open(f"{fresh}/model_index.json", "w"), indent=2)
    for path in (f"{fresh}/unet/config.json", f"{fresh}/vae/config.json", f"{fresh}/text_encoder/config.json"):
        config = json.load(open(path))
        config.pop("_name_or_path", None)
        if "dtype" in config:
            config["dtype"] = "float32"  # so that a plain from_pretrained computes in one type throughout
        json.dump(config, open(path, "w"), indent=2)
    for kept in ("README.md", "samples.png"):
        if os.path.exists(f"{out}/{kept}"):
            shutil.copy(f"{out}/{kept}", fresh)
    if os.path.exists(out):
        os.rename(out, old)
    os.rename(fresh, out)
    shutil.rmtree(old, ignore_errors=True)
    size = sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(out) for f in files)
    print(f"{out}: {size / 1e6:.1f} MB at step {state['step'].item()}, {state['samples'].item()} samples, {state['used'].item():.0f} s")


if __name__ == "__main__":
    main()
