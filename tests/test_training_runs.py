"""Which networks `snakemake train` plans to fit and to score for cases of one's own."""

import re
import subprocess

import pytest
import yaml
from house import ROOT, command


@pytest.mark.parametrize("cases", [3, 30])
def test_every_case_is_scored_by_networks_that_have_not_seen_it(tmp_path, cases):
    """In five folds at most, and under names that fit the 255 bytes of a file system."""
    names = [f"case_{number:02d}_of_a_hospital" for number in range(cases)]
    for name in names:
        for kind in ("scan", "labels"):
            (tmp_path / f"{name}_{kind}.nii.gz").write_text(name + kind)
    rows = [f"{name}\t{name}_scan.nii.gz" for name in names]
    (tmp_path / "cases.tsv").write_text("\n".join(["case\tpath", *rows]) + "\n")
    taught = {name: {"labels": f"{name}_labels.nii.gz", "scheme": "total"} for name in names}
    gone = {"patient1": None, "patient2": None}
    train = {"cases": gone | taught, "references": {"patient1_tissues": None, "patient3": None}}
    mine = {"cohort": {"cases": "cases.tsv"}, "train": train}
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(mine))
    line = command("--snakefile", ROOT / "Snakefile", "--configfile", "my.yaml", "--dry-run")
    plan = subprocess.run([*line, "--", "train"], cwd=tmp_path, capture_output=True, text=True)
    assert plan.returncode == 0, plan.stderr
    scores = set(re.findall(r"results/score/shipped/([\w+-]+)/(case_\w+)\.json", plan.stdout))
    assert {case for _, case in scores} == set(names)
    assert len({run for run, _ in scores}) == min(5, cases)
    if cases == 3:
        assert all(set(run.split("+")) == set(names) - {case} for run, case in scores)
    paths = re.findall(r"(?:results|logs)/[^\s,]+", plan.stdout)
    assert max(len(part) for path in paths for part in path.split("/")) <= 255
