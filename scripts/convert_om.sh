#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# Convert an exported model by CANN's atc to an .om file for 'yolo_infer --runtime acl', with its description:
#     bash scripts/convert_om.sh yolov3_tiny.onnx Ascend310P3
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

USAGE="usage: bash convert_om.sh MODEL SOC_VERSION [--option=value ...]

  MODEL        ONNX or AIR file of export.py, with its description MODEL.json beside it. Export with
               --export_input float --export_normalise aipp: atc documents uint8 input for AIPP only
  SOC_VERSION  the chip: Ascend310, Ascend310P3, Ascend310B4 ...; 'npu-smi info' shows its name without Ascend
  --aipp=nv12  let the model take NV12 in the place of RGB: what DVPP decodes then stays in the device's memory, with
               yolo_infer --preprocess dvpp. For models exported with --export_normalise aipp
  --option     any other option of atc, as in --precision_mode=force_fp32

Writes MODEL with the suffix .om, and its description, beside MODEL. A model exported with --export_normalise aipp gets
static AIPP by its description, which is left in MODEL.aipp.cfg.

Where atc is not installed, the commands are printed to be run elsewhere, and the exit code is 127.

environment:
  PYTHON  the Python that writes the description"

# converted_by ARGUMENT...: what to run to convert the model by hand, in lines that a shell reads.
converted_by() {
    printf 'atc'
    printf ' %q' "$@"
    printf '\ncd %q && %q -m src.deploy.offline_model %q %q %q\n' "$REPO" "$PYTHON" "$pixels" "$model" "$stem.om"
}

help_wanted "$USAGE" "$@"
[ $# -ge 2 ] || usage_error "$USAGE" "MODEL and SOC_VERSION are needed, found $# of them"
need_file "$1" "an ONNX or AIR file that export.py wrote"
model=$(absolute_path "$1")
soc=$2
shift 2
[[ "$soc" =~ ^Ascend[0-9]+[A-Za-z0-9_-]*$ ]] ||
    usage_error "$USAGE" "SOC_VERSION is '$soc'; expected a chip such as Ascend310, Ascend310P3 or Ascend310B4"
pixels=--aipp=rgb
others=()
for argument in "$@"; do
    case "$argument" in
        --aipp=rgb | --aipp=nv12) pixels=$argument ;;
        --aipp=*) usage_error "$USAGE" "$argument; expected --aipp=rgb or --aipp=nv12" ;;
        --framework=* | --model=* | --output=* | --soc_version=* | --insert_op_conf=* | --input_format=*)
            usage_error "$USAGE" "${argument%%=*} is set by this script; leave it out" ;;
        --*=*) others+=("$argument") ;;
        *) usage_error "$USAGE" "unexpected argument '$argument'; expected --option=value" ;;
    esac
done
choose_python
options=$(cd -- "$REPO" && "$PYTHON" -m src.deploy.offline_model "$pixels" "$model")
mapfile -t options <<< "$options"
stem=${model%.*}
options+=("--soc_version=$soc" "${others[@]}")
if ! command -v atc > /dev/null; then
    printf 'atc is not installed here: source set_env.sh of CANN, or run this where CANN is:\n\n' >&2
    converted_by "${options[@]}" "--output=$stem"
    exit 127
fi
# atc takes no path with a space, leaves its working files in the calling folder, and half a file where it fails.
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
for place in "${!options[@]}"; do
    case "${options[place]}" in
        --model=* | --insert_op_conf=*)
            name=${options[place]%%=*}
            file=$work/model.${options[place]##*.}
            cp -- "${options[place]#*=}" "$file"
            options[place]=$name=$file
            ;;
    esac
done
(cd -- "$work" && atc "${options[@]}" "--output=$work/model") || fail "atc failed; its messages are above"
need_file "$work/model.om" "what atc was to write; its messages are above"
rm -f -- "$stem.om.json"
mv -- "$work/model.om" "$stem.om"
(cd -- "$REPO" && "$PYTHON" -m src.deploy.offline_model "$pixels" "$model" "$stem.om")
printf 'converted: %s and its description %s.json\n' "$stem.om" "$stem.om"
