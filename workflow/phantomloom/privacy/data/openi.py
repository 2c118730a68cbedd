"""The Indiana University collection (Open-i): its XML files, or the CSV table made of them.

Its reports have MeSH terms, not the 14 labels; ``LABELS_OF`` is our own reading of these terms.
A term is heading/qualifier/qualifier; a heading counts alone or, as "heading/qualifier", with it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from phantomloom.privacy.data.tables import missing, table
from phantomloom.privacy.reports import MIMIC_CXR_LABELS, Dataset, Report

SECTION_NAMES = ("indication", "comparison", "findings", "impression")
NOT_INDEXED = {"no indexing"}
LABELS_OF = {
    "Atelectasis": ("pulmonary atelectasis", "volume loss"),
    "Cardiomegaly": ("cardiomegaly", "cardiac shadow/enlarged", "heart/enlarged"),
    "Consolidation": ("consolidation",),
    "Edema": ("pulmonary edema", "pulmonary congestion", "heart failure"),
    "Enlarged Cardiomediastinum": (
        *("mediastinum/prominent", "mediastinum/enlarged", "mediastinum/widened"),
        *("cardiac shadow/prominent", "mediastinum/mass"),
    ),
    "Fracture": ("fractures, bone",),
    "Lung Lesion": ("nodule", "mass", "granuloma", "calcified granuloma", "cavitation"),
    "Lung Opacity": ("opacity", "airspace disease", "infiltrate", "density/lung"),
    "Pleural Effusion": (
        *("pleural effusion", "hydropneumothorax", "hemothorax", "hemopneumothorax"),
        "costophrenic angle/blunted",
    ),
    "Pleural Other": ("thickening/pleura", "cicatrix/pleura", "calcinosis/pleura", "pleura"),
    "Pneumonia": ("pneumonia",),
    "Pneumothorax": ("pneumothorax", "hydropneumothorax", "hemopneumothorax"),
    "Support Devices": (
        *("catheters, indwelling", "tube, inserted", "implanted medical device"),
        *("medical device", "stents", "spinal fusion"),
    ),
}


class Study(NamedTuple):
    """What a report of the collection says, in either layout."""

    uid: str
    sections: dict[str, str]
    terms: tuple[str, ...]  # lower case


def read(path: Path | str, sections: Sequence[str] = ("findings", "impression")) -> Dataset:
    """Return the reports of a folder of XML files, or of a CSV table, one report a patient.

    The table has the columns uid, MeSH, indication, comparison, findings, impression. Reports
    without a word in ``sections``, or that nobody indexed, are left out. "No Finding" is a report
    indexed as normal.

    Raises:
        FileNotFoundError: if nothing is there.
        ValueError: naming the file and the column, tag or section that cannot be used.
    """
    path = Path(path)
    if unknown := set(sections) - set(SECTION_NAMES):
        known = ", ".join(SECTION_NAMES)
        raise ValueError(f"sections: {known} are known, not {', '.join(sorted(unknown))}")
    reports = []
    for study in _of_folder(path) if path.is_dir() else _of_table(path):
        text = "\n\n".join(part for name in sections if (part := study.sections[name]))
        if text and not NOT_INDEXED & set(study.terms):
            reports.append(Report(study.uid, study.uid, text, _labels(study.terms)))
    return Dataset("openi", MIMIC_CXR_LABELS, tuple(reports))


def _of_table(path: Path) -> Iterator[Study]:
    for row in table(path, ["uid", "MeSH", *SECTION_NAMES]).to_dict("records"):
        if not row["uid"] or not row["MeSH"]:
            raise missing(path, f"uid {row['uid']!r}", "MeSH" if row["uid"] else "uid")
        parts = {name: row[name].strip() for name in SECTION_NAMES}
        yield Study(row["uid"], parts, _terms(row["MeSH"].split(";")))


def _of_folder(path: Path) -> Iterator[Study]:
    files = sorted(path.rglob("*.xml"))
    if not files:
        raise FileNotFoundError(f"{path}: no XML file in it or below; correct the path")
    for file in files:
        try:
            root = ElementTree.parse(file).getroot()
        except ElementTree.ParseError as fault:
            raise ValueError(f"{file}: no XML: {fault}") from fault
        uid = root.find(".//uId")
        if uid is None or not uid.get("id"):
            raise ValueError(f"{file}: no tag uId with an id")
        terms = [tag.text or "" for tag in root.iter("major")]
        if not terms:
            raise ValueError(f"{file}: no tag major below MeSH, so no labels")
        texts = {tag.get("Label", "").lower(): tag.text or "" for tag in root.iter("AbstractText")}
        parts = {name: texts.get(name, "").strip() for name in SECTION_NAMES}
        yield Study(str(uid.get("id")), parts, _terms(terms))


def _terms(written: Sequence[str]) -> tuple[str, ...]:
    return tuple(term.strip().lower() for term in written)


def _labels(terms: Sequence[str]) -> tuple[int, ...]:
    said = {"normal"} & set(terms)
    for term in terms:
        heading, *qualifiers = term.split("/")
        said |= {heading, *(f"{heading}/{qualifier}" for qualifier in qualifiers)}
    meant = {label for label, ways in LABELS_OF.items() if said & set(ways)}
    if "normal" in said:
        meant.add("No Finding")
    return tuple(int(label in meant) for label in MIMIC_CXR_LABELS)
