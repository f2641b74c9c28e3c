"""`unet`: one forward pass of UNet2DConditionModel, over the shapes of real checkpoints in miniature."""

import torch
from diffusers import UNet2DConditionModel

from common import Case, check_idle, load_unet

CROSS_DOWN, DOWN = 'CrossAttnDownBlock2D', 'DownBlock2D'
CROSS_UP, UP = 'CrossAttnUpBlock2D', 'UpBlock2D'

EMBEDDED = dict(
    sample_size=16,
    block_out_channels=(8, 12, 16),
    down_block_types=(DOWN, CROSS_DOWN, CROSS_DOWN),
    up_block_types=(CROSS_UP, CROSS_UP, UP),
    layers_per_block=1,
    attention_head_dim=4,
    cross_attention_dim=12,
    norm_num_groups=4,
    use_linear_projection=True,
)

# name: (description, UNet options, (height, width), tokens, weights stored as float16)
CONFIGS = {
    'sd1': (
        'Stable Diffusion 1.x in miniature: four levels, two layers, attention_head_dim an int that counts heads, '
        'convolution projections, a sample that is not square.',
        dict(
            block_out_channels=(8, 8, 12, 12),
            down_block_types=(CROSS_DOWN, CROSS_DOWN, CROSS_DOWN, DOWN),
            up_block_types=(UP, CROSS_UP, CROSS_UP, CROSS_UP),
            attention_head_dim=4,
            cross_attention_dim=12,
            norm_num_groups=4,
        ),
        (16, 24),
        7,
        False,
    ),
    'sd2': (
        'Stable Diffusion 2.x and Turbo in miniature: attention_head_dim a list of head counts, linear projections, '
        'upcast attention, and a latent size no level divides, so that upsampling must aim at the skip sizes.',
        dict(
            block_out_channels=(8, 12, 12),
            down_block_types=(CROSS_DOWN, CROSS_DOWN, DOWN),
            up_block_types=(UP, CROSS_UP, CROSS_UP),
            layers_per_block=2,
            attention_head_dim=(2, 4, 3),
            cross_attention_dim=10,
            norm_num_groups=4,
            use_linear_projection=True,
            upcast_attention=True,
        ),
        (9, 13),
        5,
        False,
    ),
    'distilled': (
        'A block-removed Stable Diffusion in miniature: no mid block, one layer a block, cross attention at every '
        'level including the last, odd height.',
        dict(
            block_out_channels=(8, 12, 16),
            down_block_types=(CROSS_DOWN,) * 3,
            mid_block_type=None,
            up_block_types=(CROSS_UP,) * 3,
            layers_per_block=1,
            attention_head_dim=2,
            cross_attention_dim=12,
            norm_num_groups=4,
        ),
        (15, 12),
        6,
        False,
    ),
    'embedded': (
        "The embedded base model's shape: no attention at the first level, three levels, v prediction.",
        EMBEDDED,
        (16, 16),
        6,
        False,
    ),
    'embedded-f16': (
        'The embedded shape with weights stored as float16; the reference computes in float32 from the rounded ones.',
        EMBEDDED,
        (16, 16),
        6,
        True,
    ),
    'options': (
        'Options off the beaten track: scale_shift resnets, layers_per_block and transformer_layers_per_block lists, '
        'only_cross_attention list, sin before cos with freq_shift 1, centred input, norm_eps 1e-6, five channels in '
        'and three out, a wider time embedding, mid_block_scale_factor.',
        dict(
            in_channels=5,
            out_channels=3,
            center_input_sample=True,
            flip_sin_to_cos=False,
            freq_shift=1,
            block_out_channels=(8, 12, 12),
            down_block_types=(CROSS_DOWN, CROSS_DOWN, DOWN),
            up_block_types=(UP, CROSS_UP, CROSS_UP),
            layers_per_block=(1, 2, 1),
            transformer_layers_per_block=(1, 2, 1),
            only_cross_attention=(True, False, True),
            attention_head_dim=(2, 4, 2),
            cross_attention_dim=12,
            norm_num_groups=4,
            norm_eps=1e-6,
            resnet_time_scale_shift='scale_shift',
            time_embedding_dim=40,
            mid_block_scale_factor=1.5,
        ),
        (12, 8),
        5,
        False,
    ),
    'sdxl': (
        'SDXL in miniature: text_time addition embedding, transformer layers growing with depth, no attention at the '
        'first level.',
        dict(
            block_out_channels=(8, 8, 12),
            down_block_types=(DOWN, CROSS_DOWN, CROSS_DOWN),
            up_block_types=(CROSS_UP, CROSS_UP, UP),
            layers_per_block=1,
            transformer_layers_per_block=(1, 1, 2),
            attention_head_dim=(2, 4, 6),
            cross_attention_dim=16,
            norm_num_groups=4,
            use_linear_projection=True,
            addition_embed_type='text_time',
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + 10,
        ),
        (8, 12),
        5,
        False,
    ),
    'sdxl-distilled': (
        'A block-removed SDXL in miniature: a transformer depth for every single attention, another set for the way '
        'up, and a mid block that is one resnet (UNetMidBlock2D).',
        dict(
            block_out_channels=(8, 8, 12),
            down_block_types=(DOWN, CROSS_DOWN, CROSS_DOWN),
            mid_block_type='UNetMidBlock2D',
            up_block_types=(CROSS_UP, CROSS_UP, UP),
            layers_per_block=2,
            transformer_layers_per_block=(1, (2, 1), (1, 2)),
            reverse_transformer_layers_per_block=((1, 1, 2), (2, 1, 1), 1),
            attention_head_dim=(2, 4, 4),
            cross_attention_dim=16,
            norm_num_groups=4,
            use_linear_projection=True,
            addition_embed_type='text_time',
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + 10,
        ),
        (8, 8),
        5,
        False,
    ),
}


def make(root):
    """Writes every `unet` case under root."""
    for name, (description, options, (height, width), tokens, half) in CONFIGS.items():
        case = Case(root, 'unet', name, description)
        case.add_model('unet', UNet2DConditionModel(**options), half)
        config = UNet2DConditionModel.load_config(case.folder / 'unet')
        batch = 2
        inputs = {
            'sample': case.draw.normal(batch, config['in_channels'], height, width),
            'timestep': torch.tensor([713.0, 24.5]) if name == 'options' else torch.tensor([801.0, 37.0]),
            'encoder_hidden_states': case.draw.normal(batch, tokens, config['cross_attention_dim']),
        }
        if config['addition_embed_type'] == 'text_time':
            inputs['text_embeds'] = case.draw.normal(batch, 10)
            inputs['time_ids'] = torch.tensor([[512, 512, 0, 0, 512, 512], [640, 480, 16, 8, 512, 384]]).float()
        unet = load_unet(case.folder / 'unet', torch.float32)
        check_idle(unet, lambda: {'sample': forward(unet, inputs)}, 10 * case.tolerance)
        case.finish(inputs, lambda given, dtype: {'sample': forward(load_unet(case.folder / 'unet', dtype), given)})


def forward(unet, given):
    """The net's raw output; `text_embeds` and `time_ids` go along where a case has them."""
    added = {key: given[key] for key in ('text_embeds', 'time_ids') if key in given}
    return unet(
        given['sample'], given['timestep'], given['encoder_hidden_states'], added_cond_kwargs=added or None
    ).sample
