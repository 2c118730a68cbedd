"""Read a data set of reports into one table; what a patient has twice counts once."""

from importlib import import_module
from pathlib import Path

from phantomloom.io import complete, log
from phantomloom.privacy.data import stored
from phantomloom.privacy.reports import LABEL_SETS, without_repeats

log.to(snakemake.log[0])
name, settings = snakemake.wildcards.dataset, snakemake.params.settings
reader = import_module(f"phantomloom.privacy.data.{settings['reader']}")
dataset = reader.read(**settings["arguments"])
wanted = LABEL_SETS[settings["label_set"]]
if dataset.label_names != wanted:
    raise ValueError(
        f"privacy.datasets.{name}: the labels of {settings['label_set']} in their order are "
        f"{', '.join(wanted)}; the reader found {', '.join(dataset.label_names)}"
    )
with complete(Path(snakemake.output[0])) as partial:
    stored.frame(without_repeats(dataset)).to_parquet(partial, index=False)
