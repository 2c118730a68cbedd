from pathlib import Path

import pandas as pd

from phantomloom.io import artefact, complete, log
from phantomloom.qc.population import of_cases, published

log.to(snakemake.log[0])
params = snakemake.params
if params.source == "published":
    population = published(params.persons, params.seed)
else:
    judged = zip(
        params.cases, params.sexes, snakemake.input.judged, snakemake.input.measured, strict=True
    )
    passed = {
        case: (sex, pd.read_parquet(table))
        for case, sex, path, table in judged
        if artefact.read(path).get("verdict") == "pass"
    }
    population = of_cases(passed)
with complete(Path(snakemake.output[0])) as partial:
    population.to_csv(partial, sep="\t", lineterminator="\n")
