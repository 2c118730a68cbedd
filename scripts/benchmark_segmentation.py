"""Gather what the networks find in whom they have not seen, and what training and people cost."""

import re
from pathlib import Path

from phantomloom import benchmark
from phantomloom.benchmark import Row
from phantomloom.cohort import figures
from phantomloom.io import artefact, lines, log
from phantomloom.segmentation import evaluation
from phantomloom.structures import MODELS, structures

log.to(snakemake.log[0])
own = {m: tuple(n for n, s in structures().items() if s.model == m and s.id <= 145) for m in MODELS}
hoped = snakemake.params.hoped


def scores(path):
    """Return recipe or method, seen, unseen, and the agreements of a score file."""
    *_, how, seen, name = Path(path).with_suffix("").parts
    return how, seen, name, artefact.read(path)["cases"]


read = [scores(path) for path in snakemake.input.scores]
rows: list[Row] = []
for how, seen, unseen, cases in read:
    title = f"{how}, {seen} -> {unseen}"
    if re.fullmatch(r"people_(standard|held_out)-\d+", unseen):
        rows += evaluation.of_people(title, cases, own) + evaluation.of_confidence(title, cases)
    elif how in ("shipped", "people"):
        expected = hoped if how == "shipped" else dict.fromkeys(hoped)
        rivals = {
            method: its[unseen]
            for method, taught, u, its in read
            if how == "shipped" and u == unseen
            if method == "registration" or (method, taught) == ("scans", seen)
        }
        rows += evaluation.beside(title, cases[unseen], rivals, expected)
for path in snakemake.input.logs:
    title = f"training {'/'.join(Path(path).parts[-3:-1])}"
    rows += evaluation.of_training(title, lines.read(Path(path)))
for sex in "MF":
    rows += figures.of_reference(sex)
artefact.write(benchmark.records(rows), snakemake.output[0], schema="benchmark")
