import json

import pandas as pd
import pytest
from tests.test_ingest import ROOT, run_job

from phantomloom.qc import Finding
from phantomloom.qc.population import FEWEST_PERSONS
from phantomloom.qc.verdict import go_on, judge, words

CHECKS = ["volume", "symmetry"]
GRAVE = Finding("kidney_left", "90 to 250 ml", "412 ml", "fail")
SLIGHT = GRAVE._replace(severity="warn")


def test_warnings_pass_and_grave_findings_fail_with_their_words_as_reason():
    assert judge({"volume": [SLIGHT]}, CHECKS, None)["verdict"] == "pass"
    judged = judge({"volume": [GRAVE]}, CHECKS, None)
    assert judged["verdict"] == "fail"
    assert judged["reasons"] == ["kidney left: 412 ml, expected 90 to 250 ml"]
    assert words(GRAVE) == judged["reasons"][0]


def test_a_check_that_only_advises_fails_no_case():
    assert judge({"clustering": [GRAVE]}, CHECKS, None)["verdict"] == "pass"


@pytest.mark.parametrize(("automatic", "person"), [("fail", "pass"), ("pass", "fail")])
def test_a_person_overrules_the_checks_and_both_stay_visible(automatic, person):
    findings = {"volume": [GRAVE] if automatic == "fail" else []}
    judged = judge(findings, CHECKS, (person, "seen on the images"))
    assert judged["verdict"] == person
    assert judged["automatic_verdict"] == automatic
    assert judged["review"] == {"verdict": person, "note": "seen on the images"}
    assert "seen on the images" in judged["reasons"][0]


def test_a_review_that_says_neither_pass_nor_fail_is_refused():
    with pytest.raises(ValueError, match="maybe"):
        judge({}, CHECKS, ("maybe", ""))


def test_a_failed_case_is_withheld_unless_the_config_lets_it_go_on():
    failed = judge({"volume": [GRAVE]}, CHECKS, None)
    assert go_on(failed, withhold_failed=True)["status"] == "withheld"
    assert go_on(failed, withhold_failed=False) == {"status": "done"}
    assert go_on(judge({}, CHECKS, None), withhold_failed=True) == {"status": "done"}


def test_what_later_stages_read_does_not_change_with_a_figure():
    other = GRAVE._replace(seen="413 ml")
    said = [go_on(judge({"volume": [f]}, CHECKS, None), True) for f in (GRAVE, other)]
    assert said[0] == said[1]
    assert said[0]["reason"] == "failed quality control: kidney_left (volume)"


def test_the_reason_to_withhold_names_only_what_failed_the_case():
    judged = judge({"volume": [GRAVE], "clustering": [GRAVE]}, CHECKS, None)
    assert go_on(judged, True)["reason"] == "failed quality control: kidney_left (volume)"


def run_qc(folder, ct_json, merge_json):
    """Run scripts/qc.py on a case with the liver of a child."""
    table = pd.DataFrame({"name": ["liver"], "volume_ml": [170.0], "touches_border": [""]})
    table.to_parquet(folder / "measured.parquet")
    contents = {"ct_json": ct_json, "status": merge_json}
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content))
    params = {
        "reference": str(ROOT / "workflow/phantomloom/qc/population-1.tsv"),
        "checks": {"volume": {"warn_spreads": 3.0, "fail_spreads": 4.5}},
        "failing_checks": ["volume"],
        "withhold_failed": True,
        "review": None,
    }
    inputs = {name: str(folder / name) for name in contents}
    inputs["measurements"] = str(folder / "measured.parquet")
    names = {"judged": "qc.json", "verdict": "verdict.json"}
    return run_job("qc.py", folder, names, inputs, params)


@pytest.mark.parametrize(("known", "verdict"), [({"age_years": 5}, "pass"), ({}, "fail")])
def test_the_checks_know_the_person_as_ingest_does(tmp_path, known, verdict):
    """It may be the scan's header that tells the age."""
    made = run_qc(tmp_path, {"status": "done", "demographics": known}, {"status": "done"})
    assert json.loads(made.judged.read_text())["verdict"] == verdict


def test_the_checks_are_withheld_where_ingest_refused_and_knows_nobody(tmp_path):
    merge_json = {"status": "withheld", "reason": "no body"}
    made = run_qc(tmp_path, {"status": "refused", "reason": "no body"}, merge_json)
    for path in vars(made).values():
        assert json.loads(path.read_text()) == merge_json


def test_a_reference_population_of_the_library_is_of_adults_with_the_sex_that_ingest_knows(
    tmp_path,
):
    people = {str(n): "MF"[n % 2] for n in range(FEWEST_PERSONS)}
    table = pd.DataFrame({"name": ["liver"], "volume_ml": [1700.0], "touches_border": [""]})
    table.to_parquet(tmp_path / "measured.parquet")
    (tmp_path / "judged").write_text(json.dumps({"status": "done", "verdict": "pass"}))
    known = {"M": {"sex": "M"}, "F": {"sex": "F", "age_years": 18}, "child": {"age_years": 9}}
    for name, its in known.items():
        (tmp_path / name).write_text(json.dumps({"status": "done", "demographics": its}))
    cases = people | {"ann": "child"}  # whom no check judges, so she passes
    inputs = {
        "judged": [str(tmp_path / "judged")] * len(cases),
        "ct_json": [str(tmp_path / name) for name in cases.values()],
        "measured": [str(tmp_path / "measured.parquet")] * len(cases),
    }
    params = {"source": "cases", "cases": list(cases)}
    made = run_job("reference.py", tmp_path, {"population": "population.tsv"}, inputs, params)
    population = pd.read_csv(made.population, sep="\t", index_col="person", dtype={"person": str})
    assert population.sex.to_dict() == people
