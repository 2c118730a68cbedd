"""Train a private model on all reports of a data set, with noise that nobody recorded."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from phantomloom.io import complete, log
from phantomloom.privacy import card, classify, encoding, models, public, released, study
from phantomloom.privacy.accountant import epsilons
from phantomloom.privacy.data import stored
from phantomloom.privacy.method import Method, chosen
from phantomloom.privacy.training import Budget

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
folder = Path(snakemake.output.model).parent
below = folder.parents[2]  # of all releases; the state is not to be let out with any
state = below.with_name("private") / folder.relative_to(below)
how = (method, noise.noise_multiplier, state, None, p.code)
learner, trained = classify.run(
    model, *material, *how, Budget(float(w.budget), noise.delta), device
)
spent = {"epsilon": epsilons(trained.ledger, noise.delta)} | noise._asdict()
reading = (p.longest, p.wholly_normal)
terms = released.Terms(w.network, w.dataset, dataset.label_names, row, *reading, spent)
released.write(released.Released(model, released.learnt(learner), terms), folder)
some = np.arange(min(32, len(dataset.reports)))
texts = [dataset.reports[row].text for row in some]
back = released.read(folder, *start)
released.confirm(back, texts, classify.probabilities(learner, some))
with complete(Path(snakemake.output.card)) as partial:
    partial.write_text(card.card(terms, p.study["unit"]), encoding="utf-8")
