"""The base model: a small v-prediction UNet on 32 x 32 x 4 latents and its CLIP-style text encoder."""
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPTextConfig, CLIPTextModel

WIDTHS = (32, 64, 128)
HEADS = (1, 2, 4)
TEXT = 160
TOKENS = 32


def build_unet(widths=WIDTHS):
    """Self and cross attention at every size, 32 x 32 included: adapters live at attention projections alone,
    so a level without attention is one that a style cannot reach."""
    return UNet2DConditionModel(
        sample_size=32, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=widths,
        down_block_types=("CrossAttnDownBlock2D",) * 3, up_block_types=("CrossAttnUpBlock2D",) * 3,
        norm_num_groups=16, use_linear_projection=True, cross_attention_dim=TEXT, attention_head_dim=HEADS)


def build_text(vocab_size, bos, eos):
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=vocab_size, hidden_size=TEXT, intermediate_size=TEXT * 4, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=TOKENS, hidden_act="quick_gelu", projection_dim=TEXT,
        bos_token_id=bos, eos_token_id=eos, pad_token_id=eos))


def build_scheduler():
    return DDIMScheduler(
        num_train_timesteps=1000, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False,
        set_alpha_to_one=False, steps_offset=1, timestep_spacing="leading", prediction_type="v_prediction")


class Net(torch.nn.Module):
    """UNet and text encoder as one trainable module (parameter names `unet.*` and `text.*`)."""

    def __init__(self, vocab_size, bos, eos, widths=WIDTHS):
        super().__init__()
        self.unet, self.text = build_unet(widths), build_text(vocab_size, bos, eos)
        self.unet.set_attn_processor(AttnProcessor())  # plain products: much the fastest for small heads on CPU

    def forward(self, latents, timesteps, ids):
        states = self.text(input_ids=ids).last_hidden_state
        return self.unet(latents, timesteps, states.to(latents.dtype)).sample


def v_target(latents, noise, alphas_cumprod):
    """x_t and v for per-sample cumulative alphas. All [N, 4, 32, 32]; alphas_cumprod [N]."""
    a = alphas_cumprod.sqrt()[:, None, None, None]
    s = (1 - alphas_cumprod).sqrt()[:, None, None, None]
    return a * latents + s * noise, a * noise - s * latents


def translation_target(before, after, noise, share, alphas_cumprod):
    """x_t and v for going from one picture to another: x_t holds `share` [N] of the way from `before` to `after`, noised
    by `noise`, and v leads to `after`. Share 1, or equal pictures, is v_target of `after`. All [N, 4, h, w].

    To a net that must answer `after`, what is missing on the way looks like noise: sqrt(abar / (1 - abar)) times it.
    """
    scale = (alphas_cumprod / (1 - alphas_cumprod)).sqrt()[:, None, None, None]
    missing = (1 - share)[:, None, None, None] * (before - after)
    return v_target(after, noise + scale * missing, alphas_cumprod)


def translation_weight(before, after, alphas_cumprod):
    """Loss weight [N]. A translation's v grows as 1 / sigma where there is little noise; there its error counts as error of
    the picture. 1 for single pictures."""
    moved = (before != after).flatten(1).any(1)
    return torch.where(moved, (2 * (1 - alphas_cumprod)).clamp(max=1), torch.ones_like(alphas_cumprod))


def shares(n, device="cpu"):
    """Where on the way samples lie: half of them at the before image itself, the others evenly over the way."""
    return (torch.rand(n, device=device) - 0.5).clamp(0, 1) * 2
