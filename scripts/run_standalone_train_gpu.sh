#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# Train on one GPU, or on DEVICE_TARGET. On a CPU:
#     DEVICE_TARGET=CPU WAIT=1 bash scripts/run_standalone_train_gpu.sh quick_start/data --max_epoch 5
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

USAGE="usage: bash run_standalone_train_gpu.sh DATA [DEVICE_ID] [--option value ...]

  DATA       data set in COCO layout: annotations/, train2017/ and val2017/
  DEVICE_ID  number of the GPU
  --option   any option of train.py ('python train.py -h' lists them)

The training runs in the background, in the folder train/ of the current directory; its log is train/log.txt, and
earlier logs are kept as log.txt.1, log.txt.2 and so on.

environment:
  WAIT=1         stay in the foreground and end with the program's exit code
  DEVICE_TARGET  GPU (default), Ascend or CPU
  PYTHON         the Python to use"

help_wanted "$USAGE" "$@"
[ $# -ge 1 ] || usage_error "$USAGE" "DATA is missing"
if [[ "${2:-}" =~ ^[0-9]+$ ]]; then
    need_options "$USAGE" "${@:3}"
    set -- "$1" --device_id "${@:2}"
fi
need_options "$USAGE" "${@:2}"
train_here GPU "$@"
