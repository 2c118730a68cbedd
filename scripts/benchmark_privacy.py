"""Gather what the sweeps and their audits show, what privacy costs, and checks of the parts."""

from pathlib import Path

import numpy as np
import torch

from phantomloom import benchmark
from phantomloom.io import artefact, log
from phantomloom.privacy import cost, evaluation, models, verification

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
encoder, _ = models.load(Path(snakemake.params.source))
rows = cost.of_steps(encoder, snakemake.params.turns)  # first: it hands torch to other processes
rows.append(verification.of_gradients(cost.learner(encoder), np.arange(8)))
rows += [*verification.of_accounting(), verification.of_sampling()]
for path in snakemake.input.statistics:
    for entry in artefact.read(path):
        shuffled = entry["dataset"] in snakemake.params.shuffled
        rows += (evaluation.of_shuffled if shuffled else evaluation.of_statistics)(entry)
for path in snakemake.input.audits:
    rows += evaluation.of_audit(artefact.read(path))
artefact.write(benchmark.records(rows), snakemake.output[0], schema="benchmark")
