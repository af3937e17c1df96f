#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# What the launchers of many processes share; sourced by them after common.sh, never run.

# The end of their usage texts.
# shellcheck disable=SC2034  # used by the scripts that source this one
DISTRIBUTE_USAGE="Rank X runs in the folder train_parallelX/ of the calling folder, in the background; its log is
train_parallelX/log.txt, and an earlier log is kept as log.txt.1, log.txt.2 and so on. The log of msrun is
train_parallel_node0/log.txt (node 1: train_parallel_node1). When a rank fails, all others are ended. The cores that
can be used are shared out to the ranks; with fewer cores than ranks, several share one.

environment:
  WAIT=1           stay in the foreground, show the log of the first rank, name the rank that fails, and end with its
                   exit code; Ctrl-C ends all ranks
  DRY_RUN=1        print the environment and the command of each rank; start nothing, write nothing
  DEVICE_TARGET    Ascend, GPU or CPU; with CPU, each rank is a process on this machine
  PYTHON           the Python to use
  OMP_NUM_THREADS  threads of each rank; without, as many as it has cores
  MASTER_PORT      port of the scheduler, on node 0 (8118)
  MASTER_ADDR      with several nodes: the address of node 0, as all nodes see it"

# eval_on_devices TARGET DATA CKPT DEVICE_NUM [OPTION...]: as eval_here, but in DEVICE_NUM processes that share the
# images.
eval_on_devices() {
    local target=${DEVICE_TARGET:-$1} data checkpoint number=$4
    need_data "$2"
    need_file "$3" "a checkpoint"
    data=$(absolute_path "$2")
    checkpoint=$(absolute_path "$3")
    shift 4
    choose_python
    absolute_options "$@"
    distribute eval_parallel eval.py --device_target "$target" "--device_num=$number" -- --is_distributed 1 \
        --device_target "$target" --data_dir "$data" --pretrained "$checkpoint" ${OPTIONS[@]+"${OPTIONS[@]}"}
}

# distribute FOLDER PROGRAM [PLACE...] -- [ARGUMENT...]: run a program of the repository in many processes, rank X in
# FOLDERX. PLACE are options of launch.py, ARGUMENT those of the program. choose_python first.
distribute() {
    local program=(-m scripts.launch.launch) logs log first
    export PYTHONPATH="$REPO${PYTHONPATH:+:$PYTHONPATH}"
    if [ "${DRY_RUN:-0}" = 1 ]; then
        exec "$PYTHON" "${program[@]}" show "$@"
    fi
    # Every mistake that can be known in advance is reported here, in the foreground.
    logs=$("$PYTHON" "${program[@]}" logs "$@")
    while IFS= read -r log; do
        keep_old_log "$log"
    done <<< "$logs"
    if [ "${WAIT:-0}" = 1 ]; then
        exec "$PYTHON" "${program[@]}" run --follow "$@"
    fi
    { read -r log; read -r first; } <<< "$logs"
    mkdir -p -- "$(dirname -- "$log")"
    nohup "$PYTHON" "${program[@]}" run "$@" >> "$log" 2>&1 < /dev/null &
    printf 'started %s in %s processes in the background\nfollow the first with: tail -F %q\nend all with: kill %s\n' \
        "$2" "$(($(wc -l <<< "$logs") - 1))" "$first" "$!"
    end_if_failed_at_once "$!" "$log"
}
