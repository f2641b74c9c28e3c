"""`train`: AdamW on the pair's losses, content alone first, then both."""

import torch

from adapters import CHANNELS, SIZE, AdaptedUNet, add_net, draw_adapters, scheduler_of
from common import MULTI_STEP, Case, first_that_fits, numbered
from gradients import pair_inputs, pair_losses

RANKS = {'content': 3, 'style': 3}

# name: (description, prediction type, terms of each step, learning rate, weight decay, scale of the first B, B after,
#        shares of the way)
CONFIGS = {
    'from-zero': (
        'Two content-only steps, then three with both losses, from B = 0, without weight decay. The style matrices '
        'are first updated at step 2, and their bias correction counts from there.',
        'epsilon',
        ['content'] * 2 + ['joint'] * 3,
        1e-2,
        0.0,
        0.0,
        range(5),
        None,
    ),
    'decay-v': (
        'Joint from the start, v prediction, weight decay 0.01 on matrices that do not start at zero.',
        'v_prediction',
        ['joint'] * 5,
        2e-2,
        0.01,
        0.2,
        range(5),
        None,
    ),
    'twenty': (
        'Eight content-only steps, then twelve with both losses, from B = 0, with weight decay; matrices after '
        'steps 7 and 19 only.',
        'epsilon',
        ['content'] * 8 + ['joint'] * 12,
        5e-3,
        0.01,
        0.0,
        (7, 19),
        None,
    ),
    'style-only': (
        'No content adapter: a plain style LoRA, five steps.',
        'epsilon',
        ['style'] * 5,
        1e-2,
        0.01,
        0.0,
        (4,),
        None,
    ),
    'translation': (
        'The samples of the style loss on the way from the content latents, each at its own share: epsilon prediction, '
        'a content-only step, then four with both losses.',
        'epsilon',
        ['content'] + ['joint'] * 4,
        1e-2,
        0.01,
        0.0,
        (2, 4),
        (0.5, 0.25, 0.0, 1.0, 0.875),
    ),
    'translation-v': (
        'The same with v prediction and no content adapter, on matrices that do not start at zero.',
        'v_prediction',
        ['style'] * 4,
        1e-2,
        0.0,
        0.2,
        (3,),
        (0.0, 0.625, 0.125, 1.0),
    ),
}
BETAS, EPSILON = (0.9, 0.999), 1e-8


def make(root):
    """Writes every `train` case under root."""
    for name in CONFIGS:
        first_that_fits(lambda seed: make_one(root, name, seed))


def make_one(root, name, seed):
    """Writes one case. Seeds differ much here: Adam divides a gradient by its own size, near zero too."""
    description, prediction, terms, rate, decay, scale, after, shares = CONFIGS[name]
    parameters = dict(
        terms=terms, learning_rate=rate, betas=list(BETAS), epsilon=EPSILON, weight_decay=decay, after=list(after)
    )
    case = Case(root, 'train', name, description, MULTI_STEP, seed, **parameters)
    add_net(case, prediction)
    inputs = draw_adapters(case.draw, case.folder / 'unet', RANKS, scale) | pair_inputs(case.draw)
    inputs |= numbered('noise', [case.draw.normal(1, CHANNELS, *SIZE) for _ in terms])
    inputs['timesteps'] = case.draw.integers(1, 1000, len(terms)).float()
    if shares is not None:
        inputs['shares'] = torch.tensor(shares)
    case.finish(inputs, lambda given, dtype: reference(case, given, dtype, parameters))


@torch.enable_grad()
def reference(case, given, dtype, parameters):
    """The losses of every step and the matrices after the steps asked for."""
    net = AdaptedUNet(case.folder / 'unet', dtype, given, tuple(RANKS))
    scheduler = scheduler_of(case, dtype)
    for b in net.up.values():
        b.requires_grad_()
    optimizer = torch.optim.AdamW(
        list(net.up.values()),
        lr=parameters['learning_rate'],
        betas=BETAS,
        eps=EPSILON,
        weight_decay=parameters['weight_decay'],
        foreach=False,
    )
    tensors = {}
    for step, terms in enumerate(parameters['terms']):
        optimizer.zero_grad(set_to_none=True)
        noise, timestep = given[f'noise.{step}'], given['timesteps'][step].item()
        share = given['shares'][step] if 'shares' in given else None
        losses, total = pair_losses(net, scheduler, given, noise, timestep, terms, share)
        total.backward()
        optimizer.step()
        tensors |= {f'loss_{term}.{step}': loss.detach().reshape(1) for term, loss in losses.items()}
        if step in parameters['after']:
            trained = {adapter for words in parameters['terms'][: step + 1] for adapter in words_to_adapters(words)}
            tensors |= {
                f'{adapter}.{site}.B.{step}': b.detach().clone()
                for (adapter, site), b in net.up.items()
                if adapter in trained
            }
    return tensors


def words_to_adapters(terms):
    return ('content', 'style') if terms == 'joint' else (terms,)
