"""`scheduler`: whole trajectories with given model outputs, and adding noise as in training."""

import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler

from common import MULTI_STEP, Case, load_scheduler, numbered

LATENT = dict(beta_start=0.00085, beta_end=0.012, beta_schedule='scaled_linear')
LINEAR = dict(beta_start=0.0001, beta_end=0.02, beta_schedule='linear')
COSINE = dict(beta_schedule='squaredcos_cap_v2')
DDIM = dict(clip_sample=False)

# name: (description, class, options, steps)
TRAJECTORIES = {
    'ddim-sd1': (
        'DDIM as in Stable Diffusion 1.x: leading, offset 1, last alpha that of timestep 0. Seven does not divide 1000.',
        DDIMScheduler,
        dict(DDIM, **LATENT, timestep_spacing='leading', steps_offset=1, set_alpha_to_one=False),
        7,
    ),
    'ddim-sd2-v': (
        'DDIM as in Stable Diffusion 2.x: leading, offset 1, v prediction.',
        DDIMScheduler,
        dict(
            DDIM,
            **LATENT,
            timestep_spacing='leading',
            steps_offset=1,
            set_alpha_to_one=False,
            prediction_type='v_prediction',
        ),
        5,
    ),
    'ddim-zero-snr-v': (
        'DDIM, trailing, v prediction, betas rescaled to zero terminal SNR (the first alpha is 0). Six does not divide '
        '1000: the timestep a step leads to is t - 1000 // 6, not the next of the plan.',
        DDIMScheduler,
        dict(DDIM, **LATENT, timestep_spacing='trailing', prediction_type='v_prediction', rescale_betas_zero_snr=True),
        6,
    ),
    'ddim-linspace': (
        'DDIM, linspace, linear betas, last alpha 1. A step leads to t - 200, not to the next of the plan.',
        DDIMScheduler,
        dict(DDIM, **LINEAR, timestep_spacing='linspace'),
        5,
    ),
    'ddim-cosine-v': (
        'DDIM, trailing, cosine betas, v prediction.',
        DDIMScheduler,
        dict(DDIM, **COSINE, timestep_spacing='trailing', prediction_type='v_prediction'),
        8,
    ),
    'euler-sdxl': (
        'Euler as in SDXL: leading, offset 1; the initial noise is scaled by sqrt(sigma² + 1).',
        EulerDiscreteScheduler,
        dict(LATENT, timestep_spacing='leading', steps_offset=1),
        6,
    ),
    'euler-turbo': (
        'Euler as in the Turbo checkpoints: trailing, four steps; the initial noise is scaled by sigma.',
        EulerDiscreteScheduler,
        dict(LATENT, timestep_spacing='trailing', steps_offset=1),
        4,
    ),
    'euler-turbo-1': (
        'Euler as in the Turbo checkpoints, in one step.',
        EulerDiscreteScheduler,
        dict(LATENT, timestep_spacing='trailing', steps_offset=1),
        1,
    ),
    'euler-linspace-v': (
        'Euler, linspace, v prediction, linear betas: timesteps are not whole, sigmas are interpolated.',
        EulerDiscreteScheduler,
        dict(LINEAR, timestep_spacing='linspace', prediction_type='v_prediction'),
        7,
    ),
    'euler-zero-snr-v': (
        'Euler, trailing, v prediction, zero terminal SNR: the first sigma is that of alpha 2^-24.',
        EulerDiscreteScheduler,
        dict(LATENT, timestep_spacing='trailing', prediction_type='v_prediction', rescale_betas_zero_snr=True),
        5,
    ),
    'dpm-sd': (
        'DPM-Solver++ 2M as Stable Diffusion ships it: leading, offset 1, second order, first order at both ends.',
        DPMSolverMultistepScheduler,
        dict(LATENT, timestep_spacing='leading', steps_offset=1),
        6,
    ),
    'dpm-linspace-v': (
        'DPM-Solver++ 2M, linspace, v prediction.',
        DPMSolverMultistepScheduler,
        dict(LATENT, timestep_spacing='linspace', prediction_type='v_prediction'),
        9,
    ),
    'dpm-sigma-min': (
        'DPM-Solver++ 2M, trailing, linear betas, the last sigma that of timestep 0, and sixteen steps, so that the '
        'last step stays second order.',
        DPMSolverMultistepScheduler,
        dict(LINEAR, timestep_spacing='trailing', final_sigmas_type='sigma_min'),
        16,
    ),
    'dpm-cosine': (
        'DPM-Solver++ 2M, linspace, cosine betas with lambda_min_clipped, which takes the noisiest timesteps away.',
        DPMSolverMultistepScheduler,
        dict(COSINE, timestep_spacing='linspace', lambda_min_clipped=-5.1),
        5,
    ),
}


def make(root):
    """Writes every `scheduler` case under root."""
    for name, (description, kind, options, steps) in TRAJECTORIES.items():
        case = Case(root, 'scheduler', name, description, MULTI_STEP, task='trajectory', steps=steps)
        case.add_scheduler(kind(**options))
        inputs = {'noise': case.draw.normal(1, 4, 4, 4)}
        inputs |= numbered('model_outputs', [case.draw.normal(1, 4, 4, 4) for _ in range(steps)])
        case.finish(
            inputs, lambda given, dtype: trajectory(load_scheduler(case.folder / 'scheduler', dtype), given, steps)
        )

    for name, options in {'add-noise': LATENT, 'add-noise-cosine': COSINE}.items():
        case = Case(root, 'scheduler', name, 'Noise added as in training, and the velocity.', task='add_noise')
        case.add_scheduler(DDPMScheduler(**options))
        inputs = {
            'sample': case.draw.normal(4, 4, 4, 4),
            'noise': case.draw.normal(4, 4, 4, 4),
            'timestep': torch.tensor([0.0, 41.0, 500.0, 999.0]),
        }
        case.finish(inputs, lambda given, dtype: add_noise(load_scheduler(case.folder / 'scheduler', dtype), given))


def trajectory(scheduler, given, steps):
    """From scaled noise to the last sample, one given model output a step."""
    scheduler.set_timesteps(steps)
    sample = given['noise'] * scheduler.init_noise_sigma
    initial, scaled, samples = sample, [], []
    for index, timestep in enumerate(scheduler.timesteps):
        scaled.append(scheduler.scale_model_input(sample, timestep))
        sample = scheduler.step(given[f'model_outputs.{index}'], timestep, sample).prev_sample
        samples.append(sample)
    return {
        'alphas_cumprod': scheduler.alphas_cumprod,
        'timesteps': scheduler.timesteps.float(),
        'initial_sample': initial,
        **numbered('model_inputs', scaled),
        **numbered('samples', samples),
    }


def add_noise(scheduler, given):
    """The noisy sample and the velocity at each sample's own timestep."""
    timestep = given['timestep'].long()
    return {
        'noisy': scheduler.add_noise(given['sample'], given['noise'], timestep),
        'velocity': scheduler.get_velocity(given['sample'], given['noise'], timestep),
    }
