"""Carry the labels of the case ``seen`` to the case ``unseen``, and compare with its own."""

from pathlib import Path

from phantomloom.io import artefact, log, nifti
from phantomloom.segmentation import Segmentation, labels
from phantomloom.segmentation.agreement import agreements
from phantomloom.segmentation.registration import carried
from phantomloom.structures import MODELS, structures

log.to(snakemake.log[0])
ct, other = nifti.read(snakemake.input.ct), nifti.read(snakemake.input.other)
own, foreign = snakemake.params.schemes
path = Path(snakemake.input.truth)
truth = labels.segment(ct, path, "cpu", own, may_be_empty=True).labels
told = snakemake.params.structures or labels.told(path, own, truth)
given = labels.segment(
    other, Path(snakemake.input.labels), "cpu", foreign, may_be_empty=True
).labels
found = carried(ct, other, given)
by_model = dict.fromkeys(MODELS, Segmentation(found, {}))
known = {m: tuple(n for n, row in structures().items() if row.model == m) for m in MODELS}
rows = {name: row._asdict() for name, row in agreements(by_model, truth, told, known).items()}
content = {"status": artefact.DONE, "cases": {snakemake.wildcards.unseen: rows}}
artefact.write(content, snakemake.output[0], "score")
