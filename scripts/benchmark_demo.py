from pathlib import Path

import pandas as pd

from phantomloom import benchmark
from phantomloom.io import artefact, log

log.to(snakemake.log[0])
settings, logs = snakemake.params, Path(snakemake.params.logs)
files = {}
for file in logs.rglob("*.tsv"):
    rule, *of = file.relative_to(logs).with_suffix("").parts
    case, *part = ".".join(of).split(".")  # CASE, CASE.MODEL or CASE/PROTOCOL; of all: nothing
    is_part = set(part) <= set(settings.parts.get(rule, []))
    if rule not in settings.apart and case in ["", *settings.cases] and is_part:
        files[file] = rule
jobs = pd.concat(
    pd.read_csv(file, sep="\t", na_values="-").assign(rule=rule)
    for file, rule in sorted(files.items())
)
jobs = jobs[["rule", "s", "max_rss"]].set_axis(["rule", "seconds", "memory_mb"], axis="columns")
jobs = jobs.fillna({"memory_mb": 0})  # a job too short to be sampled
rows = benchmark.of_rules(jobs, settings.cores, settings.targets)
artefact.write([row._asdict() for row in rows], snakemake.output[0], schema="benchmark")
