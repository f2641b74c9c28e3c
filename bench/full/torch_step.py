"""The work of step.ts in PyTorch with diffusers and peft: `torch_step.py MODEL JOB SIZE RANK OURS [--checkpoint] [--once]`.

Reads our results from OURS, prints a JSON line with the processor time of a first and a second run in seconds, and the
largest relative difference of each kind of result. Adapters are
peft's, of rank RANK.
"""
import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, UNet2DConditionModel
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from safetensors import safe_open

TARGETS = ('to_q', 'to_k', 'to_v', 'to_out.0')
ADAPTERS = ('content', 'style')
TIMESTEP = 500
folder, job, size, rank, ours = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
torch.set_num_threads(2)


def wave(shape, step, scale=1.0):
    n = torch.tensor(shape).prod().item()
    numbers = torch.sin(torch.arange(1, n + 1, dtype=torch.float64) * step)
    return (scale * 2**0.5 * numbers).float().reshape(shape)


def load(kind, part):
    variant = 'fp16' if list(Path(folder, part).glob('*.fp16.safetensors')) else None
    net = kind.from_pretrained(folder, subfolder=part, variant=variant, torch_dtype=torch.float32)
    return net.requires_grad_(False).eval()


def conditions(unet, rows):
    """The embeddings of these rows, and SDXL's added conditions."""
    config = unet.config
    context = torch.cat([wave((1, 77, config.cross_attention_dim), 0.3 + i / 10) for i in rows])
    if config.addition_embed_type is None:
        return context, None
    width = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
    pooled = torch.cat([wave((1, width), 0.4 + i / 10) for i in rows])
    ids = torch.tensor([[size, size, 0, 0, size, size]]).float().expand(len(rows), -1)
    return context, {'text_embeds': pooled, 'time_ids': ids}


def adapt(unet, names):
    """Adds peft's adapters of these names; returns their layers by module path. alpha is the rank, as in our files."""
    for name in names:
        unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=list(TARGETS)), adapter_name=name)
    return {path: layer for path, layer in unet.named_modules() if isinstance(layer, LoraLayer)}


def set_weights(layer, name, down, up):
    with torch.no_grad():
        layer.lora_A[name].weight.copy_(down)
        layer.lora_B[name].weight.copy_(up)


def scheduled():
    config = json.loads(Path(folder, 'scheduler', 'scheduler_config.json').read_text())
    betas = torch.linspace(config['beta_start'] ** 0.5, config['beta_end'] ** 0.5, 1000, dtype=torch.float64) ** 2
    abar = torch.cumprod(1 - betas, 0)[TIMESTEP]
    return abar.sqrt().item(), (1 - abar).sqrt().item()


def train():
    unet = load(UNet2DConditionModel, 'unet')
    if '--checkpoint' in sys.argv:
        unet.enable_gradient_checkpointing()
        unet.train()
    latent = (1, unet.config.in_channels, size // 8, size // 8)
    layers = adapt(unet, ADAPTERS)
    with safe_open(ours, 'pt') as file:
        for path, layer in layers.items():
            downs = file.get_tensor(f'down.{path}').split(rank)
            for name, down in zip(ADAPTERS, downs):
                set_weights(layer, name, down, torch.zeros(layer.out_features, rank))
    ups = {name: [layer.lora_B[name].weight for layer in layers.values()] for name in ADAPTERS}
    optimizer = torch.optim.AdamW([*ups['content'], *ups['style']], lr=1e-3, weight_decay=0)
    alpha, sigma = scheduled()
    noise = wave(latent, 0.5)

    def step(first):
        losses = []
        for i, (trained, image) in enumerate((('content', 0.7), ('style', 1.1))):
            unet.set_adapters(list(ADAPTERS[: i + 1]))
            # The bases stay as they are, and each loss trains its own adapter.
            unet.requires_grad_(False)
            for up in ups[trained]:
                up.requires_grad_(True)
            context, added = conditions(unet, [i])
            sample = alpha * wave(latent, image) + sigma * noise
            output = unet(sample, TIMESTEP, context, added_cond_kwargs=added).sample
            loss = F.mse_loss(output, noise)
            loss.backward()
            losses.append(loss.item())
        results = {'losses': torch.tensor(losses)}
        if first:
            for name in ADAPTERS:
                for path, layer in layers.items():
                    results[f'{name}.{path}'] = 0.1 * layer.lora_B[name].weight.grad
        optimizer.step()
        optimizer.zero_grad()
        return results

    return step


def guided():
    unet = load(UNet2DConditionModel, 'unet')
    latent = (1, unet.config.in_channels, size // 8, size // 8)
    for layer in adapt(unet, ['style']).values():
        down, up = wave((rank, layer.in_features), 0.13, 0.1), wave((layer.out_features, rank), 0.11, 0.01)
        set_weights(layer, 'style', down, up)

    @torch.no_grad()
    def step(first):
        total = 0
        for i, weight in enumerate((1 - 5, 5 - 3, 3)):
            unet.enable_adapters() if i == 2 else unet.disable_adapters()
            context, added = conditions(unet, [i])
            total = total + weight * unet(wave(latent, 0.7), TIMESTEP, context, added_cond_kwargs=added).sample
        return {'deviation': -0.1 * (total - wave(latent, 0.9))}

    return step


def vae(encode):
    net = load(AutoencoderKL, 'vae')
    factor = net.config.scaling_factor

    @torch.no_grad()
    def step(first):
        if encode:
            return {'latents': net.encode(wave((1, 3, size, size), 0.2, 0.5)).latent_dist.mean * factor}
        return {'image': net.decode(wave((1, net.config.latent_channels, size // 8, size // 8), 0.7) / factor).sample}

    return step


def differences(results):
    """Largest relative difference by the first part of the tensors' names."""
    worst = {}
    with safe_open(ours, 'pt') as file:
        for name, tensor in results.items():
            other = file.get_tensor(name)
            scale = tensor.abs().max().item() or 1.0
            error = (tensor - other).abs().max().item() / scale
            kind = name.split('.')[0]
            worst[kind] = max(worst.get(kind, 0.0), error)
    return worst


def main():
    step = {'train': train, 'guided': guided, 'encode': lambda: vae(True), 'decode': lambda: vae(False)}[job]()
    seconds, results = [], {}
    for i in range(1 if '--once' in sys.argv else 2):
        used = time.process_time()
        made = step(i == 0)
        seconds.append(time.process_time() - used)
        if i == 0:
            results = made
    print(json.dumps({'seconds': seconds, 'differences': differences(results)}))


main()
