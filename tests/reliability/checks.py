"""The checks, in the order in which they run and are reported."""

from __future__ import annotations

from tests.reliability import disk, kills
from tests.reliability.check import FAULT, Check

CHECKS = (
    Check("kill", FAULT, "kill -9 under load", kills.killed, 240),
    Check("disk", FAULT, "a full disk", disk.full_disk),
)
