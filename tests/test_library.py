import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from phantomloom.library import page, table, terminal
from phantomloom.structures import structures
from phantomloom.validation import faults, schema

MODELS, PROTOCOLS = ("skeleton", "torso"), ("abdomen",)
GROUPS = {"liver": ["liver"], "kidneys": ["kidney_left", "kidney_right"], "heart": ["heart"]}
WITHHELD = {"status": "withheld", "reason": "liver of 38 ml"}
MEASUREMENTS = [
    {"name": "liver", "volume_ml": 1500.0, "touches_border": "superior"},
    {"name": "kidney_left", "volume_ml": 150.0, "touches_border": ""},
    {"name": "kidney_right", "volume_ml": 140.0, "touches_border": ""},
]


def statistics(mean):
    return {"mean": mean, "sd": 9.0, "voxels": 100}


def done(**content):
    return {"status": "done", **content}


def artefacts(**changed):
    """What the stages of a case that went through write."""
    voxel = [
        {"name": m["name"], "material": structures()[m["name"]].material, "mass_g": m["volume_ml"]}
        for m in MEASUREMENTS
    ]
    surface = {"triangles": 800, "watertight": True, "volume_ml": 1500.0, "mesh_volume_ml": 1485.0}
    simulated = {
        "name": "liver",
        "expected_hu": 60.0,
        "source_hu": statistics(55.0),
        "simulated_hu": {"sharp": statistics(70.0), "soft": statistics(63.5)},  # as JSON sorts
    }
    return {
        "ingest": done(
            geometry={
                "shape_zyx": [100, 90, 80],
                "spacing_mm": [3.0, 2.0, 1.0],
                "source_shape": [300, 512, 512],
                "source_spacing_mm": [1.0, 0.7, 0.7],
            },
            acquisition={"tube_voltage_kv": 120.0},
            demographics={"sex": "F"},
            warnings=[],
        ),
        "segment/skeleton": done(
            engine="monai", weights="abc", seen_in_training=False, structures={}
        ),
        "segment/torso": done(
            engine="monai",
            weights="abc",
            seen_in_training=True,
            structures={
                "liver": {
                    "volume_ml": 1510.0,
                    "touches_border": "",
                    "confidence": {"probability": 0.9, "boundary_entropy_bits": 0.7},
                }
            },
        ),
        "merge": done(
            conflicts=[{"a": "liver", "b": "stomach", "ml": 2.5}],
            strays=[{"model": "torso", "structure": "thyroid_gland", "ml": 1.5}],
            unassigned_ml=0,
            edited=False,
            edited_ml=0.0,
            edits=[],
        ),
        "qc": done(
            verdict="pass",
            automatic_verdict="fail",
            findings={},
            reasons=["liver is large"],
            review={"verdict": "pass", "note": "looked at it"},
        ),
        "verdict": done(),
        "voxel": done(structures=voxel),
        "mesh": done(structures=[{"name": "liver", **surface}]),
        "simulate/abdomen": done(
            structures=[simulated],
            scan={"uncovered_mm": {"lower": 12.0, "upper": 7.0}, "truncated_mm": 68.0},
            noise={"structure": "liver", "sd_hu": {"soft": 12.0, "sharp": 30.0}},
        ),
        **changed,
    }


def refused():
    reason = {"reason": "came a localizer"}
    return {
        stage: {"status": "refused" if stage == "ingest" else "withheld", **reason}
        for stage in artefacts()
    }


def row(told, measurements=MEASUREMENTS):
    return table.row("p1", None, told, table.structure_rows(measurements, told), GROUPS)


def test_a_case_that_went_through_is_done_with_its_sums_in_the_row():
    found = row(artefacts())
    assert (found["status"], found["reason"], found["stage"]) == ("done", None, None)
    assert found["kidneys_ml"] == 290.0
    assert found["mass_kg"] == pytest.approx(1.79)
    assert (found["spacing_z_mm"], found["spacing_x_mm"]) == (3.0, 1.0)
    assert found["conflict_ml"] == 2.5
    assert (found["meshes"], found["meshes_watertight"], found["triangles"]) == (1, 1, 800)
    assert found["noise_abdomen_sharp_hu"] == 30.0
    assert found["largest_soft_error_hu"] == 3.5


def test_a_confidence_is_told_where_one_network_found_the_structure_and_nobody_edited_it():
    def of_liver(**changed):
        (liver, *_) = table.structure_rows(MEASUREMENTS, artefacts(**changed))
        return liver["confidence"], liver["boundary_entropy_bits"]

    assert of_liver() == (0.9, 0.7)
    given = {"liver": {"volume_ml": 1400.0, "touches_border": "", "confidence": None}}
    labels = done(engine="labels", weights="d", seen_in_training=None, structures=given)
    assert of_liver(**{"segment/given": labels}) == (None, None)
    edits = [{"structure": "liver", "added_ml": 1.0, "removed_ml": 0.0}]
    merged = artefacts()["merge"] | {"edited": True, "edits": edits}
    assert of_liver(merge=merged) == (None, None)


@pytest.mark.parametrize(
    ("years", "told"),
    [(17.6, "17 years"), (0.5, "6 months"), (80, "80 y"), (90, "90 years or over")],
)
def test_a_page_tells_an_age_as_people_do(years, told):
    its = artefacts()
    its["ingest"]["demographics"]["age_years"] = years
    assert f"age {told}" in page.case_page(row(its), [], its, {}, [])


def test_a_check_that_cannot_judge_a_case_says_so_on_its_page():
    child = {"expected": "an adult", "seen": "9 years", "severity": "not judged"}
    its = artefacts()
    its["qc"]["findings"] = {"volume": [{"structure": "all structures", **child}], "symmetry": []}
    shown = page.case_page(row(its), [], its, {}, [])
    assert "volume: not judged</summary>" in shown and "symmetry: no findings</summary>" in shown
    assert "all structures: expected an adult, seen 9 years (not judged)" in shown


def test_an_error_over_few_voxels_is_noise_and_does_not_count():
    its = artefacts()
    liver = its["simulate/abdomen"]["structures"][0]
    few = {kernel: statistics(200.0) | {"voxels": 99} for kernel in ("sharp", "soft")}
    its["simulate/abdomen"]["structures"].append(liver | {"name": "ureter", "simulated_hu": few})
    assert row(its)["largest_soft_error_hu"] == 3.5


def test_what_is_unknown_or_not_there_is_none_and_never_zero():
    found = row(artefacts())
    assert found["sex"] == "F"
    assert found["age_years"] is None
    assert found["heart_ml"] is None


def test_a_review_overrules_the_verdict_and_both_are_told():
    found = row(artefacts())
    assert (found["verdict"], found["automatic_verdict"]) == ("pass", "fail")
    assert found["reviewed"] == "pass"


def test_one_model_that_saw_the_scan_in_training_marks_the_case():
    unseen = done(engine="monai", weights="abc", seen_in_training=False, structures={})
    assert row(artefacts())["seen_in_training"]
    assert row(artefacts(**{"segment/torso": unseen}))["seen_in_training"] is False


def test_where_a_network_does_not_say_what_it_was_trained_on_nobody_claims_that_a_scan_is_new():
    silent = done(engine="nnunet", weights="abc", seen_in_training=None, structures={})
    untold = artefacts(**{"segment/torso": silent})
    assert row(untold)["seen_in_training"] is None
    assert row(artefacts(**{"segment/skeleton": silent}))["seen_in_training"] is True
    refused = {"ingest": {"status": "refused", "reason": "no CT"}}
    assert table.row("ann", None, refused, [], GROUPS)["seen_in_training"] is None
    shown = page.case_page(row(untold), [], untold, {}, [])
    assert "not known</td>" in shown and "new to it</td>" in shown


def test_a_case_whose_labels_a_person_edited_says_so_on_its_page_and_in_its_row():
    edit = {"structure": "gallbladder", "added_ml": 1.5, "removed_ml": 41.2}
    by_hand = artefacts(merge=done(conflicts=[], edited=True, edited_ml=42.7, edits=[edit]))
    pages = {}
    for told in (artefacts(), by_hand):
        rows = table.structure_rows(MEASUREMENTS, told)
        found = row(told)
        pages[found["edited"]] = page.case_page(found, rows, told, {}, [])
    assert "edited by hand" in pages[True] and "edited by hand" not in pages[False]
    assert "42.7 ml" in pages[True] and "<td>gallbladder</td>" in pages[True]


def test_what_the_merge_dropped_stands_on_the_page():
    told = artefacts()
    rows = table.structure_rows(MEASUREMENTS, told)
    shown = page.case_page(row(told), rows, told, {}, [])
    assert "1.5 ml in all" in shown and "<td>thyroid gland</td><td>torso</td>" in shown
    told["merge"]["strays"].clear()
    assert "vertebrae from where" not in page.case_page(row(told), rows, told, {}, [])


def test_a_failed_verdict_withholds_and_keeps_what_was_measured():
    later = {stage: WITHHELD for stage in ("verdict", "voxel", "mesh", "simulate/abdomen")}
    found = row(artefacts(**later))
    assert (found["status"], found["stage"]) == ("withheld", "qc")
    assert found["reason"] == "liver of 38 ml"
    assert found["liver_ml"] == 1500.0
    assert found["mass_kg"] is None


def test_a_refused_scan_is_refused_and_not_withheld():
    found = row(refused(), measurements=[])
    assert (found["status"], found["stage"]) == ("refused", "ingest")
    assert found["structures"] is None
    assert found["verdict"] is None


def test_the_tables_begin_with_who_and_how_and_hold_every_column_once():
    rows = [row(artefacts()), row(refused(), measurements=[])]
    columns = table.columns(rows)
    assert columns[:3] == ["case", "status", "stage"]
    assert sorted(columns) == sorted({*rows[0], *rows[1]})


def test_no_group_of_volumes_may_take_the_place_of_a_column():
    others = table.row("p1", None, artefacts(), [], {})
    groups = {name.removesuffix("_ml"): ["liver"] for name in others if name.endswith("_ml")}
    rules = schema("config")["properties"]["library"]["properties"]["volumes"]
    assert not faults(GROUPS, rules)
    told = [fault.message for fault in faults(groups, rules)]
    assert len(told) == len(groups) == 2
    assert all("where volume_ml and conflict_ml are others" in message for message in told)


def test_organs_come_before_bones_and_fat():
    measured = [
        {"name": name, "volume_ml": 1.0, "touches_border": ""}
        for name in ("skin", "vertebrae_L1", "liver")
    ]
    names = [found["name"] for found in table.structure_rows(measured, artefacts())]
    assert names == ["liver", "vertebrae_L1", "skin"]


def test_structure_rows_join_the_stages_by_name():
    liver = next(r for r in table.structure_rows(MEASUREMENTS, artefacts()) if r["name"] == "liver")
    assert (liver["source_hu"], liver["simulated_hu"], liver["expected_hu"]) == (55.0, 63.5, 60.0)
    assert liver["mesh_volume_off_percent"] == pytest.approx(-1.0)
    assert (liver["confidence"], liver["boundary_entropy_bits"]) == (0.9, 0.7)
    assert liver["truncated"]


def test_a_volume_that_the_scan_cuts_is_told_as_at_least():
    told = artefacts()
    rows = table.structure_rows(MEASUREMENTS, told)
    amounts = page.amounts(row(told), rows, GROUPS)
    said = {amount["name"]: amount["value"] for amount in amounts}
    assert said["liver"].startswith("≥ 1,500")
    assert said["kidneys"] == "290 ml"
    assert "heart" not in said
    (trace,) = [
        its["value"]
        for its in page.amounts(row(told) | {"kidneys_ml": 0.21}, rows, GROUPS)
        if its["name"] == "kidneys"
    ]
    assert trace == "0.2 ml"  # nobody has organs of 0 ml


def files(results: Path, *cases: str) -> set[str]:
    """What there is of the cases, as a run that is to make all of it names them."""
    stages = [table.artefact_paths(case, MODELS, PROTOCOLS, results) for case in cases]
    json_files = {str(path) for paths in stages for path in paths.values()}
    return json_files | {str(results / f"measure/{case}.parquet") for case in cases}


def build(results: Path, case: str, told: dict) -> None:
    for stage, path in table.artefact_paths(case, MODELS, PROTOCOLS, results).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(told[stage]))
    (results / "library" / case).mkdir(parents=True)
    (results / "library" / case / "index.html").touch()
    (results / "measure").mkdir(exist_ok=True)
    (results / "measure" / f"{case}.parquet").touch()


def test_the_table_that_ends_a_run_tells_what_became_of_each_case(tmp_path):
    build(tmp_path, "good", artefacts())
    build(tmp_path, "bad", refused())
    build(tmp_path, "crashed", artefacts())
    table.artefact_paths("crashed", MODELS, PROTOCOLS, tmp_path)["segment/torso"].unlink()
    cases = ["good", "bad", "crashed"]
    told = terminal.terminal_table(tmp_path, cases, MODELS, PROTOCOLS, files(tmp_path, *cases))
    good, bad, crashed = told.splitlines()[1:4]
    assert good.split()[:2] == ["good", "done"]
    assert bad.split()[:2] == ["bad", "refused"]
    assert "came a localizer" in bad
    assert crashed.split()[:2] == ["crashed", "failed"]
    assert "logs/segment/crashed.torso.log" in crashed
    assert "1 done, 1 refused, 1 failed" in told


def test_the_terminal_blames_a_person_that_was_not_drawn_on_its_own_rule(tmp_path):
    results = tmp_path / "results"
    due = {str(results / name) for name in ("person/p7/person.json", "ingest/p7/ct.json")}
    told = terminal.terminal_table(results, ["p7"], MODELS, PROTOCOLS, due)
    assert f"failed  {tmp_path}/logs/person/p7.log  person left no result" in told


def test_of_many_cases_the_terminal_shows_those_that_need_a_person(tmp_path):
    for number in range(terminal.LINES + 1):
        build(tmp_path, f"case{number}", artefacts() if number else refused())
    told = terminal.terminal_table(
        tmp_path, [f"case{n}" for n in range(terminal.LINES + 1)], MODELS, PROTOCOLS
    )
    assert "case0 " in told
    assert "case1 " not in told
    assert f"{terminal.LINES} done, 1 refused" in told


@pytest.mark.parametrize(
    ("lost", "log"),
    [
        ("measure/patient1.parquet", "measure/patient1.log"),
        ("segment/patient1/torso.json", "segment/patient1.torso.log"),
        ("qc/patient1.verdict.json", "qc/patient1.log"),
        ("simulate/patient1/abdomen/quality.json", "simulate/patient1/abdomen.log"),
    ],
)
def test_a_crash_on_a_rerun_is_no_success_because_later_files_are_still_there(tmp_path, lost, log):
    results = tmp_path / "results"
    build(results, "patient1", artefacts())
    (results / lost).unlink()
    told = terminal.terminal_table(results, ["patient1"], MODELS, PROTOCOLS, {str(results / lost)})
    assert told.splitlines()[1].split()[:3] == ["patient1", "failed", str(tmp_path / "logs" / log)]


def test_what_a_phase_was_not_about_is_open_when_another_case_crashes(tmp_path):
    build(tmp_path, "good", artefacts())
    due = {f"{tmp_path}/ingest/{case}/ct.json" for case in ("good", "crashed")}
    (tmp_path / "segment/good/skeleton.json").unlink()
    told = terminal.terminal_table(tmp_path, ["good", "crashed"], MODELS, PROTOCOLS, due)
    assert [line.split()[1] for line in told.splitlines()[1:3]] == ["open", "failed"]


def word(*due: str, crashed: bool, capsys) -> str:
    """What the workflow says at the end of a run whose jobs make ``due``."""
    workflow = SimpleNamespace(dag=SimpleNamespace(jobs=[SimpleNamespace(output=due)]))
    config = {"cohort": {"cases": "a"}, "segment": {"models": MODELS}}
    config |= {"simulate": {"protocols": PROTOCOLS}}
    known = {"read_cases": lambda _: ["a"], "terminal_table": terminal.terminal_table, "Path": Path}
    rules = Path(__file__).parents[1] / "workflow/rules/common.smk"
    exec(rules.read_text(), scope := {"workflow": workflow, "config": config, **known})
    scope["cases"]()
    scope["say_what_became_of_the_cases"](crashed=crashed)
    return capsys.readouterr().out


def test_a_phase_ends_without_the_table_unless_it_crashed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ingested, page = "results/ingest/a/ct.json", "results/library/index.html"
    assert word(ingested, crashed=False, capsys=capsys) == ""
    assert "1 failed" in word(ingested, crashed=True, capsys=capsys)
    told = word(ingested, page, crashed=False, capsys=capsys)
    assert "a  failed" in told.replace("     ", "  ") and "all cases" not in told
    Path(page).parent.mkdir(parents=True)
    Path(page).touch()
    assert "all cases" in word(ingested, page, crashed=False, capsys=capsys)
