"""`guided`: the style-guided denoising loop with DDIM, from given latents."""

import torch

from adapters import CHANNELS, SIZE, SMALL, TOKENS, WIDTH, AdaptedUNet, add_net, draw_adapters, scheduler_of
from common import MULTI_STEP, Case, first_that_fits, numbered

# name: (description, prediction type, strengths, ranks, cfg, start timestep, steps, scheduler options)
CONFIGS = {
    'one-style': (
        'One style, guidance scale 3, in force from the middle of the schedule.',
        'epsilon',
        [0.8],
        [3],
        3.0,
        500,
        6,
        {},
    ),
    'no-cfg-v': (
        'One style, guidance scale 1 (the null prompt plays no part), v prediction, in force throughout, trailing '
        'timesteps, last alpha 1.',
        'v_prediction',
        [1.3],
        [3],
        1.0,
        1000,
        8,
        dict(timestep_spacing='trailing', set_alpha_to_one=True, steps_offset=0),
    ),
    'two-styles': (
        'Two styles of other ranks, one with a negative strength, in force from a timestep of the plan itself.',
        'epsilon',
        [0.7, -0.4],
        [2, 4],
        3.0,
        665,
        6,
        {},
    ),
    'two-styles-v': (
        'Two styles, guidance scale 3, v prediction with zero terminal SNR.',
        'v_prediction',
        [0.5, 0.9],
        [3, 2],
        3.0,
        800,
        7,
        dict(timestep_spacing='trailing', rescale_betas_zero_snr=True),
    ),
}


def make(root):
    """Writes every `guided` case under root."""
    for name in CONFIGS:
        first_that_fits(lambda seed: make_one(root, name, seed))


def make_one(root, name, seed):
    """Writes one case."""
    description, prediction, strengths, ranks, cfg, start, steps, schedule = CONFIGS[name]
    parameters = dict(steps=steps, guidance_scale=cfg, strengths=strengths, start_timestep=start)
    case = Case(root, 'guided', name, description, MULTI_STEP, seed, **parameters)
    add_net(case, prediction, SMALL, **schedule)
    inputs = draw_adapters(case.draw, case.folder / 'unet', style_ranks(ranks), 0.5) | {
        'latents': case.draw.normal(1, CHANNELS, *SIZE),
        'embeddings_null': case.draw.normal(1, TOKENS, WIDTH),
        'embeddings': case.draw.normal(1, TOKENS, WIDTH),
    }
    for style in style_ranks(ranks):
        inputs[f'embeddings_{style}'] = case.draw.normal(1, TOKENS, WIDTH)
    case.finish(inputs, lambda given, dtype: denoise(case, given, dtype, parameters))


def style_ranks(ranks):
    """The styles' names with their ranks."""
    return {f'style{index}': rank for index, rank in enumerate(ranks)}


def style_push(net, given, sample, timestep, base, strengths):
    """Sum over the styles of strength * (net with the style, under its prompt - base output)."""
    push = torch.zeros_like(base)
    for index, strength in enumerate(strengths):
        style = f'style{index}'
        push += strength * (net(sample, timestep, given[f'embeddings_{style}'], (style,)) - base)
    return push


def denoise(case, given, dtype, parameters):
    """The whole loop; raw outputs are combined, whatever the prediction type."""
    strengths, cfg = parameters['strengths'], parameters['guidance_scale']
    net = AdaptedUNet(case.folder / 'unet', dtype, given, style_ranks(strengths))
    scheduler = scheduler_of(case, dtype)
    scheduler.set_timesteps(parameters['steps'])
    sample, outputs, samples = given['latents'], [], []
    in_force = [timestep.item() <= parameters['start_timestep'] for timestep in scheduler.timesteps]
    assert any(in_force)
    for timestep, styled in zip(scheduler.timesteps.tolist(), in_force):
        base = net(sample, timestep, given['embeddings'])
        output = base
        if cfg != 1:
            null = net(sample, timestep, given['embeddings_null'])
            output = null + cfg * (base - null)
        if styled:
            output = output + style_push(net, given, sample, timestep, base, strengths)
        sample = scheduler.step(output, timestep, sample).prev_sample
        outputs.append(output)
        samples.append(sample)
    return {
        'timesteps': scheduler.timesteps.float(),
        **numbered('outputs', outputs),
        **numbered('latents', samples),
    }
