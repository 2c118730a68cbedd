from pathlib import Path

from phantomloom.io import log
from phantomloom.segmentation.training import curves

log.to(snakemake.log[0])
logs = dict(zip(snakemake.params.runs, map(Path, snakemake.input.logs), strict=True))
curves.draw(logs, Path(snakemake.output[0]))
