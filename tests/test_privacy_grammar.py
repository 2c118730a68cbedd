"""The grammar: what it promises of numbers, words, prevalence and difficulty."""

import re
from difflib import SequenceMatcher
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest

from phantomloom.privacy.data import synthetic
from phantomloom.privacy.grammar.dictation import misspelt
from phantomloom.privacy.grammar.findings import findings
from phantomloom.privacy.grammar.phrases import SLOT, SLOTS
from phantomloom.privacy.grammar.report import first_visit, write
from phantomloom.privacy.grammar.wording import FILES, wording
from phantomloom.privacy.reports import CT_RATE_LABELS, LABEL_SETS, MIMIC_CXR_LABELS, targets

N = 900
FILLED_FROM_OUTSIDE = {"finding", "name", "list"}


@pytest.fixture(scope="module", params=list(LABEL_SETS))
def written(request):
    return [write(3, number, request.param, "benchmark") for number in range(N)]


@pytest.fixture(scope="module")
def values(written):
    return targets([one.faultless for one in written], "zeros").values


def names_of(written):
    return MIMIC_CXR_LABELS if written[0].report.report_id.startswith("mimic") else CT_RATE_LABELS


def phrases(name):
    """All that a wording can say of a finding, and its templates, in lower case."""
    words = wording(name)
    said = {way.lower() for finding in words.findings.values() for ways in finding for way in ways}
    return {re.sub("^an? ", "", way) for way in said} | {
        template.lower() for ways in words.templates.values() for template in ways
    }


def sentences(text):
    return {part.strip().lower() for part in re.split(r"[.:;\n]+", text) if part.count(" ") > 1}


@pytest.mark.parametrize("label_set", LABEL_SETS)
def test_a_report_depends_on_seed_and_number_alone(label_set):
    alone = write(5, 17, label_set, "public")
    assert synthetic.read(18, label_set, "public", seed=5).reports[17] == alone.report
    assert write(6, 17, label_set, "public").report.text != alone.report.text
    assert write(5, 17, label_set, "benchmark").report.labels != alone.report.labels


def test_public_and_benchmark_share_no_name_no_description_and_no_template():
    assert not phrases("public") & phrases("benchmark")
    assert all(len(phrases(name)) > 150 for name in FILES)


@pytest.mark.parametrize("label_set", LABEL_SETS)
def test_no_sentence_of_a_benchmark_report_was_ever_in_a_public_one(label_set):
    seen = {
        name: set().union(
            *(sentences(r.text) for r in synthetic.read(250, label_set, name).reports)
        )
        for name in FILES
    }
    assert min(map(len, seen.values())) > 300
    assert not seen["public"] & seen["benchmark"]


@pytest.mark.parametrize("name", FILES)
def test_a_wording_knows_all_findings_and_only_slots_that_are_filled(name):
    words = wording(name)
    for label_set in LABEL_SETS:
        for row in findings(label_set):
            assert row.region in words.regions and row.label.lower() in words.findings
            assert {row.where, row.degree} - {"none"} <= words.pools.keys()
    ways = [way for finding in words.findings.values() for part in finding for way in part]
    ways += [way for pool in words.pools.values() for way in pool]
    assert {slot for way in ways for slot in SLOT.findall(way)} <= SLOTS.keys()
    templates = {slot for t in words.templates.values() for w in t for slot in SLOT.findall(w)}
    assert templates <= SLOTS.keys() | FILLED_FROM_OUTSIDE


def test_no_slot_is_left_open(written):
    assert not [one.report.text for one in written if "{" in one.report.text]


def test_prevalences_are_those_of_the_table(written, values):
    label_set = "mimic_cxr" if names_of(written) == MIMIC_CXR_LABELS else "ct_rate"
    names = list(names_of(written))
    for row in findings(label_set):
        wanted = 1 - NormalDist().cdf(row.lowest)
        likely = (1 - NormalDist().cdf(row.doubtful) - wanted) / 2 * (label_set == "ct_rate")
        spread = 2 * np.sqrt(wanted / N)  # visits of a patient are alike: twice the binomial
        found = values[:, names.index(row.label)].mean()
        assert abs(found - wanted - likely) < 3 * spread, row.label


def test_findings_of_one_cause_come_together(written, values):
    names = list(names_of(written))
    pair = ("Edema", "Pleural Effusion")
    if names[0] != MIMIC_CXR_LABELS[0]:
        pair = ("Arterial wall calcification", "Coronary artery wall calcification")
    a, b = (values[:, names.index(name)] > 0 for name in pair)
    odds = (a & b).sum() * (~a & ~b).sum() / ((a & ~b).sum() * (~a & b).sum())
    assert odds > 3


def test_mimic_cxr_has_uncertain_and_unmentioned_labels_and_ct_rate_has_neither(written):
    given = {label for one in written for label in one.report.labels}
    assert given == ({1, 0, -1, None} if names_of(written) == MIMIC_CXR_LABELS else {1, 0})


def test_no_finding_is_there_where_nothing_else_but_devices_is(written):
    if names_of(written) != MIMIC_CXR_LABELS:
        return
    for one in written:
        labels = dict(zip(MIMIC_CXR_LABELS, one.report.labels, strict=True))
        others = set(labels) - {"No Finding", "Support Devices"}
        assert (labels["No Finding"] == 1) == (not {labels[k] for k in others} & {1, -1})


def test_no_opacity_is_denied_where_the_lung_is_clouded(written):
    if names_of(written) != MIMIC_CXR_LABELS:
        return  # CT-RATE has no label for what is not mentioned
    labels = [dict(zip(MIMIC_CXR_LABELS, one.faultless, strict=True)) for one in written]
    clouded = [row for row in labels if 1 in (row["Consolidation"], row["Edema"])]
    assert len(clouded) > 50
    assert not [row for row in clouded if row["Lung Opacity"] == 0]


def test_a_patient_has_one_to_five_reports_in_a_row():
    firsts = [first_visit((1, 0, 0), number) for number in range(600)]
    starts = sorted(set(firsts))
    assert all(first <= number for number, first in enumerate(firsts))
    assert all(first_visit((1, 0, 0), start) == start for start in starts)
    visits = [after - before for before, after in pairwise([*starts, 600])]
    assert set(visits) == {1, 2, 3, 4, 5}


def test_what_is_chronic_stays_with_the_patient(written, values):
    names = list(names_of(written))
    column = values[:, names.index("Cardiomegaly")]
    patients = [one.report.patient_id for one in written]
    same = [n for n in range(N - 1) if patients[n] == patients[n + 1]]
    both = np.mean([column[n] * column[n + 1] for n in same])
    assert both > 2 * column.mean() ** 2  # chance alone would give the square


def test_styles_sections_denials_priors_and_measures_all_occur(written):
    texts = [one.report.text for one in written]
    for pattern, least in (
        (r"(?m)^(?:Report|REPORT):", 0.5),
        (r"(?m)^[A-Z].*: ", 0.3),
        (r"(?i)\b(?:no|without|negative for)\b", 0.6),
        (r"(?i)former images|since last time|interval change|main problem", 0.2),
        (r"\d+ (?:mm|MM)\b|0\.\d\d", 0.3),
        (r"(?i)would be less likely|presumably|suspicious for|could well be", 0.03),
        (r"^[^a-z]+$", 0.03),
    ):
        assert np.mean([bool(re.search(pattern, text)) for text in texts]) > least, pattern


def test_typing_errors_come_in_the_share_asked_for_and_keep_words_readable():
    text = "consolidation with effusion and emphysema " * 200
    random = np.random.default_rng(0)
    assert misspelt(random, text, 0.0) == text
    pairs = list(zip(text.split(), misspelt(random, text, 0.1).split(), strict=True))
    changed = [(a, b) for a, b in pairs if a != b]
    # every tenth of the 800 long words, less the errors that change nothing
    assert 50 < len(changed) < 110
    assert all(SequenceMatcher(None, a, b).ratio() > 0.7 for a, b in changed)


def test_an_unknown_grammar_is_named():
    with pytest.raises(ValueError, match="grammar: public or benchmark, not 'private'"):
        write(0, 0, "mimic_cxr", "private")
