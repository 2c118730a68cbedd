"""Stop a contest that is judged on whom it learns from, or on other classes or pixels."""

from pathlib import Path

from phantomloom.gan import pairs
from phantomloom.io import log

log.to(snakemake.log[0])
train = Path(snakemake.input.train[0]).parent
for test in sorted({Path(file).parent for file in snakemake.input.tests}):
    pairs.read_sides(train, test, f"gan.contests.{snakemake.wildcards.contest}.judged_on")
