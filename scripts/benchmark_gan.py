"""Gather what a contest shows, and what generators cost in time and memory."""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from phantomloom import benchmark
from phantomloom.gan import cost, evaluation, interruption, trained
from phantomloom.gan.settings import Shape
from phantomloom.io import artefact, log

log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
p = snakemake.params
settings = {name: trained.settings_of(name, its) for name, its in p.variants.items()}
faithful = trained.settings_of(evaluation.FAITHFUL, {})  # the paper's, with as many features
largest = Shape(512, channels=3, classes=1)  # its faces
rows = [cost.memory(evaluation.FAITHFUL, largest, faithful._replace(batch=4, at_once=2))]
with TemporaryDirectory() as folder:
    for name in settings:
        rows += interruption.of_kills(name, p.kills, Path(folder, name))
for name, its in settings.items():
    rows.append(cost.beside_a_plain_loop(name, Shape(64, 1, p.classes), its, p.turns))
for name, its in settings.items():
    for size in p.sizes:
        rows += cost.paces(name, Shape(size, 1, p.classes), its._replace(batch=4, at_once=4))
for judged in artefact.read(snakemake.input.verdicts):
    rows += evaluation.of_contest("benchmark", judged)
taught = map(artefact.read, snakemake.input.teaching)
rows += evaluation.of_teaching(f"benchmark, {evaluation.MODERN}", list(taught))
artefact.write(benchmark.records(rows), snakemake.output[0], schema="benchmark")
