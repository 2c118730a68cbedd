"""Make the networks of weights that are kept: they need not be trained to be scored."""

from pathlib import Path

from phantomloom.io import log
from phantomloom.segmentation.training import bundles, loop

log.to(snakemake.log[0])
fitted = loop.Fitted.read(Path(snakemake.input.weights))
folder = Path(snakemake.output[0]).parents[2]
bundles.write(folder, fitted, loop.Recipe.of(snakemake.params.settings))
