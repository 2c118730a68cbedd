from pathlib import Path

from phantomloom.io import complete, log, nifti
from phantomloom.library import comparison
from phantomloom.segmentation import labels

log.to(snakemake.log[0])
given, params = snakemake.input, snakemake.params
ct = nifti.read(given.ct)
drawn = comparison.side_by_side(
    params.title,
    ct,
    labels.segment(ct, Path(given.reference), "cpu", params.scheme).labels,
    [nifti.read(path) for path in given.found],
    params.window_hu,
    params.pixels,
)
with complete(Path(snakemake.output[0])) as partial:
    drawn.save(partial)
