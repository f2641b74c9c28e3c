"""`lora-gradients`: the pair's losses and the gradient of every B, from one joint backward pass."""

import torch

from adapters import CHANNELS, SIZE, TOKENS, UNET, WIDTH, AdaptedUNet, add_net, draw_adapters, scheduler_of
from common import Case, first_that_fits

# name: (description, prediction type, terms, adapters with their ranks, UNet options, timestep, share of the way)
CONFIGS = {
    'joint': (
        'Both losses, epsilon prediction: the content loss trains the content B, the style loss the style B only, '
        'although the content adapter is in force in the style row.',
        'epsilon',
        'joint',
        {'content': 3, 'style': 3},
        UNET,
        381,
        None,
    ),
    'joint-v': (
        'Both losses, v prediction, ranks that differ, attention at both levels, two heads of other widths, '
        'convolution projections.',
        'v_prediction',
        'joint',
        {'content': 2, 'style': 4},
        dict(
            UNET,
            block_out_channels=(8, 8),
            down_block_types=('CrossAttnDownBlock2D', 'CrossAttnDownBlock2D'),
            up_block_types=('CrossAttnUpBlock2D', 'CrossAttnUpBlock2D'),
            mid_block_type=None,
            attention_head_dim=(2, 4),
            use_linear_projection=False,
        ),
        381,
        None,
    ),
    'content': (
        'The content loss alone: the style adapter is out of force.',
        'epsilon',
        'content',
        {'content': 3, 'style': 3},
        UNET,
        381,
        None,
    ),
    'style': (
        'The style loss alone with no content adapter in force: one plain style LoRA, v prediction.',
        'v_prediction',
        'style',
        {'content': 3, 'style': 3},
        UNET,
        381,
        None,
    ),
    'translation': (
        'Both losses, epsilon prediction, the sample of the style row on the way from the content latents, at a '
        'timestep with little noise, where its loss weighs less.',
        'epsilon',
        'joint',
        {'content': 3, 'style': 3},
        UNET,
        120,
        0.375,
    ),
    'translation-v': (
        'The style loss alone, v prediction, its sample made of the content latents themselves (share 0), where the '
        'loss still weighs 1.',
        'v_prediction',
        'style',
        {'content': 2, 'style': 3},
        UNET,
        520,
        0.0,
    ),
}


def make(root):
    """Writes every `lora-gradients` case under root."""
    for name in CONFIGS:
        first_that_fits(lambda seed: make_one(root, name, seed))


def make_one(root, name, seed):
    """Writes one case."""
    description, prediction, terms, ranks, net, timestep, share = CONFIGS[name]
    case = Case(root, 'lora-gradients', name, description, seed=seed, terms=terms)
    add_net(case, prediction, net)
    inputs = draw_adapters(case.draw, case.folder / 'unet', ranks) | pair_inputs(case.draw)
    inputs['noise'] = case.draw.normal(1, CHANNELS, *SIZE)
    inputs['timestep'] = torch.tensor([float(timestep)])
    if share is not None:
        inputs['share'] = torch.tensor([share])
    case.finish(inputs, lambda given, dtype: reference(case, given, dtype, terms))


def pair_inputs(draw):
    """Latents of both images and embeddings of both prompts."""
    return {
        'latents_content': draw.normal(1, CHANNELS, *SIZE),
        'latents_style': draw.normal(1, CHANNELS, *SIZE),
        'embeddings_content': draw.normal(1, TOKENS, WIDTH),
        'embeddings_style': draw.normal(1, TOKENS, WIDTH),
    }


def noised_pair(scheduler, given, term, noise, timestep, share):
    """A row's sample and target, and the weight of its loss.

    With a share (style row only) the sample is noised from the latents that far on the way from the content latents to
    the style latents, and the target is the noise, or the v, that leads from that sample to the style latents.
    """
    alpha = scheduler.alphas_cumprod[int(timestep)]
    a, s = alpha.sqrt(), (1 - alpha).sqrt()
    latents = given[f'latents_{term}']
    epsilon = scheduler.config.prediction_type == 'epsilon'
    if share is None or term == 'content':
        return a * latents + s * noise, noise if epsilon else a * noise - s * latents, 1
    mixed = (1 - share) * given['latents_content'] + share * latents
    sample = a * mixed + s * noise
    target = (sample - a * latents) / s if epsilon else (a * sample - latents) / s
    return sample, target, (2 * (1 - alpha)).clamp(max=1)


def pair_losses(net, scheduler, given, noise, timestep, terms, share=None):
    """Mean squared errors by term, and their weighted sum.

    Gradients reach the content B through `content` and the style B through `style`. The content row runs with the
    content adapter; the style row with both, the content one detached ('joint'), or with the style adapter alone
    ('style').
    """
    rows = {
        'content': [('content', ('content',), ())],
        'style': [('style', ('style',), ())],
        'joint': [('content', ('content',), ()), ('style', ('content', 'style'), ('content',))],
    }[terms]
    losses, total = {}, 0
    for term, active, frozen in rows:
        sample, target, weight = noised_pair(scheduler, given, term, noise, timestep, share)
        output = net(sample, timestep, given[f'embeddings_{term}'], active, frozen)
        losses[term] = ((output - target) ** 2).mean()
        total = total + weight * losses[term]
    return losses, total


@torch.enable_grad()
def reference(case, given, dtype, terms):
    """Losses, and the gradients of their weighted sum."""
    net = AdaptedUNet(case.folder / 'unet', dtype, given, ('content', 'style'))
    trained = {key: b.requires_grad_() for key, b in net.up.items() if terms == 'joint' or key[0] == terms}
    scheduler = scheduler_of(case, dtype)
    timestep, share = given['timestep'].item(), given.get('share')
    losses, total = pair_losses(net, scheduler, given, given['noise'], timestep, terms, share)
    gradients = torch.autograd.grad(total, list(trained.values()))
    if terms == 'joint':
        check_the_stop(net, scheduler, given, trained, gradients)
    tensors = {f'loss_{term}': loss.reshape(1) for term, loss in losses.items()}
    return tensors | {f'{name}.{site}.grad_B': grad for (name, site), grad in zip(trained, gradients)}


def check_the_stop(net, scheduler, given, trained, gradients):
    """The case must notice a missing stop-gradient: without the stop the style loss would move every content gradient."""
    noise, timestep = given['noise'], given['timestep'].item()
    stopped = {key: gradient for key, gradient in zip(trained, gradients) if key[0] == 'content'}
    matrices = [trained[key] for key in stopped]
    alone = pair_losses(net, scheduler, given, noise, timestep, 'content')[1]
    sample, _, _ = noised_pair(scheduler, given, 'style', noise, timestep, given.get('share'))
    leak = net(sample, timestep, given['embeddings_style'], ('content', 'style')).square().mean()
    for key, same, leaked in zip(
        stopped, torch.autograd.grad(alone, matrices), torch.autograd.grad(leak, matrices), strict=True
    ):
        largest = stopped[key].abs().max()
        assert (same - stopped[key]).abs().max() < 1e-5 * largest, f'{key}: the style loss reached the content matrices'
        assert leaked.abs().max() > 0.01 * largest, f'{key}: a leak would go unnoticed'
