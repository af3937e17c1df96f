#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# Functions shared by the scripts of this folder; sourced, never run.

# From this file's path, so that the calling folder and CDPATH do not matter.
REPO=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)

# fail TEXT [CODE]: print an error and exit, with code 1 unless another is given.
fail() {
    printf 'error: %s\n' "$1" >&2
    exit "${2:-1}"
}

# usage_error USAGE TEXT: print what is wrong with the arguments and the usage, and exit with code 2.
usage_error() {
    printf 'error: %s\n\n%s\n' "$2" "$1" >&2
    exit 2
}

# help_wanted USAGE "$@": print the usage text and exit when the first argument asks for it.
help_wanted() {
    case "${2:-}" in
        -h | --help)
            printf '%s\n' "$1"
            exit 0
            ;;
    esac
}

# absolute_path PATH: the absolute form of a path, which need not exist.
absolute_path() {
    case "$1" in
        /*) printf '%s\n' "$1" ;;
        *) printf '%s\n' "$PWD/$1" ;;
    esac
}

# need_folder PATH WHAT, need_file PATH WHAT: an error when it does not exist.
need_folder() {
    [ -d "$1" ] || fail "$1: no such folder; expected $2"
}

need_file() {
    [ -f "$1" ] || fail "$1: no such file; expected $2"
}

# need_data PATH: an error when the data folder does not exist.
need_data() {
    need_folder "$1" "a data set in COCO layout: annotations/, train2017/ and val2017/"
}

# need_options USAGE "$@": an error when what follows the positional arguments is not an option.
need_options() {
    [[ $# -lt 2 || "$2" == -* ]] || usage_error "$1" "unexpected argument '$2'; options begin with --"
}

# absolute_options "$@": fill the array OPTIONS. The program starts in another folder, so option values that
# are existing relative paths are made absolute.
absolute_options() {
    local argument option='' path_options
    path_options=' --config_path --resume --resume_yolo --pretrained --pretrained_backbone --ckpt_file --ann_file'
    path_options+=' --image_dir '
    OPTIONS=()
    for argument in "$@"; do
        if [[ -n "$option" && -e "$argument" ]]; then
            argument=$(absolute_path "$argument")
        elif [[ "$argument" == --*=* && "$path_options" == *" ${argument%%=*} "* && -e "${argument#*=}" ]]; then
            argument=${argument%%=*}=$(absolute_path "${argument#*=}")
        fi
        option=''
        if [[ "$path_options" == *" $argument "* ]]; then
            option=$argument
        fi
        OPTIONS+=("$argument")
    done
}

# active_environment: the folder of the active virtual environment; conda's base environment is the system's Python.
active_environment() {
    if [ -n "${VIRTUAL_ENV:-}" ]; then
        printf '%s\n' "$VIRTUAL_ENV"
    elif [ -n "${CONDA_PREFIX:-}" ] && [ "${CONDA_DEFAULT_ENV:-base}" != base ]; then
        printf '%s\n' "$CONDA_PREFIX"
    fi
}

# choose_python: set PYTHON to $PYTHON, else the active virtual environment's, else the repository's, else python3.
choose_python() {
    local environment
    environment=$(active_environment)
    if [ -n "${PYTHON:-}" ]; then
        command -v -- "$PYTHON" > /dev/null || fail "PYTHON=$PYTHON: no such program"
        case "$PYTHON" in
            */*) PYTHON=$(absolute_path "$PYTHON") ;;
        esac
    elif [ -n "$environment" ] && [ -x "$environment/bin/python" ]; then
        PYTHON=$environment/bin/python
    elif [ -x "$REPO/.venv/bin/python" ]; then
        PYTHON=$REPO/.venv/bin/python
    elif command -v python3 > /dev/null; then
        PYTHON=python3
    else
        fail "no Python found; install Python 3.10 to 3.12, or set PYTHON to its path"
    fi
}

# keep_old_log LOG: rename an earlier log to LOG.1, LOG.2 and so on; the highest number is the newest.
keep_old_log() {
    local number=1
    if [ -e "$1" ]; then
        while [ -e "$1.$number" ]; do
            number=$((number + 1))
        done
        mv -- "$1" "$1.$number"
    fi
}

# launch FOLDER PROGRAM [ARGUMENT...]: start a Python program of the repository in FOLDER with its output in
# FOLDER/log.txt. In the background, unless WAIT=1; then the console shows the output as well and the exit code is
# the program's.
launch() {
    local folder=$1 program=$REPO/$2 log=$1/log.txt pid
    shift 2
    mkdir -p -- "$folder"
    cd -- "$folder" || exit
    keep_old_log "$log"
    if [ "${WAIT:-0}" = 1 ]; then
        # Ctrl-C is for the program; tee stays to log its last output.
        "$PYTHON" -u "$program" "$@" 2>&1 < /dev/null | tee -i -- "$log"
        exit 0
    fi
    nohup "$PYTHON" -u "$program" "$@" > "$log" 2>&1 < /dev/null &
    pid=$!
    printf 'started %s in the background: process %s, log %s\nfollow it with: tail -F %q\n' \
        "$(basename -- "$program")" "$pid" "$log" "$log"
    end_if_failed_at_once "$pid" "$log"
}

# end_if_failed_at_once PID LOG: fail when the program fails within two seconds, as with a wrong option.
end_if_failed_at_once() {
    local code
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        if ! kill -0 "$1" 2> /dev/null; then
            code=0
            wait "$1" || code=$?
            if [ "$code" -ne 0 ]; then
                tail -n 20 -- "$2" >&2
                fail "the program ended with exit code $code; its output is in $2" "$code"
            fi
            printf 'it has ended already, without an error\n'
            return
        fi
        sleep 0.2
    done
}

# train_here TARGET DATA [OPTION...] and eval_here TARGET DATA CKPT [OPTION...]: check the paths, then start the program
# in train/ or eval/ of the calling folder.
train_here() {
    local target=$1 data
    need_data "$2"
    data=$(absolute_path "$2")
    shift 2
    choose_python
    absolute_options "$@"
    launch "$PWD/train" train.py --data_dir "$data" --device_target "${DEVICE_TARGET:-$target}" \
        ${OPTIONS[@]+"${OPTIONS[@]}"}
}

eval_here() {
    local target=$1 data checkpoint
    need_data "$2"
    need_file "$3" "a checkpoint"
    data=$(absolute_path "$2")
    checkpoint=$(absolute_path "$3")
    shift 3
    choose_python
    absolute_options "$@"
    launch "$PWD/eval" eval.py --data_dir "$data" --pretrained "$checkpoint" \
        --device_target "${DEVICE_TARGET:-$target}" ${OPTIONS[@]+"${OPTIONS[@]}"}
}
