#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# Finds or makes the Python environment of quick_start.sh and run_tests.sh; sourced after common.sh.

# python_is_usable PYTHON: whether MindSpore has packages for it.
python_is_usable() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' > /dev/null 2>&1
}

# find_python: print the first usable Python; exit code 1 when there is none.
find_python() {
    local candidate
    for candidate in python3.12 python3.11 python3.10 python3 python; do
        if python_is_usable "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

# make_environment FOLDER: make a virtual environment there unless it has a usable one.
make_environment() {
    local python
    if python_is_usable "$1/bin/python" && "$1/bin/python" -m pip --version > /dev/null 2>&1; then
        return
    fi
    python=$(find_python) || fail "no Python 3.10, 3.11 or 3.12 found, and MindSpore has packages for no other; install \
one (Debian and Ubuntu: apt-get install python3 python3-venv; elsewhere: https://www.python.org/downloads), then start \
this again"
    printf 'making a virtual environment with %s in %s\n' "$("$python" --version)" "$1"
    # --clear: an unfinished environment is made from scratch.
    "$python" -m venv --clear "$1" || fail "$python cannot make a virtual environment; on Debian and Ubuntu: apt-get \
install $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
}

# install REQUIREMENTS: install the packages of a requirements file that are missing.
install() {
    local pip=("$PYTHON" -m pip --disable-pip-version-check)
    "${pip[@]}" --version > /dev/null 2>&1 || fail "$PYTHON has no pip; '$PYTHON -m ensurepip' may bring it"
    # Without an index pip only checks what is installed, which takes a second.
    if "${pip[@]}" install --quiet --no-index --requirement "$1" > /dev/null 2>&1; then
        printf '%s: installed already\n' "$(basename -- "$1")"
        return
    fi
    printf 'installing %s with pip (MindSpore alone is some hundred megabytes; this can take minutes) ...\n' \
        "$(basename -- "$1")"
    "${pip[@]}" install --quiet --requirement "$1" || fail "pip could not install $1; see its output above"
}

# prepare_environment REQUIREMENTS...: set PYTHON to a Python that has these packages. A PYTHON set by the user is used
# as it is; otherwise the packages are installed into the active virtual environment or the repository's.
prepare_environment() {
    local requirements active
    active=$(active_environment)
    if [ -n "${PYTHON:-}" ]; then
        choose_python
        printf 'PYTHON=%s is used as it is; nothing is installed\n' "$PYTHON"
    else
        [ -n "$active" ] || make_environment "$REPO/.venv"
        choose_python
        python_is_usable "$PYTHON" || fail "$PYTHON is $("$PYTHON" --version 2>&1), expected Python 3.10 to 3.12; \
deactivate this environment, or activate one with such a Python"
        printf '%s in %s\n' "$("$PYTHON" --version)" "$PYTHON"
        for requirements in "$@"; do
            install "$requirements"
        done
    fi
    "$PYTHON" -c 'import cv2, mindspore, pycocotools' > /dev/null || fail "the packages are there, but cannot be \
loaded (above); when a library is missing, install it, for example on Debian and Ubuntu: apt-get install libgomp1"
}
