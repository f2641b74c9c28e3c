"""`pipeline` cases again, from a checkpoint in one file: the same nets under the original names (CompVis, Stability).

What is written is read back by diffusers' own converters first, and must give the nets it was made of.
"""

import json
import re
import shutil
from pathlib import Path

import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

RESNET = {
    'norm1': 'in_layers.0', 'conv1': 'in_layers.2', 'time_emb_proj': 'emb_layers.1', 'norm2': 'out_layers.0',
    'conv2': 'out_layers.3', 'conv_shortcut': 'skip_connection',
}
OUTER = {
    'time_embedding.linear_1': 'time_embed.0', 'time_embedding.linear_2': 'time_embed.2',
    'add_embedding.linear_1': 'label_emb.0.0', 'add_embedding.linear_2': 'label_emb.0.2',
    'conv_in': 'input_blocks.0.0', 'conv_norm_out': 'out.0', 'conv_out': 'out.2',
}
VAE_ATTENTION = {'group_norm': 'norm', 'to_q': 'q', 'to_k': 'k', 'to_v': 'v', 'to_out.0': 'proj_out'}
OPEN_CLIP = {
    'self_attn.out_proj': 'attn.out_proj', 'layer_norm1': 'ln_1', 'layer_norm2': 'ln_2', 'mlp.fc1': 'mlp.c_fc',
    'mlp.fc2': 'mlp.c_proj',
}


def make(root):
    """Writes a single-file twin of some cases under root/pipeline, which must be there."""
    for name in ('sd1', 'sdxl'):
        make_one(Path(root) / 'pipeline', name)


def make_one(pipelines, name):
    source, folder = pipelines / name, pipelines / f'{name}-single-file'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    nets = {part: load(source / part) for part in ('unet', 'vae', 'text_encoder', 'text_encoder_2')}
    configs = {part: config(source / part) for part in nets if nets[part]}
    checkpoint = {}
    for key, tensor in nets['unet'].items():
        checkpoint['model.diffusion_model.' + unet_name(key, configs['unet'])] = tensor
    levels = len(configs['vae']['block_out_channels'])
    for key, tensor in nets['vae'].items():
        pixel = '.attentions.0.to_' in key and tensor.ndim == 2
        checkpoint['first_stage_model.' + vae_name(key, levels)] = tensor[:, :, None, None] if pixel else tensor
    first = 'conditioner.embedders.0.transformer.' if nets['text_encoder_2'] else 'cond_stage_model.transformer.'
    # transformers 5 leaves out the prefix that every published file has.
    checkpoint |= {first + 'text_model.' + key.removeprefix('text_model.'): t for key, t in nets['text_encoder'].items()}
    second = 'conditioner.embedders.1.model.'
    checkpoint |= {second + key: tensor for key, tensor in open_clip(nets['text_encoder_2']).items()}
    checkpoint = {key: tensor.contiguous().clone() for key, tensor in checkpoint.items()}
    check(checkpoint, nets, configs, first, second)
    save_file(checkpoint, folder / 'checkpoint.safetensors')

    # These nets are too small for the rules by which a real one's heads are known, so their configurations lie beside.
    for part in ('tokenizer', 'scheduler'):
        shutil.copytree(source / part, folder / 'checkpoint' / part)
    for part in configs:
        (folder / 'checkpoint' / part).mkdir()
        shutil.copy(source / part / 'config.json', folder / 'checkpoint' / part)
    for file in ('inputs.safetensors', 'expected.safetensors'):
        shutil.copy(source / file, folder / file)
    case = json.loads((source / 'case.json').read_text())
    kept = {key: value for key, value in case.items() if key not in (*nets, 'scheduler')}
    description = f'The case {name} from a checkpoint in one file, with the original names of its tensors.'
    whole = {**kept, 'description': description, 'model': 'checkpoint.safetensors'}
    (folder / 'case.json').write_text(json.dumps(whole, indent=2) + '\n')
    print(f'pipeline/{name}-single-file', flush=True)


def load(folder):
    files = sorted(folder.glob('*.safetensors'))
    return load_file(files[0]) if files else {}


def config(folder):
    return json.loads((folder / 'config.json').read_text())


def unet_name(key, config):
    per_block = config['layers_per_block'] + 1
    for new, old in OUTER.items():
        if key.startswith(new + '.'):
            return old + key[len(new):]
    match = re.match(r'(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.*)', key)
    if match:
        side, block, kind, index, rest = match.groups()
        base = int(block) * per_block
        if kind == 'downsamplers':
            return f'input_blocks.{base + per_block}.0.op.{rest.removeprefix("conv.")}'
        if kind == 'upsamplers':
            after = 2 if config['up_block_types'][int(block)].startswith('Cross') else 1
            return f'output_blocks.{base + per_block - 1}.{after}.{rest}'
        number = base + int(index)
        at = f'input_blocks.{number + 1}' if side == 'down' else f'output_blocks.{number}'
        return f'{at}.0.{resnet_name(rest)}' if kind == 'resnets' else f'{at}.1.{rest}'
    kind, index, rest = re.match(r'mid_block\.(resnets|attentions)\.(\d+)\.(.*)', key).groups()
    return f'middle_block.1.{rest}' if kind == 'attentions' else f'middle_block.{2 * int(index)}.{resnet_name(rest)}'


def resnet_name(rest):
    layer, _, kind = rest.rpartition('.')
    return f'{RESNET[layer]}.{kind}'


def vae_name(key, levels):
    key = key.replace('mid_block.attentions.0', 'mid.attn_1')
    if 'mid.attn_1.' in key:
        head, rest = key.split('mid.attn_1.')
        layer, _, kind = rest.rpartition('.')
        return f'{head}mid.attn_1.{VAE_ATTENTION[layer]}.{kind}'
    key = re.sub(r'mid_block\.resnets\.(\d)', lambda m: f'mid.block_{int(m[1]) + 1}', key)
    key = re.sub(r'down_blocks\.(\d+)\.resnets\.', r'down.\1.block.', key)
    key = re.sub(r'down_blocks\.(\d+)\.downsamplers\.0', r'down.\1.downsample', key)
    key = re.sub(r'up_blocks\.(\d+)\.resnets\.', lambda m: f'up.{levels - 1 - int(m[1])}.block.', key)
    key = re.sub(r'up_blocks\.(\d+)\.upsamplers\.0', lambda m: f'up.{levels - 1 - int(m[1])}.upsample', key)
    return key.replace('conv_shortcut', 'nin_shortcut').replace('conv_norm_out', 'norm_out')


def open_clip(tensors):
    result = {}
    for key, tensor in tensors.items():
        key = key.removeprefix('text_model.')
        match = re.match(r'encoder\.layers\.(\d+)\.(.*)\.(weight|bias)', key)
        if match:
            layer, inner, kind = match.groups()
            block = f'transformer.resblocks.{layer}.'
            if inner in OPEN_CLIP:
                result[f'{block}{OPEN_CLIP[inner]}.{kind}'] = tensor
            elif inner == 'self_attn.q_proj':
                parts = [tensors[next(k for k in tensors if k.endswith(f'layers.{layer}.self_attn.{p}_proj.{kind}'))] for p in 'qkv']
                result[f'{block}attn.in_proj_{kind}'] = torch.cat(parts)
        elif key.startswith('final_layer_norm.'):
            result[key.replace('final_layer_norm', 'ln_final')] = tensor
        elif key == 'text_projection.weight':
            result['text_projection'] = tensor.T
        elif 'token_embedding' in key:
            result['token_embedding.weight'] = tensor
        else:
            assert 'position_embedding' in key, key
            result['positional_embedding'] = tensor
    return result


def check(checkpoint, nets, configs, first, second):
    """diffusers' converters give back what the checkpoint was made of."""
    same(convert_ldm_unet_checkpoint(dict(checkpoint), dict(configs['unet'])), nets['unet'])
    same(convert_ldm_vae_checkpoint(dict(checkpoint), configs['vae']), nets['vae'])
    same(convert_ldm_clip_checkpoint(dict(checkpoint), remove_prefix=first), nets['text_encoder'])
    if nets['text_encoder_2']:
        model = CLIPTextModelWithProjection(CLIPTextConfig(**configs['text_encoder_2']))
        same(convert_open_clip_checkpoint(model, dict(checkpoint), prefix=second), nets['text_encoder_2'])


def same(converted, wanted):
    plain = lambda tensors: {key.removeprefix('text_model.'): tensor for key, tensor in tensors.items()}
    converted, wanted = plain(converted), plain(wanted)
    assert converted.keys() == wanted.keys(), converted.keys() ^ wanted.keys()
    for key, tensor in wanted.items():
        assert torch.equal(converted[key].reshape(tensor.shape), tensor), key
