"""`vae`: encoding and decoding with AutoencoderKL and AutoencoderTiny."""

import torch
from diffusers import AutoencoderKL, AutoencoderTiny

from common import Case, check_idle

DOWN, UP = 'DownEncoderBlock2D', 'UpDecoderBlock2D'
SMALL = dict(
    block_out_channels=(8, 12, 12),
    down_block_types=(DOWN,) * 3,
    up_block_types=(UP,) * 3,
    layers_per_block=1,
    norm_num_groups=4,
)
TINY = dict(
    encoder_block_out_channels=(8, 8, 8, 8),
    decoder_block_out_channels=(8, 8, 8, 8),
    num_encoder_blocks=(1, 2, 2, 1),
    num_decoder_blocks=(1, 2, 1, 1),
)

# name: (description, class, options, image (height, width), latents (height, width), weights stored as float16)
CONFIGS = {
    'kl-sd': (
        'The Stable Diffusion autoencoder in miniature: quant_conv and post_quant_conv, attention in the mid block; '
        'an image whose sides no level divides, which shows on which sides the downsampling pads.',
        AutoencoderKL,
        dict(SMALL, layers_per_block=2, block_out_channels=(8, 8, 12), scaling_factor=0.18215),
        (21, 18),
        (5, 4),
        False,
    ),
    'kl-plain': (
        'Sixteen latent channels, two levels, no quant_conv and no post_quant_conv, a latent shift in the config '
        '(which encode and decode must not apply).',
        AutoencoderKL,
        dict(
            block_out_channels=(8, 16),
            down_block_types=(DOWN,) * 2,
            up_block_types=(UP,) * 2,
            layers_per_block=1,
            norm_num_groups=4,
            latent_channels=16,
            use_quant_conv=False,
            use_post_quant_conv=False,
            scaling_factor=0.3611,
            shift_factor=0.1159,
        ),
        (12, 16),
        (6, 8),
        False,
    ),
    'kl-no-attention': (
        'No attention in the mid block.',
        AutoencoderKL,
        dict(SMALL, mid_block_add_attention=False),
        (16, 12),
        (4, 3),
        False,
    ),
    'kl-f16': (
        'Weights stored as float16.',
        AutoencoderKL,
        SMALL,
        (16, 16),
        (4, 4),
        True,
    ),
    'tiny-4': (
        'TAESD in miniature: four levels, four latent channels, and latents large enough for the tanh clamp to bend.',
        AutoencoderTiny,
        TINY,
        (24, 32),
        (3, 4),
        False,
    ),
    'tiny-3': (
        'Three levels, block counts that differ by level and between encoder and decoder, an odd image.',
        AutoencoderTiny,
        dict(
            encoder_block_out_channels=(8, 8, 8),
            decoder_block_out_channels=(12, 12, 12),
            num_encoder_blocks=(1, 2, 1),
            num_decoder_blocks=(2, 1, 1),
        ),
        (17, 14),
        (5, 4),
        False,
    ),
    'tiny-16': (
        'Sixteen latent channels, scaling and shift factors in the config (which encode and decode must not apply).',
        AutoencoderTiny,
        dict(TINY, latent_channels=16, scaling_factor=0.3611, shift_factor=0.1159),
        (16, 16),
        (2, 3),
        False,
    ),
    'tiny-f16': (
        'Weights stored as float16.',
        AutoencoderTiny,
        TINY,
        (16, 16),
        (2, 2),
        True,
    ),
}


def make(root):
    """Writes every `vae` case under root."""
    for name, (description, kind, options, image, latents, half) in CONFIGS.items():
        case = Case(root, 'vae', name, description)
        case.add_model('vae', kind(**options), half)
        channels = options.get('latent_channels', 4)
        inputs = {
            'image': case.draw.normal(2, 3, *image).clamp(-2, 2) / 2,
            'latents': case.draw.normal(2, channels, *latents, scale=2.5),
        }
        vae = load(kind, case.folder / 'vae', torch.float32)
        # As for the keys' bias: no softmax sees it.
        check_idle(vae, lambda: both_ways(vae, inputs), 10 * case.tolerance, ['to_k.bias'])
        case.finish(inputs, lambda given, dtype: both_ways(load(kind, case.folder / 'vae', dtype), given))


def load(kind, folder, dtype):
    """The autoencoder in the given precision."""
    return kind.from_pretrained(folder, torch_dtype=torch.float32, low_cpu_mem_usage=False).to(dtype).eval()


def both_ways(vae, given):
    """Encodes the image and decodes the (unrelated) latents; nothing is sampled, scaled or shifted."""
    decoded = vae.decode(given['latents']).sample
    if isinstance(vae, AutoencoderTiny):
        return {'latents': vae.encode(given['image']).latents, 'decoded': decoded}
    distribution = vae.encode(given['image']).latent_dist
    assert distribution.logvar.abs().max() < 15, 'the clamp of logvar must not be reached'
    return {'mean': distribution.mean, 'logvar': distribution.logvar, 'decoded': decoded}
