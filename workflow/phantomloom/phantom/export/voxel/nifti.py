"""NIfTI label map with two tables: structures.tsv of its labels, materials.tsv of what they are of.

The columns of structures.tsv are those of the NCI/UF phantom library; materials.tsv holds the mass
fractions by chemical symbol.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from phantomloom.io import complete, nifti
from phantomloom.materials import ATOMIC_NUMBERS, material
from phantomloom.phantom.export.voxel import Substances
from phantomloom.phantom.inventory import contents
from phantomloom.volume import Volume

COLUMNS = {"id": "tag", "voxels": "voxel_count"}


def write(labels: Volume, folder: Path) -> None:
    """Write labels.nii.gz, structures.tsv and materials.tsv; tag 0 is the air outside the body."""
    structures = pd.DataFrame(contents(labels)).rename(columns=COLUMNS)
    nifti.write(labels, folder / "labels.nii.gz")
    _write_table(structures, folder / "structures.tsv")
    _write_table(_compositions(structures.material), folder / "materials.tsv")


def read(folder: Path) -> Substances:
    """Return the labels and the material of each."""
    structures = pd.read_csv(folder / "structures.tsv", sep="\t")
    materials = dict(zip(structures.tag.tolist(), structures.material.tolist(), strict=True))
    return Substances(nifti.read(folder / "labels.nii.gz"), materials)


def _compositions(names: pd.Series) -> pd.DataFrame:
    rows = []
    for substance in map(material, sorted(set(names))):
        fractions = {
            symbol: np.round(substance.mass_fractions.get(z, 0.0), 6)
            for symbol, z in ATOMIC_NUMBERS.items()
        }
        head = {"name": substance.name, "density_g_cm3": substance.density_g_cm3}
        rows.append({**head, **fractions, "source": substance.source})
    return pd.DataFrame(rows)


def _write_table(table: pd.DataFrame, path: Path) -> None:
    with complete(path) as partial:
        table.to_csv(partial, sep="\t", index=False, lineterminator="\n")
