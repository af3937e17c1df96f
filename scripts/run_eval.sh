#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# Evaluate a checkpoint on one Ascend processor, on several, or on DEVICE_TARGET. On a CPU:
#     DEVICE_TARGET=CPU WAIT=1 bash scripts/run_eval.sh quick_start/data path/to/best.ckpt
set -euo pipefail
# run_eval_gpu.sh sets another.
DEFAULT_TARGET=${DEFAULT_TARGET:-Ascend}
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source-path=SCRIPTDIR source=distribute.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/distribute.sh"

USAGE="usage: bash $(basename -- "$0") DATA CKPT [DEVICE_NUM] [--option value ...]

  DATA        data set in COCO layout: annotations/ and val2017/
  CKPT        checkpoint, or .mindir or .onnx file, to evaluate
  DEVICE_NUM  number of devices that share the images (1)
  --option    any option of eval.py ('python eval.py -h' lists them)

The evaluation runs in the background, in the folder eval/ of the current directory; its log is eval/log.txt, and
earlier logs are kept as log.txt.1, log.txt.2 and so on. On several devices, rank X runs in the folder eval_parallelX/.

environment:
  WAIT=1         stay in the foreground and end with the program's exit code
  DEVICE_TARGET  Ascend, GPU or CPU (default: $DEFAULT_TARGET)
  PYTHON         the Python to use
With DEVICE_NUM also DRY_RUN, OMP_NUM_THREADS and MASTER_PORT, see run_distribute_train_gpu.sh -h."

help_wanted "$USAGE" "$@"
[ $# -ge 2 ] || usage_error "$USAGE" "DATA and CKPT are needed, found $# arguments"
if [[ $# -ge 3 && "$3" != -* ]]; then
    [[ "$3" =~ ^[1-9][0-9]*$ ]] || usage_error "$USAGE" "DEVICE_NUM is '$3'; expected a whole number of at least 1"
    need_options "$USAGE" "${@:4}"
    eval_on_devices "$DEFAULT_TARGET" "$@"
else
    need_options "$USAGE" "${@:3}"
    eval_here "$DEFAULT_TARGET" "$@"
fi
