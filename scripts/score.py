"""Dice of bundles on a labelled case that their training did not see."""

from pathlib import Path

import torch

from phantomloom.io import artefact, log, nifti
from phantomloom.segmentation import labels, monai
from phantomloom.segmentation.agreement import dice
from phantomloom.segmentation.bundle import about
from phantomloom.segmentation.training.targets import TrainingCase, classes, targets
from phantomloom.structures import label

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
device = "cuda" if torch.cuda.is_available() else "cpu"
ct = nifti.read(snakemake.input.ct)
given = labels.segment(ct, Path(snakemake.input.labels), device, snakemake.params.scheme)
case = TrainingCase(snakemake.wildcards.unseen, ct, given.labels)
learnt = classes([case])
rows = {}
for (model, names), reference in zip(learnt.items(), targets(case, learnt), strict=True):
    folder = Path(snakemake.params.bundles, model)
    found = monai.segment(ct, folder, device).labels
    known = about(folder).structures  # a structure that training did not hold is no failure
    for index, name in enumerate(names, 1):
        if name in known:
            rows[name] = round(dice(found.array == label(name), reference == index), 3)
artefact.write({"status": artefact.DONE, "dice": rows}, snakemake.output[0], "score")
