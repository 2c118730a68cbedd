"""Write a contest's page: verdicts, tables, samples beside real images, curves."""

from pathlib import Path

from PIL import Image

from phantomloom.io import artefact, complete, log
from phantomloom.library.contest import Picture, contest_page

log.to(snakemake.log[0])
page = Path(snakemake.output[0])
shown = []
for path in map(Path, [*snakemake.input.grids, snakemake.input.losses]):
    with Image.open(path) as image:
        title = " ".join(path.relative_to(page.parent).parts[:-1]) or "training"
        shown.append(Picture(title, str(path.relative_to(page.parent)), *image.size))
verdicts = artefact.read(snakemake.input.verdicts)
text = contest_page(snakemake.wildcards.contest, verdicts, shown)
with complete(page) as partial:
    partial.write_text(text, encoding="utf-8")
