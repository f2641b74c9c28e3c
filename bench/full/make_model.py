"""Writes a diffusers folder of a real model's size with seeded random weights, for measuring without a download.

    python make_model.py sd15|sd21|sdxl|ssd1b DIR [--dtype f16|f32] [--vocabulary BPE_SIMPLE_VOCAB_16E6.TXT.GZ]

The vocabulary is CLIP's own; open_clip's wheel holds it (pip download --no-deps open_clip_torch; unzip). Weights are
written tensor by tensor, so memory stays small. They are drawn as the golden cases draw theirs ("gentle": branches end
small), so that activations keep the size a trained net's have.
"""

import argparse
import gzip
import json
import math
import struct
import zlib
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

CROSS_DOWN, DOWN, CROSS_UP, UP = 'CrossAttnDownBlock2D', 'DownBlock2D', 'CrossAttnUpBlock2D', 'UpBlock2D'
BRANCH_ENDS = ('to_out.0.weight', 'ff.net.2.weight', 'conv2.weight', 'proj_out.weight', 'out_proj.weight', 'fc2.weight')

SD = dict(
    sample_size=64,
    block_out_channels=(320, 640, 1280, 1280),
    down_block_types=(CROSS_DOWN, CROSS_DOWN, CROSS_DOWN, DOWN),
    up_block_types=(UP, CROSS_UP, CROSS_UP, CROSS_UP),
)
XL = dict(
    sample_size=128,
    block_out_channels=(320, 640, 1280),
    attention_head_dim=(5, 10, 20),
    cross_attention_dim=2048,
    use_linear_projection=True,
    addition_embed_type='text_time',
    addition_time_embed_dim=256,
    projection_class_embeddings_input_dim=2816,
)
XL_TYPES = dict(
    down_block_types=(DOWN, CROSS_DOWN, CROSS_DOWN),
    up_block_types=(CROSS_UP, CROSS_UP, UP),
)
UNETS = {
    'sd15': dict(SD, attention_head_dim=8, cross_attention_dim=768),
    'sd21': dict(SD, attention_head_dim=(5, 10, 20, 20), cross_attention_dim=1024, use_linear_projection=True),
    'sdxl': dict(XL, **XL_TYPES, transformer_layers_per_block=(1, 2, 10)),
    # The block-removed SDXL of Segmind, SSD-1B.
    'ssd1b': dict(
        XL,
        **XL_TYPES,
        mid_block_type='UNetMidBlock2D',
        transformer_layers_per_block=(0, (2, 2), (4, 4)),
        reverse_transformer_layers_per_block=((4, 4, 10), (2, 1, 1), 1),
    ),
}
VAE = dict(
    block_out_channels=(128, 256, 512, 512),
    down_block_types=('DownEncoderBlock2D',) * 4,
    up_block_types=('UpDecoderBlock2D',) * 4,
    layers_per_block=2,
    latent_channels=4,
)
CLIP_L = dict(vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
              hidden_act='quick_gelu', bos_token_id=49406, eos_token_id=49407, pad_token_id=49407)
OPEN_H = dict(CLIP_L, hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16,
              hidden_act='gelu')
OPEN_G = dict(CLIP_L, hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20,
              hidden_act='gelu', projection_dim=1280, pad_token_id=0)
LATENT = dict(beta_schedule='scaled_linear', beta_start=0.00085, beta_end=0.012, num_train_timesteps=1000,
              prediction_type='epsilon', steps_offset=1)


def write_weights(model, path, half):
    """A .safetensors file of the model's parameters, drawn from a seed made of the path's last parts."""
    generator = torch.Generator().manual_seed(zlib.crc32('/'.join(path.parts[-2:]).split('.')[0].encode()))
    parameters = list(model.named_parameters())
    size, header, end = (2 if half else 4), {}, 0
    for name, parameter in parameters:
        begin, end = end, end + parameter.numel() * size
        header[name] = {'dtype': 'F16' if half else 'F32', 'shape': list(parameter.shape), 'data_offsets': [begin, end]}
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        for name, parameter in parameters:
            # Always rounded to f16, so that both files of a model hold the same numbers.
            value = draw(name, parameter.shape, generator).half()
            file.write((value if half else value.float()).numpy().tobytes())


def draw(name, shape, generator):
    normal = torch.randn(shape, generator=generator)
    if name.endswith('bias'):
        return normal * 0.05
    if len(shape) == 1:
        return 1 + normal * 0.1
    if 'embedding' in name and 'time' not in name and 'add' not in name:
        return normal * 0.02
    return normal * ((0.5 if name.endswith(BRANCH_ENDS) else 1.0) / math.sqrt(math.prod(shape[1:])))


def save(model, folder, base, half):
    folder.mkdir(parents=True, exist_ok=True)
    model.save_config(folder) if hasattr(model, 'save_config') else model.config.save_pretrained(folder)
    write_weights(model, folder / (f'{base}.fp16.safetensors' if half else f'{base}.safetensors'), half)


def save_tokenizer(folder, archive, pad):
    """vocab.json and merges.txt out of CLIP's list of merges."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = gzip.open(archive).read().decode().split('\n')[1 : 49152 - 256 - 2 + 1]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]
    words = letters + [letter + '</w>' for letter in letters] + [''.join(line.split()) for line in lines]
    words += ['<|startoftext|>', '<|endoftext|>']
    (folder / 'vocab.json').write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / 'merges.txt').write_text('#version: 0.2\n' + '\n'.join(lines) + '\n')
    config = {'model_max_length': 77, 'bos_token': '<|startoftext|>', 'eos_token': '<|endoftext|>',
              'unk_token': '<|endoftext|>', 'pad_token': pad, 'tokenizer_class': 'CLIPTokenizer'}
    (folder / 'tokenizer_config.json').write_text(json.dumps(config))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', choices=UNETS)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--dtype', choices=('f16', 'f32'), default='f16')
    parser.add_argument('--vocabulary', type=Path, required=True)
    options = parser.parse_args()
    xl, half = options.model in ('sdxl', 'ssd1b'), options.dtype == 'f16'
    root = options.folder
    with torch.device('meta'):
        unet = UNet2DConditionModel(**UNETS[options.model])
        vae = AutoencoderKL(**VAE, sample_size=1024 if xl else 512, scaling_factor=0.13025 if xl else 0.18215,
                            force_upcast=xl)
        first = CLIPTextModel(CLIPTextConfig(**(OPEN_H if options.model == 'sd21' else CLIP_L)))
        second = CLIPTextModelWithProjection(CLIPTextConfig(**OPEN_G)) if xl else None
    save(unet, root / 'unet', 'diffusion_pytorch_model', half)
    save(vae, root / 'vae', 'diffusion_pytorch_model', half)
    first.config.architectures = ['CLIPTextModel']
    save(first, root / 'text_encoder', 'model', half)
    pad = '!' if options.model == 'sd21' else '<|endoftext|>'
    save_tokenizer(root / 'tokenizer', options.vocabulary, pad)
    index = {
        '_class_name': 'StableDiffusionXLPipeline' if xl else 'StableDiffusionPipeline',
        'unet': ['diffusers', 'UNet2DConditionModel'],
        'vae': ['diffusers', 'AutoencoderKL'],
        'text_encoder': ['transformers', 'CLIPTextModel'],
        'tokenizer': ['transformers', 'CLIPTokenizer'],
        'scheduler': ['diffusers', 'EulerDiscreteScheduler' if xl else 'PNDMScheduler'],
    }
    if xl:
        second.config.architectures = ['CLIPTextModelWithProjection']
        save(second, root / 'text_encoder_2', 'model', half)
        save_tokenizer(root / 'tokenizer_2', options.vocabulary, '!')
        index |= {
            'text_encoder_2': ['transformers', 'CLIPTextModelWithProjection'],
            'tokenizer_2': ['transformers', 'CLIPTokenizer'],
            'force_zeros_for_empty_prompt': True,
        }
    (root / 'model_index.json').write_text(json.dumps(index, indent=2) + '\n')
    scheduler = {**LATENT, '_class_name': index['scheduler'][1], 'timestep_spacing': 'leading'}
    (root / 'scheduler').mkdir(exist_ok=True)
    (root / 'scheduler' / 'scheduler_config.json').write_text(json.dumps(scheduler, indent=2) + '\n')


if __name__ == '__main__':
    main()
