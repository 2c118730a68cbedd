"""The reference population: natural logarithms of volumes in ml; a row is a person.

It is a versioned file, rebuilt only by the explicit target ``reference``: were it taken from the
library at each run, every new case would judge all the others anew.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from phantomloom.qc import whole
from phantomloom.qc.volume import SEXES, reference

# shares of a log-volume's variance: the person's size, the group (both kidneys, all lobes), itself
SIZE_SHARE, GROUP_SHARE = 0.25, 0.6
FEWEST_PERSONS = 50  # also of one sex; of fewer, covariances of some twenty structures mean nothing


def published(persons: int, seed: int) -> pd.DataFrame:
    """Return a synthetic population with the published means and spreads of ``volumes.tsv``.

    Half are men. Volumes are log-normal and correlated by the shares above, which are set here:
    organ weights correlate moderately with body size, partners strongly with each other.
    """
    random = np.random.default_rng(seed)
    table = reference()
    groups = [re.sub("^(lung).*|_(left|right)$", r"\1", name) for name in table.index]
    _, group = np.unique(groups, return_inverse=True)
    alone = np.bincount(group)[group] == 1
    group_share = np.where(alone, 0, GROUP_SHARE)
    draws = (
        np.sqrt(SIZE_SHARE) * random.standard_normal((persons, 1))
        + np.sqrt(group_share) * random.standard_normal((persons, group.max() + 1))[:, group]
        + np.sqrt(1 - SIZE_SHARE - group_share) * random.standard_normal((persons, len(table)))
    )
    spread = np.sqrt(np.log(1 + table.variation.to_numpy() ** 2))
    sex = [list(SEXES)[person % 2] for person in range(persons)]
    means = table[[SEXES[s] for s in sex]].to_numpy().T
    values = np.log(means) - spread**2 / 2 + spread * draws
    frame = pd.DataFrame(values.round(3), columns=list(table.index))
    frame.insert(0, "sex", sex)
    return frame.rename_axis("person")


def read(path: Path | str) -> pd.DataFrame:
    """Return the population in ``path``, a table of tabs.

    Raises:
        ValueError: if it has no column of persons or of their sex.
    """
    table = pd.read_csv(path, sep="\t")
    if lacking := sorted({"person", "sex"} - {*table.columns}):
        raise ValueError(
            f"qc.reference: {path} has no column {lacking[0]!r}; `snakemake reference` writes such "
            "tables: person, sex (M, F or empty), and log-volumes by structure"
        )
    return table.set_index("person")


def of_cases(cases: Mapping[str, tuple[str | None, pd.DataFrame]]) -> pd.DataFrame:
    """Return the population of ``cases`` (name -> sex, measurements): what each holds wholly.

    Only structures with published volumes count: many more than there are persons for would let
    everybody pass. Those that fewer than half of the cases hold are left out.

    Raises:
        ValueError: if there are too few cases.
    """
    if len(cases) < FEWEST_PERSONS:
        raise ValueError(
            f"a reference population needs {FEWEST_PERSONS} adults that passed, not {len(cases)}"
        )
    names = reference().index
    rows = {c: np.log(whole(table).volume_ml.reindex(names)) for c, (_, table) in cases.items()}
    frame = pd.DataFrame(rows).T.round(3)
    frame = frame.loc[:, frame.notna().mean() >= 0.5]
    frame.insert(0, "sex", [sex for sex, _ in cases.values()])
    return frame.rename_axis("person")
