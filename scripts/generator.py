"""Train a generator of images from masks, with a grid of samples each time it is saved."""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import torch

from phantomloom.gan import pairs, pictures, processes, sampling, trained, training
from phantomloom.gan.run import identity
from phantomloom.io import complete, log

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
name, folder = snakemake.wildcards.variant, Path(snakemake.output.generator).parent
settings = trained.settings_of(name, snakemake.params.settings)
data = pairs.read(Path(snakemake.input.pairs[0]).parent).of("train")
# what a stopped run goes on from: Snakemake removes outputs before a job
run = folder / "run" / identity(name, data, settings, snakemake.params.code)
shown = np.linspace(0, len(data.names) - 1, 6, dtype=int)
masks, names = data.masks[shown], [data.names[row] for row in shown]
wishes = sampling.draws(names, 3, settings.seed)


def look(device, images, generator):
    """Leave a picture of what the generator makes by now."""
    sampler = sampling.Sampler.of(generator, device)
    made = torch.stack([s.image for s in sampling.sampled(sampler, masks, names, wishes)])
    columns = [(f"sample {n + 1}", made[n::3]) for n in range(3)]
    columns = [("real", data.scaled(shown)), *columns]
    with complete(run / "progress" / f"{images:09}.png") as picture:
        pictures.grid(masks, data.class_names, columns, names).save(picture)


def work(device):
    """Train; the first of several processes writes the generator."""
    found = training.train(name, data, settings, run, device, partial(look, device))
    if processes.rank() == 0:
        with complete(Path(snakemake.output.log)) as copy:
            shutil.copyfile(run / "log.jsonl", copy)
        found.write(Path(snakemake.output.generator))


processes.each(snakemake.resources.gpu, work)
