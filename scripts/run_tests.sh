#!/usr/bin/env bash
# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
# Install what the tests need, then run the linters and the tests. Ends with 0 only when all of them pass.
#     bash scripts/run_tests.sh                               everything
#     bash scripts/run_tests.sh -m 'not slow'                 what answers in five minutes
#     bash scripts/run_tests.sh tests/programs/test_eval.py   one file
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source-path=SCRIPTDIR source=environment.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/environment.sh"

USAGE="usage: bash run_tests.sh [pytest argument ...]

Makes .venv in the repository unless a virtual environment is active, installs requirements.txt and
requirements-dev.txt, and as root or with sudo without a password also the Debian packages that tests use (shellcheck,
a compiler and libraries for the C++ app, and chromium). Then runs ruff, mypy, shellcheck and pytest, which works in two
processes (-n 0: in one, -n 4: in four) and lists the 25 slowest tests. What is missing is skipped and named.

environment:
  PYTHON  a Python that has all packages; nothing is installed into it"

FAILED=()
SKIPPED=()

# What builds and tests the C++ app in ascend310_infer/. Not clang-tidy, whose test takes about ten minutes: it runs where
# that is installed.
CPP_PACKAGES=(cmake g++ libopencv-dev nlohmann-json3-dev libcli11-dev libssl-dev libturbojpeg0-dev doctest-dev
    clang-format)
# What opens the page of a report; installed with them, so that the list of packages is read once.
BROWSER=chromium

# install_debian_packages PACKAGE...: try to install them; silent, and fails when there is no way.
install_debian_packages() {
    local as_root=()
    command -v apt-get > /dev/null || return 1
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true > /dev/null 2>&1 || return 1
        as_root=(sudo -n)
    fi
    printf 'installing the Debian packages %s ...\n' "$*"
    ${as_root[@]+"${as_root[@]}"} apt-get -qq update > /dev/null 2>&1 || return 1
    ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y "$@" > /dev/null 2>&1
}

# missing_packages PACKAGE...: print those that are not installed.
missing_packages() {
    local name
    for name in "$@"; do
        # The format is dpkg's own.
        # shellcheck disable=SC2016
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2> /dev/null)" = installed ] || printf '%s\n' "$name"
    done
}

# check TITLE COMMAND...: run it and remember whether it failed.
check() {
    local title=$1 code=0
    shift
    printf '\n== %s\n' "$title"
    "$@" || code=$?
    if [ "$code" -eq 0 ]; then
        printf '%s: passed\n' "$title"
    else
        FAILED+=("$title (exit code $code)")
    fi
}

help_wanted "$USAGE" "$@"
# Nothing here asks a question, and programs misbehave when standard input is closed.
exec < /dev/null
cd -- "$REPO"

printf '== packages\n'
if [ -z "${PYTHON:-}" ] && command -v dpkg > /dev/null && ! dpkg -s libgomp1 > /dev/null 2>&1; then
    install_debian_packages libgomp1 || printf 'libgomp1 (OpenMP, which MindSpore uses) is not installed\n'
fi
prepare_environment requirements.txt requirements-dev.txt
if ! command -v shellcheck > /dev/null && ! install_debian_packages shellcheck; then
    SKIPPED+=("shellcheck: not installed; as root: apt-get install shellcheck")
fi
if command -v dpkg-query > /dev/null; then
    mapfile -t MISSING < <(missing_packages "${CPP_PACKAGES[@]}" "$BROWSER")
    if [ ${#MISSING[@]} -gt 0 ] && ! install_debian_packages "${MISSING[@]}"; then
        SKIPPED+=("tests in C++ and in a browser: not installed; as root: apt-get install ${MISSING[*]}")
    fi
else
    SKIPPED+=("tests in C++ and in a browser: no Debian; see ascend310_infer/README.md, and install chromium")
fi

check "ruff" "$PYTHON" -m ruff check .
check "mypy" "$PYTHON" -m mypy
if command -v shellcheck > /dev/null; then
    check "shellcheck" shellcheck -x scripts/*.sh ascend310_infer/build.sh .ci/run
fi
# tests/conftest.py groups the tests and puts the long groups first.
check "pytest" "$PYTHON" -m pytest -rs --durations=25 -n 2 --dist loadgroup --no-loadscope-reorder "$@"

printf '\n== result\n'
for entry in ${SKIPPED[@]+"${SKIPPED[@]}"}; do
    printf 'skipped: %s\n' "$entry"
done
for entry in ${FAILED[@]+"${FAILED[@]}"}; do
    printf 'failed: %s\n' "$entry"
done
[ ${#FAILED[@]} -eq 0 ] || exit 1
printf 'all passed\n'
