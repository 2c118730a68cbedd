"""A copy of the code with a cohort of small people, for tests that run the real workflow."""

import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
import yaml
from dicom_files import write_series

from phantomloom.io import nifti
from phantomloom.segmentation import bundle
from phantomloom.volume import Volume

ROOT = Path(__file__).parents[1]
SPACING_MM = 8.0
TRIPOD = (14, 9, 30)  # z, y, x of a corner of gas with arms of 7 voxels up, 5 back and 3 left
TIPS = ((21, 9, 30), (14, 14, 30), (14, 9, 33))


def build(house: Path) -> Path:
    """Put the code, a cohort of ann (NIfTI) and ben (DICOM), and fast settings into ``house``."""
    for part in ("Snakefile", "config.yaml", "profiles", "scripts", "envs", "workflow"):
        if (ROOT / part).is_dir():
            leave = shutil.ignore_patterns("example", "models")
            shutil.copytree(ROOT / part, house / part, ignore=leave)
        else:
            shutil.copy2(ROOT / part, house / part)
    write_liver_bundle(house / "liver")
    settings = yaml.safe_load((house / "config.yaml").read_text())
    settings["cohort"]["cases"] = "cohort/cases.tsv"
    settings["ingest"]["spacing_mm"] = SPACING_MM
    settings["segment"]["models"] = {"abdomen": {"engine": "monai", "weights": "liver"}}
    settings["merge"]["precedence"] = ["abdomen"]
    settings["library"]["pictures"] |= {"picture_pixels": 96, "thumbnail_pixels": 48}
    (protocol,) = settings["simulate"]["protocols"].values()
    protocol["scanner"] |= {"columns": 70, "column_mm": 5.0, "rows": 4}
    protocol["reconstruction"]["pixel_mm"] = "phantom"
    for kernel in protocol["reconstruction"]["kernels"].values():
        kernel["cutoff_lp_per_cm"] = 1.0  # what 5 mm columns can carry
    (house / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    (house / "cohort").mkdir()
    write_ct(house, "ann", person(liver_mm=112))
    ben = person(liver_mm=104)
    positions = [(0, 0, SPACING_MM * z) for z in range(len(ben))]
    write_series(house / "cohort/ben", ben, positions, spacing_mm=(SPACING_MM, SPACING_MM))
    write_sheet(house, "ann\tann.nii.gz\tF\t50", "ben\tben\tM\t60")
    return house


def person(liver_mm: float) -> np.ndarray:
    """HU [Z, Y, X] at 8 mm: fat, muscle, a spine, a liver on the right, a tripod front left."""
    z, y, x = np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in (24, 32, 46)], indexing="ij")
    hu = np.full(z.shape, -1000, np.int16)
    radius = np.hypot(x / 20, y / 13)
    hu[radius < 1] = -100
    hu[radius < 0.85] = 20
    hu[np.hypot(x, y - 8) < 2.2] = 700
    half = liver_mm / SPACING_MM / 2
    hu[(np.abs(z) < half) & (np.abs(y + 2) < 6.5) & (x > -13) & (x < -13 + 2 * half)] = 60
    z, y, x = TRIPOD
    hu[z : z + 8, y, x] = hu[z, y : y + 6, x] = hu[z, y, x : x + 4] = -1000
    return hu


def write_ct(house: Path, name: str, hu: np.ndarray) -> None:
    nifti.write(Volume(hu, (SPACING_MM,) * 3), house / f"cohort/{name}.nii.gz")


def write_sheet(house: Path, *rows: str) -> None:
    header = "case\tpath\tsex\tage_years"
    (house / "cohort/cases.tsv").write_text("\n".join([header, *rows, ""]))


def write_liver_bundle(folder: Path) -> None:
    """A network of one 1 x 1 x 1 convolution that calls 40 to 100 HU liver, and bone not."""
    weights = {"weight": torch.zeros(2, 3, 1, 1, 1), "bias": torch.zeros(2)}
    weights["weight"][1, 0], weights["weight"][1, 2], weights["bias"][1] = 50, -400, -400
    network = {"_target_": "torch.nn.Conv3d", "in_channels": 3, "out_channels": 2, "kernel_size": 1}
    about = bundle.About("Liver", ("liver",), SPACING_MM, (16, 32, 32), ())
    bundle.write(folder, about, network, weights)


def command(*arguments) -> list[str]:
    return [sys.executable, "-m", "snakemake", "--cores", "2", *map(str, arguments)]


def run(house: Path, *arguments, ok=True) -> dict[str, int]:
    """Run snakemake and return how many jobs of each rule it ran, or would run if it is dry."""
    done = subprocess.run(
        command(*arguments), cwd=house, capture_output=True, text=True, env=quiet()
    )
    assert (done.returncode == 0) == ok, done.stdout[-3000:] + done.stderr[-6000:]
    told = done.stdout if "--dry-run" in arguments else done.stderr
    rules = re.findall(r"^(?:local)?rule (\w+):", told, re.MULTILINE)
    return {rule: rules.count(rule) for rule in rules}


def quiet() -> dict[str, str]:
    """The environment with one thread a job: two jobs of two threads fight for two cores."""
    return os.environ | {"OMP_NUM_THREADS": "1"}


def phases(house: Path, **settings) -> dict[str, int]:
    """Run the phases in turn, as `make library` does, and add up their jobs."""
    jobs: dict[str, int] = {}
    for target in ("ingested", "judged", "all"):
        for rule, count in run(house, target, **settings).items():
            jobs[rule] = jobs.get(rule, 0) + count
    return {
        rule: count for rule, count in jobs.items() if rule not in ("ingested", "judged", "all")
    }


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) >= 1, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new, 1))


def digests(house: Path) -> dict[str, str]:
    """The content of every result but the benchmarks', by path."""
    files = sorted(f for f in (house / "results").rglob("*") if f.is_file())
    return {
        str(f.relative_to(house)): sha256(f.read_bytes()).hexdigest()
        for f in files
        if "benchmark" not in f.parts and f.name != ".snakemake_timestamp"
    }
