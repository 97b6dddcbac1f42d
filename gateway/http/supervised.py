"""The bond of a worker process to its supervisor."""

import ctypes
import os
import signal
import sys
from multiprocessing import parent_process
from typing import Final

PR_SET_PDEATHSIG: Final = 1
"""The option of Linux's `prctl` that asks for a signal when the parent dies."""


def end_with_supervisor() -> None:
    """
    Let this worker end as by SIGTERM when its supervisor is gone, killed or for want of memory: a
    worker that stayed would keep the address from the next start. Only Linux can do it.
    """
    supervisor = parent_process()
    if supervisor is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != supervisor.pid:
        signal.raise_signal(signal.SIGTERM)
