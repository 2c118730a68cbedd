"""What releases have spent of the privacy of reports, so that none is trained twice unawares."""

import json
from pathlib import Path

from phantomloom.io import complete

RECORD = "spent.json"


def check_unspent(folder: Path, origin: str) -> None:
    """Check that no release but one of the same ``origin`` has been trained in ``folder``.

    origin: what decides the release, in words. The same one goes on from its state and spends
    nothing more. Write protection alone does not keep root from a second training.

    Raises:
        ValueError: if there has.
    """
    record = folder / RECORD
    if not record.exists():
        return
    told = json.loads(record.read_text())
    if told["origin"] != origin:
        raise ValueError(
            f"{record}: these reports have been released at epsilon {told['epsilon']:.4g}, from "
            "other data, settings or code than now; another release adds its epsilon to that. To "
            "spend it knowingly, move the record and the release away"
        )


def record(folder: Path, origin: str, epsilon: float) -> None:
    """Note in ``folder`` what a release has spent, before anyone sees it."""
    told = {"epsilon": epsilon, "origin": origin}
    with complete(folder / RECORD) as partial:
        partial.write_text(json.dumps(told, indent=1) + "\n")
