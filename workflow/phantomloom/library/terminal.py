"""The table that ends a run in the terminal: how each case fared, and where to look."""

from collections.abc import Container, Iterable
from pathlib import Path

from phantomloom.io import artefact
from phantomloom.library.table import artefact_paths, last_files, outcome

FAILED = "failed"  # the run was to make an artefact that is missing: its job crashed
OPEN = "open"  # the run was not about the artefact that is missing
STATUSES = (artefact.DONE, artefact.WITHHELD, artefact.REFUSED, OPEN, FAILED)
LINES, WIDTH = 60, 72


def terminal_table(
    results: Path,
    cases: Iterable[str],
    models: Iterable[str],
    protocols: Iterable[str],
    due: Container[str] = (),
) -> str:
    """Return the table that ends a run: how each case fared, why, and where to look.

    Above 60 cases it leaves out those that are done and says how many. ``due`` are the files
    that the run was to make.
    """
    fates = [_fate(results, case, [*models], [*protocols], due) for case in cases]
    counts = {kind: sum(fate[1] == kind for fate in fates) for kind in STATUSES}
    shown = fates if len(fates) <= LINES else [f for f in fates if f[1] != artefact.DONE]
    lines = [("case", "status", "where to look", "reason"), *shown]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    table = [
        "  ".join([*map(str.ljust, line[:3], widths), _shortened(line[3])]).rstrip()
        for line in lines
    ]
    told = ", ".join(f"{n} {kind}" for kind, n in counts.items() if n) or "no case"
    page = results / "library/index.html"
    return "\n".join([*table, told, *([f"all cases: {page}"] if page.is_file() else [])])


def _fate(
    results: Path, case: str, models: list[str], protocols: list[str], due: Container[str]
) -> tuple[str, str, str, str]:
    paths = last_files(case, models, protocols, results)
    person = results / f"person/{case}/person.json"
    drawn = {"person": person} if str(person) in due else {}
    for stage, path in (drawn | paths).items():
        if not path.is_file():
            unmade = FAILED if str(path) in due else OPEN
            log = results.parent / "logs" / _log(stage, case)
            return case, unmade, str(log), f"{stage} left no result"
    artefacts = artefact_paths(case, models, protocols, results)
    status, _, reason = outcome({stage: artefact.read(path) for stage, path in artefacts.items()})
    return case, status, str(paths["page"]), reason or ""


def _log(stage: str, case: str) -> str:
    rule, _, part = stage.replace("verdict", "qc").partition("/")
    names = {"segment": f"{case}.{part}.log", "simulate": f"{case}/{part}.log"}
    return f"{rule}/{names.get(rule, f'{case}.log')}"


def _shortened(words: str) -> str:
    return words if len(words) <= WIDTH else f"{words[: WIDTH - 1]}…"
