"""What releases have spent of the privacy of reports, so that none is trained twice unawares."""

import json
from pathlib import Path

from phantomloom.io import complete

RECORD = "spent.json"
KNOWINGLY = "To spend it knowingly, move record and release away"


def resumes(folder: Path, released: Path, origin: str) -> bool:
    """Tell whether a release has been trained in ``folder``, and so may only go on from its state.

    ``origin`` is what decides it, in words. Write protection alone does not keep root from a second
    training.

    Raises:
        ValueError: if one of another origin has, or if ``released``, the model's file, is there and
            nobody knows what it has spent.
    """
    path = folder / RECORD
    if not path.exists():
        if released.exists():
            raise ValueError(
                f"{released}: there, but not {path}, which says what it has spent of the reports' "
                f"privacy; another training would spend more. {KNOWINGLY}"
            )
        return False
    told = json.loads(path.read_text())
    if told["origin"] != origin:
        raise ValueError(
            f"{path}: these reports have been released at epsilon {told['epsilon']:.4g}, from "
            f"other data, settings or code than now; another release adds its own. {KNOWINGLY}"
        )
    return True


def record(folder: Path, origin: str, epsilon: float) -> None:
    """Note in ``folder`` what a release has spent, before anyone sees it."""
    told = {"epsilon": epsilon, "origin": origin}
    with complete(folder / RECORD) as partial:
        partial.write_text(json.dumps(told, indent=1) + "\n")
