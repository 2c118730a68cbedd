"""Try whether a segmenter learns more when generated images stand beside the real ones."""

from pathlib import Path

import torch

from phantomloom.gan import pairs, teaching, trained
from phantomloom.gan.sampling import Sampler
from phantomloom.gan.segmenter import Recipe
from phantomloom.io import artefact, log

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
device = "cuda" if torch.cuda.is_available() else "cpu"
given, folder = snakemake.input, Path(snakemake.output[0]).parent
train, test = pairs.read_sides(Path(given.train[0]).parent, Path(given.test[0]).parent, "gan")
sampler = Sampler.of(trained.read(given.generator, device), device)
found = teaching.teach(sampler, train, test, Recipe(**snakemake.params.recipe), folder, device)
told = {name: estimate._asdict() for name, estimate in found._asdict().items()}
artefact.write(told, snakemake.output[0], schema="gan_metrics")
