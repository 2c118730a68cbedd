from pathlib import Path

from phantomloom.io import artefact, log, nifti
from phantomloom.merge import merge

said = log.to(snakemake.log[0])
reasons = [
    artefact.reason_to_withhold(path)
    for path in [snakemake.input.ct_json, *snakemake.input.models_json]
]
if reason := next(filter(None, reasons), None):
    artefact.withhold(snakemake.output, reason)
else:
    ct = nifti.read(snakemake.input.ct)
    models = {}
    for path in snakemake.input.models:
        labels = nifti.read(path)
        if not labels.same_grid(ct):
            raise ValueError(f"{path}: its grid is not that of {snakemake.input.ct}")
        models[Path(path).name.removesuffix(".nii.gz")] = labels.array
    merged = merge(ct, models, **snakemake.params.settings)
    if merged.unassigned_ml:
        raise AssertionError(f"{merged.unassigned_ml} ml inside the skin have no structure")
    nifti.write(ct.with_array(merged.labels), snakemake.output.labels)
    volumes = {name: round(ml, 3) for name, ml in merged._asdict().items() if name.endswith("_ml")}
    said.info("merged %d models: %s", len(models), volumes)
    conflicts = [pair | {"ml": round(pair["ml"], 3)} for pair in merged.conflicts]
    content = {"status": artefact.DONE, "conflicts": conflicts} | volumes
    artefact.write(content, snakemake.output.status, "merge")
