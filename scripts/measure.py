from pathlib import Path

from phantomloom.io import artefact, complete, log, nifti
from phantomloom.measure import measure

said = log.to(snakemake.log[0])
if reason := artefact.reason_to_withhold(snakemake.input.status):
    artefact.withhold(snakemake.output, reason)
else:
    measurements = measure(nifti.read(snakemake.input.labels), nifti.read(snakemake.input.ct))
    said.info("measured %d structures", len(measurements))
    with complete(Path(snakemake.output[0])) as partial:
        measurements.to_parquet(partial)
