"""Scans that teach or judge networks are usable and differ, or training does not begin."""

import json
from types import SimpleNamespace

import pytest
from tests.test_benchmark import run_script


@pytest.fixture
def check(tmp_path, monkeypatch):
    def checked(**sources):
        for case, its in sources.items():
            (tmp_path / case).write_text(json.dumps(its))
        given = {"input": [tmp_path / case for case in sources], "output": []}
        run_script(monkeypatch, "distinct", params=SimpleNamespace(cases=[*sources]), **given)

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
