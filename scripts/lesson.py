"""Bring CT and labels of a case onto the networks' grid, as training takes them."""

from pathlib import Path

from phantomloom.io import log, nifti
from phantomloom.resample import Grid, resample
from phantomloom.segmentation import labels
from phantomloom.segmentation.training.targets import of_scan

log.to(snakemake.log[0])
path, case, scheme = Path(snakemake.input.labels), snakemake.wildcards.case, snakemake.params.scheme
scan = nifti.read(snakemake.input.ct)
ct = resample(scan, Grid.of(scan).at(snakemake.params.spacing_mm))
shown = labels.shown(path, scheme)
named = set(snakemake.params.structures or ())
if lacking := named - shown:
    raise ValueError(
        f"{path}: the labels cannot show {', '.join(sorted(lacking))} as a whole, which "
        f"train.cases.{case}.structures names; in a folder, put an empty mask there if the scan "
        "shows none, else take it out of the list"
    )
truth = labels.segment(ct, path, "cpu", scheme, may_be_empty=True).labels
held = named or labels.told(path, scheme, truth)
of_scan(case, ct, truth, held).write(Path(snakemake.output[0]))
