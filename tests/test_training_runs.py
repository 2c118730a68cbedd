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
    gone, expert = {"patient1": None, "patient2": None}, {"case": names[0], "labels": "expert"}
    (tmp_path / "expert").mkdir()
    (tmp_path / "expert/liver.nii.gz").write_text("liver")
    others = {"patient1_tissues": None, "patient3": None, "expert": expert}
    train = {"cases": gone | taught, "references": others}
    mine = {"cohort": {"cases": "cases.tsv"}, "train": train}
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(mine))
    line = command("--snakefile", ROOT / "Snakefile", "--configfile", "my.yaml", "--dry-run")
    line = [*line, "--", "train", "results/benchmark/segmentation.json"]
    plan = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert plan.returncode == 0, plan.stdout[-900:] + plan.stderr
    scores, taught = set(), {}
    for job in plan.stdout.split("\nrule ")[1:]:
        rule, parts = job.split(":")[0], dict(re.findall(r"(input|output): (.*)", job))
        given, made = parts.get("input", ""), parts.get("output", "")
        if rule == "fit" and "results/fit/shipped/" in made:
            run = re.search(r"shipped/([\w+-]+)", made)[1]
            taught[run] = set(re.findall(r"results/lesson/(\w+)\.", given))
        elif rule == "score" and "results/score/shipped/" in made:
            run, name = re.search(r"shipped/([\w+-]+)/(\w+)\.json", made).groups()
            scores.add((run, name, re.search(r"results/ingest/(\w+)/", given)[1]))
    assert {name for _, name, _ in scores} == {*names, "expert"}
    assert len({run for run, _, _ in scores}) == min(5, cases)
    assert ("expert", names[0]) in {score[1:] for score in scores}
    assert not any(case in taught[run] for run, _, case in scores)
    assert all(len(taught[run]) >= cases - -(-cases // 5) for run, _, _ in scores)
    pairs = set(re.findall(r"results/score/registration/(\w+)/(\w+)\.json", plan.stdout))
    assert {unseen for _, unseen in pairs} == set(names) and len(pairs) == cases
    assert all(seen != unseen for seen, unseen in pairs)
    paths = re.findall(r"(?:results|logs)/[^\s,]+", plan.stdout)
    assert max(len(part) for path in paths for part in path.split("/")) <= 255
