"""Compare bundles with the labels of the stylised people of one file."""

from pathlib import Path

import torch
from safetensors.numpy import load_file

from phantomloom.io import artefact, log
from phantomloom.segmentation import monai
from phantomloom.segmentation.bundle import about
from phantomloom.segmentation.device import choose
from phantomloom.segmentation.training.scores import scores
from phantomloom.structures import structures
from phantomloom.volume import Volume

said = log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
device = choose(snakemake.params.device, snakemake.params.gpu_memory_mb)
folders = {Path(path).parents[1].name: Path(path).parents[1] for path in snakemake.input.weights}
known = {model: about(folder).structures for model, folder in folders.items()}
tensors, spacing_mm = load_file(snakemake.input.people), (snakemake.params.spacing_mm,) * 3
people = {}
for number in sorted({key.split("/")[0] for key in tensors}, key=int):
    ct = Volume(tensors[f"{number}/hu"], spacing_mm)
    truth = ct.with_array(tensors[f"{number}/labels"])
    found = monai.segment_together(ct, folders, device)
    people[number] = scores(found, truth, structures(), known)
    said.info("person %s: %d structures", number, len(people[number]))
artefact.write({"status": artefact.DONE, "cases": people}, snakemake.output[0], "score")
