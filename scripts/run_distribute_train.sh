#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# Train on the Ascend processors of a rank table, or on DEVICE_TARGET. On a CPU, as many processes as the table names:
#     DEVICE_TARGET=CPU WAIT=1 bash scripts/run_distribute_train.sh quick_start/data rank_table.json --max_epoch 5
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source-path=SCRIPTDIR source=distribute.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/distribute.sh"

USAGE="usage: bash run_distribute_train.sh DATA RANK_TABLE [--option value ...]

  DATA        data set in COCO layout: annotations/, train2017/ and val2017/
  RANK_TABLE  json file of version 1.0 or 1.2: the servers, and their devices in the order of the ranks
  --option    any option of train.py ('python train.py -h' lists them)

With several servers, start this on each of them, with the same table.

$DISTRIBUTE_USAGE; without, that of the table
  SERVER_ID        with several servers: the server_id that this machine has in the table
  NODE_RANK        the same by its place: 0 for the server with rank 0, and so on
  NODE_NUM         the number of servers; without, that of the table"

help_wanted "$USAGE" "$@"
[[ $# -ge 2 && "$2" != -* ]] || usage_error "$USAGE" "DATA and RANK_TABLE are needed"
need_options "$USAGE" "${@:3}"
need_data "$1"
choose_python
absolute_options "${@:3}"
DEVICE_TARGET=${DEVICE_TARGET:-Ascend}
distribute train_parallel train.py --device_target "$DEVICE_TARGET" --rank_table "$(absolute_path "$2")" -- \
    --is_distributed 1 --device_target "$DEVICE_TARGET" --data_dir "$(absolute_path "$1")" \
    ${OPTIONS[@]+"${OPTIONS[@]}"}
