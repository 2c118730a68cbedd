"""Draw the training curves of a contest."""

from collections import defaultdict
from pathlib import Path

from phantomloom.gan import pictures
from phantomloom.io import complete, lines, log

log.to(snakemake.log[0])
runs = defaultdict(list)
for path in map(Path, snakemake.input):
    runs[path.parts[-3]].append(lines.read(path))
drawn = pictures.curves(runs, ["critic", "generator", "images_per_second"], "images")
with complete(Path(snakemake.output[0])) as partial:
    drawn.savefig(partial, format="png")
