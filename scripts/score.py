"""Compare bundles with reference labels of a case that their training did not see."""

from pathlib import Path

import torch

from phantomloom.io import artefact, log, nifti
from phantomloom.provenance import scan_identity
from phantomloom.segmentation import labels, monai
from phantomloom.segmentation.agreement import agreements
from phantomloom.segmentation.bundle import about
from phantomloom.segmentation.device import choose

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
device = choose(snakemake.params.device, snakemake.params.gpu_memory_mb)
unseen, source = snakemake.wildcards.unseen, artefact.read(snakemake.input.source)
if reason := artefact.reason_to_withhold(snakemake.input.source):
    raise ValueError(f"{unseen}: {reason}; mend the scan, or take it out of the config's train")
ct = nifti.read(snakemake.input.ct)
truth = labels.segment(ct, Path(snakemake.input.labels), device, snakemake.params.scheme).labels
folders = {Path(path).parents[1].name: Path(path).parents[1] for path in snakemake.input.weights}
known = {model: about(folder).structures for model, folder in folders.items()}
if any(scan_identity(source) in about(folder).training_scans for folder in folders.values()):
    raise ValueError(f"{unseen}: is the very scan of a case that taught {snakemake.wildcards.seen}")
found = {model: monai.segment(ct, folder, device) for model, folder in folders.items()}
rows = {name: row._asdict() for name, row in agreements(found, truth, known).items()}
content = {"status": artefact.DONE, "cases": {unseen: rows}}
artefact.write(content, snakemake.output[0], "score")
