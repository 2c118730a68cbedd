"""Write the page of a sweep: conclusions, picture, tables."""

from pathlib import Path

from PIL import Image

from phantomloom.io import artefact, complete, log
from phantomloom.library.sweep import sweep_page

log.to(snakemake.log[0])
with Image.open(snakemake.input.picture) as picture:
    size = picture.size
text = sweep_page(snakemake.wildcards.sweep, artefact.read(snakemake.input.statistics), size)
with complete(Path(snakemake.output[0])) as partial:
    partial.write_text(text, encoding="utf-8")
