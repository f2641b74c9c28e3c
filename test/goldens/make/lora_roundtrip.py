"""Proves that adapters pass between Diptych and diffusers in both directions, on random tiny UNets.

Run by hand after `npm ci`: python test/goldens/make/lora_roundtrip.py   (diffusers 0.42, peft 0.21)
Prints the largest error of each way and exits 1 past the tolerance.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from diffusers.utils import convert_state_dict_to_kohya
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file, save_file

IO = Path(__file__).with_name("adapter_io.mjs")
ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
LINEAR = [*ATTENTION, "ff.net.0.proj", "ff.net.2"]
EVERYTHING = [*LINEAR, "proj_in", "proj_out"]


def sd_unet():
    return UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 32), layers_per_block=2, norm_num_groups=4, cross_attention_dim=12,
        attention_head_dim=2, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))


def sdxl_unet():
    return UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 32), layers_per_block=2, norm_num_groups=4, cross_attention_dim=12,
        attention_head_dim=(2, 4), transformer_layers_per_block=(1, 2), use_linear_projection=True,
        addition_embed_type="text_time", addition_time_embed_dim=4, projection_class_embeddings_input_dim=32,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"))


def run(unet):
    torch.manual_seed(1)
    sample, text = torch.randn(2, 4, 8, 8), torch.randn(2, 5, 12)
    added = {"text_embeds": torch.randn(2, 8), "time_ids": torch.randn(2, 6)}
    with torch.no_grad():
        return unet(sample, torch.tensor([7, 400]), text, added_cond_kwargs=added).sample


def sites_of(unet, names):
    return {n: m for n, m in unet.named_modules() if any(n.endswith("." + t) for t in names) and "attentions" in n}


def random_adapter(unet, names, rank, alpha):
    """<site>|a, |b, |alpha for every site, as adapter_io.mjs takes them."""
    plain = {}
    for name, module in sites_of(unet, names).items():
        out_features, in_features = module.weight.shape[:2]
        # Exact in f16, so that saving as f16 changes nothing.
        plain[f"{name}|a"] = torch.randint(-64, 65, (rank, in_features)).float() / 128
        plain[f"{name}|b"] = torch.randint(-64, 65, (out_features, rank)).float() / 128
        plain[f"{name}|alpha"] = torch.tensor(float(alpha))
    return plain


def merged(make, state, plain):
    """The UNet with every update added to its weight: what any loader must agree with."""
    unet = make()
    unet.load_state_dict(state)
    for name, module in unet.named_modules():
        if f"{name}|a" in plain:
            a, b, alpha = (plain[f"{name}|{part}"] for part in ("a", "b", "alpha"))
            module.weight.data += (alpha / a.shape[0] * b @ a).reshape(module.weight.shape)
    return unet


def engine(*arguments):
    subprocess.run(["node", str(IO), *map(str, arguments)], check=True)


def pipeline_of(make, unet):
    """A pipeline of nothing but the UNet: all that load_lora_weights touches."""
    if make is sd_unet:
        return StableDiffusionPipeline(vae=None, text_encoder=None, tokenizer=None, unet=unet, scheduler=None,
                                       safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    return StableDiffusionXLPipeline(vae=None, text_encoder=None, text_encoder_2=None, tokenizer=None, tokenizer_2=None,
                                     unet=unet, scheduler=None)


def main():
    errors = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for make in (sd_unet, sdxl_unet):
            torch.manual_seed(0)
            base = make()
            state = {k: v.clone() for k, v in base.state_dict().items()}
            fresh = lambda: (u := make(), u.load_state_dict(state))[0]

            # Ours, loaded by diffusers.
            # proj_in and proj_out are convolutions in SD 1, and Diptych writes linear sites only.
            for names, rank, alpha in ((ATTENTION, 4, 4), (LINEAR if make is sd_unet else EVERYTHING, 3, 6)):
                plain = random_adapter(base, names, rank, alpha)
                save_file(plain, folder / "plain.safetensors")
                want = run(merged(make, state, plain))
                assert (want - run(base)).abs().max() > 1e-2, "the adapter does nothing"
                for keys in ("peft", "kohya"):
                    for dtype in ("F32", "F16"):
                        engine("write", folder / "plain.safetensors", folder / "ours.safetensors", keys, dtype)
                        label = f"{make.__name__} {len(plain) // 3} sites, {keys} {dtype}"
                        pipe = pipeline_of(make, fresh())
                        pipe.load_lora_weights(str(folder), weight_name="ours.safetensors")
                        errors[f"{label}, load_lora_weights"] = (run(pipe.unet) - want).abs().max().item()
                        if keys == "peft":
                            unet = fresh()
                            unet.load_lora_adapter(str(folder), weight_name="ours.safetensors", prefix="unet")
                            errors[f"{label}, load_lora_adapter"] = (run(unet) - want).abs().max().item()

            # diffusers' and kohya's, read by ours.
            for names, rank, alpha, rslora in ((ATTENTION, 4, 8, False), (EVERYTHING, 4, 2, False), (ATTENTION, 4, 3, True)):
                unet = fresh()
                unet.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules=names, use_rslora=rslora, init_lora_weights=False))
                want = run(unet)
                layers = get_peft_model_state_dict(unet)
                StableDiffusionPipeline.save_lora_weights(
                    folder, unet_lora_layers=layers, weight_name="theirs.safetensors",
                    unet_lora_adapter_metadata=unet.peft_config["default"].to_dict())
                files = {"diffusers": "theirs.safetensors"}
                if not rslora:
                    kohya = convert_state_dict_to_kohya({f"unet.{k}": v for k, v in layers.items()})
                    kohya = {k: torch.tensor(float(alpha)) if k.endswith(".alpha") else v.contiguous() for k, v in kohya.items()}
                    save_file(kohya, folder / "kohya.safetensors")
                    files["kohya"] = "kohya.safetensors"
                for kind, file in files.items():
                    engine("read", folder / file, folder / "back.safetensors")
                    back = load_file(folder / "back.safetensors")
                    with safe_open(folder / "back.safetensors", "pt") as opened:
                        ignored = opened.metadata()["ignored"]
                    assert ignored == "[]" and len(back) == 3 * len(sites_of(base, names)), (len(back), ignored)
                    label = f"{make.__name__} {len(back) // 3} sites, {kind}{' rslora' if rslora else ''}, read by ours"
                    errors[label] = (run(merged(make, state, back)) - want).abs().max().item()

    for label, error in errors.items():
        print(f"{error:.2e}  {label}")
    return 1 if max(errors.values()) > 2e-5 else 0


sys.exit(main())
