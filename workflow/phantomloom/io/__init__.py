"""One file format a module; files appear at their final path only when complete."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def complete(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it takes the final name when the block succeeds.

    What a killed job leaves there is overwritten by the next one. Who may use the folder may use
    the file: safetensors writes for the owner alone.
    """
    partial = path.with_name(f".partial-{path.name}")  # the suffix chooses the format
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        partial.chmod(path.parent.stat().st_mode & 0o666)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
