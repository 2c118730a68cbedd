"""The real sweep with a tiny language model and few reports: what it writes, what a change remakes.

The tests of this file share one folder and go on from each other's state, in this order.
"""

import csv
import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import small_public
import yaml
from house import ROOT, quiet, run
from test_privacy_released import save_start

HEAD = {"trains": "head", "directions": 4, "steps": 2, "clip": 0.1, "learning_rate": 0.5}
FREE = {"steps": 2, "units": 8, "learning_rate": 1e-3, "optimiser": "adam", "directions": 4}
SETTINGS = {
    "datasets": {
        "tiny": {
            "reader": "synthetic",
            "label_set": "mimic_cxr",
            "arguments": {"label_set": "mimic_cxr", "reports": 60, "seed": 5},
        }
    },
    "models": {"small": {"folder": "weights"}},
    "budgets": [1],
    "sweeps": {
        "default": {"datasets": ["tiny"], "models": ["small"], "seeds": 1, "ends": ["lora", "full"]}
    },
    "public": {"reports": 30, "layers": 1, "head_steps": 2, "steps": 2, "batch": 4},
    "lora": {"rank": 2, "layers": [2]},
    "bag_of_words": {"terms": 50},
    "methods": {
        "private": [HEAD | {"up_to": 1000}],
        "bag_of_words": {"trains": "head", "steps": 2, "clip": 0.1, "learning_rate": 0.5},
        "lora": {"trains": "lora", "first": HEAD, **FREE},
        "full": {"trains": "full", "first": HEAD, **FREE},
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    save_start(folder / "weights")
    configure(folder, SETTINGS)
    return folder


def configure(folder, settings):
    shipped = yaml.safe_load((ROOT / "config.yaml").read_text())["privacy"]
    gone = {kind: dict.fromkeys(shipped[kind]) for kind in ("datasets", "models", "sweeps")}
    ours = settings | {kind: gone[kind] | settings[kind] for kind in gone}
    ours["sweeps"]["grid"] = settings["sweeps"]["default"]
    (folder / "my.yaml").write_text(yaml.safe_dump({"privacy": ours}))


def sweep(folder, *targets, options=()):
    arguments = ["--snakefile", ROOT / "Snakefile", "--workflow-profile", ROOT / "profiles/default"]
    arguments += [*options, "--configfile", "my.yaml"]
    return run(folder, *arguments, "--", *(targets or ["privacy"]))


def test_the_sweep_compares_levels_and_baselines(folder):
    jobs = sweep(folder)
    assert jobs["classify"] == 4 and jobs["count_words"] == 4
    (ours,) = (
        its
        for its in json.loads((folder / "results/privacy/default/statistics.json").read_text())
        if its["model"] == "small"
    )
    assert [row["level"] for row in ours["levels"]] == ["public", "1", "lora", "full"]
    assert [row["name"] for row in ours["baselines"]] == ["rules", "bag_of_words", "all_positive"]
    page = (folder / "results/privacy/default/index.html").read_text()
    assert (ours["unit"], ours["delta"]) == ("report", pytest.approx(train_reports(folder) ** -1.1))
    assert "tradeoff.png" in page and (folder / "results/privacy/default/tradeoff.png").exists()


def train_reports(folder):
    path = folder / "results/privacy/runs/tiny/small/1/seed-1/metrics.json"
    return json.loads(path.read_text())["reports"]["train"]


def test_a_private_run_keeps_to_its_budget_by_its_own_account(folder):
    with (folder / "results/privacy/default/summary.csv").open() as table:
        rows = list(csv.DictReader(table))
    private = [row for row in rows if row["level"] == "1"]
    assert {row["model"] for row in private} == {"small", "bag_of_words"}
    for row in private:
        assert 0.95 < float(row["epsilon_pld"]) <= 1
        assert float(row["epsilon_rdp"]) >= float(row["epsilon_pld"])
        assert float(row["units"]) == float(row["train"])
    assert all(row["epsilon_pld"] == "" for row in rows if row["level"] != "1")


def test_a_second_run_finds_nothing_to_do_and_a_new_budget_adds_its_own_jobs_only(folder):
    assert sweep(folder) == {}
    configure(folder, SETTINGS | {"budgets": [1, 2.5]})
    tables = {"compare": 1, "picture_tradeoff": 1, "page_privacy": 1, "privacy": 1}
    assert sweep(folder) == tables | {"classify": 1, "count_words": 1}


def test_a_release_is_private_complete_and_protected_and_labels_new_reports(folder):
    target = "results/privacy/release/tiny/small/1/README.md"
    sweep(folder, target)
    release = (folder / target).parent
    card = (folder / target).read_text()
    assert "one report, added or removed; 60 reports" in card
    assert re.search(r"epsilon, delta \| (0\.9\d+|1) \(privacy loss", card)
    assert not os.access(release / "model.safetensors", os.W_OK) or os.geteuid() == 0
    files = {path.name for path in release.rglob("*") if path.is_file()}
    parts = {"encoder.safetensors", "head.safetensors", "directions.safetensors", "head.json"}
    assert files == {"README.md", "model.json", "model.safetensors", *parts}
    assert (folder / "results/privacy/private/tiny/small/1/private.jsonl").exists()
    assert not any(path.name == "private.jsonl" for path in release.parents[2].rglob("*"))
    texts = pd.DataFrame({"id": ["a", "NA"], "words": small_public.texts()[:2], "Edema": [1, 0]})
    texts.to_csv(folder / "new.csv", index=False)
    command = [sys.executable, ROOT / "scripts/label_reports.py", release, folder / "new.csv"]
    command += [folder / "out.csv", "--text", "words", "--weights", folder / "weights"]
    subprocess.run(command, check=True, env=quiet(), capture_output=True)
    labelled = pd.read_csv(folder / "out.csv", keep_default_na=False)
    assert labelled.id.tolist() == ["a", "NA"] and labelled.Edema.tolist() == [1, 0]
    names = small_public.dataset().label_names
    found = labelled[[f"{name} probability" for name in names]].to_numpy()
    assert np.isfinite(found).all() and (found > 0).all() and (found < 1).all()


def test_a_second_release_is_refused_and_the_first_stays_also_for_root(folder):
    release = folder / "results/privacy/release/tiny/small/1"
    before = {path: path.read_bytes() for path in release.rglob("*") if path.is_file()}
    changed = SETTINGS["methods"] | {"private": [HEAD | {"up_to": 1000, "learning_rate": 0.4}]}
    configure(folder, SETTINGS | {"methods": changed})
    (release / "model.safetensors").chmod(0o644)  # as it is to root
    with pytest.raises(AssertionError, match="have been released at epsilon"):
        sweep(folder, "results/privacy/release/tiny/small/1/README.md")
    assert {path: path.read_bytes() for path in release.rglob("*") if path.is_file()} == before


def test_a_sweep_keeps_no_states_of_its_trainings(folder):
    assert (folder / "results/privacy/runs").is_dir()
    for kept in ("runs", "public"):
        assert not list((folder / "results/privacy" / kept).rglob("state-*.pt"))


def test_what_uncertain_labels_count_as_for_a_data_set_reaches_its_public_model(folder):
    vague = SETTINGS["datasets"]["tiny"] | {"study": {"uncertain": "ignore"}}
    configure(folder, SETTINGS | {"datasets": SETTINGS["datasets"] | {"vague": vague}})
    encoded = "results/privacy/encoded/vague/small.safetensors"
    jobs = sweep(folder, encoded, options=["--dry-run"])
    assert jobs == {"reports": 1, "pretrain": 1, "encode": 1}


def test_a_layer_that_a_model_lacks_stops_it_before_anything_runs(folder):
    configure(folder, SETTINGS | {"lora": {"rank": 2, "layers": [3]}})
    with pytest.raises(AssertionError, match=r"privacy\.models\.small\.lora\.layers.* 0 to 2"):
        sweep(folder, options=["--dry-run"])


def test_weights_that_are_not_there_stop_it_before_anything_runs(folder):
    configure(
        folder,
        SETTINGS
        | {"models": {"bert-small": {}}}
        | {"sweeps": {"default": SETTINGS["sweeps"]["default"] | {"models": ["bert-small"]}}},
    )
    with pytest.raises(AssertionError, match=r"privacy\.models\.bert-small: its weights are not"):
        sweep(folder)
