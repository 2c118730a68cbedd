"""Draw the training curves of a contest."""

import json
from pathlib import Path

from phantomloom.gan import pictures
from phantomloom.io import complete, log

log.to(snakemake.log[0])
runs = {}
for path in map(Path, snakemake.input):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    runs[f"{path.parts[-3]}, {path.parts[-2]}"] = lines
drawn = pictures.curves(runs, ["critic", "generator", "images_per_second"], "images")
with complete(Path(snakemake.output[0])) as partial:
    drawn.savefig(partial, format="png")
