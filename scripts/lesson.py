"""Bring CT and labels of a case onto the networks' grid, as training takes them."""

from pathlib import Path

from phantomloom.io import log, nifti
from phantomloom.resample import Grid, resample_ct
from phantomloom.segmentation import labels
from phantomloom.segmentation.training.targets import of_scan

log.to(snakemake.log[0])
path, case, scheme = Path(snakemake.input.labels), snakemake.wildcards.case, snakemake.params.scheme
scan = nifti.read(snakemake.input.ct)
ct = resample_ct(scan, Grid.of(scan).at(snakemake.params.spacing_mm))
truth = labels.segment(ct, path, "cpu", scheme, may_be_empty=True).labels
held = labels.told(path, scheme, truth, snakemake.params.structures)
of_scan(case, ct, truth, held).write(Path(snakemake.output[0]))
