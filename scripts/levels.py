"""Write where along the spine the structures of people lie, a table that merge reads."""

from pathlib import Path

from safetensors.numpy import load_file

from phantomloom import levels
from phantomloom.io import complete, log
from phantomloom.volume import Volume

HEAD = """\
# Where along the spine structures lie, from the highest plane in any of {count} stylised people
# to the lowest, in levels: vertebrae from C1 (0) down to L5 (23). `snakemake levels` makes it.
name\tupper\tlower
"""

log.to(snakemake.log[0])
spacing_mm = (snakemake.params.spacing_mm,) * 3
people = [
    Volume(labels, spacing_mm)
    for path in snakemake.input.people
    for key, labels in load_file(path).items()
    if key.endswith("/labels")
]
rows = [
    f"{name}\t{upper:.1f}\t{lower:.1f}" for name, (upper, lower) in levels.ranges(people).items()
]
with complete(Path(snakemake.output.table)) as partial:
    partial.write_text(HEAD.format(count=len(people)) + "\n".join(rows) + "\n")
