#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# Build the C++ app, run an exported model on the images of an annotation file, and score its detections. On this host:
#     RUNTIME=opencv bash scripts/run_infer_310.sh yolov3_tiny.onnx DATA/val2017 DATA/annotations/instances_val2017.json
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

USAGE="usage: bash run_infer_310.sh MINDIR DATA ANNO [DEVICE_ID] [--option value ...]

  MINDIR     model that export.py wrote, with its description MINDIR.json beside it; an ONNX file with RUNTIME=opencv,
             an .om file of convert_om.sh with RUNTIME=acl
  DATA       folder of the images
  ANNO       annotation file (COCO json) of these images
  DEVICE_ID  Ascend device (0), or several, as in 0,1
  --option   any other option of yolo_infer ('ascend310_infer/build/yolo_infer --help' lists them)

Runs in the foreground and ends with the exit code of the step that failed; a run that a signal ended is not scored.
In the calling folder it writes build.log, infer.log, acc.log (the COCO table) and result_Files/: results.json, run.json
and metrics.json. Earlier logs are renamed at the start, an earlier metrics.json is removed.

environment:
  RUNTIME    lite (default): MindSpore Lite; acl: CANN alone; opencv, openvino: on the host
  LITE_HOME  an unpacked release of MindSpore Lite 2.x; needed for lite, as is CANN (its set_env.sh) for a device
  BUILD_DIR  where to build (ascend310_infer/build)
  JOBS       compilers at a time (one a core)
  PYTHON     the Python that scores"

# logged LOG COMMAND...: run with the output on the console and in LOG; the exit code is the command's.
logged() {
    # Ctrl-C is for the command; tee continues until the command's last output.
    "${@:2}" 2>&1 < /dev/null | tee -i -- "$1"
}

# refuse_own_options "$@": an error for an option of yolo_infer that this script sets.
refuse_own_options() {
    local argument
    for argument in "$@"; do
        case "${argument%%=*}" in
            --model | --images | --image_root | --video)
                usage_error "$USAGE" "${argument%%=*} is set by this script; expected it as MINDIR, DATA or ANNO" ;;
            --output) usage_error "$USAGE" "--output is result_Files here; start this in another folder instead" ;;
            --runtime) usage_error "$USAGE" "--runtime is set by this script; set RUNTIME=lite or RUNTIME=opencv" ;;
            --device_id) usage_error "$USAGE" "--device_id is set by this script; expected it as DEVICE_ID" ;;
        esac
    done
}

# need_scoring: an error when $PYTHON cannot score, before the build and the inference, which may take long.
need_scoring() {
    local message
    message=$(cd -- "$REPO" && "$PYTHON" -m src.postprocess --help 2>&1 > /dev/null < /dev/null) ||
        fail "$PYTHON cannot score: ${message##*$'\n'}; expected a Python with the packages of requirements.txt, set \
PYTHON to it"
}

help_wanted "$USAGE" "$@"
[ $# -ge 3 ] || usage_error "$USAGE" "MINDIR, DATA and ANNO are needed, found $# of them"
need_file "$1" "a model that export.py wrote"
need_file "$1.json" "the description that export.py writes beside the model"
need_folder "$2" "the images"
need_file "$3" "an annotation file (COCO json)"
model=$(absolute_path "$1")
images=$(absolute_path "$2")
annotations=$(absolute_path "$3")
shift 3
device=()
if [[ $# -ge 1 && "$1" != --* ]]; then
    [[ "$1" =~ ^[0-9]+(,[0-9]+)*$ ]] ||
        usage_error "$USAGE" "DEVICE_ID is '$1'; expected a whole number from 0, or several as in 0,1"
    device=(--device_id "$1")
    shift
fi
need_options "$USAGE" "$@"
refuse_own_options "$@"
runtime=${RUNTIME:-lite}
case "$runtime" in
    lite)
        [ -n "${LITE_HOME:-}" ] ||
            usage_error "$USAGE" "LITE_HOME is not set: name the folder of MindSpore Lite, or use RUNTIME=opencv"
        ;;
    acl)
        [ -n "${ASCEND_TOOLKIT_HOME:-}" ] ||
            usage_error "$USAGE" "ASCEND_TOOLKIT_HOME is not set: source set_env.sh of CANN, or use RUNTIME=opencv"
        ;;
    openvino)
        [ -n "${OPENVINO_HOME:-}" ] ||
            usage_error "$USAGE" "OPENVINO_HOME is not set: name OpenVINO's Python package, or use RUNTIME=opencv"
        ;;
    opencv) ;;
    *) usage_error "$USAGE" "RUNTIME is '$runtime'; expected lite, acl, opencv or openvino" ;;
esac
[[ "$runtime" != open* ]] || [ ${#device[@]} -eq 0 ] ||
    usage_error "$USAGE" "DEVICE_ID is for an Ascend, and RUNTIME is '$runtime'; leave it out"
choose_python
need_scoring
build=$(absolute_path "${BUILD_DIR:-$REPO/ascend310_infer/build}")
results=$PWD/result_Files

# Results of an earlier run must not pass for those of a run that fails.
for log in build infer acc; do
    keep_old_log "$PWD/$log.log"
done
rm -f -- "$results/metrics.json"
logged "$PWD/build.log" bash "$REPO/ascend310_infer/build.sh" "$build"
logged "$PWD/infer.log" "$build/yolo_infer" --model "$model" --images "$annotations" \
    --image_root "$images" --output "$results" --runtime "$runtime" ${device[@]+"${device[@]}"} "$@"
log=$PWD/acc.log
cd -- "$REPO"
logged "$log" "$PYTHON" -u -m src.postprocess --result_path "$results" --ann_file "$annotations"
