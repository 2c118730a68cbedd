"""JSON artefacts: validated when written; each carries a status that later stages obey."""

import json
from pathlib import Path
from typing import Any

from phantomloom import validation
from phantomloom.io import complete

DONE, WITHHELD, REFUSED = "done", "withheld", "refused"


def write(content: dict[str, Any] | list[dict[str, Any]], path: Path | str, schema: str) -> None:
    """Write ``content`` with sorted keys, so that equal content gives equal bytes.

    Raises:
        ValueError: naming the file and every key that ``schemas/<schema>.schema.yaml`` forbids.
    """
    if found := validation.faults(content, validation.schema(schema)):
        raise ValueError("\n".join(f"{path}: {fault}" for fault in found))
    with complete(Path(path)) as partial:
        partial.write_text(json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read(path: Path | str) -> dict[str, Any]:
    """Return the content of the artefact at ``path``."""
    return json.loads(Path(path).read_text())


def reason_to_withhold(path: Path | str) -> str | None:
    """Return why a stage that depends on the artefact at ``path`` has nothing to do, or None."""
    artefact = read(path)
    return None if artefact["status"] == DONE else artefact["reason"]


def withhold(outputs: list[str], reason: str, status: str = WITHHELD) -> None:
    """Write ``status`` and reason to each output: JSON as such, tables and images as empty files.

    A path without a suffix is a folder and is made, empty.
    """
    for output in map(Path, outputs):
        if output.suffix == ".json":
            content = {"status": status, "reason": reason}
            with complete(output) as partial:
                partial.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
        elif output.suffix:
            with complete(output) as partial:
                partial.touch()
        else:
            output.mkdir(parents=True, exist_ok=True)
