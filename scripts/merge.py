from pathlib import Path

from phantomloom.correction import edits, read
from phantomloom.io import artefact, log, nifti
from phantomloom.merge import merge

said = log.to(snakemake.log[0])
given, settings, path = snakemake.input, snakemake.params.settings, snakemake.params.correction
reasons = [artefact.reason_to_withhold(status) for status in [given.source, *given.models_json]]
reason, status = next(filter(None, reasons), None), artefact.WITHHELD
if not reason:
    ct, correction = nifti.read(given.ct), None
    try:
        correction = read(path, ct) if path else None
    except ValueError as fault:  # the other cases go on
        said.info("refused: %s", fault, exc_info=True)
        reason, status = str(fault), artefact.REFUSED
if reason:
    artefact.withhold(snakemake.output, reason, status)
else:
    models = {}
    for file in given.models:
        labels = nifti.read(file)
        if not labels.same_grid(ct):
            raise ValueError(f"{file}: its grid is not that of {given.ct}")
        models[Path(file).name.removesuffix(".nii.gz")] = labels.array
    engines = [artefact.read(told)["engine"] for told in given.models_json]
    made_by_people = {m for m, engine in zip(models, engines, strict=True) if engine == "labels"}
    merged = merge(ct, models, **settings, given=made_by_people)
    edited_ml, edited = 0.0, []
    if correction is not None:
        by_models = merged.labels
        alone = {"models": {"correction": correction}, "given": {"correction"}}
        merged = merge(ct, **settings | alone | {"precedence": ["correction"]})
        edited_ml, edited = edits(by_models, merged.labels, ct.voxel_ml)
    nifti.write(ct.with_array(merged.labels), snakemake.output.labels)
    told = {"status": artefact.DONE, "edited": bool(path), "edited_ml": edited_ml, "edits": edited}
    content = {key: value for key, value in merged._asdict().items() if key != "labels"} | told
    content |= {key: round(ml, 3) for key, ml in content.items() if key.endswith("_ml")}
    said.info("merged %d models: %s", len(models), content)
    artefact.write(content, snakemake.output.status, "merge")
