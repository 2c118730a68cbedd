from importlib import import_module
from pathlib import Path

import torch

from phantomloom.io import artefact, log, nifti
from phantomloom.measure import outline
from phantomloom.provenance import content, scan_identity
from phantomloom.segmentation import UnusableLabelsError
from phantomloom.segmentation.device import choose

said, settings = log.to(snakemake.log[0]), snakemake.params
torch.set_num_threads(snakemake.threads)
reason, status = artefact.reason_to_withhold(snakemake.input.source), artefact.WITHHELD
if not reason:
    device = choose(settings.device, settings.gpu_memory_mb)
    said.info("engine %s on %s", settings.engine, device)
    engine = import_module(f"phantomloom.segmentation.{settings.engine}")
    ct = nifti.read(snakemake.input.ct)
    try:
        if not (settings.source_digest or snakemake.input.truth):
            raise UnusableLabelsError(f"{settings.source}: no labels that can be read")
        found = engine.segment(ct, Path(settings.source), device, **settings.engine_settings)
    except UnusableLabelsError as fault:  # the other cases go on
        said.info("refused", exc_info=True)
        key = f"segment.models.{snakemake.wildcards.model}.labels"  # the page shows no paths
        reason, status = str(fault).replace(settings.source, key), artefact.REFUSED
if reason:
    artefact.withhold(snakemake.output, reason, status)
else:
    scan, seen = scan_identity(artefact.read(snakemake.input.source)), found.training_scans
    sure = {name: its._asdict() for name, its in found.confidence.items()}
    structures = {
        name: {"volume_ml": round(ml, 6), "touches_border": faces, "confidence": sure.get(name)}
        for name, (ml, faces) in outline(found.labels, ct).items()
    }
    said.info("found %d structures", len(structures))
    nifti.write(found.labels, snakemake.output.labels)
    told = {"status": artefact.DONE, "engine": settings.engine, "structures": structures}
    told["weights"] = settings.source_digest or content(settings.source)
    told["seen_in_training"] = None if seen is None else scan in seen
    artefact.write(told, snakemake.output.status, "segment")
