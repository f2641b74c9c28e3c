"""`pipeline`: a whole model folder, from a prompt to the sampled latents and the picture, by diffusers' own pipeline."""

import json
import shutil
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from diffusers.schedulers import scheduling_lcm
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

import single_files
from common import MULTI_STEP, Case, first_that_fits, load_scheduler, load_unet
from unets import CROSS_DOWN, CROSS_UP, DOWN, UP

TOKENIZER = Path(__file__).resolve().parent.parent / 'tokenizer'
LENGTH = 12
START, END = '<|startoftext|>', '<|endoftext|>'
VOCABULARY = json.loads((TOKENIZER / 'vocab.json').read_text())

XL = dict(
    sample_size=8,
    block_out_channels=(8, 8, 12),
    layers_per_block=1,
    attention_head_dim=(2, 4, 6),
    cross_attention_dim=16 + 24,
    norm_num_groups=4,
    use_linear_projection=True,
    addition_embed_type='text_time',
    addition_time_embed_dim=8,
    projection_class_embeddings_input_dim=6 * 8 + 20,
    down_block_types=(DOWN, CROSS_DOWN, CROSS_DOWN),
    up_block_types=(CROSS_UP, CROSS_UP, UP),
)
FIRST = dict(hidden_size=16, intermediate_size=32, num_attention_heads=2, hidden_act='quick_gelu')
SECOND = dict(hidden_size=24, intermediate_size=48, num_attention_heads=3, hidden_act='gelu', projection_dim=20)
EULER = dict(beta_schedule='scaled_linear', beta_start=0.00085, beta_end=0.012, steps_offset=1)

SD1 = dict(
    sample_size=8,
    block_out_channels=(8, 12),
    down_block_types=(CROSS_DOWN, DOWN),
    up_block_types=(UP, CROSS_UP),
    layers_per_block=1,
    attention_head_dim=2,
    cross_attention_dim=16,
    norm_num_groups=4,
)

# name: (description, UNet options, whether SDXL, scheduler options, zeros for no prompt, parameters)
CONFIGS = {
    'sdxl': (
        'SDXL in miniature: both text encoders, the second padded with "!", pooled embedding, time ids of a canvas that '
        'is not square, zeros for no prompt, Euler with leading timesteps.',
        dict(XL, transformer_layers_per_block=(1, 1, 2)),
        True,
        dict(timestep_spacing='leading'),
        True,
        dict(prompt='a red apple!', guidance_scale=5.0, steps=4, height=32, width=64),
    ),
    'sdxl-distilled': (
        "A block-removed SDXL in miniature, as SSD-1B's config.json has it: no transformer depth at the first level, a "
        'mid block without attention, another set of depths for the way up; the empty prompt for no prompt.',
        dict(
            XL,
            mid_block_type='UNetMidBlock2D',
            transformer_layers_per_block=(0, (1,), (2,)),
            reverse_transformer_layers_per_block=((2, 1), (1, 1), 0),
        ),
        True,
        dict(timestep_spacing='leading'),
        False,
        dict(prompt='two birds', guidance_scale=4.0, steps=3, height=32, width=32),
    ),
    'sdxl-turbo': (
        'SDXL-Turbo in miniature: one step, trailing timesteps, no guidance.',
        dict(XL, transformer_layers_per_block=(1, 1, 1)),
        True,
        dict(timestep_spacing='trailing'),
        True,
        dict(prompt='a red apple', guidance_scale=1.0, steps=1, height=32, width=32),
    ),
    'sd1': (
        'Stable Diffusion 1.x in miniature, to hold what SDXL shares with it: one encoder, its last state after the norm.',
        SD1,
        False,
        dict(timestep_spacing='leading'),
        False,
        dict(prompt='a red apple', guidance_scale=3.0, steps=4, height=32, width=32),
    ),
    'sd1-lcm': (
        'A Stable Diffusion 1.x distilled into a latent consistency model: the guidance scale is a condition of the net, '
        'four steps, the noise added between them given as noise.0, noise.1, ...',
        dict(SD1, time_cond_proj_dim=16),
        False,
        None,
        False,
        dict(prompt='a red apple', guidance_scale=8.5, steps=4, height=32, width=32),
    ),
}


def make(root):
    """Writes every `pipeline` case under root."""
    for name in CONFIGS:
        first_that_fits(lambda seed: make_one(root, name, seed))
    single_files.make(root)


def text_config(pad, **options):
    return CLIPTextConfig(
        vocab_size=len(VOCABULARY), num_hidden_layers=3, max_position_embeddings=LENGTH, bos_token_id=VOCABULARY[START],
        eos_token_id=VOCABULARY[END], pad_token_id=VOCABULARY[pad], **options,
    )


def make_one(root, name, seed):
    description, unet, xl, scheduler, zeros, parameters = CONFIGS[name]
    case = Case(root, 'pipeline', name, description, tolerance=MULTI_STEP, seed=seed, **parameters)
    case.add_model('unet', UNet2DConditionModel(**unet), gentle=True)
    vae = AutoencoderKL(
        block_out_channels=(4, 8, 8), down_block_types=('DownEncoderBlock2D',) * 3, up_block_types=('UpDecoderBlock2D',) * 3,
        norm_num_groups=4, scaling_factor=0.13025 if xl else 0.18215, force_upcast=xl,
    )
    case.add_model('vae', vae, gentle=True)
    case.add_model('text_encoder', CLIPTextModel(text_config(END, **FIRST)))
    save_tokenizer(case.folder / 'tokenizer', END)
    index = {
        '_class_name': 'StableDiffusionXLPipeline' if xl else 'StableDiffusionPipeline',
        'unet': ['diffusers', 'UNet2DConditionModel'],
        'vae': ['diffusers', 'AutoencoderKL'],
        'text_encoder': ['transformers', 'CLIPTextModel'],
        'tokenizer': ['transformers', 'CLIPTokenizer'],
        'scheduler': ['diffusers', 'EulerDiscreteScheduler'],
    }
    if xl:
        case.add_model('text_encoder_2', CLIPTextModelWithProjection(text_config('!', **SECOND)))
        save_tokenizer(case.folder / 'tokenizer_2', '!')
        index |= {
            'text_encoder_2': ['transformers', 'CLIPTextModelWithProjection'],
            'tokenizer_2': ['transformers', 'CLIPTokenizer'],
            'force_zeros_for_empty_prompt': zeros,
        }
    lcm = scheduler is None
    if lcm:
        index |= {'_class_name': 'LatentConsistencyModelPipeline', 'scheduler': ['diffusers', 'LCMScheduler']}
    case.add_scheduler(
        LCMScheduler(beta_schedule='scaled_linear') if lcm else EulerDiscreteScheduler(**EULER, **scheduler)
    )
    (case.folder / 'model_index.json').write_text(json.dumps(index, indent=2) + '\n')
    latents = case.draw.normal(1, 4, parameters['height'] // 4, parameters['width'] // 4)
    inputs = {'latents': latents}
    if lcm:
        inputs |= {f'noise.{i}': case.draw.normal(*latents.shape) for i in range(parameters['steps'] - 1)}
    case.finish(inputs, lambda given, dtype: sample(case.folder, xl, zeros, parameters, given, dtype))


def save_tokenizer(folder, pad):
    folder.mkdir()
    for file in ('vocab.json', 'merges.txt'):
        shutil.copy(TOKENIZER / file, folder / file)
    config = dict(model_max_length=LENGTH, bos_token=START, eos_token=END, unk_token=END, pad_token=pad,
                  tokenizer_class='CLIPTokenizer')
    (folder / 'tokenizer_config.json').write_text(json.dumps(config) + '\n')


def sample(folder, xl, zeros, parameters, given, dtype):
    parts = dict(
        unet=load_unet(folder / 'unet', dtype),
        vae=AutoencoderKL.from_pretrained(folder / 'vae').to(dtype),
        text_encoder=CLIPTextModel.from_pretrained(folder / 'text_encoder', dtype=torch.float32).to(dtype).eval(),
        tokenizer=CLIPTokenizer.from_pretrained(folder / 'tokenizer'),
        scheduler=load_scheduler(folder / 'scheduler', torch.float32),
    )
    if xl:
        second = CLIPTextModelWithProjection.from_pretrained(folder / 'text_encoder_2', dtype=torch.float32)
        tokenizer = CLIPTokenizer.from_pretrained(folder / 'tokenizer_2')
        pipeline = StableDiffusionXLPipeline(
            **parts, text_encoder_2=second.to(dtype).eval(), tokenizer_2=tokenizer, force_zeros_for_empty_prompt=zeros,
            add_watermarker=False,
        )
    else:
        lcm = isinstance(parts['scheduler'], LCMScheduler)
        pipeline = (LatentConsistencyModelPipeline if lcm else StableDiffusionPipeline)(
            **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
        if lcm:
            noise = iter([given[name] for name in sorted(given) if name.startswith('noise.')])
            scheduling_lcm.randn_tensor = lambda *_, **__: next(noise)
    pipeline.set_progress_bar_config(disable=True)
    guided = parameters['guidance_scale'] > 1 and not isinstance(parts['scheduler'], LCMScheduler)
    embedded = pipeline.encode_prompt(
        prompt=parameters['prompt'], device='cpu', num_images_per_prompt=1, do_classifier_free_guidance=guided
    )
    expected = {'context': embedded[0]}
    if guided:
        expected['context_null'] = embedded[1]
    if xl:
        expected['pooled'] = embedded[2]
        if guided:
            expected['pooled_null'] = embedded[3]
    latents = pipeline(
        parameters['prompt'], latents=given['latents'], num_inference_steps=parameters['steps'],
        guidance_scale=parameters['guidance_scale'], height=parameters['height'], width=parameters['width'],
        output_type='latent',
    ).images
    image = parts['vae'].decode(latents / parts['vae'].config.scaling_factor).sample
    return {**expected, 'latents': latents, 'image': image}
