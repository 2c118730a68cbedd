"""The rules against sentences labelled by hand, the grammar, and real reports where there are."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from phantomloom.privacy import rules
from phantomloom.privacy.data import ct_rate_annotated, openi
from phantomloom.privacy.grammar.report import write
from phantomloom.privacy.reports import CT_RATE_LABELS, LABEL_SETS, MIMIC_CXR_LABELS, targets

REAL = Path(__file__).parents[2] / "shared/data/reports"


def read(text, label):
    names = MIMIC_CXR_LABELS if label in MIMIC_CXR_LABELS else CT_RATE_LABELS
    return rules.labels(text, names)[names.index(label)]


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("Small right pleural effusion.", "Pleural Effusion", 1),
        ("No pneumothorax, consolidation, or pleural effusion.", "Pleural Effusion", 0),
        ("No pneumothorax but small pleural effusion.", "Pleural Effusion", 1),
        ("Pleural effusion was not observed.", "Pleural effusion", 0),
        ("The effusion has resolved.", "Pleural Effusion", 0),
        ("No change in the pleural effusion.", "Pleural Effusion", 1),
        ("Pericardial effusion is seen.", "Pleural effusion", None),
        ("Pericardial effusion is seen.", "Pericardial effusion", 1),
        ("Costophrenic angles are sharp.", "Pleural Effusion", 0),
        ("Possible pneumonia.", "Pneumonia", -1),
        ("Pneumonia cannot be excluded.", "Pneumonia", -1),
        ("Possible pneumonia. IMPRESSION: Pneumonia.", "Pneumonia", 1),
        ("INDICATION: pneumonia\nFINDINGS: Clear lungs.", "Pneumonia", None),
        ("History of pneumonia.", "Pneumonia", None),
        ("The heart is mildly enlarged.", "Cardiomegaly", 1),
        ("Heart size is normal.", "Cardiomegaly", 0),
        ("The heart is not enlarged.", "Cardiomegaly", 0),
        ("Subcutaneous emphysema.", "Emphysema", None),
        ("Bullous emphysema in the upper lobes.", "Emphysema", 1),
        ("Nodule in the thyroid gland.", "Lung nodule", None),
        ("Effusion measures 1.5 cm without pneumothorax.", "Pleural Effusion", 1),
        ("Calcific plaques in the aorta and coronary arteries.", "Arterial wall calcification", 1),
        (
            "Calcific plaques in the aorta and coronary arteries.",
            "Coronary artery wall calcification",
            1,
        ),
        ("Calcific plaques in the coronary arteries.", "Arterial wall calcification", None),
        ("The bones are intact.", "Fracture", 0),
        ("Tip of the PICC line in the SVC.", "Support Devices", 1),
    ],
)
def test_a_sentence_is_read_as_a_person_reads_it(text, label, expected):
    assert read(text, label) == expected


def test_no_finding_is_what_is_left_where_nothing_but_devices_is():
    assert read("Clear lungs. A pacemaker is seen. No effusion.", "No Finding") == 1
    assert read("Possible effusion.", "No Finding") is None
    place = MIMIC_CXR_LABELS.index("No Finding")
    spine = "Clear lungs. Degenerative change of the spine."
    assert rules.labels(spine, MIMIC_CXR_LABELS)[place] == 1
    assert rules.labels(spine, MIMIC_CXR_LABELS, wholly_normal=True)[place] is None
    assert rules.labels("Clear lungs.", MIMIC_CXR_LABELS, wholly_normal=True)[place] == 1


def test_sentences_end_at_stops_and_items_but_not_in_numbers_or_wrapped_lines():
    text = "A nodule of 1.5 cm\nat the base. Clear\n\n2. Normal heart"
    assert rules.sentences(text) == ["a nodule of 1.5 cm at the base", "clear", "normal heart"]


@pytest.mark.parametrize("label_set", LABEL_SETS)
def test_the_lexicon_knows_every_label_by_its_own_name(label_set):
    names = LABEL_SETS[label_set]
    for name in set(names) - {"No Finding", "Support Devices", "Medical material", "Pleural Other"}:
        assert read(f"There is {name}.", name) == 1, name


def test_an_unknown_label_is_named():
    with pytest.raises(KeyError, match="knows no scoliosis"):
        rules.labels("Scoliosis.", ["Scoliosis"])


def test_features_say_how_sure_the_rules_are():
    names = ("Pneumonia", "Edema", "Fracture", "Pneumothorax")
    found = rules.features(["Pneumonia. Possible edema. No fracture.", ""], names)
    assert np.array_equal(found, [[1, 0.5, -1, 0], [0, 0, 0, 0]])
    assert rules.features([], names).shape == (0, 4)


@pytest.mark.parametrize("label_set", LABEL_SETS)
def test_rules_do_not_solve_the_benchmark_nor_do_words_without_them(label_set):
    names = LABEL_SETS[label_set]
    written = [write(11, number, label_set, "benchmark") for number in range(350)]
    given = targets([one.report.labels for one in written], "zeros").values
    said = [rules.labels(one.report.text, names) for one in written]

    def score(found):
        return f1_score(given, found, average="weighted", zero_division=0)

    mentioned = [[label is not None for label in row] for row in said]
    ceiling = score(targets([one.faultless for one in written], "zeros").values)
    assert score(mentioned) + 0.1 < score(targets(said, "zeros").values) < 0.86
    assert score(targets(said, "zeros").values) > 0.68
    assert 0.94 < ceiling < 0.99


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the real reports")
@pytest.mark.parametrize("name", ["openi", "ct_rate"])
def test_rules_read_real_reports_better_than_the_yardstick(name):
    if name == "openi":
        dataset, yardstick = openi.read(REAL / "indiana/indiana_reports.csv"), 0.814
    else:
        dataset, yardstick = ct_rate_annotated.read(REAL / "ct_rate"), 0.87
    reports = dataset.reports[::10] if name == "openi" else dataset.reports[::8]
    said = [rules.labels(r.text, dataset.label_names, name == "openi") for r in reports]
    given = targets([r.labels for r in reports], "zeros").values
    found = targets(said, "zeros").values
    assert f1_score(given, found, average="weighted", zero_division=0) > yardstick
