"""Copy a fitted bundle into the checkout and write its model card."""

from pathlib import Path

from phantomloom.io import artefact, complete, log
from phantomloom.segmentation import bundle
from phantomloom.segmentation.agreement import mean
from phantomloom.segmentation.card import card

log.to(snakemake.log[0])
target = Path(snakemake.output[0]).parents[1]
fitted = Path(snakemake.input.weights).parents[1]
scores = {
    f"{Path(path).parent.name} -> {Path(path).stem}": mean(artefact.read(path)["cases"])
    for path in snakemake.input.scores
}
files = [artefact.read(path)["cases"] for path in snakemake.input.people]
scores["stylised people"] = mean({number: its for cases in files for number, its in cases.items()})
for part in (bundle.METADATA, bundle.INFERENCE, bundle.WEIGHTS):
    with complete(target / part) as partial:
        partial.write_bytes((fitted / part).read_bytes())
with complete(target / bundle.CARD) as partial:
    partial.write_text(card(bundle.about(fitted), snakemake.params.settings, scores))
