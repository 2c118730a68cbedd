from pathlib import Path

import pandas as pd

from phantomloom.io import artefact, complete, log

log.to(snakemake.log[0])
COLUMNS = ["case", "verdict", "check", "structure", "severity", "seen", "expected"]
rows = []
for case, path in zip(snakemake.params.cases, snakemake.input, strict=True):
    judged = artefact.read(path)
    if judged["status"] == artefact.DONE:
        rows += [
            {"case": case, "verdict": judged["verdict"], "check": check} | found
            for check, founds in judged["findings"].items()
            for found in founds
        ]
    else:
        rows.append({"case": case, "verdict": judged["status"], "seen": judged["reason"]})
with complete(Path(snakemake.output[0])) as partial:
    pd.DataFrame(rows, columns=COLUMNS).to_csv(partial, sep="\t", index=False, lineterminator="\n")
