# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What a kind of fault did: how often it was tried, how often it was survived, and what was lost."""
from typing import NamedTuple


class Outcome(NamedTuple):
    """A row of the table that tools/torture.py prints.

    `lost`: what the tries that were survived cost, such as "nothing"; `failures`: a line for each try that was not
    survived.
    """

    fault: str
    tried: int
    lost: str
    failures: tuple[str, ...] = ()

    @property
    def survived(self):
        """The tries without a failure."""
        return self.tried - len(self.failures)
