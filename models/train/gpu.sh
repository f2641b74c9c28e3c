#!/usr/bin/env bash
# The UNet on one GPU, from a pack of icons (pack.py) and an f8 autoencoder's f4 half, in MINUTES of training.
# Run again with a larger MINUTES and it goes on from W/unet/state.pt. Results in OUT: log, model folder, sample sheet,
# and the state (with optimizer) for the next run.
# Usage: gpu.sh PACK F4_VAE F8_VAE TOKENIZER W OUT MINUTES [WIDTHS]
set -euo pipefail
cd "$(dirname "$0")"
pack=$1 f4=$2 f8=$3 tokenizer=$4 w=$5 out=$6 minutes=$7 widths=${8:-48,96,192}
mkdir -p "$w" "$out"

[ -e "$w/data/icons.rgba" ] || python3 pack.py unpack "$pack" "$w/data"
# First single frames, then pairs, as the recipe in README.md has it. Frames of 128 px: the f4 encoder sees in them what the f8 encoder sees in frames of 256 px.
export OMP_NUM_THREADS=1
seq 0 47 | xargs -P "$(nproc)" -I{} sh -c 'python3 make_pool.py "$1/data" "$1/pool" --shards "$2:$(($2 + 1))"' make "$w" {}
seq 0 31 | xargs -P "$(nproc)" -I{} sh -c 'python3 make_pairs.py "$1/data" "$1/pairs" --shards "$2:$(($2 + 1))"' make "$w" {}
python3 encode_pool.py "$w/pool" "$f4" "$w/half" --half
python3 encode_pool.py "$w/pairs" "$f4" "$w/pairs-half" --half
python3 encode_pool.py "$w/pairs" "$f4" "$w/pairs-whole"

# A third of the time on single quarter-size latents, then on pairs of both sizes; the last quarter with a falling rate.
small=$(awk "BEGIN { print $minutes / 3 }") fall=$(awk "BEGIN { print $minutes / 4 }")
python3 train_unet.py "$w/half" "$tokenizer" "$f8" --out "$w/unet" --widths "$widths" --minutes "$small" --batch 128 --lr 2e-3 --warmup 500 | tee -a "$out/unet.log"
python3 train_unet.py "$w/pairs-half,$w/pairs-whole" "$tokenizer" "$f8" --pairs --out "$w/unet" --widths "$widths" --minutes "$minutes" --decay-minutes "$fall" --batch 128 --lr 1e-3 | tee -a "$out/unet.log"

python3 export.py "$w/unet/state.pt" "$f8" "$tokenizer" "$out/model"
python3 sample.py "$out/model" "$out/samples.png"
cp "$w/unet/state.pt" "$out/state.pt"
