import pytest

from phantomloom.qc import Finding
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
