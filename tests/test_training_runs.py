"""Which networks `snakemake train` plans to fit and to score for cases of one's own."""

import re
import subprocess

import pytest
import torch
import yaml
from house import ROOT, command

from phantomloom.segmentation.training import loop

EVE = {"labels": "eve_labels.nii.gz", "scheme": "total"}


def plan(folder, names, target, changes=(), references=(), others=()):
    """Return exit status and output of a dry run with labelled cases of such names."""
    for name in names:
        for kind in ("scan", "labels"):
            (folder / f"{name}_{kind}.nii.gz").write_text(name + kind)
    rows = [f"{name}\t{name}_scan.nii.gz" for name in names]
    (folder / "cases.tsv").write_text("\n".join(["case\tpath", *rows]) + "\n")
    taught = {name: {"labels": f"{name}_labels.nii.gz", "scheme": "total"} for name in names}
    cases = {"patient1": None, "patient2": None} | taught
    references = {"patient1_tissues": None, "patient3": None} | dict(references)
    train = {"cases": cases, "references": references, **dict(changes)}
    mine = {"cohort": {"cases": "cases.tsv"}, "train": train}
    (folder / "my.yaml").write_text(yaml.safe_dump(mine))
    line = command("--snakefile", ROOT / "Snakefile", "--configfile", "my.yaml", "--dry-run")
    line = [*line, *others, "--", *target]
    run = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


@pytest.mark.parametrize("cases", [3, 30])
def test_every_case_is_scored_by_networks_that_have_not_seen_it(tmp_path, cases):
    """In five folds at most, and under names that fit the 255 bytes of a file system."""
    names = [f"case_{number:02d}_of_a_hospital" for number in range(cases)]
    (tmp_path / "expert").mkdir()
    (tmp_path / "expert/liver.nii.gz").write_text("liver")
    expert = {"expert": {"case": names[0], "labels": "expert"}}
    target = ("train", "results/benchmark/segmentation.json")
    code, told = plan(tmp_path, names, target, references=expert)
    assert code == 0, told
    scores, taught = set(), {}
    for job in told.split("\nrule ")[1:]:
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
    pairs = set(re.findall(r"results/score/registration/(\w+)/(\w+)\.json", told))
    assert {unseen for _, unseen in pairs} == set(names) and len(pairs) == cases
    assert all(seen != unseen for seen, unseen in pairs)
    paths = re.findall(r"(?:results|logs)/[^\s,]+", told)
    assert max(len(part) for path in paths for part in path.split("/")) <= 255


def test_what_begins_with_kept_weights_does_not_train_them(tmp_path):
    settings = yaml.safe_load((ROOT / "config.yaml").read_text())["train"]
    its = settings["network"] | settings["recipes"]["people"] | {"people": settings["people"]}
    loop.Fitted({"bias": torch.ones(2)}, {}, {}).write(tmp_path / "mine.safetensors", its)
    kept = {"recipes": {"people": {"kept": "mine.safetensors"}}}
    target = ("results/score/shipped/ann/eve.json",)
    code, told = plan(tmp_path, ["ann", "eve"], target, kept)
    assert code == 0 and "results/fit/shipped/ann/" in told, told
    assert "results/fit/people/" not in told
    steps = ("--config", "train={recipes: {people: {steps: 7}}}")
    code, told = plan(tmp_path, ["ann", "eve"], target, kept, others=steps)
    assert code != 0
    assert "train.recipes.people.kept: mine.safetensors was trained with steps" in told


@pytest.mark.parametrize(("after", "knows"), [({"after": "people"}, True), ({}, False)])
def test_people_tell_what_cannot_be_in_scans_to_all_that_begins_with_them(tmp_path, after, knows):
    mine = {"steps": 1, "learning_rate": 1.0e-3, "shares": {"scan": 1}} | after
    target = ("results/fit/mine/ann/weights.safetensors",)
    code, told = plan(tmp_path, ["ann"], target, {"recipes": {"mine": mine}})
    assert code == 0, told
    fit = told.split("\nrule fit:")[1].split("\nrule ")[0]
    given = re.search(r"input: (.*)", fit)[1]
    people = {f"results/people/standard-{number}.safetensors" for number in range(5000, 5012)}
    assert people <= {*given.split(", ")} if knows else not people & {*given.split(", ")}


def test_scans_of_one_patient_never_judge_each_other(tmp_path):
    both = {
        name: {"labels": f"{name}_labels.nii.gz", "scheme": "total", "patient": "p7"}
        for name in ("early", "late")
    }
    changes = {"cases": {"patient1": None, "patient2": None, "eve": EVE, **both}}
    expert = {"expert": {"case": "late", "labels": "late_labels.nii.gz", "patient": "other"}}
    of_third = {"case": "third", "labels": "third_labels.nii.gz"}
    changes["cases"]["third"] = None  # not taught; only the first of its references says whose
    expert |= {"first": of_third | {"patient": "p7"}, "second": of_third}
    target = ("train",)
    code, told = plan(tmp_path, ["early", "late", "eve", "third"], target, changes, expert)
    assert code == 0, told
    runs = set(re.findall(r"results/score/shipped/([\w+-]+)/(\w+)\.json", told))
    assert {(seen, unseen) for seen, unseen in runs if unseen in {*both, "expert"}} == {
        ("eve", "early"),
        ("eve", "late"),
        ("eve", "expert"),
    }
    assert {(seen, unseen) for seen, unseen in runs if unseen in ("first", "second")} == {
        ("eve", "first"),
        ("eve", "second"),
    }
    assert ("early+late", "eve") in runs
