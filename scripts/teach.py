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
train, test = (
    pairs.read(Path(files[0]).parent).of(part)
    for files, part in ((snakemake.input.train, "train"), (snakemake.input.test, "test"))
)
generator = trained.read(snakemake.input.generator, device)
sampler = Sampler(generator, len(train.class_names), 64, device)
found = teaching.teach(sampler, train, test, Recipe(**snakemake.params.recipe), device)
told = {name: estimate._asdict() for name, estimate in found._asdict().items()}
artefact.write(told, snakemake.output[0], schema="gan_metrics")
