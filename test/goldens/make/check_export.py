"""Loads an adapter file in diffusers and writes, or compares, what the UNet makes of it.

    python check_export.py ADAPTER UNET_DIR INPUTS [--scale X] [--write OUT | --expected FILE [--tolerance X]]

ADAPTER is any safetensors LoRA diffusers loads, e.g. a style exported by the engine; UNET_DIR a diffusers UNet folder;
INPUTS a safetensors file with sample, timestep, encoder_hidden_states (see docs/golden.md, kind `unet`). Without
--write or --expected it says how far the adapter moves the output, and fails if it does not move it at all.
"""

import argparse
import sys
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import common
from unets import forward


def with_adapter(unet, file, scale):
    """Puts the adapter of a file (bare or prefixed PEFT keys, or kohya keys) on the net, at the given scale."""
    file = Path(file)
    with safe_open(file, 'pt') as opened:
        bare = not any(key.startswith(('unet.', 'lora_unet_')) for key in opened.keys())
    if bare:
        unet.load_lora_adapter(str(file.parent), weight_name=file.name, prefix=None, adapter_name='style')
    else:
        state, alphas, metadata = StableDiffusionPipeline.lora_state_dict(
            str(file.parent), weight_name=file.name, return_lora_metadata=True
        )
        StableDiffusionPipeline.load_lora_into_unet(
            state, alphas, unet, adapter_name='style', metadata=metadata, low_cpu_mem_usage=False
        )
    unet.set_adapters(['style'], weights=[scale])


def adapted_sites(unet):
    return sum(1 for name, _ in unet.named_modules() if name.endswith('lora_A.style'))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('adapter', type=Path)
    parser.add_argument('unet', type=Path)
    parser.add_argument('inputs', type=Path)
    parser.add_argument('--scale', type=float, default=1.0)
    parser.add_argument('--write', type=Path, help='write the output here, as `sample`')
    parser.add_argument('--expected', type=Path, help='compare with `sample` in this file')
    parser.add_argument('--tolerance', type=float, default=common.SINGLE_PASS)
    options = parser.parse_args()

    common.deterministic()
    common.quiet()
    given = load_file(options.inputs)
    unet = common.load_unet(options.unet, torch.float32)
    before = forward(unet, given)
    with_adapter(unet, options.adapter, options.scale)
    after = forward(unet, given)
    moved = ((after - before).abs().max() / before.abs().max()).item()
    print(f'{adapted_sites(unet)} sites adapted; the output moved by {moved:.3e}')
    if options.write:
        save_file({'sample': after.contiguous()}, options.write)
    if options.expected:
        error = common.relative_errors({'sample': load_file(options.expected)['sample']}, {'sample': after})['sample']
        print(f'relative error {error:.2e}')
        sys.exit(error > options.tolerance)
    sys.exit(moved == 0 and options.scale != 0)


if __name__ == '__main__':
    main()
