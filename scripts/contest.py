"""Say which variant is better at what, and how sure that is."""

from pathlib import Path

import pandas as pd

from phantomloom.gan import comparison
from phantomloom.gan.judgement import BETTER
from phantomloom.io import artefact, complete, log

log.to(snakemake.log[0])
rows = []
for path in map(Path, snakemake.input.metrics):
    variant, seed, judged = path.parts[-3], int(path.parts[-2].split("-")[1]), path.name
    run = {"judged_on": judged.removesuffix(".metrics.json"), "variant": variant, "seed": seed}
    for metric, its in artefact.read(path).items():
        rows.append(run | {"metric": metric} | its)
scores = pd.DataFrame(rows)


def records(table):
    """Return the rows of a table as an artefact takes them: None for what is not there."""
    boxed = table.astype(object)
    return boxed.where(boxed.notna(), None).to_dict("records")


found = []
for judged, its in scores.groupby("judged_on", sort=False):
    verdicts = comparison.verdicts(its, BETTER, list(snakemake.params.contest["variants"]))
    told, means = records(comparison.table(verdicts)), records(comparison.summary(its))
    reasons = its.dropna(subset="reason").drop_duplicates("metric")
    lacking = [{"metric": row.metric, "reason": row.reason} for row in reasons.itertuples()]
    found.append({"judged_on": judged, "verdicts": told, "means": means, "lacking": lacking})
artefact.write(found, snakemake.output.verdicts, schema="gan_verdicts")
with complete(Path(snakemake.output.scores)) as partial:
    scores.to_csv(partial, index=False)
