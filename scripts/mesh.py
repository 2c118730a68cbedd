from importlib import import_module
from pathlib import Path

from phantomloom.io import artefact, log, nifti
from phantomloom.phantom.inventory import inventory
from phantomloom.phantom.mesh import describe
from phantomloom.phantom.surface import surfaces

logger = log.to(snakemake.log[0])
if reason := artefact.reason_to_withhold(snakemake.input.verdict):
    artefact.withhold(snakemake.output, reason)
else:
    labels = nifti.read(snakemake.input.labels)
    items = {item.id: item for item in inventory(labels)}
    meshes, structures = {}, []
    for label, mesh in surfaces(labels, **snakemake.params.surface):
        item = items[label]
        meshes[item.name] = mesh
        structures.append(
            {"id": label, "name": item.name, "volume_ml": item.volume_ml, **describe(mesh)}
        )
        logger.info("%s: %d triangles", item.name, len(mesh.faces))
    for name in snakemake.params.formats:
        format = import_module(f"phantomloom.phantom.export.mesh.{name}")
        format.write(meshes, Path(snakemake.output.folder) / name)
    content = {"status": artefact.DONE, "structures": structures}
    artefact.write(content, snakemake.output.summary, schema="mesh")
