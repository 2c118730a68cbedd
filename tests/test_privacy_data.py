"""Readers against small files in the official layouts, written here."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from phantomloom.privacy.data import (
    csv_table,
    ct_rate,
    ct_rate_annotated,
    mimic_cxr,
    openi,
    synthetic,
)
from phantomloom.privacy.reports import (
    CT_RATE_LABELS,
    MIMIC_CXR_LABELS,
    Dataset,
    Report,
    targets,
    without_repeats,
)
from phantomloom.privacy.sections import Section, joined, sections

MIMIC_TEXT = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___ year old man with cough // pneumonia?

 COMPARISON:  None.

 FINDINGS:

 The heart is large.
 LUNGS: clear.

 IMPRESSION:

 Cardiomegaly.
"""
XML = """<?xml version="1.0"?><eCitation><uId id="CXR{uid}"/><MedlineCitation><Article><Abstract>
<AbstractText Label="COMPARISON">None.</AbstractText><AbstractText Label="INDICATION"/>
<AbstractText Label="FINDINGS">{findings}</AbstractText>
<AbstractText Label="IMPRESSION">{impression}</AbstractText></Abstract></Article></MedlineCitation>
<MeSH>{terms}</MeSH></eCitation>"""
STUDIES = [  # uid, findings, impression, terms
    ("1", "Large heart.", "Right effusion.", ["Cardiomegaly/mild", "Pleural Effusion/right"]),
    ("2", "Clear.", "", ["normal"]),
    ("3", "Plaque.", "Rib fracture.", ["Thickening/pleura/left", "Fractures, Bone/ribs"]),
    ("4", "Unread.", "", ["No Indexing"]),
]


def write(path: Path, header, *rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def present(dataset, report) -> set[str]:
    return {
        name for name, label in zip(dataset.label_names, report.labels, strict=True) if label == 1
    }


@pytest.fixture
def mimic(tmp_path):
    named = {"Cardiomegaly": "1.0", "Edema": "-1.0", "Pneumonia": "0.0"}
    row = [named.get(label, "") for label in MIMIC_CXR_LABELS]
    header = ["subject_id", "study_id", *MIMIC_CXR_LABELS]
    rows = [["10000032", "50414267", *row], ["10000032", "53189527", *row]]
    write(tmp_path / mimic_cxr.LABEL_TABLE, header, *rows)
    header = ["dicom_id", "study_id", "subject_id", "split"]
    split = [["a", "50414267", "10000032", "train"], ["b", "53189527", "10000032", "test"]]
    write(tmp_path / mimic_cxr.SPLIT_TABLE, header, *split)
    for study in ("50414267", "53189527"):
        file = tmp_path / f"files/p10/p10000032/s{study}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(MIMIC_TEXT)
    return tmp_path


def test_mimic_cxr_gives_sections_labels_and_patients(mimic):
    dataset = mimic_cxr.read(mimic)
    first, second = dataset.reports
    assert (first.report_id, first.patient_id) == ("s50414267", "p10000032")
    assert second.patient_id == first.patient_id
    assert first.text == "The heart is large.\n LUNGS: clear.\n\nCardiomegaly."
    labels = dict(zip(dataset.label_names, first.labels, strict=True))
    assert labels["Cardiomegaly"] == 1 and labels["Edema"] == -1 and labels["Pneumonia"] == 0
    assert labels["Fracture"] is None


def test_mimic_cxr_gives_only_the_official_parts_and_sections_asked_for(mimic):
    (report,) = mimic_cxr.read(mimic, sections=["impression"], parts=["test"]).reports
    assert (report.report_id, report.text) == ("s53189527", "Cardiomegaly.")


def test_mimic_cxr_names_what_is_wrong(mimic):
    with pytest.raises(ValueError, match=r"parts: train, validate, test are known, not valid"):
        mimic_cxr.read(mimic, parts=["valid"])
    with pytest.raises(ValueError, match=r"sections: .* not body"):
        mimic_cxr.read(mimic, sections=["body"])
    (mimic / "files/p10/p10000032/s53189527.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"s53189527\.txt: no such report"):
        mimic_cxr.read(mimic)
    write(mimic / mimic_cxr.LABEL_TABLE, ["subject_id", "study_id"], ["1", "2"])
    with pytest.raises(ValueError, match=r"chexpert\.csv\.gz: no column 'Atelectasis'"):
        mimic_cxr.read(mimic)


def test_a_report_without_wanted_sections_gives_its_last_paragraph():
    text = "PORTABLE VIEW\n\n Heart normal.\n \n No pneumothorax."
    assert joined(text, ["findings", "impression"]) == "No pneumothorax."


def test_spellings_of_a_heading_mean_one_section_and_unknown_ones_belong_to_their_section():
    text = (
        "Clinical history: cough\nPA AND LATERAL VIEWS OF THE CHEST: one\nHEART: two\nCONCLUSION: x"
    )
    found = sections(text)
    assert found == [
        Section("history", "cough"),
        Section("findings", "one\nHEART: two"),
        Section("impression", "x"),
    ]


@pytest.fixture
def ct(tmp_path):
    rows = [
        ["train_1_a_1.nii.gz", "Not given.", "CT.", "Nodule.", "Not given."],
        ["train_1_a_2.nii.gz", "Not given.", "CT.", "Nodule.", "Not given."],
        ["train_1_b_1.nii.gz", "", "CT.", "Nodule.", ""],
        ["train_2_a_1.nii.gz", "", "CT.", "Normal.", "Nothing."],
        ["train_3_a_1.nii.gz", "", "CT.", "Not given.", ""],
    ]
    header = ["VolumeName", *ct_rate.SECTION_COLUMNS.values()]
    write(tmp_path / "radiology_text_reports/train_reports.csv", header, *rows)
    ones = [int(label == "Lung nodule") for label in CT_RATE_LABELS]
    given = [[row[0], *(ones if row[3] == "Nodule." else [0] * 18)] for row in rows]
    folder = tmp_path / "multi_abnormality_labels"
    write(folder / "train_predicted_labels.csv", ["VolumeName", *CT_RATE_LABELS], *given)
    return tmp_path


def test_ct_rate_gives_a_report_once_for_all_reconstructions_of_a_scan(ct):
    dataset = ct_rate.read(ct, parts=["train"])
    names = [(report.report_id, report.patient_id) for report in dataset.reports]
    assert names == [
        ("train_1_a_1.nii.gz", "train_1"),
        ("train_1_b_1.nii.gz", "train_1"),
        ("train_2_a_1.nii.gz", "train_2"),
    ]
    assert [present(dataset, r) for r in dataset.reports] == [{"Lung nodule"}] * 2 + [set()]
    assert dataset.reports[2].text == "Normal.\n\nNothing."


def test_ct_rate_names_what_is_wrong(ct):
    with pytest.raises(FileNotFoundError, match=r"validation_reports\.csv"):
        ct_rate.read(ct)
    with pytest.raises(ValueError, match="not body"):
        ct_rate.read(ct, sections=["body"])
    labels = ct / "multi_abnormality_labels/train_predicted_labels.csv"
    lines = labels.read_text().splitlines()
    labels.write_text("\n".join(lines[:-1]))
    with pytest.raises(ValueError, match=r"train_predicted_labels\.csv: .*'train_3_a_1\.nii\.gz'"):
        ct_rate.read(ct, parts=["train"])
    labels.write_text("\n".join([*lines[:-1], lines[-1][:-1] + "yes"]))
    with pytest.raises(ValueError, match=r"'Interlobular septal thickening': .* not 'yes'"):
        ct_rate.read(ct, parts=["train"])


def test_annotated_ct_reports_know_their_patients_in_ct_rate(tmp_path):
    header = ["AccessionNo", "report_text", *CT_RATE_LABELS]
    rows = [[f"train_{n}", f"Report {n}.", *[0] * 18] for n in (1, 2, 3)]
    write(tmp_path / ct_rate_annotated.REPORTS, header, *rows)
    names = [("train_1", "train_2_a"), ("train_2", "not in CT-RATE")]
    names.append(("train_3", "train_2_b"))
    write(tmp_path / ct_rate_annotated.NAMES, ["AccessionNo", "NameinCTRATE"], *names)
    reports = ct_rate_annotated.read(tmp_path).reports
    assert [r.patient_id for r in reports] == ["train_2", "of train_2", "train_2"]


@pytest.fixture(params=["xml", "csv"])
def indiana(request, tmp_path):
    if request.param == "xml":
        for uid, findings, impression, terms in STUDIES:
            tags = "".join(f"<major>{term}</major>" for term in terms)
            text = XML.format(uid=uid, findings=findings, impression=impression, terms=tags)
            (tmp_path / f"{uid}.xml").write_text(text)
        return tmp_path
    header = ["uid", "MeSH", "Problems", "image", "indication", "comparison"]
    rows = [
        [uid, ";".join(terms), "", "", "", "None.", findings, impression]
        for uid, findings, impression, terms in STUDIES
    ]
    return write(tmp_path / "reports.csv", [*header, "findings", "impression"], *rows)


def test_openi_means_the_same_in_xml_and_in_csv(indiana):
    dataset = openi.read(indiana)
    assert [r.text for r in dataset.reports] == [
        "Large heart.\n\nRight effusion.",
        "Clear.",
        "Plaque.\n\nRib fracture.",
    ]
    assert [present(dataset, r) for r in dataset.reports] == [
        {"Cardiomegaly", "Pleural Effusion"},
        {"No Finding"},
        {"Pleural Other", "Fracture"},
    ]
    assert len({r.patient_id for r in dataset.reports}) == 3


def test_openi_names_what_is_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match="no XML file"):
        openi.read(tmp_path)
    table = write(tmp_path / "reports.csv", ["uid", "findings"], ["1", "x"])
    with pytest.raises(ValueError, match=r"reports\.csv: no column 'MeSH'"):
        openi.read(table)
    (tmp_path / "1.xml").write_text("<eCitation>")
    with pytest.raises(ValueError, match=r"1\.xml: no XML"):
        openi.read(tmp_path)


def test_every_label_of_openi_is_one_of_mimic_cxr():
    assert {*openi.LABELS_OF, "No Finding"} == set(MIMIC_CXR_LABELS)


def test_a_table_of_anyone_is_read_by_the_names_of_its_columns(tmp_path):
    header = ["key", "who", "seen", "means", "mass"]
    path = write(tmp_path / "a.csv", header, ["1", "p", "A", "B", "1"], ["2", "p", "C", "", ""])
    dataset = csv_table.read(path, "key", ["seen", "means"], ["mass"], patient_column="who")
    assert dataset == Dataset(
        "a", ("mass",), (Report("1", "p", "A\n\nB", (1,)), Report("2", "p", "C", (None,)))
    )
    alone = csv_table.read(path, "key", ["seen"], ["mass"], name="mine")
    assert [r.patient_id for r in alone.reports] == ["1", "2"] and alone.name == "mine"


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (["2", "p", "text", "3"], "row '2', column 'mass': 1, 0, -1 or nothing, not '3'"),
        (["2", "p", " ", "1"], "row '2' has nothing in column 'seen'"),
        (["2", "", "text", "1"], "row '2' has nothing in column 'who'"),
        (["1", "p", "text", "1"], "column 'key' has '1' more than once"),
    ],
)
def test_a_wrong_row_is_named_with_file_and_column(tmp_path, row, fault):
    path = write(tmp_path / "a.csv", ["key", "who", "seen", "mass"], ["1", "p", "A", "1"], row)
    with pytest.raises(ValueError, match=r"a\.csv: ") as caught:
        csv_table.read(path, "key", ["seen"], ["mass"], patient_column="who")
    assert fault in str(caught.value)


def test_uncertain_labels_count_as_the_policy_says():
    rows = [(1, -1), (None, 0)]
    for policy, value in (("zeros", 0), ("ones", 1), ("ignore", 0)):
        values, known = targets(rows, policy)
        assert np.array_equal(values, [[1, value], [0, 0]]) and values.dtype == np.float32
        assert known.all() == (policy != "ignore")
    assert not targets(rows, "ignore").known[0, 1]
    with pytest.raises(ValueError, match="zeros, ones, ignore"):
        targets(rows, "drop")


def test_repeats_go_within_a_patient_only():
    rows = [("a", "p", "Clear."), ("b", "p", "clear. "), ("c", "q", "Clear."), ("d", "p", "Mass.")]
    reports = tuple(Report(*row, (0,)) for row in rows)
    kept = without_repeats(Dataset("x", ("m",), reports)).reports
    assert [report.report_id for report in kept] == ["a", "c", "d"]


@pytest.mark.parametrize("label_set", ["mimic_cxr", "ct_rate"])
def test_the_embedded_data_are_reports_like_all_others(label_set):
    dataset = synthetic.read(30, label_set)
    assert len({r.report_id for r in dataset.reports}) == 30
    assert 6 <= len({r.patient_id for r in dataset.reports}) < 30
    assert all(len(r.labels) == len(dataset.label_names) and r.text for r in dataset.reports)
    with pytest.raises(ValueError, match="at least 1"):
        synthetic.read(0, label_set)
    with pytest.raises(ValueError, match="label_set: mimic_cxr or ct_rate"):
        synthetic.read(1, "padchest")
