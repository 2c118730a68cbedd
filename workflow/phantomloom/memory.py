"""Memory of a process: what a piece of work peaks at, and whether what is freed is kept."""

import ctypes
import platform
import resource
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of malloc.h


def keep_freed() -> None:
    """Keep freed memory for what comes next, if the C library is glibc; else do nothing.

    By default it gives large blocks back and takes them anew, filled with zeros by the system: a
    step of training, which takes the same blocks each time, lost a tenth to a quarter of its time
    by that. Source: mallopt(3).
    """
    if platform.libc_ver()[0] == "glibc":
        glibc = ctypes.CDLL(None)
        glibc.mallopt(M_MMAP_MAX, 0)
        glibc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def peaks_mb(work: Callable[[], object]) -> tuple[float, float]:
    """Return the peak memory of a process in MB, before it does ``work`` and after.

    Forked, as a new interpreter would run a job's script again: this process must not have made
    gradients or computed in several threads, which do not survive a fork.

    Raises:
        EOFError: if the process dies, as one does that takes more than there is.
    """
    fork = get_context("fork")
    receive, send = fork.Pipe(duplex=False)
    process = fork.Process(target=_tell, args=(work, send))
    process.start()
    send.close()
    peaks = receive.recv()
    process.join()
    return peaks


def _tell(work: Callable[[], object], send: Connection) -> None:
    before = _peak_mb()
    work()
    send.send((before, _peak_mb()))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
