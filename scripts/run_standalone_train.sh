#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# Train on one Ascend processor, or on DEVICE_TARGET. On a CPU:
#     DEVICE_TARGET=CPU WAIT=1 bash scripts/run_standalone_train.sh quick_start/data --training_shape 192 --max_epoch 5
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

USAGE="usage: bash run_standalone_train.sh DATA [--option value ...]

  DATA      data set in COCO layout: annotations/, train2017/ and val2017/
  --option  any option of train.py ('python train.py -h' lists them)

The training runs in the background, in the folder train/ of the current directory; its log is train/log.txt, and
earlier logs are kept as log.txt.1, log.txt.2 and so on.

environment:
  WAIT=1         stay in the foreground and end with the program's exit code
  DEVICE_TARGET  Ascend (default), GPU or CPU
  PYTHON         the Python to use"

help_wanted "$USAGE" "$@"
[ $# -ge 1 ] || usage_error "$USAGE" "DATA is missing"
need_options "$USAGE" "${@:2}"
train_here Ascend "$@"
