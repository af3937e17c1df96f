# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
# http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
# ============================================================================
"""Run by tests/test_distributed.py: train.py without the averaging of gradients, to see that its absence is noticed."""
import sys

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import train
from model_utils.errors import run_cli
from src import train_step


class Unreduced:
    """Takes the place of the reducer and leaves each rank its own gradients."""

    def __init__(self, parameters, mean, degree):
        del parameters, mean, degree

    def __call__(self, gradients):
        return gradients


if __name__ == "__main__":
    train_step.nn.DistributedGradReducer = Unreduced
    sys.exit(run_cli(train.main))
