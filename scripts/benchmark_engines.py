"""Engines beside the same networks run plainly by MONAI, and what a large scan takes."""

from pathlib import Path
from tempfile import TemporaryDirectory

from phantomloom import benchmark
from phantomloom.benchmark import Row
from phantomloom.io import artefact, log, nifti
from phantomloom.segmentation import trial

log.to(snakemake.log[0])
bundle, plainly = Path(snakemake.params.bundle), "the same network run by MONAI's sliding windows"
person = nifti.read(snakemake.input.ct)
ct = trial.tiled(person, (240, 200, 240), (1.5, 1.5, 1.5))
rows = []


def compare(engine, plain, weights, settings):
    """Add rows of an engine beside its network run plainly; the best of each keeps noise out."""
    pairs = [
        (trial.cost(plain, ct, weights), trial.cost(trial.labels, engine, ct, weights, settings))
        for _ in range(snakemake.params.repeats)
    ]
    alone, ours = (min(costs, key=lambda cost: cost.seconds) for costs in zip(*pairs, strict=True))
    for what, cost in (("", ours), (" run plainly", alone)):
        seconds = cost.seconds / ct.array.size * 1e6
        rows.append(Row(f"{engine}{what}: time", seconds, "s/Mvoxel", None, "lower", "no target"))
        rows.append(Row(f"{engine}{what}: memory", cost.memory_mb, "MB", None, "lower", "largest"))
    ratio = ours.seconds / alone.seconds
    rows.append(Row(f"{engine}: time over plain time", ratio, "", 1.0, "lower", plainly))


compare("monai", trial.plain_bundle, bundle, {})
with TemporaryDirectory() as folder:
    if snakemake.params.outside:
        settings = {"mirroring": False, "orientation": "LPS"}
        network = trial.network_of_nnunet(Path(folder, "nnunet"))
        compare("nnunet", trial.plain_nnunet, network, settings)
        network = trial.network_of_totalsegmentator(Path(folder, "totalsegmentator"))
        compare("totalsegmentator", trial.plain_totalsegmentator, network, {"fast": True})
large = trial.tiled(person, (1000, 512, 512), (1.0, 0.7, 0.7))
whole = trial.cost(trial.labels, "monai", large, bundle, {})
of, issue = "monai, 512 x 512 x 1000 voxels", "issue 4"
seconds = whole.seconds / large.array.size * 1e6
rows.append(Row(f"{of}: time", seconds, "s/Mvoxel", None, "lower", "no target"))
rows.append(Row(f"{of}: memory", whole.memory_mb, "MB", 12000, "lower", issue))
artefact.write(benchmark.records(rows), snakemake.output[0], schema="benchmark")
