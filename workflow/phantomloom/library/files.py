"""Which files of a case people want, with names that tell what they are."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

NAMES = {"nifti": "NIfTI phantom", "xcist": "XCIST", "stl": "STL", "glb": "GLB"}  # by folder


class File(NamedTuple):
    """A link."""

    name: str
    path: str  # relative to the results
    note: str


def links(results: Path, single: Mapping[str, str], folders: Iterable[str]) -> list[File]:
    """Return a link to each of ``single`` (by name) and to each export format.

    Args:
        results: what the links are relative to.
        single: files by the names they get.
        folders: each holds a folder per format: its one file is linked, or the folder of many.
    """
    named = [
        File(name, _from(results, Path(path)), Path(path).name) for name, path in single.items()
    ]
    formats = [f for folder in folders for f in sorted(Path(folder).iterdir()) if f.is_dir()]
    return [*named, *(_format(results, found) for found in formats)]


def _format(results: Path, folder: Path) -> File:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    name = NAMES.get(folder.name, folder.name)
    if len(files) == 1:
        return File(name, _from(results, files[0]), files[0].name)
    return File(name, _from(results, folder), f"folder of {len(files)} files")


def _from(results: Path, path: Path) -> str:
    return path.relative_to(results).as_posix()
