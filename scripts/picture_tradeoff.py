"""Draw weighted F1 of a sweep against epsilon."""

from pathlib import Path

from phantomloom.io import artefact, log
from phantomloom.privacy import picture

log.to(snakemake.log[0])
picture.draw(artefact.read(snakemake.input[0]), Path(snakemake.output[0]))
