#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# Train, evaluate and export a detector on a CPU, without downloading a data set.
#     bash scripts/quick_start.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source-path=SCRIPTDIR source=environment.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/environment.sh"

USAGE="usage: bash quick_start.sh [--short] [--out DIR]

Makes a Python environment, draws a sample data set, trains on it, evaluates, exports, and draws detections.

  --short    a few images and one epoch, to check that every step works (QUICK_START_SHORT=1 does the same)
  --out DIR  folder of all output; quick_start in the repository, or quick_start_short

environment:
  DEVICE_TARGET  CPU (default), GPU or Ascend
  PYTHON         a Python that has all packages; nothing is installed then"

STEPS=6
STEP=0
TITLE=''
STEP_START=0

# begin TITLE: end the previous step with its time and start the next one.
begin() {
    end_step
    STEP=$((STEP + 1))
    TITLE=$1
    STEP_START=$SECONDS
    printf '\n[%d/%d] %s\n' "$STEP" "$STEPS" "$TITLE"
}

end_step() {
    [ -z "$TITLE" ] || printf '[%d/%d] done in %d s\n' "$STEP" "$STEPS" $((SECONDS - STEP_START))
    TITLE=''
}

# report_failure CODE: on exit, print the step that failed.
report_failure() {
    [ "$1" -eq 0 ] || [ -z "$TITLE" ] ||
        printf '\nstopped in step %d of %d (%s), exit code %d\n' "$STEP" "$STEPS" "$TITLE" "$1" >&2
}

# show COMMAND...: print a command so that it can be copied, then run it.
show() {
    printf '$'
    printf ' %q' "$@"
    printf '\n'
    "$@"
}

# newest FOLDER NAME...: the newest file of the first of these names (patterns) that this run wrote below FOLDER.
newest() {
    local folder=$1 name file found=''
    shift
    for name in "$@"; do
        while IFS= read -r -d '' file; do
            [[ -n "$found" && "$found" -nt "$file" ]] || found=$file
        done < <(find "$folder" -name "$name" -type f -newer "$STAMP" -print0)
        [ -z "$found" ] || break
    done
    [ -n "$found" ] || fail "no $1 was written below $folder"
    printf '%s\n' "$found"
}

# list_files: print the files that this run made; images of the data set are counted only.
list_files() {
    local split
    printf '\nfiles in %s:\n' "$OUT"
    for split in train val; do
        printf '  data/%s2017/ (images: %d)\n' "$split" "$(find "$OUT/data/${split}2017" -name '*.jpg' | wc -l)"
    done
    # Of the plots of a report, the folder.
    (cd -- "$OUT" && {
        find . -type d -name report -newer "$STAMP" | sed 's|$|/|'
        find . -type f ! -path './data/*2017/*.jpg' ! -path '*/report/*' \( -newer "$STAMP" -o -path './data/*' \) \
            ! -path "./${STAMP##*/}"
    } | sort | sed 's|^\./|  |')
}

OUT=''
SHORT=${QUICK_START_SHORT:-0}
while [ $# -gt 0 ]; do
    help_wanted "$USAGE" "$1"
    case "$1" in
        --short) SHORT=1 ;;
        --out)
            [ $# -ge 2 ] || usage_error "$USAGE" "--out needs a folder"
            OUT=$(absolute_path "$2")
            shift
            ;;
        *) usage_error "$USAGE" "unknown argument '$1'" ;;
    esac
    shift
done

if [ "$SHORT" = 1 ]; then
    OUT=${OUT:-$REPO/quick_start_short}
    DATA_OPTIONS=(--train 16 --val 8)
    EPOCHS=1
    LIMITS=()
else
    OUT=${OUT:-$REPO/quick_start}
    DATA_OPTIONS=(--train 2000 --val 100)
    EPOCHS=4
    LIMITS=(--min_ap50 0.90 --min_class_ap50 0.80)
fi
# As for data of one's own, but without mosaic and changes of scale: in a few epochs of images that differ so much,
# nothing is learned by heart.
TRAIN_OPTIONS=(--config_path improved --mosaic 0 --min_scale 1 --max_scale 1 --training_shape 128 --per_batch_size 8
    --max_epoch "$EPOCHS" --eval_interval 2 --log_interval 50)
STAMP=$OUT/.started
export WAIT=1 DEVICE_TARGET=${DEVICE_TARGET:-CPU}

trap 'report_failure $?' EXIT
mkdir -p -- "$OUT/export"
: > "$STAMP"

begin "Python environment"
prepare_environment "$REPO/requirements.txt"
# For the scripts below.
export PYTHON
cd -- "$REPO"

begin "sample data"
show "$PYTHON" tools/sample_data.py --out "$OUT/data" "${DATA_OPTIONS[@]}"

begin "training on $DEVICE_TARGET from random weights"
cd -- "$OUT"
show bash "$REPO/scripts/run_standalone_train.sh" "$OUT/data" "${TRAIN_OPTIONS[@]}"
CHECKPOINT=$(newest "$OUT/train" best.ckpt last.ckpt)

begin "evaluation of ${CHECKPOINT#"$OUT/"}"
# The checkpoint holds its classes, anchors and input size: no option is repeated.
show bash "$REPO/scripts/run_eval.sh" "$OUT/data" "$CHECKPOINT"
RESULTS=$(newest "$OUT/eval" 'predict_*.json')

begin "export to MindIR, and its check"
cd -- "$OUT/export"
show "$PYTHON" -u "$REPO/export.py" --device_target "$DEVICE_TARGET" --ckpt_file "$CHECKPOINT" \
    --file_name yolov3_tiny --file_format MINDIR --image "$OUT/data/val2017/000001.jpg" 2>&1 | tee -i log.txt

begin "detections beside the ground truth"
cd -- "$REPO"
show "$PYTHON" tools/quick_start_report.py --data_dir "$OUT/data" --results "$RESULTS" \
    --out "$OUT/detections.png" ${LIMITS[@]+"${LIMITS[@]}"}
end_step

list_files
REPORTS=("$(newest "$OUT/train" report.html)" "$(newest "$OUT/eval" report.html)")
rm -f -- "$STAMP"
printf '\nall done in %d s; open in a browser:\n  %s (training)\n  %s (evaluation)\n  %s\n' "$SECONDS" "${REPORTS[@]}" \
    "$OUT/detections.png"
