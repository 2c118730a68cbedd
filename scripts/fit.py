"""Fit the shared network on the cases of ``seen`` and write one bundle a model."""

from pathlib import Path

import monai
import phantomloom
import torch
from phantomloom.io import artefact, log, nifti
from phantomloom.provenance import scan_identity
from phantomloom.resample import Grid, nearest, resample
from phantomloom.segmentation import bundle
from phantomloom.segmentation.training.loop import Recipe, train
from phantomloom.segmentation.training.targets import TrainingCase, classes, from_scheme, split
from phantomloom.segmentation.windows import WINDOWS_HU

said = log.to(snakemake.log[0])
torch.set_num_threads(snakemake.threads)
settings = snakemake.params.settings
cases, scans = [], []
for name, ct_path, source_path, labels_path in zip(
    snakemake.params.seen,
    snakemake.input.ct,
    snakemake.input.source,
    snakemake.input.labels,
    strict=True,
):
    ct = nifti.read(ct_path)
    grid = Grid.of(ct).at(settings["spacing_mm"])
    ct = resample(ct, grid)
    labels = from_scheme(nifti.read(labels_path), settings["cases"][name]["scheme"])
    cases.append(TrainingCase(name, ct, nearest(labels, grid)))
    scans.append(scan_identity(artefact.read(source_path)))
learnt = classes(cases)
said.info("learns %s", {model: len(names) for model, names in learnt.items()})
recipe = Recipe(**settings["recipe"])
folder = Path(snakemake.output[0]).parents[2]
device = "cuda" if torch.cuda.is_available() else "cpu"
weights = train(cases, learnt, recipe, folder, device)
for model, part in split(weights, learnt).items():
    names = {str(i): name for i, name in enumerate(("background", *learnt[model]))}
    metadata = {
        "name": f"PhantomLoom {model}",
        "version": phantomloom.__version__,
        "monai_version": monai.__version__,
        "task": "CT segmentation",
        "license": "Apache-2.0",
        "training_cases": scans,
        "network_data_format": {
            "inputs": {
                "image": {"type": "image", "format": "hounsfield", "num_channels": len(WINDOWS_HU)}
            },
            "outputs": {"pred": {"type": "image", "format": "segmentation", "channel_def": names}},
        },
    }
    network = {
        "_target_": "phantomloom.segmentation.network.BlockUNet",
        "channels": len(WINDOWS_HU),
        "classes": len(names),
        "features": list(recipe.features),
    }
    inference = {
        "network_def": network,
        "spacing_mm": settings["spacing_mm"],
        "patch": list(recipe.patch),
    }
    bundle.write(folder / model, part, metadata, inference)
