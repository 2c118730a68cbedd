"""Which of our own source files a job runs, and one digest of what they mean.

Snakemake reruns a job when its params change, but does not look into the modules that a
script imports. A rule closes that gap with ``params: code=code("scripts/<rule>.py")``; a rule
that picks a plug-in by name with ``lambda w: code("scripts/segment.py", module_of(w.model))``.

A data file (table, template) stands beside the module that reads it and counts with it when it
has the module's name (``structures.tsv``) or when the module's code, or such a file, names it.
Weights are too large to stand there; a rule gives their digest as a param of its own.

``python -m phantomloom.provenance scripts/<rule>.py`` lists the files behind a digest.
"""

import ast
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import file_digest, sha256
from importlib.metadata import packages_distributions, version
from pathlib import Path

PACKAGE = Path(__file__).parent
ROOT = PACKAGE.parents[1]


@cache
def code(*entries: str) -> str:
    """Return the digest of ``entries`` with all first-party code, data and packages they import.

    An entry is a script path or a module name. The digest is the same wherever the checkout is.
    """
    files = closure(*entries)
    packages = sorted({package for file in files for package in _packages(file)})
    return sha256("\n".join([*map(fingerprint, files), *packages]).encode()).hexdigest()[:12]


@cache
def content(path: str, names: tuple[str, ...] | None = None) -> str:
    """Return the digest of a file, or of the files below a folder by relative path.

    Weights and reference tables enter params so. Of a folder only files called one of ``names``
    decide, by default all but hidden ones and a bundle's ``docs``.

    Raises:
        FileNotFoundError: if there are none.
    """
    top = Path(path)
    files = {Path(): top} if top.is_file() else _deciding_files(top, names)
    if not files:
        raise FileNotFoundError(f"{path}: nothing there; a key of the config names it")
    parts = [name.as_posix().encode() + _sha256(file) for name, file in files.items()]
    return sha256(b"".join(parts)).hexdigest()[:12]


def _sha256(file: Path) -> bytes:
    with file.open("rb") as content:
        return file_digest(content, "sha256").digest()


def files_below(folder: Path) -> dict[Path, Path]:
    """Return all files below ``folder`` by relative path, also of folders that are links.

    A link to a folder that it lies in is not followed: there would be no end.
    """
    found: list[Path] = []
    for top, folders, names in os.walk(folder, followlinks=True):
        here = Path(top).absolute()
        entered = {above.resolve() for above in (here, *here.parents)}
        folders[:] = [name for name in folders if (here / name).resolve() not in entered]
        found += [Path(top, name) for name in names]
    return {file.relative_to(folder): file for file in sorted(found)}


def _deciding_files(folder: Path, names: tuple[str, ...] | None) -> dict[Path, Path]:
    files = files_below(folder)
    if names:
        return {path: file for path, file in files.items() if path.name in names}
    idle = {path for path in files if any(p == "docs" or p[0] == "." for p in path.parts)}
    return {path: file for path, file in files.items() if path not in idle}


def scan_identity(source: Mapping) -> str:
    """Return one digest of a scan's files as its ``source.json`` lists them, in any order."""
    digests = sorted(file["sha256"] for file in source["files"])
    return sha256("".join(digests).encode()).hexdigest()[:16]


@cache
def closure(*entries: str) -> tuple[Path, ...]:
    """Return the files of ``entries`` and of all first-party modules and data they use, sorted."""
    todo = [file for entry in entries for file in _entry(entry)]
    seen: set[Path] = set()
    while todo:
        file = todo.pop()
        if file not in seen:
            seen.add(file)
            todo.extend((*_imports(file), *_data(file)))
    return tuple(sorted(seen))


@cache
def fingerprint(file: Path) -> str:
    """Digest a module's syntax tree, without comments, layout and docstrings; data as it is."""
    return sha256(file.relative_to(ROOT).as_posix().encode() + b" " + _meaning(file)).hexdigest()


@cache
def _meaning(file: Path) -> bytes:
    if file.suffix != ".py":
        return file.read_bytes()
    tree = _parse(file)
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree).encode()


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def _imported(file: Path) -> tuple[str, ...]:
    """Return the dotted names that ``file`` imports; a data file imports none."""
    if file.suffix != ".py":
        return ()
    names: list[str] = []
    for node in ast.walk(_parse(file)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{file}:{node.lineno}: relative import; write the full name")
            names += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(names)


@cache
def _imports(file: Path) -> tuple[Path, ...]:
    ours = (name for name in _imported(file) if name.split(".")[0] == PACKAGE.name)
    return tuple(found for name in ours for found in _modules(name))


@cache
def _data(file: Path) -> tuple[Path, ...]:
    """Return the data files beside ``file`` that have its name or that it names."""
    meaning = _meaning(file)
    own = file.stem if file.suffix == ".py" else None
    return tuple(
        other
        for other in file.parent.iterdir()
        if other.is_file() and other.suffix != ".py"
        if other.name.split(".")[0] == own or other.name.encode() in meaning
    )


def _packages(file: Path) -> set[str]:
    """Return ``name==version`` of each installed package that ``file`` imports directly."""
    tops = {name.split(".")[0] for name in _imported(file)}
    dists = {dist for top in tops for dist in _distributions().get(top, ())}
    return {f"{dist}=={_version(dist)}" for dist in dists}


@cache
def _version(dist: str) -> str:
    """Return one version number for a package's CPU and GPU builds."""
    return version(dist).split("+")[0]


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def _modules(name: str) -> Iterator[Path]:
    """Yield the files of module ``name`` and of its parent packages, outermost first."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        stem = PACKAGE.parent.joinpath(*parts[:depth])
        yield from filter(Path.is_file, (stem.with_suffix(".py"), stem / "__init__.py"))


def _entry(entry: str) -> list[Path]:
    script = entry.endswith(".py")
    files = list(filter(Path.is_file, [ROOT / entry])) if script else list(_modules(entry))
    if len(files) < (1 if script else entry.count(".") + 1):
        raise FileNotFoundError(f"no such script or module: {entry}")
    return files


def _parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), filename=str(file))


if __name__ == "__main__":
    for path in closure(*sys.argv[1:]):
        print(fingerprint(path)[:12], path.relative_to(ROOT))
