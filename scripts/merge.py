from pathlib import Path

from phantomloom.correction import checked, edits
from phantomloom.io import artefact, log, nifti
from phantomloom.merge import merge

said = log.to(snakemake.log[0])
given, settings, path = snakemake.input, snakemake.params.settings, snakemake.params.correction
reasons = [artefact.reason_to_withhold(status) for status in [given.source, *given.models_json]]
if reason := next(filter(None, reasons), None):
    artefact.withhold(snakemake.output, reason)
else:
    ct = nifti.read(given.ct)
    correction = checked(nifti.read(path), ct, path) if path else None
    models, made_by_people = {}, set()
    for file, told in zip(given.models, given.models_json, strict=True):
        name = Path(file).name.removesuffix(".nii.gz")
        labels = nifti.read(file)
        if not labels.same_grid(ct):
            raise ValueError(f"{file}: its grid is not that of {given.ct}")
        models[name] = labels.array
        if artefact.read(told)["engine"] == "labels":
            made_by_people.add(name)
    merged = merge(ct, models, **settings, given=made_by_people)
    edited_ml, edited = 0.0, []
    if correction is not None:
        by_models = merged.labels
        alone = {"models": {"correction": correction}, "given": {"correction"}}
        merged = merge(ct, **settings | alone | {"precedence": ["correction"]})
        edited_ml, edited = edits(by_models, merged.labels, ct.voxel_ml)
    if merged.unassigned_ml:
        raise AssertionError(f"{merged.unassigned_ml} ml inside the skin have no structure")
    nifti.write(ct.with_array(merged.labels), snakemake.output.labels)
    content = merged._asdict() | {"edited": bool(path), "edited_ml": edited_ml, "edits": edited}
    del content["labels"]
    content |= {key: round(ml, 3) for key, ml in content.items() if key.endswith("_ml")}
    said.info("merged %d models: %s", len(models), content)
    artefact.write({"status": artefact.DONE} | content, snakemake.output.status, "merge")
