from importlib import import_module
from pathlib import Path

import pandas as pd

from phantomloom.io import artefact, complete, log, nifti
from phantomloom.library import files, gallery, page, table

log.to(snakemake.log[0])
given, told, settings = snakemake.input, snakemake.params, snakemake.params.settings


def filled(path):  # a stage that was withheld left an empty file
    return Path(path).stat().st_size > 0


case = dict(zip(told.stages, map(artefact.read, given.artefacts), strict=True))
measured = pd.read_parquet(given.measured) if filled(given.measured) else pd.DataFrame()
structures = table.structure_rows(measured.to_dict("records"), case)
row = table.row(snakemake.wildcards.case, told.note, case, structures, settings["volumes"])
volumes = dict(zip(told.titles, [given.ct, given.labels, *given.simulated], strict=True))
ct, labels, *simulated = told.titles
read = {title: nifti.read(path) for title, path in volumes.items() if filled(path)}
meshes = {}
for name in told.mesh_formats:
    if (folder := Path(given.mesh, name)).is_dir():  # not there if the phantom was withheld
        meshes |= import_module(f"phantomloom.phantom.export.mesh.{name}").read(folder)
subject = gallery.Subject(
    read.get(ct),
    read.get(labels),
    {title: read[title] for title in simulated if title in read},
    meshes,
    row["status"],
)
images = gallery.gallery(subject, gallery.Settings(**settings["pictures"]))
for name, image in images.items():
    with complete(Path(snakemake.output[name])) as partial:
        image.save(partial)
links = files.links(Path("results"), {t: volumes[t] for t in read}, [given.voxel, given.mesh])
with complete(Path(snakemake.output.page)) as partial:
    partial.write_text(page.case_page(row, structures, case, images, links), encoding="utf-8")
card = page.card(row, structures, case, images["thumbnail"], links, settings["volumes"])
artefact.write(card, snakemake.output.case, schema="page")
