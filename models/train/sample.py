"""Draws a sheet of samples with their captions from an exported folder: rows are subjects, columns are styles.

Usage: sample.py MODEL OUT.png [--guidance 3.5] [--steps 25] [--subjects "a;b"] [--styles "x;y"]
"""
import argparse

import torch
from diffusers import StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image, ImageDraw

SUBJECTS = "red apple;dog face;red heart;house;grinning face;star;potted plant;umbrella"  # the last two are held out
STYLES = "flat emoji;shaded emoji;outlined emoji;outline icon;filled glyph;blue filled line icon;black silhouette;puffy 3d shading"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--guidance", type=float, default=3.5)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--subjects", default=SUBJECTS)
    parser.add_argument("--styles", default=STYLES)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    subjects, styles = args.subjects.split(";"), args.styles.split(";")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    pipe = StableDiffusionPipeline.from_pretrained(args.model, safety_checker=None, torch_dtype=torch.float32).to(device)
    pipe.unet.set_attn_processor(AttnProcessor())
    pipe.set_progress_bar_config(disable=True)
    sheet = Image.new("RGB", (len(styles) * 136 + 8, len(subjects) * 148 + 8), "white")
    draw = ImageDraw.Draw(sheet)
    for row, subject in enumerate(subjects):
        prompts = [f"{subject}, {style}" for style in styles]
        seeds = [torch.Generator().manual_seed(args.seed * 1000 + row) for _ in styles]
        images = pipe(prompts, num_inference_steps=args.steps, guidance_scale=args.guidance, generator=seeds).images
        for column, image in enumerate(images):
            sheet.paste(image.resize((128, 128), Image.LANCZOS), (column * 136 + 8, row * 148 + 8))
            draw.text((column * 136 + 8, row * 148 + 137), prompts[column][:26], fill="black", font_size=10)
    sheet.save(args.out)


if __name__ == "__main__":
    main()
