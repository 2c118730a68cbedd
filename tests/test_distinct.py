"""Scans that teach or judge networks are usable and differ, or training does not begin."""

import json
from types import SimpleNamespace

import pytest
from tests.test_benchmark import run_script


@pytest.fixture
def check(tmp_path, monkeypatch):
    def checked(voxels=None, persons=None, patients=None, **sources):
        paths = {kind: [tmp_path / f"{c}_{kind}" for c in sources] for kind in ("source", "ct")}
        for case, its, source, ct in zip(sources, sources.values(), *paths.values(), strict=True):
            source.write_text(json.dumps(its))
            ct.write_text((voxels or {}).get(case, case))
        params = {
            "cases": [*sources],
            "persons": persons or {},
            "patients": {case: case for case in sources} | (patients or {}),
            "taught": [case for case in sources if case != "judge"],
            "people": {"first": 1000, "count": 40},
            "unseen_people": 20,
        }
        given = {"input": SimpleNamespace(**paths), "output": []}
        run_script(monkeypatch, "distinct", params=SimpleNamespace(**params), **given)

    return checked


def source(*digests, **fate):
    return {"status": "done", **fate, "files": [{"bytes": 1, "sha256": d} for d in digests]}


def test_scans_that_are_usable_and_differ_may_teach(check):
    check(ann=source("a", "b"), eve=source("a", "c"))


def test_one_scan_under_two_names_is_told(check):
    with pytest.raises(ValueError, match="eve and ann are one scan"):
        check(ann=source("a", "b"), eve=source("b", "a"))


def test_a_refused_scan_is_told_with_the_reason(check):
    with pytest.raises(ValueError, match=r"eve: came a localizer; mend .* out of `train`"):
        check(ann=source("a"), eve=source(status="refused", reason="came a localizer"))


def test_one_scan_in_two_containers_is_told(check):
    """A folder of DICOM and the NIfTI made of it are alike once they are ingested."""
    with pytest.raises(ValueError, match="eve and ann are one scan"):
        check(ann=source("a"), eve=source("b"), voxels={"ann": "same", "eve": "same"})


TWO = {"ann": source("a"), "judge": source("b")}


@pytest.mark.parametrize(
    ("case", "person", "message"),
    [
        ("judge", ("standard", 1000), r"judge: .* 1000 is one of train.people, 1000 to 1059"),
        ("ann", ("standard", 1059), r"ann: .* who teach or choose between settings"),
        ("ann", ("held_out", 19), r"ann: .* held_out/19 .* ask for a number from 20 on"),
    ],
)
def test_a_person_whom_training_draws_itself_is_told(check, case, person, message):
    with pytest.raises(ValueError, match=message):
        check(**TWO, persons={case: person})


@pytest.mark.parametrize(
    ("case", "person"),
    [("ann", ("standard", 1060)), ("judge", ("held_out", 19)), ("ann", ("held_out", 20))],
)
def test_a_person_whom_training_does_not_draw_may_be_a_case(check, case, person):
    check(**TWO, persons={case: person})


def test_two_scans_of_one_person_may_teach_only_as_one_patient(check):
    persons = {"ann": ("standard", 7), "judge": ("standard", 7)}
    with pytest.raises(ValueError, match="judge and ann are one person"):
        check(**TWO, persons=persons)
    check(**TWO, persons=persons, patients={"ann": "p7", "judge": "p7"})
