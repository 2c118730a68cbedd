"""Sample a generator: draws of test masks, a way between two draws, an edited mask."""

from pathlib import Path

import numpy as np
import torch

from phantomloom.gan import editing, pairs, pictures, sample_files, sampling, trained
from phantomloom.gan.sampling import Sampler
from phantomloom.io import complete, log

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
device, p = "cuda" if torch.cuda.is_available() else "cpu", snakemake.params.samples
folder = Path(snakemake.output.folder)
test = pairs.read(Path(snakemake.input.pairs[0]).parent).of("test")
sampler = Sampler.of(trained.read(snakemake.input.generator, device), device)
rows = np.unique(np.linspace(0, len(test.names) - 1, p["masks"], dtype=int))
names = [test.names[row] for row in rows]
wishes = sampling.draws(names, p["per_mask"], p["seed"], p["truncation"])
found = list(sampling.sampled(sampler, test.masks[rows], names, wishes))
written = sample_files.write_pictures(found, folder)
shown = [place for place, row in enumerate(rows) if test.masks[row].any()] or [0]
place = shown[len(shown) // 2]  # of the mask that is changed, one with classes if there is any
middle = int(rows[place])
way = [(0, latent) for latent in sampling.way(p["seed"], p["seed"] + 1, 8, p["truncation"])]
mask, name = test.masks[middle : middle + 1], f"way/{test.names[middle]}"
written += sample_files.write_pictures(sampling.sampled(sampler, mask, [name], way), folder)
there = [int(n) for n in np.unique(mask) if n]
if there:
    edits = [editing.removed(mask[0], n) for n in there]
    names_of_edits = [f"without_{test.class_names[n - 1]}/{test.names[middle]}" for n in there]
    same = sampling.everywhere(len(edits), [wishes[place * p["per_mask"]][1]])
    made = sampling.sampled(sampler, np.stack(edits), names_of_edits, same)
    written += sample_files.write_pictures(made, folder)
sample_files.write_list(written, folder / "samples.tsv")
images = torch.stack([sample.image for sample in found]).unflatten(0, (len(rows), -1))
columns = [(f"sample {n + 1}", images[:, n]) for n in range(p["per_mask"])]
columns = [("real", test.scaled(rows)), *columns]
with complete(Path(snakemake.output.grid)) as partial:
    pictures.grid(test.masks[rows], test.class_names, columns, names).save(partial)
