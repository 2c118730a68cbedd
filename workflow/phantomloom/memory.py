"""Peak memory of a piece of work, in a process of its own."""

import resource
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection


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
