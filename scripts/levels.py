"""Write from which vertebral level to which the structures of stylised people reach."""

from math import ceil, floor
from pathlib import Path

from phantomloom.cohort import labels, person
from phantomloom.io import complete, log
from phantomloom.vertebral_levels import ranges

HEAD = """\
# From which vertebral level to which each structure reaches in any of {persons} stylised people:
# C1 is 0, L5 is 23 (vertebral_levels.py). `snakemake levels` makes it.
name\tupper\tlower
"""

said = log.to(snakemake.log[0])
persons = snakemake.params.persons


def drawn(number):
    """Return the labels of a person."""
    said.info("person %d", number)
    return labels(person(number), snakemake.params.spacing_mm)


found = ranges(drawn(number) for number in range(persons))
rows = [
    f"{name}\t{floor(10 * upper) / 10}\t{ceil(10 * lower) / 10}\n"
    for name, (upper, lower) in found.items()
]
with complete(Path(snakemake.output.table)) as partial:
    partial.write_text(HEAD.format(persons=persons) + "".join(rows))
