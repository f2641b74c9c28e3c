"""Low-rank adapters on a UNet's attention projections, and the small set-ups the cases about them share.

y = W x + sum over the adapters in force of scale * B A x, at to_q, to_k, to_v and to_out.0 of every attention.
"""

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel

from common import load_scheduler, load_unet

PROJECTIONS = ('to_q', 'to_k', 'to_v', 'to_out.0')
TOKENS = 5
WIDTH = 8  # of the text embeddings
CHANNELS = 4
SIZE = (8, 10)

UNET = dict(
    block_out_channels=(8, 12),
    down_block_types=('DownBlock2D', 'CrossAttnDownBlock2D'),
    up_block_types=('CrossAttnUpBlock2D', 'UpBlock2D'),
    layers_per_block=1,
    attention_head_dim=2,
    cross_attention_dim=WIDTH,
    norm_num_groups=4,
    use_linear_projection=True,
)
LATENT = dict(
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule='scaled_linear',
    clip_sample=False,
    timestep_spacing='leading',
    steps_offset=1,
    set_alpha_to_one=False,
)


class Adapted(torch.nn.Module):
    """A linear layer and the adapters on it: name -> (A, B). `active` maps a name to its scale, `frozen` holds the
    names whose matrices get no gradient (activations still pass it on)."""

    def __init__(self, base, switch):
        super().__init__()
        self.base, self.switch, self.adapters = base, switch, {}

    def forward(self, x):
        y = self.base(x)
        for name, scale in self.switch.active.items():
            a, b = self.adapters[name]
            if name in self.switch.frozen:
                a, b = a.detach(), b.detach()
            y = y + scale * (x @ a.T @ b.T)
        return y


class Switch:
    """Which adapters every site of a net applies."""

    def __init__(self):
        self.active, self.frozen = {}, ()

    def set(self, active=(), frozen=()):
        """`active`: names (scale 1) or a mapping of names to scales."""
        self.active = dict(active) if isinstance(active, dict) else {name: 1.0 for name in active}
        self.frozen = tuple(frozen)


def site_names(unet):
    """Module paths of all adapted projections, in the net's own order."""
    return [
        name
        for name, module in unet.named_modules()
        if isinstance(module, torch.nn.Linear) and name.endswith(tuple('.' + end for end in PROJECTIONS))
    ]


class AdaptedUNet:
    """A UNet with adapters at every site, read from tensors named `<adapter>.<site>.A` and `<adapter>.<site>.B`."""

    def __init__(self, folder, dtype, tensors, adapters):
        self.unet = load_unet(folder, dtype).requires_grad_(False)
        self.switch = Switch()
        self.sites = site_names(self.unet)
        self.up = {}
        for site in self.sites:
            parent, _, leaf = site.rpartition('.')
            module = Adapted(self.unet.get_submodule(site), self.switch)
            for adapter in adapters:
                a, b = tensors[f'{adapter}.{site}.A'], tensors[f'{adapter}.{site}.B'].clone()
                module.adapters[adapter] = (a, b)
                self.up[adapter, site] = b
            setattr(self.unet.get_submodule(parent), leaf, module)

    def __call__(self, sample, timestep, embeddings, active=(), frozen=()):
        """The raw output at one timestep (a number), with the named adapters in force."""
        self.switch.set(active, frozen)
        return self.unet(sample, torch.full((sample.shape[0],), float(timestep)), embeddings).sample


def orthonormal_rows(draw, count, width):
    """`count` orthonormal rows of length `width`."""
    q, _ = torch.linalg.qr(draw.normal(width, count).double())
    return q.T.float().contiguous()


def draw_adapters(draw, folder, adapters, up_scale=0.15):
    """Tensors of several adapters: name -> rank. Rows of A are disjoint rows of one orthonormal basis per input width.

    B is normal with the given scale; scale 0 gives the start of a training.
    """
    unet = UNet2DConditionModel.from_pretrained(folder, low_cpu_mem_usage=False)
    bases, tensors = {}, {}
    for site in site_names(unet):
        module = unet.get_submodule(site)
        width = module.in_features
        if width not in bases:
            bases[width] = orthonormal_rows(draw, sum(adapters.values()), width)
        first = 0
        for adapter, rank in adapters.items():
            tensors[f'{adapter}.{site}.A'] = bases[width][first : first + rank].clone()
            tensors[f'{adapter}.{site}.B'] = draw.normal(module.out_features, rank, scale=up_scale)
            first += rank
    return tensors


def add_net(case, prediction, net=None, **schedule):
    """Saves the small UNet and the DDIM scheduler a case about the method runs on."""
    case.add_model('unet', UNet2DConditionModel(**(net or UNET)), gentle=True)
    case.add_scheduler(DDIMScheduler(**{**LATENT, **schedule}, prediction_type=prediction))


def scheduler_of(case, dtype):
    return load_scheduler(case.folder / 'scheduler', dtype)

# The smallest net that still has self and cross attention, for cases that loop.
SMALL = dict(UNET, block_out_channels=(8, 8), mid_block_type=None)
