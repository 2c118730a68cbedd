"""Read a data set of images with label masks into arrays."""

from functools import partial
from importlib import import_module
from pathlib import Path

from safetensors import safe_open

from phantomloom.gan import pairs
from phantomloom.gan.data.ct_slices import Patient
from phantomloom.io import artefact, log, nifti
from phantomloom.volume import Volume

said = log.to(snakemake.log[0])
p, given = snakemake.params, snakemake.input
spacing_mm = (p.spacing_mm,) * 3


def person(file, number):
    """Return CT and labels of a stylised person."""
    with safe_open(file, "np") as held:
        parts = [held.get_tensor(f"{number}/{part}") for part in ("hu", "labels")]
    return tuple(Volume(part, spacing_mm) for part in parts)


def case(name):
    """Return CT and labels of a case of the sheet."""
    ct, merged = f"results/ingest/{name}/ct.nii.gz", Path(f"results/merge/{name}")
    if reason := artefact.reason_to_withhold(merged / "merge.json"):
        raise ValueError(f"{name} has no phantom: {reason}; mend it or take it out of gan.datasets")
    return nifti.read(ct), nifti.read(merged / "labels.nii.gz")


patients = []
for part in p.patients:
    for file in part["people"]:
        with safe_open(file, "np") as held:
            numbers = sorted({key.split("/")[0] for key in held.keys()})  # noqa: SIM118
        name = Path(file).stem.rsplit("-")[0]
        patients += [
            Patient(f"{name}-{n}", part["part"], partial(person, file, n)) for n in numbers
        ]
    for name, whose in part["cases"].items():
        patients.append(Patient(name, part["part"], partial(case, name), whose))
reader = import_module(f"phantomloom.gan.data.{p.reader}")
about, found = reader.read(**({"patients": patients} if patients else {}), **p.arguments)
folder = Path(snakemake.output[0]).parent
pairs.write_each(about, found, folder)
said.info("%d pairs", len(pairs.read(folder).names))
