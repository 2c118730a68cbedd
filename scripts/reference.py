from pathlib import Path

import pandas as pd

from phantomloom.io import artefact, complete, log
from phantomloom.qc import Person
from phantomloom.qc.population import of_cases, published

log.to(snakemake.log[0])
params = snakemake.params
if params.source == "published":
    population = published(params.persons, params.seed)
else:
    library = (snakemake.input.judged, snakemake.input.ct_json, snakemake.input.measured)
    passed = {}
    for case, judged, ct_json, table in zip(params.cases, *library, strict=True):
        known = artefact.read(ct_json).get("demographics", {})
        person = Person(known.get("sex"), known.get("age_years"))
        if artefact.read(judged).get("verdict") == "pass" and person.adult:
            passed[case] = (person.sex, pd.read_parquet(table))
    population = of_cases(passed)
with complete(Path(snakemake.output[0])) as partial:
    population.to_csv(partial, sep="\t", lineterminator="\n")
