#!/usr/bin/env bash
# Evaluate a checkpoint on one GPU, or on DEVICE_TARGET. On a CPU:
#     DEVICE_TARGET=CPU WAIT=1 bash scripts/run_eval_gpu.sh quick_start/data path/to/best.ckpt
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

USAGE="usage: bash run_eval_gpu.sh DATA CKPT [--option value ...]

  DATA      data set in COCO layout: annotations/ and val2017/
  CKPT      checkpoint to evaluate
  --option  any option of eval.py ('python eval.py -h' lists them)

The evaluation runs in the folder eval/ of the calling folder, in the background; its log is eval/log.txt, and an
earlier log is kept as log.txt.1, log.txt.2 and so on.

environment:
  WAIT=1         stay in the foreground and end with the program's exit code
  DEVICE_TARGET  GPU (default), Ascend or CPU
  PYTHON         the Python to use"

help_wanted "$USAGE" "$@"
[ $# -ge 2 ] || usage_error "$USAGE" "DATA and CKPT are needed, found $# of them"
need_options "$USAGE" "${@:3}"
eval_here GPU "$@"
