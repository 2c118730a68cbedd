"""Fit the shared network on the cases of ``seen`` and write one bundle a model."""

from pathlib import Path

import torch

from phantomloom.io import artefact, log, nifti
from phantomloom.provenance import scan_identity
from phantomloom.resample import Grid, resample
from phantomloom.segmentation import bundle, labels
from phantomloom.segmentation.training import loop, targets

said = log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
spacing_mm = snakemake.params.spacing_mm
cases = []
for (name, scheme), ct_path, labels_path in zip(
    snakemake.params.schemes.items(), snakemake.input.ct, snakemake.input.labels, strict=True
):
    scan = nifti.read(ct_path)
    ct = resample(scan, Grid.of(scan).at(spacing_mm))
    given = labels.segment(ct, Path(labels_path), "cpu", scheme)
    cases.append(targets.TrainingCase(name, ct, given.labels))
learnt = targets.classes(cases)
said.info("learns %s", {model: len(structures) for model, structures in learnt.items()})
recipe = loop.Recipe(**snakemake.params.recipe)
folder = Path(snakemake.output[0]).parents[2]
device = "cuda" if torch.cuda.is_available() else "cpu"
weights = loop.train(cases, learnt, recipe, folder, device, snakemake.params.code)
scans = tuple(scan_identity(artefact.read(path)) for path in snakemake.input.source)
for model, part in targets.split(weights, learnt).items():
    about = bundle.About(
        f"PhantomLoom {model}", learnt[model], spacing_mm, tuple(recipe.patch), scans
    )
    definition = loop.network_def(1 + len(learnt[model]), recipe)
    bundle.write(folder / model, about, definition, part)
