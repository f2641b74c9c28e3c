"""`inversion`: fixed-point refined DDIM inversion, and the styled way back as a deviation from the inverted path."""

import torch

from adapters import CHANNELS, SIZE, SMALL, TOKENS, WIDTH, AdaptedUNet, add_net, draw_adapters, scheduler_of
from common import MULTI_STEP, Case, first_that_fits, numbered
from guidances import style_push, style_ranks

ONE = dict(set_alpha_to_one=True)

# name: (description, prediction type, refinements K, strengths, ranks, steps, start timestep, scheduler options)
CONFIGS = {
    'explicit': (
        'One evaluation a move (K = 1: plain DDIM inversion), epsilon prediction, one style, to the end of the plan.',
        'epsilon',
        1,
        [0.8],
        [3],
        5,
        1000,
        {},
    ),
    'refined-v': (
        'Two evaluations a move, v prediction, one style, part of the plan, clean latents at alpha 1.',
        'v_prediction',
        2,
        [1.2],
        [3],
        8,
        700,
        ONE,
    ),
    'two-styles': (
        'Three evaluations a move, epsilon prediction, two styles of other ranks.',
        'epsilon',
        3,
        [0.6, -0.5],
        [2, 3],
        5,
        601,
        ONE,
    ),
    'two-styles-v': (
        'Three evaluations a move, v prediction, two styles, trailing timesteps, the plan up to 60% of the schedule.',
        'v_prediction',
        3,
        [0.5, 0.5],
        [3, 3],
        10,
        600,
        dict(timestep_spacing='trailing', steps_offset=0),
    ),
    'strength-zero': (
        'Strength 0: every deviation is exactly zero, and the image comes back as it was.',
        'epsilon',
        2,
        [0.0],
        [3],
        5,
        1000,
        {},
    ),
}


def make(root):
    """Writes every `inversion` case under root."""
    for name in CONFIGS:
        first_that_fits(lambda seed: make_one(root, name, seed))


def make_one(root, name, seed):
    """Writes one case."""
    description, prediction, evaluations, strengths, ranks, steps, start, schedule = CONFIGS[name]
    parameters = dict(steps=steps, start_timestep=start, evaluations=evaluations, strengths=strengths)
    case = Case(root, 'inversion', name, description, MULTI_STEP, seed, **parameters)
    add_net(case, prediction, SMALL, **schedule)
    inputs = draw_adapters(case.draw, case.folder / 'unet', style_ranks(ranks), 0.5) | {
        'latents': case.draw.normal(1, CHANNELS, *SIZE),
        'embeddings': case.draw.normal(1, TOKENS, WIDTH),
    }
    for style in style_ranks(ranks):
        inputs[f'embeddings_{style}'] = case.draw.normal(1, TOKENS, WIDTH)
    case.finish(inputs, lambda given, dtype: reference(case, given, dtype, parameters))


class Plan:
    """The noise levels of an inversion: level 0 is clean, level i + 1 is the plan's i-th timestep from below."""

    def __init__(self, scheduler, steps, start):
        scheduler.set_timesteps(steps)
        self.timesteps = [t for t in reversed(scheduler.timesteps.tolist()) if t <= start]
        self.alphas = [scheduler.final_alpha_cumprod] + [scheduler.alphas_cumprod[t] for t in self.timesteps]
        self.prediction, self.table = scheduler.config.prediction_type, scheduler.alphas_cumprod
        stride = scheduler.config.num_train_timesteps // steps
        assert self.timesteps[0] - stride < 0, 'the first level must come right after the clean latents'
        assert all(b - a == stride for a, b in zip(self.timesteps, self.timesteps[1:])), 'levels must be DDIM steps'

    def epsilon(self, output, sample, timestep):
        """The noise a raw output stands for, at the sample and timestep the net was evaluated at."""
        if self.prediction == 'epsilon':
            return output
        alpha = self.table[timestep]
        return alpha.sqrt() * output + (1 - alpha).sqrt() * sample

    def move(self, sample, epsilon, here, there):
        """The sample at level `there`, from level `here`, the noise held fixed."""
        before, after = self.alphas[here], self.alphas[there]
        clean = (sample - (1 - before).sqrt() * epsilon) / before.sqrt()
        return after.sqrt() * clean + (1 - after).sqrt() * epsilon


def invert(net, plan, clean, embeddings, evaluations):
    """The path from clean latents up, one entry a level."""
    path = [clean]
    for index, timestep in enumerate(plan.timesteps):
        here = path[index]
        # The explicit guess evaluates at the level it leaves; clean latents have no timestep and take the first one.
        at = plan.timesteps[max(index - 1, 0)]
        guess = plan.move(here, plan.epsilon(net(here, at, embeddings), here, at), index, index + 1)
        for _ in range(evaluations - 1):
            noise = plan.epsilon(net(guess, timestep, embeddings), guess, timestep)
            guess = plan.move(here, noise, index, index + 1)
        path.append(guess)
    return path


def reference(case, given, dtype, parameters):
    """The inverted path, the net's outputs along it, and the deviations of the styled way back."""
    strengths, embeddings = parameters['strengths'], given['embeddings']
    net = AdaptedUNet(case.folder / 'unet', dtype, given, style_ranks(strengths))
    scheduler = scheduler_of(case, dtype)
    plan = Plan(scheduler, parameters['steps'], parameters['start_timestep'])
    path = invert(net, plan, given['latents'], embeddings, parameters['evaluations'])
    outputs = [net(z, t, embeddings) for z, t in zip(path[1:], plan.timesteps)]

    deviations = [torch.zeros_like(path[0])]
    for level in range(len(plan.timesteps), 0, -1):
        timestep, source = plan.timesteps[level - 1], path[level]
        sample = source + deviations[0]
        base = net(sample, timestep, embeddings)
        output = base + style_push(net, given, sample, timestep, base, strengths)
        styled = scheduler.step(output, timestep, sample).prev_sample
        plain = scheduler.step(outputs[level - 1], timestep, source).prev_sample
        deviations.insert(0, styled - plain)
    if any(strengths):
        assert deviations[0].abs().max() > 0.05, 'the styles must matter'
    else:
        assert not any(deviation.any() for deviation in deviations)
    return {
        'timesteps': torch.tensor(plan.timesteps, dtype=dtype),
        **numbered('path', path),
        **numbered('outputs', outputs),
        **numbered('deviations', deviations),
        'styled': path[0] + deviations[0],
    }
