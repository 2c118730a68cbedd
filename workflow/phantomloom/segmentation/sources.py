"""Where the weights of a model lie, or a case's given labels, and what they are by content."""

import os
from collections.abc import Collection, Mapping
from typing import Any

from phantomloom.provenance import content

NETWORK = ("dataset.json", "plans.json", "checkpoint_final.pth")  # the rest training left there
DECIDING = {"nnunet": NETWORK, "totalsegmentator": NETWORK}
WHERE = {
    "monai": "train networks with `snakemake train`, or unpack a published MONAI bundle there",
    "nnunet": """unpack there the results of nnU-Net v2 as its authors publish them, or as
`nnUNetv2_install_pretrained_model_from_zip` leaves them under nnUNet_results""",
    "totalsegmentator": """fetch them on a machine with a connection,
`TOTALSEG_WEIGHTS_PATH=FOLDER totalseg_download_weights --task TASK` (`make extras` installs it)""",
    "labels": "put there a label map, or a folder of masks, for every case of the sheet",
}


def source(row: Mapping[str, Any], case: str) -> str:
    """Return the path that a row of ``segment.models`` names, for a case."""
    return row["labels"].replace("{case}", case) if "labels" in row else row["weights"]


def settings(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the engine's own settings in a row of ``segment.models``."""
    return {k: v for k, v in row.items() if k not in ("engine", "weights", "labels", "device")}


def digest(row: Mapping[str, Any], model: str, case: str, cases: Collection[str]) -> str | None:
    """Return the digest of what ``source`` names.

    None if labels of a case cannot be read while others of ``cases`` have theirs: its job tells.

    Raises:
        FileNotFoundError: if nothing is there, with the config key and where to get it.
    """
    path = source(row, case)
    try:
        return content(path, DECIDING.get(row["engine"]))
    except OSError as fault:
        others = {source(row, other) for other in cases} - {path}
        if any(map(os.path.exists, others)):
            return None
        if not isinstance(fault, FileNotFoundError):
            raise
        key = "labels" if "labels" in row else "weights"
        cure = WHERE.get(row["engine"], "put there what the engine asks for")
        raise FileNotFoundError(
            f"{path}: nothing there, but segment.models.{model}.{key} names it; "
            + cure.replace("\n", " ")
        ) from fault
