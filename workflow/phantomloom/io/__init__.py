"""One file format a module; files appear at their final path only when complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def complete(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it takes the final name when the block succeeds."""
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")  # suffixes choose formats
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
