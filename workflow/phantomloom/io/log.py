"""A job's log file: progress, warnings and what libraries say, with the time."""

import logging
import sys
from pathlib import Path


def to(path: str) -> logging.Logger:
    """Send stdout, stderr, warnings and log records of this process to ``path``; return the logger.

    Tracebacks of a crash land there too, so that one file answers what a job did.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    stream = Path(path).open("w", buffering=1)  # noqa: SIM115 (open until the process ends)
    sys.stdout = sys.stderr = stream
    logging.basicConfig(
        stream=stream, level=logging.INFO, format="%(asctime)s %(message)s", force=True
    )
    logging.captureWarnings(True)
    return logging.getLogger("phantomloom")
