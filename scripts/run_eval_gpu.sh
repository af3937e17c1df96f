#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# Evaluate a checkpoint on one GPU, on several, or on DEVICE_TARGET. On a CPU:
#     DEVICE_TARGET=CPU WAIT=1 bash scripts/run_eval_gpu.sh quick_start/data path/to/best.ckpt
set -euo pipefail
DEFAULT_TARGET=GPU
# shellcheck source-path=SCRIPTDIR source=run_eval.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/run_eval.sh"
