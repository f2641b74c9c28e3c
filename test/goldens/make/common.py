"""What every golden case shares: seeded random weights and inputs, the case folder writer, and the two-precision check.

A reference is computed in float32, which is what is recorded, and again in float64. The difference between the two is
what rounding alone costs; it is written into case.json as `rounding`, and a case whose rounding eats more than a tenth
of its tolerance is refused: such a case would test luck rather than an implementation. `first_that_fits` then draws the
same case anew from the next seed.
"""

import json
import math
import os
import shutil
import zlib
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

FORMAT = 1
SINGLE_PASS = 1e-4
MULTI_STEP = 1e-3
CHECK_IDLE = False  # set by make_all.py --check-idle


def deterministic():
    """One thread and deterministic kernels, so that two runs give the same bytes."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.set_grad_enabled(False)


class Draw:
    """Random tensors from one named seed. The order of the calls is part of a case."""

    def __init__(self, name):
        self.generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def normal(self, *shape, scale=1.0):
        """Gaussian float32 tensor of the given shape."""
        return torch.randn(*shape, generator=self.generator) * scale

    def integers(self, low, high, *shape):
        """Integers in [low, high), int64."""
        return torch.randint(low, high, shape, generator=self.generator)


# Layers that end a residual branch: a net is gentle when these are small, and its gradients do not amplify rounding.
BRANCH_ENDS = ('to_out.0.weight', 'ff.net.2.weight', 'conv2.weight', 'proj_out.weight')


def randomise(model, draw, gentle=False):
    """Fills every parameter so that no path of the net is idle: no zero, no identity norm, no zero bias."""
    for name, parameter in model.named_parameters():
        if name.endswith('bias'):
            value = draw.normal(*parameter.shape, scale=0.2)
        elif parameter.ndim == 1:
            value = 1 + draw.normal(*parameter.shape, scale=0.25)
        else:
            gain = 1.6 if any(part in name for part in ('to_q', 'to_k', 'q_proj', 'k_proj')) else 1.1
            if gentle:
                gain = 0.5 if name.endswith(BRANCH_ENDS) else 1.0
            value = draw.normal(*parameter.shape, scale=gain / math.sqrt(parameter[0].numel()))
        parameter.data.copy_(value)
    return model.eval()


def parameter_count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def relative_errors(reference, other):
    """Per tensor name: largest |a - b| over the largest |reference|. A missing name or another shape is an error."""
    errors = {}
    for name, tensor in reference.items():
        assert name in other, f'{name} is missing'
        assert tensor.shape == other[name].shape, f'{name}: {tuple(tensor.shape)} against {tuple(other[name].shape)}'
        scale = tensor.abs().max().item()
        largest = (tensor.double() - other[name].double()).abs().max().item()
        errors[name] = largest / scale if scale > 0 else largest
    return errors


def check_idle(model, run, threshold, allowed=()):
    """Under --check-idle: refuses a case that would not notice a parameter tensor of `model` being negated.

    `run()` gives the outputs; each must move by more than `threshold` for at least one output. Names ending in one of
    `allowed` may be idle. Minutes, so it is asked for only when configurations change.
    """
    if not CHECK_IDLE:
        return
    before = run()
    idle = []
    for name, parameter in model.named_parameters():
        parameter.neg_()
        if max(relative_errors(before, run()).values()) < threshold:
            idle.append(name)
        parameter.neg_()
    idle = [name for name in idle if not name.endswith(tuple(allowed))]
    assert not idle, f'these parameters do not matter: {idle}'


def plain(tensors, dtype):
    """Contiguous tensors to be stored: floats in `dtype`, integers as int32."""
    return {
        name: tensor.detach().to(dtype if tensor.is_floating_point() else torch.int32).clone().contiguous()
        for name, tensor in tensors.items()
    }


class TooRough(Exception):
    """Rounding alone costs too much of a case's tolerance."""


def first_that_fits(make_one):
    """Calls make_one(seed) for seed 0, 1, ... until the case passes the two-precision check."""
    for seed in range(30):
        try:
            return make_one(seed)
        except TooRough as reason:
            print(f'seed {seed}: {reason}', flush=True)
    raise AssertionError('no seed fits')


class Case:
    """One case folder being written: model parts first, then `finish` with inputs and the reference function."""

    def __init__(self, root, kind, name, description, tolerance=SINGLE_PASS, seed=0, **parameters):
        self.kind, self.name, self.description = kind, name, description
        self.tolerance, self.parameters = tolerance, parameters
        self.folder = Path(root) / kind / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.draw = Draw(f'{kind}/{name}' + (f'/{seed}' if seed else ''))
        self.models = {}

    def add_model(self, part, model, half=False, gentle=False):
        """Saves a net as a plain diffusers folder; with `half`, its weights are rounded to float16 on disk."""
        randomise(model, self.draw, gentle)
        count = parameter_count(model)
        assert count < 300_000, f'{self.kind}/{self.name}: {part} has {count} parameters'
        (model.half() if half else model).save_pretrained(self.folder / part)
        self.models[part] = part

    def add_scheduler(self, scheduler):
        """Saves the scheduler's configuration to scheduler/scheduler_config.json."""
        scheduler.save_pretrained(self.folder / 'scheduler')
        self.models['scheduler'] = 'scheduler'

    def finish(self, inputs, reference, files=()):
        """Runs `reference(inputs, dtype) -> tensors` in both precisions and writes the case.

        Inputs reach the reference as they are stored: floats in `dtype`, integers as int64.
        """
        inputs = plain(inputs, torch.float32)
        results = {}
        for dtype in (torch.float32, torch.float64):
            given = {k: v.to(dtype) if v.is_floating_point() else v.long() for k, v in inputs.items()}
            results[dtype] = plain(reference(given, dtype), dtype)
        expected = results[torch.float32]
        errors = relative_errors(results[torch.float64], expected)
        worst = max(errors, key=errors.get)
        for name, tensor in expected.items():
            assert torch.isfinite(tensor).all(), f'{self.kind}/{self.name}: {name} is not finite'
        if errors[worst] > self.tolerance / 10:
            raise TooRough(f'{self.kind}/{self.name}: rounding alone costs {errors[worst]:.1e} on {worst}')
        save_file(inputs, self.folder / 'inputs.safetensors')
        save_file(expected, self.folder / 'expected.safetensors')
        case = {
            'format': FORMAT,
            'kind': self.kind,
            'description': self.description,
            'tolerance': self.tolerance,
            'rounding': float(f'{errors[worst]:.1e}'),
            'inputs': 'inputs.safetensors',
            'expected': 'expected.safetensors',
            **self.models,
            **({'files': list(files)} if files else {}),
            'parameters': self.parameters,
        }
        (self.folder / 'case.json').write_text(json.dumps(case, indent=2) + '\n')
        size = sum(file.stat().st_size for file in self.folder.rglob('*') if file.is_file())
        print(f'{self.kind}/{self.name}: {size / 1024:.0f} KiB, rounding {errors[worst]:.1e} ({worst})', flush=True)


class ExactTimesteps(torch.nn.Module):
    """The sinusoidal timestep embedding in float64, for the float64 run (diffusers computes its own in float32)."""

    def __init__(self, like):
        super().__init__()
        self.channels, self.flip, self.shift = like.num_channels, like.flip_sin_to_cos, like.downscale_freq_shift

    def forward(self, timesteps):
        half = self.channels // 2
        index = torch.arange(half, dtype=torch.float64)
        angle = timesteps.double()[:, None] * torch.exp(-math.log(10000) * index / (half - self.shift))[None]
        pair = (angle.cos(), angle.sin()) if self.flip else (angle.sin(), angle.cos())
        return torch.cat(pair, dim=-1)


def load_unet(folder, dtype):
    """A UNet2DConditionModel from a case's folder, in the given precision throughout."""
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel.from_pretrained(folder, torch_dtype=torch.float32, low_cpu_mem_usage=False).eval()
    if dtype == torch.float64:
        unet = unet.double()
        unet.time_proj = ExactTimesteps(unet.time_proj)
        if unet.config.addition_embed_type == 'text_time':
            unet.add_time_proj = ExactTimesteps(unet.add_time_proj)
    return unet


def read_case(folder):
    """case.json, inputs and expected tensors of a case folder."""
    folder = Path(folder)
    case = json.loads((folder / 'case.json').read_text())
    return case, load_file(folder / case['inputs']), load_file(folder / case['expected'])


def quiet():
    """Keeps the libraries off the network and from filling the log."""
    os.environ['HF_HUB_OFFLINE'] = '1'
    import diffusers
    import transformers

    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def numbered(name, tensors):
    """A list of tensors under the names `name.0`, `name.1`, ..."""
    return {f'{name}.{index}': tensor for index, tensor in enumerate(tensors)}


def exact_alphas(config):
    """A scheduler's cumulative alphas computed in float64 from its configuration."""
    count, start, end = config['num_train_timesteps'], config['beta_start'], config['beta_end']
    schedule = config['beta_schedule']
    if schedule == 'linear':
        betas = torch.linspace(start, end, count, dtype=torch.float64)
    elif schedule == 'scaled_linear':
        betas = torch.linspace(start**0.5, end**0.5, count, dtype=torch.float64) ** 2
    else:
        assert schedule == 'squaredcos_cap_v2'
        level = torch.arange(count + 1, dtype=torch.float64) / count
        curve = ((level + 0.008) / 1.008 * math.pi / 2).cos() ** 2
        betas = (1 - curve[1:] / curve[:-1]).clamp(max=0.999)
    alphas = torch.cumprod(1 - betas, 0)
    if config.get('rescale_betas_zero_snr'):
        roots = alphas.sqrt()
        alphas = ((roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2
    return alphas


def load_scheduler(folder, dtype):
    """The scheduler of a case; for the float64 run its table of alphas is computed anew, in float64."""
    import diffusers

    config = diffusers.DDIMScheduler.load_config(folder)
    scheduler = getattr(diffusers, config['_class_name']).from_config(config)
    if dtype == torch.float64:
        alphas = exact_alphas(scheduler.config)
        if hasattr(scheduler, 'final_alpha_cumprod'):
            scheduler.final_alpha_cumprod = torch.ones((), dtype=dtype) if config['set_alpha_to_one'] else alphas[0]
        elif scheduler.config.get('rescale_betas_zero_snr'):
            alphas[-1] = 2**-24
        scheduler.alphas_cumprod = alphas
    return scheduler
