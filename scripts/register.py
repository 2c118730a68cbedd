"""Carry the labels of the case ``seen`` to the case ``unseen``, and compare with its own."""

from pathlib import Path

from phantomloom.io import artefact, log, nifti
from phantomloom.segmentation import Segmentation, labels
from phantomloom.segmentation.registration import carried
from phantomloom.segmentation.training.scores import scores
from phantomloom.segmentation.training.targets import as_learnt, tissue_truth
from phantomloom.structures import MODELS, structures

log.to(snakemake.log[0])
given, params = snakemake.input, snakemake.params
scans = [nifti.read(path) for path in (given.ct, given.other)]
maps, told = [], []
for ct, path, scheme, named in zip(
    scans, map(Path, (given.truth, given.labels)), params.schemes, params.structures, strict=True
):
    its = labels.segment(ct, path, "cpu", scheme, may_be_empty=True).labels
    maps.append(as_learnt(its))
    told.append(labels.told(path, scheme, its, named))
truth, other = maps
found = carried(*scans, other)
by_model = dict.fromkeys(MODELS, Segmentation(found, {}))
by_model["body"] = Segmentation(found.with_array(tissue_truth(found.array)), {})
known = {m: tuple(n for n, row in structures().items() if row.model == m) for m in MODELS}
rows = scores(by_model, truth, frozenset.intersection(*told), known)
content = {"status": artefact.DONE, "cases": {snakemake.wildcards.unseen: rows}}
artefact.write(content, snakemake.output[0], "score")
