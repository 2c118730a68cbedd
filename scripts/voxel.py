from importlib import import_module
from pathlib import Path

from phantomloom.io import artefact, log, nifti
from phantomloom.phantom.inventory import inventory

log.to(snakemake.log[0])
if reason := artefact.reason_to_withhold(snakemake.input.verdict):
    artefact.withhold(snakemake.output, reason)
else:
    labels = nifti.read(snakemake.input.labels)
    for name in snakemake.params.formats:
        format = import_module(f"phantomloom.phantom.export.voxel.{name}")
        format.write(labels, Path(snakemake.output.folder) / name)
    structures = [item._asdict() for item in inventory(labels)]
    content = {"status": artefact.DONE, "structures": structures}
    artefact.write(content, snakemake.output.summary, schema="voxel")
