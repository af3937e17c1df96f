#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# Build yolo_infer. With MindSpore Lite, and on a machine without it:
#     bash ascend310_infer/build.sh --lite_home /opt/mindspore-lite-2.10.0-linux-aarch64
#     bash ascend310_infer/build.sh
set -euo pipefail
APP=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source-path=SCRIPTDIR source=../scripts/common.sh
. "$APP/../scripts/common.sh"

USAGE="usage: bash build.sh [--lite_home DIR] [FOLDER]

  --lite_home DIR  an unpacked release of MindSpore Lite 2.x, the folder with runtime/ in it (\$LITE_HOME)
  FOLDER           where to build (ascend310_infer/build)

The program is FOLDER/yolo_infer. Without MindSpore Lite it runs ONNX files by OpenCV (--runtime opencv). Where
ASCEND_TOOLKIT_HOME names CANN, as its set_env.sh does, it runs .om files (--runtime acl) and decodes in hardware
(--preprocess dvpp). Where OPENVINO_HOME names OpenVINO's Python package, it runs ONNX files faster
(--runtime openvino).

environment:
  LITE_HOME            as --lite_home
  ASCEND_TOOLKIT_HOME  CANN
  OPENVINO_HOME        the folder site-packages/openvino of a Python with requirements-openvino.txt
  JOBS                 compilers at a time (one a core)
  CXX                  the C++ compiler

It needs, by their names in Debian and Ubuntu: cmake g++ libopencv-dev nlohmann-json3-dev libcli11-dev libssl-dev;
libturbojpeg0-dev is optional (JPEG files in half the time)"

PACKAGES="cmake g++ libopencv-dev nlohmann-json3-dev libcli11-dev libssl-dev libturbojpeg0-dev"

help_wanted "$USAGE" "$@"
lite_home=${LITE_HOME:-}
folder=''
while [ $# -gt 0 ]; do
    case "$1" in
        --lite_home)
            [ $# -ge 2 ] || usage_error "$USAGE" "--lite_home needs a folder"
            lite_home=$2
            shift
            ;;
        --lite_home=*) lite_home=${1#*=} ;;
        -*) usage_error "$USAGE" "unknown option '$1'" ;;
        *)
            [ -z "$folder" ] || usage_error "$USAGE" "unexpected argument '$1'"
            folder=$1
            ;;
    esac
    shift
done
jobs=${JOBS:-$(nproc)}
[[ "$jobs" =~ ^[1-9][0-9]*$ ]] || usage_error "$USAGE" "JOBS is '$jobs'; expected a whole number of at least 1"
folder=$(absolute_path "${folder:-$APP/build}")
if [ -n "$lite_home" ]; then
    lite_home=$(absolute_path "$lite_home")
    need_folder "$lite_home/runtime" "an unpacked release of MindSpore Lite 2.x, with runtime/include and runtime/lib"
fi
openvino_home=${OPENVINO_HOME:-}
if [ -n "$openvino_home" ]; then
    openvino_home=$(absolute_path "$openvino_home")
    need_folder "$openvino_home/cmake" "OpenVINO's Python package, with cmake, include and libs"
fi
command -v cmake > /dev/null || fail "cmake is not installed; as root on Debian: apt-get install $PACKAGES"

# Forget the libraries of an earlier build: these folders may have changed.
cmake -S "$APP" -B "$folder" -U 'LITE_*LIBRARY' -U 'ACL_*' -U OpenVINO_DIR -DLITE_HOME="$lite_home" \
    -DASCEND_HOME="${ASCEND_TOOLKIT_HOME:-}" -DOPENVINO_HOME="$openvino_home" ||
    fail "cmake cannot prepare the build; if a package is missing, as root on Debian: apt-get install $PACKAGES"
cmake --build "$folder" --parallel "$jobs" || fail "the build failed; the compiler's messages are above"
printf 'built %s\n' "$folder/yolo_infer"
if [ -z "$lite_home" ]; then
    printf 'without MindSpore Lite (no LITE_HOME): it runs ONNX files by --runtime opencv%s\n' \
        "${ASCEND_TOOLKIT_HOME:+, .om files by --runtime acl}"
fi
