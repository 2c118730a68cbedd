"""Compare bundles with reference labels of a case that their training did not see."""

from pathlib import Path

import torch

from phantomloom.io import artefact, log, nifti
from phantomloom.segmentation import labels, monai
from phantomloom.segmentation.bundle import about
from phantomloom.segmentation.device import choose
from phantomloom.segmentation.training.scores import scores
from phantomloom.segmentation.training.targets import as_learnt

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
device = choose(snakemake.params.device, snakemake.params.gpu_memory_mb)
ct = nifti.read(snakemake.input.ct)
given, scheme = Path(snakemake.input.labels), snakemake.params.scheme
truth = labels.segment(ct, given, device, scheme, may_be_empty=True).labels
told = labels.told(given, scheme, truth, snakemake.params.structures)
folders = {Path(path).parents[1].name: Path(path).parents[1] for path in snakemake.input.weights}
known = {model: about(folder).structures for model, folder in folders.items()}
found = monai.segment_together(ct, folders, device)
rows = scores(found, as_learnt(truth), told, known)
content = {"status": artefact.DONE, "cases": {snakemake.wildcards.unseen: rows}}
artefact.write(content, snakemake.output[0], "score")
