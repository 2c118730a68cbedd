"""Teach a network to find the masks in real images."""

from pathlib import Path

import torch

from phantomloom.gan import pairs, segmenter
from phantomloom.io import log

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
device = "cuda" if torch.cuda.is_available() else "cpu"
data = pairs.read(Path(snakemake.input.pairs[0]).parent).of("train")
found = segmenter.train(data, segmenter.Recipe(**snakemake.params.recipe), device)
found.write(Path(snakemake.output[0]))
