"""Label the test reports without a network: by rules, or by words counted."""

from pathlib import Path

import pandas as pd
import torch
from safetensors.numpy import save_file

from phantomloom.io import artefact, complete, log
from phantomloom.privacy import baselines, study
from phantomloom.privacy.accountant import epsilons
from phantomloom.privacy.data import stored, synthetic
from phantomloom.privacy.method import Method, chosen
from phantomloom.privacy.training import Budget, forget

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
w, p, out = snakemake.wildcards, snakemake.params, snakemake.output
dataset = stored.dataset(w.dataset, pd.read_parquet(snakemake.input.reports))
its, uncertain = study.study(dataset, int(w.seed), **p.study), p.study["uncertain"]
spent = {}
if w.words == "rules":
    found = baselines.of_rules(its, uncertain, p.wholly_normal)
else:
    public = synthetic.read(p.public_reports, p.label_set, "public")
    counts = baselines.counted(dataset, public, p.terms, uncertain)
    if p.epsilon:
        method = Method.of(chosen(p.methods, p.epsilon, len(its.units)))
        noise, folder = method.within(p.epsilon, len(its.units)), Path(out.metrics).parent
        how = (method, noise.noise_multiplier, folder, int(w.seed))
        budget = Budget(p.epsilon, noise.delta)
        found, ledger = baselines.private(its, counts, *how, budget, p.code)
        spent = {"epsilon": epsilons(ledger, noise.delta)} | noise._asdict()
    else:
        found = counts.public[its.parts.test]
        found = baselines.unprotected(its, counts) if w.level == "full" else found
with complete(Path(out.predictions)) as partial:
    save_file(study.predictions(its, found), partial)
artefact.write(study.outcome(its, found, spent), out.metrics, schema="privacy_metrics")
forget(Path(out.metrics).parent)
