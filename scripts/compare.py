"""Compare the privacy levels of each data set and model of a sweep; list all runs in a table."""

from pathlib import Path

import pandas as pd
from safetensors.numpy import load_file

from phantomloom.io import artefact, complete, log
from phantomloom.privacy import statistics, study

log.to(snakemake.log[0])
runs, studies = pd.DataFrame(snakemake.params.runs), snakemake.params.studies
runs["said"] = [study.said(load_file(path)) for path in snakemake.input.predictions]
rows = pd.DataFrame([study.row(artefact.read(path)) for path in snakemake.input.metrics])


def by_level(its):
    """Return by level what was said, by seed."""
    return {level: dict(zip(of.seed, of.said, strict=True)) for level, of in its.groupby("level")}


found = []
for dataset, of in runs.groupby("dataset", sort=False):
    models = {model: by_level(its) for model, its in of.groupby("model", sort=False)}
    baselines = {"rules": models.pop("rules")["public"]}
    words = {"bag_of_words": models["bag_of_words"]["full"]}
    for model, levels in models.items():
        beside = baselines if model == "bag_of_words" else baselines | words
        train, _, test = studies[dataset]["shares"]
        protects = (studies[dataset]["unit"], float(rows.delta[of.index[of.model == model]].max()))
        found.append(statistics.compare(dataset, model, levels, beside, test / train, *protects))
artefact.write(found, snakemake.output.statistics, schema="privacy_statistics")
with complete(Path(snakemake.output.summary)) as partial:
    table = pd.concat([runs.drop(columns="said"), rows], axis=1)
    table.to_csv(partial, index=False)
