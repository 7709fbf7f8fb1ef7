"""`python -m tests.support.unprivileged ...`: the `clawtrace` command that root starts, held to permissions."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

_PR_CAPBSET_DROP: Final = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _CAP_FOWNER = 1, 2, 3
"""capabilities(7): past permission bits, past those of folders, and past ownership."""


def main() -> None:
    """Give the capabilities up, which changes nothing for anybody but root, and become `clawtrace`."""
    system = ctypes.CDLL(None)
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _CAP_FOWNER):
        system.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.execv(sys.executable, [sys.executable, "-m", "clawtrace_otel", *sys.argv[1:]])


if __name__ == "__main__":
    main()
