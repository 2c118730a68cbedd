"""Calibrate the noise with which a run's steps keep within its budget."""

import pandas as pd

from phantomloom.io import artefact, log
from phantomloom.privacy import accountant
from phantomloom.privacy.data import stored
from phantomloom.privacy.method import Method
from phantomloom.privacy.study import study

log.to(snakemake.log[0])
w = snakemake.wildcards
dataset = stored.dataset(w.dataset, pd.read_parquet(snakemake.input.reports))
units = len(study(dataset, int(w.seed), **snakemake.params.study).units)
method, delta = Method.of(snakemake.params.method), accountant.default_delta(units)
phase = {"rate": method.rate(units), "steps": method.steps}
sigma = accountant.noise_multiplier(float(w.level), delta, **phase)
told = {"units": units, "delta": delta, "noise_multiplier": sigma, **phase}
artefact.write(told, snakemake.output[0], schema="noise")
