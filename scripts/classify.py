"""Train a run of the sweep on its training patients; score it on patients that it has not seen."""

from pathlib import Path

import pandas as pd
import torch
from safetensors.numpy import save_file

from phantomloom.io import artefact, complete, log
from phantomloom.privacy import classify, encoding, models, public, study
from phantomloom.privacy.accountant import epsilons
from phantomloom.privacy.data import stored
from phantomloom.privacy.method import Method, chosen
from phantomloom.privacy.training import Budget, forget

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
device = "cuda" if torch.cuda.is_available() else "cpu"
w, given = snakemake.wildcards, snakemake.input
dataset = stored.dataset(w.dataset, pd.read_parquet(given.reports))
its = study.study(dataset, int(w.seed), **snakemake.params.study)
model = public.read(Path(given.public[0]).parent, *models.load(Path(snakemake.params.source)))
epsilon, units = snakemake.params.epsilon, len(its.units)
method = Method.of(chosen(snakemake.params.methods, epsilon, units))
noise = method.within(epsilon, units) if epsilon else None
learner, trained = classify.run(
    model,
    encoding.read(Path(given.encoded)),
    study.wanted(its.truth),
    its.units,
    method,
    noise.noise_multiplier if noise else None,
    Path(snakemake.output.metrics).parent,
    int(w.seed),
    snakemake.params.code,
    Budget(epsilon, noise.delta) if noise else None,
    device,
)
spent = {"epsilon": epsilons(trained.ledger, noise.delta)} | noise._asdict() if noise else {}
found = classify.probabilities(learner, its.parts.test)
with complete(Path(snakemake.output.predictions)) as partial:
    save_file(study.predictions(its, found), partial)
artefact.write(study.outcome(its, found, spent), snakemake.output.metrics, "privacy_metrics")
forget(Path(snakemake.output.metrics).parent)
