"""The case sheet, which says what scans the library is made of, and what people left beside it."""

import csv
import io
import os
import re
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from phantomloom.config import portable
from phantomloom.provenance import files_below
from phantomloom.scan import IMAGE_SUFFIXES, files_of_scan
from phantomloom.validation import faults, schema

REVIEWS = "review.tsv"
CORRECTIONS, CORRECTION = "review", "labels.nii.gz"  # review/CASE/labels.nii.gz
MOST_FAULTS_SHOWN = 20
SMALL_SCAN_BYTES = 20_000_000  # read in 30 ms; whole clinical series are larger
STYLISED = "stylised:"  # what a path begins with that asks for a person of the cohort package
FAMILIES = ("standard", "held_out")
FIELDS_OF_VIEW = ("abdomen_pelvis", "abdomen", "chest", "head_neck", "whole", "random")


class Stylised(NamedTuple):
    """A person who is drawn from a number, and what their scan shows."""

    number: int
    family: str = FAMILIES[0]
    field_of_view: str = FIELDS_OF_VIEW[0]


class Case(NamedTuple):
    """One row of the sheet; what is unknown is None."""

    path: Path  # of the scan: a DICOM folder or a file; of nothing for a stylised person
    sex: str | None = None  # M or F
    age_years: float | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    note: str | None = None
    stylised: Stylised | None = None

    @property
    def person(self) -> dict[str, Any]:
        """What the sheet says of the person, without the note, which is free text."""
        return {key: getattr(self, key) for key in ("sex", "age_years", "height_cm", "weight_kg")}


class Review(NamedTuple):
    """What a person answered to the automatic verdict."""

    verdict: str  # pass or fail
    note: str | None = None


def read_cases(sheet: Path | str) -> dict[str, Case]:
    """Return the cases of a tab-separated sheet by name, in its order.

    Paths in a sheet are relative to it. They come back relative to the working directory if they
    lie inside, else absolute. ``stylised:NUMBER`` asks for a person and is looked for nowhere.

    Raises:
        ValueError: naming sheet, row and column of all that is wrong; rows count as in an editor.
    """
    sheet = Path(sheet)
    cases, wrong = {}, []
    for row, fields in _rows(sheet, "case").items():
        name, path = fields.pop("case"), fields.pop("path")
        try:
            cases[name] = Case(**_scan(path, sheet.parent), **fields)
        except ValueError as fault:
            wrong.append(f"row {row}, column path: {fault}")
    _stop_if(wrong, sheet)
    return cases


def read_reviews(sheet: Path | str) -> dict[str, Review]:
    """Return by case what people wrote into ``review.tsv`` beside ``sheet``; no file, no reviews.

    Raises:
        ValueError: naming row and column of all that is wrong, such as a case not in the sheet.
    """
    reviews = Path(sheet).with_name(REVIEWS)
    if not reviews.exists():
        return {}
    names = {fields["case"] for fields in _rows(Path(sheet), "case").values()}
    rows = _rows(reviews, "review", may_be_empty=True)
    unknown = [
        f"row {row}, column case: {fields['case']!r} is no case of {Path(sheet).name}"
        for row, fields in rows.items()
        if fields["case"] not in names
    ]
    _stop_if(unknown, reviews)
    return {fields.pop("case"): Review(**fields) for fields in rows.values()}


def read_corrections(sheet: Path | str) -> dict[str, Path]:
    """Return by case the label map ``review/CASE/labels.nii.gz`` beside ``sheet``, where it is.

    Raises:
        ValueError: naming a folder that is closed, else each of no case or with other images only.
    """
    review, found, wrong = Path(sheet).with_name(CORRECTIONS), {}, []
    try:
        folders = sorted(f for f in review.iterdir() if f.is_dir()) if review.exists() else []
        files = {folder: sorted(file.name for file in folder.iterdir()) for folder in folders}
    except OSError as fault:
        raise ValueError(f"{fault.filename}: cannot be read ({fault.strerror})") from fault
    names = {f["case"] for f in _rows(Path(sheet), "case").values()} if folders else set()
    for folder, inside in files.items():
        images = [name for name in inside if name.lower().endswith(IMAGE_SUFFIXES)]
        if images and folder.name not in names:
            wrong.append(f"{folder}: {folder.name!r} is no case of {Path(sheet).name}")
        elif CORRECTION in images:
            found[folder.name] = Path(portable(folder, CORRECTION))
        elif images:
            wrong.append(f"{folder}: a correction is called {CORRECTION}, not {images[0]}")
    if wrong:
        raise ValueError("\n".join(wrong))
    return found


def scan_files(path: Path) -> list[Path]:
    """Return the files that Snakemake watches itself: the scan, or the first slice of a folder.

    One slice is enough to make a case wait for the rule that makes its folder; all of them would
    weigh on the DAG, see ``scan_digest``. What cannot be read is left to ingest: Snakemake would
    miss it, or fail to note its checksum, and stop all cases.
    """
    try:
        files = files_of_scan(path)[:1]
        return [file for file in files if os.access(file, os.R_OK) or not file.exists()]
    except OSError:
        return []


def scan_digest(path: Path) -> str:
    """Return a digest of a scan's files, which a rule takes as a param.

    As an ``input:`` they are not enough: a slice replaced in a folder, or a file by an older one,
    went unseen. Small scans count by content, so that a scan that is copied anew changes nothing;
    larger ones by name, size and time of change, as every start of Snakemake looks at every case.
    """
    try:
        files = files_of_scan(path)
        small = sum(file.stat().st_size for file in files) <= SMALL_SCAN_BYTES
        told = [(file.name, _content(file) if small else _change(file)) for file in files]
    except OSError as fault:  # ingest refuses that case with the reason; the others go on
        return sha256(repr(fault).encode()).hexdigest()[:12]
    return sha256(repr(told).encode()).hexdigest()[:12]


def tree_digest(path: Path) -> str:
    """Return a digest of a file, or of all below a folder, which a rule takes as a param.

    Those below a folder, or a link to one, count by name, size and time of change: a data set of
    reports or pictures has 100,000s. A file counts as in ``scan_digest``. Empty if there is none.
    """
    if path.is_file():
        return scan_digest(path)
    if not path.is_dir():
        return ""
    files = files_below(path).items()
    told = [(n.as_posix(), _change(f)) for n, f in files if f.is_file() and n.name[0] != "."]
    return sha256(repr(told).encode()).hexdigest()[:12]


def _content(file: Path) -> object:
    try:
        return sha256(file.read_bytes()).digest()
    except OSError:  # ingest refuses that case with the reason; the others go on
        return _change(file)


def _change(file: Path) -> object:
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns


def _scan(path: str, folder: Path) -> dict[str, Any]:
    """Return the fields of a case that its path decides."""
    if path.lower().startswith(STYLISED):
        return {"path": Path(path), "stylised": _stylised(path)}
    found = Path(portable(folder, path))
    with suppress(OSError):  # no permission, or the disk: ingest tells
        if not found.exists():
            raise ValueError(_missing(path))
    return {"path": found}


def _stylised(path: str) -> Stylised:
    families, fields = "|".join(FAMILIES), "|".join(FIELDS_OF_VIEW)
    form = rf"{STYLISED}(?:({families})/)?([0-9]{{1,9}})(?:/({fields}))?"
    if not (asked := re.fullmatch(form, path)):
        raise ValueError(
            f"{path!r}; expected {STYLISED}NUMBER, such as {STYLISED}1234, of at most 9 digits; "
            f"it may be followed by /FIELD, one of {', '.join(FIELDS_OF_VIEW)}, "
            f"and led by FAMILY/, one of {', '.join(FAMILIES)}"
        )
    family, number, field = asked.groups()
    return Stylised(int(number), family or FAMILIES[0], field or FIELDS_OF_VIEW[0])


def _missing(path: str) -> str:
    # the sheet of the example cohort lies beside the folder that its own rule fills
    cure = "`snakemake example` fetches it" if Path(path).parts[0] == "example" else "correct it"
    return f"nothing is at {path!r} (relative to the sheet); {cure}"


def _rows(sheet: Path, rules: str, may_be_empty: bool = False) -> dict[int, dict[str, Any]]:
    """Return the rows of a sheet, checked and typed by its schema, by their number in an editor."""
    columns = schema(rules)["properties"]
    rows = {n: _typed(fields, columns) for n, fields in _table(sheet, rules).items()}
    wrong: list[str] = []
    seen: dict[str, int] = {}
    for n, fields in rows.items():
        wrong += [
            f"row {n}, column {fault.keys[0]}: {fault.message}"
            for fault in faults(fields, schema(rules))
        ]
        name = str(fields.get("case")).lower()  # results of Ann and ann share a folder on a Mac
        if name in seen:
            wrong.append(f"row {n}, column case: {name!r} is in row {seen[name]} already")
        seen[name] = n
    if not (rows or may_be_empty):
        wrong.append("no rows below the header; list at least one case")
    _stop_if(wrong, sheet)
    return rows


def _table(sheet: Path, rules: str) -> dict[int, dict[str, str]]:
    """Return the fields that are not empty, by row; blank rows are left out."""
    try:
        text = sheet.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        raise ValueError(f"{sheet}: no such sheet; cohort.cases in the config names it") from None
    except UnicodeDecodeError:
        raise ValueError(f"{sheet}: not UTF-8 text; save it as tab-separated UTF-8") from None
    rows = _lines(text, sheet)
    header = rows.pop(1, [])
    _check_header(header, sheet, rules)
    rows = {n: line for n, line in rows.items() if any(line)}
    _stop_if(
        [
            f"row {n}: {len(fields)} fields where the header has {len(header)} columns"
            for n, fields in rows.items()
            if len(fields) > len(header)
        ],
        sheet,
    )
    return {
        n: {column: field for column, field in zip(header, fields, strict=False) if field}
        for n, fields in rows.items()
    }


def _lines(text: str, sheet: Path) -> dict[int, list[str]]:
    """Return the fields of each row, quoted as spreadsheets do it, by its first line."""
    rows, first, reader = {}, 1, csv.reader(io.StringIO(text), delimiter="\t", strict=True)
    try:
        for fields in reader:
            rows[first], first = [field.strip() for field in fields], reader.line_num + 1
    except csv.Error as fault:
        told = f"row {first}: {fault}; a field that begins with a quotation mark ends with one"
        _stop_if([told], sheet)
    return rows


def _check_header(header: list[str], sheet: Path, rules: str) -> None:
    wrong = [
        f"row 1, column {fault.keys[0]}: {fault.message.split('; needed')[0]}"
        for fault in faults(dict.fromkeys(header), _only_names(schema(rules)))
    ]
    twice = sorted({column for column in header if header.count(column) > 1})
    wrong += [f"row 1, column {column}: there more than once" for column in twice]
    if wrong:
        wrong.append(f"columns are {', '.join(schema(rules)['properties'])}, separated by tabs")
    _stop_if(wrong, sheet)


def _only_names(rules: dict[str, Any]) -> dict[str, Any]:
    return rules | {"properties": {column: {} for column in rules["properties"]}}


def _typed(fields: dict[str, str], columns: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with numbers in place of texts; what is no number is left to the schema."""
    typed: dict[str, Any] = dict(fields)
    for column, field in fields.items():
        if columns[column]["type"] == "number" and re.fullmatch(r"\d+(\.\d+)?", field):
            typed[column] = float(field) if "." in field else int(field)
    return typed


def _stop_if(wrong: list[str], sheet: Path) -> None:
    if wrong:
        more = len(wrong) - MOST_FAULTS_SHOWN
        shown = wrong[:MOST_FAULTS_SHOWN] + ([f"and {more} more"] if more > 0 else [])
        raise ValueError("\n".join(f"{sheet}, {line}" for line in shown))
