"""Machine code from Python, kept from run to run where a folder for it can be written."""

import logging
from collections.abc import Callable
from typing import Any

import numba


def compiled(**options: Any) -> Callable[[Callable], Callable]:
    """Return a decorator: ``numba.njit`` cached beside the source or in the user's own folder.

    Where neither can be written (a read-only checkout in a container without a home) the code is
    compiled anew by each process, which takes some seconds and is logged.
    """

    def decorate(function: Callable) -> Callable:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError as error:
            if "no locator" not in str(error):
                raise
            logging.getLogger(__name__).warning("%s; compiling it in this process", error)
            return numba.njit(**options)(function)

    return decorate
