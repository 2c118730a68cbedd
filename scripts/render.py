"""Render a case's phantom as CT in HU, with noise that is smooth along z."""

from pathlib import Path

import torch

from phantomloom.gan import sample_files, sampling, trained
from phantomloom.gan.data import ct_slices
from phantomloom.gan.latents import Column
from phantomloom.gan.sampling import Sampler
from phantomloom.io import artefact, log, nifti

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
device, p = "cuda" if torch.cuda.is_available() else "cpu", snakemake.params
if reason := artefact.reason_to_withhold(snakemake.input.status):
    raise ValueError(f"{snakemake.wildcards.case} has no phantom to render: {reason}")
generator = trained.read(snakemake.input.generator, device)
masks = ct_slices.stack(nifti.read(snakemake.input.labels), ct_slices.Cut(**p.arguments))
column = Column(p.samples["seed"], p.samples["smooth_slices"], p.samples["truncation"])
sampler, about = Sampler.of(generator, device), generator.about
ct = sampling.volume(sampler, masks, about.low, about.high, column)
case, path = snakemake.wildcards.case, Path(snakemake.output.ct)
written = [sample_files.write_volume(ct, case, column, path)]
sample_files.write_list(written, Path(snakemake.output.list))
