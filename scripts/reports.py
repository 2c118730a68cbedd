"""Read a data set of reports into one table; what a patient has twice counts once."""

from importlib import import_module
from pathlib import Path

from phantomloom.io import complete, log
from phantomloom.privacy.data import stored
from phantomloom.privacy.reports import without_repeats

log.to(snakemake.log[0])
settings = dict(snakemake.params.settings)
reader = import_module(f"phantomloom.privacy.data.{settings.pop('reader')}")
dataset = without_repeats(reader.read(**settings))
with complete(Path(snakemake.output[0])) as partial:
    stored.frame(dataset).to_parquet(partial, index=False)
