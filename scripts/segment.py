from importlib import import_module
from pathlib import Path

import numpy as np
import torch

from phantomloom.io import artefact, log, nifti
from phantomloom.provenance import scan_identity
from phantomloom.structures import by_id

said = log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
if reason := artefact.reason_to_withhold(snakemake.input.status):
    artefact.withhold(snakemake.output, reason)
else:
    device = snakemake.params.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    engine = import_module(f"phantomloom.segmentation.{snakemake.params.engine}")
    ct = nifti.read(snakemake.input.ct)
    weights = Path(snakemake.params.weights)
    scan = scan_identity(artefact.read(snakemake.input.source))
    labels, confidence = engine.segment(ct, weights, device)
    voxels = np.bincount(labels.array.ravel(), minlength=256)
    found = {
        by_id()[i].name: round(float(voxels[i]) * ct.voxel_ml, 3)
        for i in np.flatnonzero(voxels)
        if i
    }
    said.info("found %d structures", len(found))
    nifti.write(labels, snakemake.output.labels)
    content = {
        "status": artefact.DONE,
        "engine": snakemake.params.engine,
        "weights": snakemake.params.weights_digest,
        "seen_in_training": scan in engine.training_scans(weights),
        "structures": {
            name: {"volume_ml": volume, "confidence": confidence[name]}
            for name, volume in found.items()
        },
    }
    artefact.write(content, snakemake.output.status, "segment")
