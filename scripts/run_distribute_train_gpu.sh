#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# Train on several GPUs, or on DEVICE_TARGET. On a CPU, in two processes with a core each:
#     DEVICE_TARGET=CPU WAIT=1 bash scripts/run_distribute_train_gpu.sh quick_start/data 2 1 --max_epoch 5
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source-path=SCRIPTDIR source=distribute.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/distribute.sh"

USAGE="usage: bash run_distribute_train_gpu.sh DATA DEVICE_NUM CPUS_PER_RANK [--option value ...]

  DATA           data set in COCO layout: annotations/, train2017/ and val2017/
  DEVICE_NUM     number of GPUs to use, on each node
  CPUS_PER_RANK  number of cores of the CPU that each GPU's process has for itself
  --option       any option of train.py ('python train.py -h' lists them)

With several nodes, start this on each of them.

$DISTRIBUTE_USAGE
  NODE_NUM         the number of nodes (1)
  NODE_RANK        with several nodes: the number of this one, from 0"

help_wanted "$USAGE" "$@"
[[ $# -ge 3 && "$2" != -* && "$3" != -* ]] || usage_error "$USAGE" "DATA, DEVICE_NUM and CPUS_PER_RANK are needed"
need_options "$USAGE" "${@:4}"
need_data "$1"
choose_python
absolute_options "${@:4}"
DEVICE_TARGET=${DEVICE_TARGET:-GPU}
distribute train_parallel train.py --device_target "$DEVICE_TARGET" "--device_num=$2" "--cpus_per_rank=$3" -- \
    --is_distributed 1 --device_target "$DEVICE_TARGET" --data_dir "$(absolute_path "$1")" \
    ${OPTIONS[@]+"${OPTIONS[@]}"}
