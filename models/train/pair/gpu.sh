#!/usr/bin/env bash
# The pair-conditioned net on one GPU, from a pack of icons (../pack.py) in MINUTES of training. Run again with a larger MINUTES and it
# goes on from W/run/state.pt. The larger net of CONFIG needs 10.9 MB in float16 and about 8 GFLOP for a picture of 256 px.
# The net on areas is trained apart (areas/train.py, on cores); AREAS is its training folder, or a model folder.
# Usage: gpu.sh PACK PHOTOS TESTS W OUT MINUTES
set -euo pipefail
cd "$(dirname "$0")"
pack=$1 photos=$2 tests=$3 w=$4 out=$5 minutes=$6
config=${CONFIG:-'{"stem": 16, "widths": [128, 320], "heads": [4, 10], "depths": [2, 5, 2], "features": 16, "head": 24}'}
mkdir -p "$w" "$out"
[ -e "$w/data/icons.rgba" ] || python3 ../pack.py unpack "$pack" "$w/data"
export OMP_NUM_THREADS=1 MUON_SCALE=${MUON_SCALE:-0.5}
fall=$(awk "BEGIN { print $minutes / 4 }")
python3 gpu.py "$w/data" --photos "$photos" --out "$w/run" --minutes "$minutes" --decay-minutes "$fall" --styles 128 --lr 1.5e-3 --config "$config" \
  --evaluate "$tests" --evaluate-every 500000 --save-minutes 2 | tee -a "$out/train.log"
python3 evaluate.py "$w/run" "$tests" --sheet "$out/samples.png"
python3 export.py "$w/run" "${AREAS:-../../diptych-pair-v5}" "$out/model"
cp "$w/run/state.pt" "$w/run/config.json" "$w/run/curve.jsonl" "$out"
