"""Fit the shared network by a recipe, on people and the scans of ``seen``; write the bundles."""

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file

from phantomloom.cohort import hounsfield, person
from phantomloom.io import artefact, complete, log
from phantomloom.memory import keep_freed
from phantomloom.provenance import scan_identity
from phantomloom.segmentation.device import choose
from phantomloom.segmentation.training import bundles, loop, targets
from phantomloom.segmentation.training.samples import Material

log.to(snakemake.log[0])
keep_freed()
torch.set_num_threads(snakemake.threads)
given, settings = snakemake.input, snakemake.params
device = choose(settings.device, settings.gpu_memory_mb)
recipe = loop.Recipe.of(settings.settings)
contrast_hu = torch.stack([torch.from_numpy(hounsfield(person(n))) for n in range(256)])
people = [case for path in given.people for case in targets.people(load_file(path))]
scans = [targets.TrainingCase.read(Path(path)) for path in given.scans]
levels = settings.settings.get("levels", "scans")
material = Material.of(people, scans, contrast_hu, recipe.shares, levels)
watched = Material(targets.people(load_file(given.watched[0])), [], contrast_hu)
first = loop.Fitted.read(Path(given.first[0])) if given.first else None
cases, known = [*material.people, *material.scans], first.learnt if first else None
learnt, folder = targets.classes(cases, known), Path(snakemake.output.weights).parent
name = loop.identity(material, learnt, recipe, first, snakemake.params.code)
run = folder / "run" / name  # outputs are removed before a job, run is not
fitted = loop.train(material, watched, learnt, recipe, run, device, first)
with complete(Path(snakemake.output.log)) as copy:
    shutil.copyfile(run / "log.jsonl", copy)
fitted.write(Path(snakemake.output.weights), settings.settings)
seen = tuple(scan_identity(artefact.read(path)) for path in given.source)
bundles.write(folder, fitted, recipe, seen)
