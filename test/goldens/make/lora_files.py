"""`lora-file`: adapter files as diffusers, PEFT and kohya write them, and what the UNet makes of them."""

import json

import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from peft import LoraConfig, get_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from adapters import CHANNELS, PROJECTIONS, SIZE, SMALL, TOKENS, WIDTH, site_names
from common import Case, load_unet
from check_export import with_adapter

RANK = 4

# name of the file: (how it is written, PEFT's lora_alpha)
FILES = {
    'bare.safetensors': RANK,
    'pipeline.safetensors': RANK,
    'alpha.safetensors': 2 * RANK,
    'kohya.safetensors': RANK,
    'kohya-mixed.safetensors': RANK,
}


def make(root):
    """Writes the one `lora-file` case of diffusers' own files."""
    case = Case(
        root,
        'lora-file',
        'layouts',
        'One style LoRA in every layout met in the wild: bare PEFT keys, PEFT keys under "unet.", PEFT keys with '
        'alpha twice the rank in the file\'s metadata, and kohya keys in float16, with one alpha and with alphas that '
        'differ by site.',
    )
    case.add_model('unet', UNet2DConditionModel(**SMALL), gentle=True)
    for name, alpha in FILES.items():
        write(case, name, alpha)
    runs = [{'file': name, 'scale': scale} for name in FILES for scale in (1, 0.5)]
    runs = [{**run, 'expected': f'sample.{index}'} for index, run in enumerate(runs)]
    inputs = {
        'sample': case.draw.normal(2, CHANNELS, *SIZE),
        'timestep': torch.tensor([801.0, 37.0]),
        'encoder_hidden_states': case.draw.normal(2, TOKENS, WIDTH),
    }
    case.finish(inputs, lambda given, dtype: outputs(case, given, dtype, runs), runs)


def outputs(case, given, dtype, runs):
    """The net's output for every file and scale, from diffusers and, as a check, from weights merged by hand.

    diffusers drops kohya alphas that differ by site (it keeps the commonest one), so there the merged weights are the
    reference: y = W x + scale * alpha / rank * up down x is what the files' own trainer means.
    """
    forward = lambda unet: unet(given['sample'], given['timestep'], given['encoder_hidden_states']).sample
    plain = forward(load_unet(case.folder / 'unet', dtype))
    results = {}
    for run in runs:
        by_hand = load_unet(case.folder / 'unet', dtype)
        merge(by_hand, case.folder / run['file'], run['scale'])
        result = forward(by_hand)
        if run['file'] != 'kohya-mixed.safetensors':
            unet = load_unet(case.folder / 'unet', dtype)
            with_adapter(unet, case.folder / run['file'], run['scale'])
            merged, result = result, forward(unet)
            assert (result - merged).abs().max() < 1e-5 * merged.abs().max(), run
        assert (result - plain).abs().max() > 0.02 * plain.abs().max(), run
        results[run['expected']] = result
    return results


def merge(unet, path, scale):
    """Adds a file's matrices to the weights of the sites they are for."""
    with safe_open(path, 'pt') as opened:
        metadata = opened.metadata() or {}
    tensors = load_file(path)
    config = json.loads(metadata.get('lora_adapter_metadata', '{}'))
    for site in site_names(unet):
        stem = 'lora_unet_' + site.replace('.', '_')
        if f'{stem}.alpha' in tensors:
            down, up = tensors[f'{stem}.lora_down.weight'], tensors[f'{stem}.lora_up.weight']
            alpha = tensors[f'{stem}.alpha'].item()
        else:
            stem = f'unet.{site}' if f'unet.{site}.lora_A.weight' in tensors else site
            down, up = tensors[f'{stem}.lora_A.weight'], tensors[f'{stem}.lora_B.weight']
            alpha = config.get('lora_alpha', down.shape[0])
        weight = unet.get_submodule(site).weight
        weight += scale * alpha / down.shape[0] * (up.to(weight.dtype) @ down.to(weight.dtype))


def write(case, name, alpha):
    """Adds a random adapter to a fresh copy of the net and saves it the way `name` says."""
    save(case, name, alpha)
    settle(case.folder / name)


def settle(path):
    """Puts the file's metadata in sorted order, which safetensors and PEFT (target_modules is a set) leave to chance."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], 'little')
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop('__metadata__')
    if 'lora_adapter_metadata' in metadata:
        config = json.loads(metadata['lora_adapter_metadata'])
        config['target_modules'] = sorted(config['target_modules'])
        metadata['lora_adapter_metadata'] = json.dumps(config, indent=2, sort_keys=True)
    text = json.dumps({'__metadata__': dict(sorted(metadata.items())), **header}, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, 'little') + text + data[8 + length :])


def save(case, name, alpha):
    """The file as the libraries write it."""
    unet = UNet2DConditionModel.from_pretrained(case.folder / 'unet', low_cpu_mem_usage=False)
    unet.add_adapter(LoraConfig(r=RANK, lora_alpha=alpha, target_modules=list(PROJECTIONS)))
    for key, parameter in unet.named_parameters():
        if 'lora_' in key:
            scale = 0.35 if 'lora_A' in key else 0.4
            parameter.data.copy_(case.draw.normal(*parameter.shape, scale=scale))
    if name in ('bare.safetensors', 'alpha.safetensors'):
        unet.save_lora_adapter(case.folder, weight_name=name)
        return
    layers = {key: value.contiguous() for key, value in get_peft_model_state_dict(unet).items()}
    if name == 'pipeline.safetensors':
        StableDiffusionPipeline.save_lora_weights(case.folder, unet_lora_layers=layers, weight_name=name)
    else:
        save_file(kohya(layers, 'mixed' in name), case.folder / name, {'ss_network_dim': str(RANK), 'ss_network_alpha': '2.0'})


def kohya(layers, mixed):
    """The same matrices under kohya's names, in float16; alpha is half the rank, or, `mixed`, twice it in attn2."""
    tensors = {}
    for key, value in layers.items():
        site, _, part = key.removesuffix('.weight').rpartition('.')
        stem = 'lora_unet_' + site.replace('.', '_')
        tensors[f'{stem}.{"lora_down" if part == "lora_A" else "lora_up"}.weight'] = value.half()
        tensors[f'{stem}.alpha'] = torch.tensor((2.0 if mixed and '.attn2.' in site else 0.5) * RANK).half()
    return tensors
