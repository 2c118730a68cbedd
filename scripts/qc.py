from importlib import import_module

import pandas as pd

from phantomloom.io import artefact, log
from phantomloom.qc import Person
from phantomloom.qc.population import read
from phantomloom.qc.verdict import go_on, judge

said = log.to(snakemake.log[0])
params = snakemake.params
if reason := artefact.reason_to_withhold(snakemake.input.status):
    artefact.withhold(snakemake.output, reason)
else:
    measurements = pd.read_parquet(snakemake.input.measurements)
    population = read(params.reference)
    known = artefact.read(snakemake.input.ct_json)["demographics"]
    person = Person(known.get("sex"), known.get("age_years"))
    findings = {
        name: import_module(f"phantomloom.qc.{name}").check(
            measurements, person, population, **limits
        )
        for name, limits in params.checks.items()
    }
    judged = judge(findings, params.failing_checks, params.review)
    said.info("%s; %s", judged["verdict"], "; ".join(judged["reasons"]))
    artefact.write({"status": artefact.DONE} | judged, snakemake.output.judged, "qc")
    artefact.write(go_on(judged, params.withhold_failed), snakemake.output.verdict, "verdict")
