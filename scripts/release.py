"""Train a private model on all reports of a data set, with noise that nobody recorded."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from phantomloom.io import complete, log
from phantomloom.privacy import card, classify, encoding, models, public, released, spending, study
from phantomloom.privacy.accountant import epsilons
from phantomloom.privacy.data import stored
from phantomloom.privacy.method import Method, chosen
from phantomloom.privacy.training import Budget
from phantomloom.provenance import content

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
device = "cuda" if torch.cuda.is_available() else "cpu"
w, p, given = snakemake.wildcards, snakemake.params, snakemake.input
dataset = stored.dataset(w.dataset, pd.read_parquet(given.reports))
its = study.study(dataset, 0, **p.study | {"shares": [1, 0, 0]})
start = models.load(Path(p.source))
model = public.read(Path(given.public[0]).parent, *start)
row = chosen(p.methods, float(w.budget), len(its.units))
method = Method.of(row)
noise = method.within(float(w.budget), len(its.units))
material = (encoding.read(Path(given.encoded)), study.wanted(its.truth), its.units)
folder, state = Path(snakemake.output.model).parent, Path(p.state)
origin = repr((row, p.study, p.longest, p.wholly_normal, p.code, [content(f) for f in given]))
resume = spending.resumes(state, folder / released.WEIGHTS, origin)
how = (method, noise.noise_multiplier, state, None, p.code, Budget(float(w.budget), noise.delta))
learner, trained = classify.run(model, *material, *how, device, resume)
spent = {"epsilon": epsilons(trained.ledger, noise.delta)} | noise._asdict()
spending.record(state, origin, spent["epsilon"]["pld"])
its_terms = (dataset.label_names, row, p.longest, p.wholly_normal, spent)
terms = released.Terms(w.network, w.dataset, *its_terms)
released.write(released.Released(model, released.learnt(learner), terms), folder)
some = np.arange(min(32, len(dataset.reports)))
texts = [dataset.reports[row].text for row in some]
expected = classify.probabilities(learner, some)
released.confirm(released.read(folder, *start), texts, expected)
with complete(Path(snakemake.output.card)) as partial:
    partial.write_text(card.card(terms, p.study["unit"]), encoding="utf-8")
