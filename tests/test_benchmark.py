import json
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from phantomloom.benchmark import Row, of_rules, records, table
from phantomloom.io import log, nifti
from phantomloom.segmentation import Segmentation, bundle, monai, registration
from phantomloom.structures import label
from phantomloom.volume import Volume

ROOT = Path(__file__).parents[1]

TARGETS = {"seconds": 10, "memory_mb": 1000, "against": "the issue"}


@pytest.mark.parametrize(
    ("value", "target", "better", "short"),
    [
        (9, 10, "higher", True),
        (10, 10, "higher", False),
        (11, 10, "lower", True),
        (10, 10, "lower", False),
        (99, None, "lower", False),
    ],
)
def test_a_figure_falls_short_only_on_the_wrong_side_of_its_target(value, target, better, short):
    row = Row("figure", value, "s", target, better, "")
    assert row.falls_short is short
    assert ("SHORT" in table([row])) is short


def test_a_run_is_bounded_by_its_jobs_in_turn_and_its_largest_jobs_together():
    jobs = pd.DataFrame(
        {
            "rule": ["ingest", "ingest", "simulate"],
            "seconds": [1.0, 2.0, 4.0],
            "memory_mb": [100.0, 300.0, 800.0],
        }
    )
    rows = {row.figure: row for row in of_rules(jobs, cores=2, targets=TARGETS)}
    assert rows["all jobs in turn"].value == 7
    assert not rows["all jobs in turn"].falls_short
    assert rows["2 largest jobs"].value == 1100
    assert rows["2 largest jobs"].falls_short
    assert rows["ingest, 2 jobs: time"].value == 3
    assert rows["ingest, 2 jobs: memory"].value == 300
    assert list(rows)[2] == "simulate, 1 job: time"  # the slowest rule first


def test_columns_of_the_table_stand_under_their_headings():
    rows = [Row("a long figure", 1.5, "s", 2, "lower", "x"), Row("b", 10, "MB", 20, "higher", "y")]
    heading, *lines = table(rows).splitlines()
    assert [line[heading.index("unit") :].split()[0] for line in lines] == ["s", "MB"]
    assert [line[heading.index("target") :].split("  ")[0] for line in lines] == ["<= 2", ">= 20"]


def run_script(monkeypatch, name, **job):
    """Run scripts/<name>.py as Snakemake would, but with its words left where they are."""
    monkeypatch.setattr(log, "to", lambda path: None)
    job = SimpleNamespace(**{"log": ["log"], "threads": 1} | job)
    runpy.run_path(str(ROOT / f"scripts/{name}.py"), {"snakemake": job})


def test_the_demo_counts_what_sheet_and_configuration_name_and_nothing_that_has_left_them(
    tmp_path, monkeypatch
):
    files = [
        *("ingest/ann.tsv", "segment/ann.torso.tsv", "simulate/ann/body.tsv", "library.tsv"),
        *("ingest/annex.tsv", "segment/annex.torso.tsv", "simulate/annex/body.tsv", "fit/ann.tsv"),
        *("segment/ann.total.tsv", "simulate/ann/head.tsv"),
    ]
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("s\tmax_rss\n1.0\t10.0\n")
    params = {"logs": str(tmp_path), "cases": ["ann"], "apart": ["fit"], "cores": 2}
    params |= {"targets": TARGETS, "parts": {"segment": ["torso"], "simulate": ["body"]}}
    output = [tmp_path / "demo.json"]
    run_script(monkeypatch, "benchmark_demo", params=SimpleNamespace(**params), output=output)
    figures = {row["figure"]: row["value"] for row in json.loads(output[0].read_text())}
    assert figures["all jobs in turn"] == 4
    assert figures["segment, 1 job: time"] == 1


@pytest.mark.parametrize(("there", "device"), [(True, "cuda"), (False, "cpu")])
def test_a_network_is_scored_on_the_gpu_that_the_profile_gives_it(
    tmp_path, monkeypatch, there, device
):
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[5:15, 5:15, 5:15] = label("liver")
    ct = Volume(np.where(labels > 0, 60, -1000).astype(np.int16), (3.0, 3.0, 3.0))
    nifti.write(ct, tmp_path / "ct.nii.gz")
    nifti.write(ct.with_array(labels), tmp_path / "labels.nii.gz")
    devices = set()

    def segment_together(ct, bundles, device):
        devices.add(device)
        return {name: Segmentation(ct.with_array(labels), {}) for name in bundles}

    about = bundle.About("Liver", ("liver",), 3.0, (16, 16, 16), ())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: int(there))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (8e9, 8e9))
    monkeypatch.setattr(monai, "segment_together", segment_together)
    monkeypatch.setattr(bundle, "about", lambda folder: about)
    run_script(
        monkeypatch,
        "score",
        input=SimpleNamespace(
            ct=tmp_path / "ct.nii.gz",
            labels=tmp_path / "labels.nii.gz",
            weights=[tmp_path / "abdomen/models/model.safetensors"],
        ),
        output=[tmp_path / "score.json"],
        params=SimpleNamespace(
            scheme="phantomloom", structures=None, device="auto", gpu_memory_mb=6000
        ),
        wildcards=SimpleNamespace(unseen="ann"),
    )
    assert devices == {device}
    (case,) = json.loads((tmp_path / "score.json").read_text())["cases"].values()
    assert case["liver"]["dice"] == case["liver"]["surface_dice"] == 1


def test_registration_is_judged_like_networks_and_by_what_both_labels_show(tmp_path, monkeypatch):
    """The other case's labels show no spleen; its colon has no gas apart, as networks have it."""
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[2:10, 5:15, 5:15] = label("colon")
    labels[12:18, 5:15, 5:15] = label("gluteus_maximus_left")
    ct = Volume(np.full(labels.shape, 60, np.int16), (3.0, 3.0, 3.0))
    merged = labels.copy()
    merged[4:8, 7:13, 7:13] = label("gas")
    merged[:2, :2] = label("spleen")
    for name, array in (("ct", ct.array), ("merged", merged), ("labels", labels)):
        nifti.write(ct.with_array(array), tmp_path / f"{name}.nii.gz")
    monkeypatch.setattr(registration, "carried", lambda ct, other, labels: labels)
    files = {"ct": "ct", "other": "ct", "truth": "merged", "labels": "labels"}
    run_script(
        monkeypatch,
        "register",
        input=SimpleNamespace(**{key: tmp_path / f"{f}.nii.gz" for key, f in files.items()}),
        output=[tmp_path / "score.json"],
        params=SimpleNamespace(
            schemes=["phantomloom"] * 2,
            structures=[["colon", "gluteus_maximus_left", "muscles", "spleen"], None],
        ),
        wildcards=SimpleNamespace(unseen="ann"),
    )
    (case,) = json.loads((tmp_path / "score.json").read_text())["cases"].values()
    assert {name: row["dice"] for name, row in case.items()} == {
        "colon": 1,
        "gluteus_maximus_left": 1,
    }


@pytest.mark.parametrize("rule", ["lesson", "score", "register"])
def test_structures_that_labels_cannot_show_stop_what_learns_or_judges(tmp_path, monkeypatch, rule):
    ct = Volume(np.full((20, 20, 20), 60, np.int16), (3.0, 3.0, 3.0))
    path, masks = tmp_path / "ct.nii.gz", tmp_path / "masks"
    masks.mkdir()
    nifti.write(ct, path)
    nifti.write(ct.with_array(np.ones(ct.array.shape, np.uint8)), masks / "liver.nii.gz")
    named = {"structures": ["colon", "liver"], "scheme": "total", "spacing_mm": 3.0}
    if rule == "register":
        named = {"structures": [["liver"], named["structures"]], "schemes": ["total"] * 2}
    with pytest.raises(ValueError, match="masks: the labels cannot show colon as a whole"):
        run_script(
            monkeypatch,
            rule,
            input=SimpleNamespace(ct=path, other=path, labels=masks, truth=masks, weights=[]),
            output=[tmp_path / "made"],
            params=SimpleNamespace(device="cpu", gpu_memory_mb=6000, **named),
            wildcards=SimpleNamespace(unseen="ann", case="ann"),
        )


LARGEST_MB = {"measure": 830, "mesh": 5500, "simulate": 2000}  # 512 x 512 x 300 voxels, measured


@pytest.mark.parametrize("rule", ["measure", "voxel", "mesh", "simulate", "page"])
def test_a_job_may_ask_for_what_a_native_scan_needs_and_on_a_retry_for_more(rule):
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    body = text.split(f"rule {rule}:\n")[1]
    found = re.search(r"^        mem_mb=(lambda w, attempt: .+),$", body, re.MULTILINE)
    memory_mb = eval(found.group(1))
    assert memory_mb(None, 1) >= 1.4 * LARGEST_MB.get(rule, 0)
    assert memory_mb(None, 2) >= 2 * memory_mb(None, 1)


def test_records_have_four_digits_and_every_field():
    row = Row("speed", 1234.567, "1/s", None, "higher", "nothing")
    (told,) = records([row])
    assert told == row._asdict() | {"value": 1235.0}
