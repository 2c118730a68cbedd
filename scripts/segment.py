from importlib import import_module
from pathlib import Path

import torch

from phantomloom.io import artefact, log, nifti
from phantomloom.measure import outline
from phantomloom.provenance import content, scan_identity
from phantomloom.segmentation.device import choose

said = log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
if reason := artefact.reason_to_withhold(snakemake.input.source):
    artefact.withhold(snakemake.output, reason)
else:
    settings = snakemake.params
    device = choose(settings.device, settings.gpu_memory_mb)
    said.info("engine %s on %s", settings.engine, device)
    engine = import_module(f"phantomloom.segmentation.{settings.engine}")
    ct = nifti.read(snakemake.input.ct)
    found = engine.segment(ct, Path(settings.source), device, **settings.engine_settings)
    scan = scan_identity(artefact.read(snakemake.input.source))
    structures = {
        name: {
            "volume_ml": round(volume_ml, 6),
            "touches_border": faces,
            "confidence": sure._asdict() if (sure := found.confidence.get(name)) else None,
        }
        for name, (volume_ml, faces) in outline(found.labels).items()
    }
    said.info("found %d structures", len(structures))
    nifti.write(found.labels, snakemake.output.labels)
    told = {
        "status": artefact.DONE,
        "engine": settings.engine,
        "weights": settings.source_digest or content(settings.source),
        "seen_in_training": None if found.training_scans is None else scan in found.training_scans,
        "structures": structures,
    }
    artefact.write(told, snakemake.output.status, "segment")
