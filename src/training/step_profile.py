# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Profile of some training steps by MindSpore's profiler, for config.need_profiler."""
from mindspore.profiler import profile, schedule, tensorboard_trace_handler

from model_utils.device_adapter import profiler_activities

# The first step compiles, the next ones fill caches.
SKIPPED_STEPS, WARM_UP_STEPS, PROFILED_STEPS = 2, 1, 10
ALL_STEPS = SKIPPED_STEPS + WARM_UP_STEPS + PROFILED_STEPS


class StepProfile:
    """Profiles `PROFILED_STEPS` steps of a run, after its first few; call `step` after each.

    Args:
        folder (str or Path): where MindSpore writes a folder of its own; made if missing.
        device_target (str): Ascend, GPU or CPU.
    """

    def __init__(self, folder, device_target):
        self.folder, self.steps = folder, 0
        self._profiler = profile(
            activities=profiler_activities(device_target), start_profile=False,
            schedule=schedule(wait=0, warmup=WARM_UP_STEPS, active=PROFILED_STEPS, repeat=1, skip_first=SKIPPED_STEPS),
            on_trace_ready=tensorboard_trace_handler(str(folder)))
        self._profiler.start()

    @property
    def is_done(self):
        """Whether all steps are profiled and their profile is written."""
        return self.steps >= ALL_STEPS

    def step(self):
        """Note the end of a step; the last one writes the profile."""
        if self.is_done:
            return
        self._profiler.step()
        self.steps += 1
        if self.is_done:
            self._profiler.stop()
