"""Attack a private run of the sweep, and its twin without noise, and keep what that proves."""

from functools import partial
from pathlib import Path

import pandas as pd
import torch

from phantomloom.io import artefact, log
from phantomloom.privacy import auditing, classify, encoding, models, public, study
from phantomloom.privacy.data import stored
from phantomloom.privacy.method import Method, chosen

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
w, p, given = snakemake.wildcards, snakemake.params, snakemake.input
dataset = stored.dataset(w.dataset, pd.read_parquet(given.reports))
its = study.study(dataset, p.seed, **p.study)
model = public.read(Path(given.public[0]).parent, *models.load(Path(p.source)))
method = Method.of(chosen(p.methods, float(w.budget), len(its.units)))
noise = method.within(float(w.budget), len(its.units))
training = auditing.Training(
    partial(classify.start, model, encoding.read(Path(given.encoded)), method=method),
    study.wanted(its.truth),
    its.units,
    its.parts.test,
    method.plan(noise.units, noise.noise_multiplier, p.seed),
)
sure = auditing.confidence(p.audits)
found = auditing.attacked(training, noise.delta, sure)
told = {"dataset": w.dataset, "model": w.network, "level": w.budget, "epsilon": float(w.budget)}
told |= {key: getattr(noise, key) for key in ("units", "delta", "noise_multiplier")}
told["confidence"] = sure
artefact.write(told | found, snakemake.output[0], schema="audit")
