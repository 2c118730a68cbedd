import os
from pathlib import Path

import pytest

from phantomloom.cases import (
    FAMILIES,
    FIELDS_OF_VIEW,
    SMALL_SCAN_BYTES,
    Review,
    Stylised,
    read_cases,
    read_corrections,
    read_reviews,
    scan_digest,
    scan_files,
    tree_digest,
)
from phantomloom.cohort import imaging, people
from phantomloom.io.scan import digests
from phantomloom.scan import UnusableScanError
from phantomloom.validation import schema

HEADER = "case\tpath\tsex\tage_years\tnote\n"


@pytest.fixture
def sheet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "cohort"
    (folder / "series").mkdir(parents=True)
    (folder / "series/1.dcm").write_text("one")
    (folder / "scan.nii.gz").write_text("scan")
    (folder / "cases.tsv").write_text(
        HEADER + "ann\tscan.nii.gz\tF\t45.5\tfirst\n\nben\tseries\t\t\n"
    )
    return folder / "cases.tsv"


def test_known_fields_are_typed_unknown_ones_none_and_short_or_blank_rows_fine(sheet):
    cases = read_cases(sheet)
    assert list(cases) == ["ann", "ben"]
    assert cases["ann"].person == {
        "sex": "F",
        "age_years": 45.5,
        "height_cm": None,
        "weight_kg": None,
    }
    assert cases["ben"].sex is None and cases["ben"].note is None


def test_paths_come_back_relative_inside_the_working_directory_else_absolute(sheet, monkeypatch):
    assert str(read_cases(sheet)["ben"].path) == "cohort/series"
    monkeypatch.chdir(sheet.parent / "series")
    assert read_cases(sheet)["ann"].path == sheet.parent / "scan.nii.gz"


def test_fields_that_a_spreadsheet_quotes_are_read_as_they_were_typed(sheet):
    text = 'case\tpath\tnote\nann\t"series"\t"late, said ""portal""\nphase"\neve\tnowhere\n'
    sheet.write_text(text)
    with pytest.raises(ValueError, match="row 4, column path: nothing is at 'nowhere'"):
        read_cases(sheet)
    sheet.write_text(text.replace("nowhere", "series\ta\u2028b"))
    cases = read_cases(sheet)
    assert cases["ann"].note == 'late, said "portal"\nphase' and cases["eve"].note == "a\u2028b"
    assert cases["ann"].path == cases["eve"].path
    sheet.write_text('case\tpath\nann\t"series\n')
    with pytest.raises(ValueError, match=r"row 2: .*; a field that begins with a quotation mark"):
        read_cases(sheet)


def test_a_sheet_saved_by_a_spreadsheet_with_a_mark_and_crlf_is_read(sheet):
    sheet.write_bytes(b"\xef\xbb\xbf" + sheet.read_bytes().replace(b"\n", b"\r\n"))
    assert list(read_cases(sheet)) == ["ann", "ben"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("c.d\tscan.nii.gz", "row 5, column case: 'c.d'; allowed: a text of the form"),
        ("c/d\tscan.nii.gz", "row 5, column case: 'c/d'"),
        ("ann\tscan.nii.gz", "row 5, column case: 'ann' is in row 2 already"),
        ("Ann\tscan.nii.gz", "row 5, column case: 'ann' is in row 2 already"),
        ("cat", "row 5, column path: missing"),
        ("cat\tscan.nii.gz\tfemale", "row 5, column sex: 'female'; allowed: M or F"),
        ("cat\tscan.nii.gz\tF\told", "row 5, column age_years: 'old'; allowed: a number from 0 up"),
        ("cat\tscan.nii.gz\tF\tnan", "row 5, column age_years: 'nan'"),
        ("cat\tscan.nii.gz\tF\t-4", "row 5, column age_years: '-4'"),
        ("cat\tscan.nii.gz\tF\t400", "row 5, column age_years: 400; allowed: a number from 0 up"),
        ("cat\tscan.nii.gz\tF\t4\tx\ty", "row 5: 6 fields where the header has 5 columns"),
        (
            "cat\tgone.nii",
            "row 5, column path: nothing is at 'gone.nii' (relative to the sheet); c",
        ),
        ("cat\texample/gone.nii", "`snakemake example` fetches it"),
        (
            "cat\tstylised:12x",
            "row 5, column path: 'stylised:12x'; expected stylised:NUMBER, such as stylised:1234,",
        ),
        ("cat\tStylised:12", "'Stylised:12'; expected stylised:NUMBER"),
        ("cat\tstylised:", "'stylised:'; expected stylised:NUMBER"),
        ("cat\tstylised:-1", "'stylised:-1'; expected stylised:NUMBER"),
        ("cat\tstylised:1.5", "'stylised:1.5'; expected stylised:NUMBER"),
        ("cat\tstylised:1234567890", "of at most 9 digits"),
        ("cat\tstylised:1/knee", "followed by /FIELD, one of abdomen_pelvis, abdomen, chest"),
        ("cat\tstylised:odd/1/chest", "led by FAMILY/, one of standard, held_out"),
    ],
)
def test_a_wrong_field_is_told_with_its_row_as_in_an_editor(sheet, row, message):
    sheet.write_text(sheet.read_text() + row + "\n")
    with pytest.raises(ValueError) as fault:
        read_cases(sheet)
    assert f"{sheet}, " in str(fault.value) and message in str(fault.value)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("stylised:1234", Stylised(1234, "standard", "abdomen_pelvis")),
        ("stylised:7/chest", Stylised(7, "standard", "chest")),
        ("stylised:held_out/0/whole", Stylised(0, "held_out", "whole")),
        ("stylised:held_out/12", Stylised(12, "held_out", "abdomen_pelvis")),
    ],
)
def test_a_path_can_ask_for_a_person_by_number_and_nothing_is_looked_up(sheet, path, asked):
    sheet.write_text(HEADER + f"ann\tscan.nii.gz\tF\t\t\ncat\t{path}\tM\t40\tdrawn\n")
    cases = read_cases(sheet)
    assert cases["ann"].stylised is None
    assert cases["cat"].stylised == asked
    assert cases["cat"].person["sex"] == "M" and cases["cat"].note == "drawn"


def test_the_sheet_knows_the_families_and_fields_of_view_that_there_are():
    assert FAMILIES == people.FAMILIES
    assert set(FIELDS_OF_VIEW) == {"whole", "random", *imaging.FIELDS}
    told = schema("person")["properties"]
    assert told["family"]["enum"] == list(FAMILIES)
    assert told["field_of_view"]["enum"] == list(FIELDS_OF_VIEW)


def test_all_faults_are_told_at_once(sheet):
    sheet.write_text(HEADER + "a.b\tscan.nii.gz\tX\nc d\tscan.nii.gz\n")
    with pytest.raises(ValueError) as fault:
        read_cases(sheet)
    assert len(str(fault.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "row 1, column case: missing"),
        (HEADER, "no rows below the header"),
        ("case\tpath\tgender\n", "row 1, column gender: unknown; known: case, path, sex"),
        ("case\tpath\tage_year\n", "column age_year: unknown; did you mean age_years?"),
        ("case,path\n", "separated by tabs"),
        ("case\tpath\tsex\tsex\n", "column sex: there more than once"),
    ],
)
def test_a_wrong_header_or_an_empty_sheet_is_told(sheet, text, message):
    sheet.write_text(text)
    with pytest.raises(ValueError) as fault:
        read_cases(sheet)
    assert message in str(fault.value)


def test_a_missing_or_binary_sheet_is_told(sheet):
    with pytest.raises(ValueError, match=r"cohort\.cases in the config names it"):
        read_cases(sheet.with_name("none.tsv"))
    sheet.write_bytes("case\tpath\n".encode("utf-16"))
    with pytest.raises(ValueError, match="not UTF-8"):
        read_cases(sheet)


def test_reviews_are_those_of_the_file_beside_the_sheet_and_none_without_it(sheet):
    assert read_reviews(sheet) == {}
    sheet.with_name("review.tsv").write_text("case\tverdict\tnote\nben\tpass\tlooked at it\n")
    assert read_reviews(sheet) == {"ben": Review("pass", "looked at it")}
    sheet.with_name("review.tsv").write_text("case\tverdict\n")
    assert read_reviews(sheet) == {}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("zoe\tpass", "row 2, column case: 'zoe' is no case of cases.tsv"),
        ("ann\tok", "row 2, column verdict: 'ok'; allowed: pass or fail"),
        ("ann", "row 2, column verdict: missing"),
        ("ann\tpass\nann\tfail", "row 3, column case: 'ann' is in row 2 already"),
    ],
)
def test_a_review_of_nobody_or_of_another_verdict_is_told(sheet, row, message):
    sheet.with_name("review.tsv").write_text(f"case\tverdict\tnote\n{row}\n")
    with pytest.raises(ValueError) as fault:
        read_reviews(sheet)
    assert "review.tsv, " in str(fault.value) and message in str(fault.value)


def correct(sheet, case, name="labels.nii.gz"):
    folder = sheet.parent / "review" / case
    folder.mkdir(parents=True)
    (folder / name).touch()


def test_corrections_are_the_label_maps_in_the_folders_of_their_cases(sheet):
    assert read_corrections(sheet) == {}
    correct(sheet, "ben")
    correct(sheet, "ann", "notes.txt")
    (sheet.parent / "review/readme.txt").touch()
    found = read_corrections(sheet)
    assert {case: str(path) for case, path in found.items()} == {
        "ben": "cohort/review/ben/labels.nii.gz"
    }


@pytest.mark.parametrize(
    ("case", "name", "message"),
    [
        ("zoe", "labels.nii.gz", "review/zoe: 'zoe' is no case of cases.tsv"),
        ("ann", "Segmentation.nrrd", "a correction is called labels.nii.gz, not Segmentation.nrrd"),
        ("ann", "labels.NII.GZ", "a correction is called labels.nii.gz, not labels.NII.GZ"),
    ],
)
def test_a_correction_that_would_go_unseen_is_told(sheet, case, name, message):
    correct(sheet, case, name)
    with pytest.raises(ValueError) as fault:
        read_corrections(sheet)
    assert message in str(fault.value)


@pytest.mark.parametrize("closed", ["review", "review/ann"])
def test_corrections_behind_a_closed_door_are_told(sheet, monkeypatch, closed):
    iterdir = Path.iterdir

    def denied(folder):
        if folder == sheet.parent / closed:
            raise PermissionError(13, "Permission denied", str(folder))
        return iterdir(folder)

    correct(sheet, "ann")
    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(ValueError, match=f"{closed}: cannot be read .Permission denied"):
        read_corrections(sheet)


@pytest.mark.parametrize("other_bytes", [0, SMALL_SCAN_BYTES])
def test_a_slice_replaced_in_place_changes_the_digest_of_its_folder(sheet, other_bytes):
    folder, slice_ = sheet.parent / "series", sheet.parent / "series/1.dcm"
    with (folder / "2.dcm").open("wb") as other:
        other.truncate(other_bytes)
    before = scan_digest(folder)
    (folder / ".DS_Store").write_text("left by a file browser")
    assert scan_digest(folder) == before
    stat = slice_.stat()
    slice_.write_text("two")
    os.utime(slice_, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert scan_digest(folder) != before


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_small_folder_counts_by_content_so_that_a_touch_changes_nothing(sheet, size):
    folder, slice_ = sheet.parent / "series", sheet.parent / "series/1.dcm"
    if size == "large":
        with slice_.open("ab") as content:
            content.truncate(SMALL_SCAN_BYTES + 1)
    before = scan_digest(folder)
    os.utime(slice_, ns=(0, 0))
    assert (scan_digest(folder) == before) == (size == "small")


def test_a_slice_that_cannot_be_read_is_left_to_ingest_and_stops_no_other_case(sheet, monkeypatch):
    def denied(file):
        raise PermissionError(file)

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert scan_digest(sheet.parent / "series")


def test_a_folder_that_cannot_be_read_is_left_to_ingest_and_stops_no_other_case(sheet, monkeypatch):
    def denied(folder):
        raise PermissionError(13, "Permission denied", folder)

    folder = sheet.parent / "series"
    monkeypatch.setattr(Path, "iterdir", denied)
    assert scan_files(folder) == [] and scan_digest(folder)
    with pytest.raises(UnusableScanError, match="came Permission denied; check its permissions"):
        digests(folder)
    monkeypatch.setattr(Path, "exists", denied)
    sheet.write_text("case\tpath\nann\tseries\n")
    assert list(read_cases(sheet)) == ["ann"]


def test_a_note_beside_the_slices_is_no_part_of_the_scan(sheet):
    folder = sheet.parent / "series"
    before = scan_digest(folder), digests(folder), scan_files(folder)
    (folder / "0_readme.TXT").write_text("from the hospital")
    assert (scan_digest(folder), digests(folder), scan_files(folder)) == before


def test_a_file_changed_deep_in_a_data_set_changes_the_digest_of_its_folder(tmp_path):
    report = tmp_path / "files/p10/p10000032/s50414267.txt"
    report.parent.mkdir(parents=True)
    report.write_text("clear")
    before = tree_digest(tmp_path)
    (tmp_path / ".DS_Store").write_text("left by a file browser")
    assert tree_digest(tmp_path) == before
    report.write_text("effusion")
    changed = tree_digest(tmp_path)
    assert changed != before
    report.rename(report.with_name("s2.txt"))
    assert tree_digest(tmp_path) != changed
    assert tree_digest(report) == ""  # gone


def test_a_file_changed_in_a_folder_that_is_a_link_changes_the_digest(tmp_path):
    (tmp_path / "disk").mkdir()
    picture = tmp_path / "disk/a.png"
    picture.write_text("a")
    data = tmp_path / "data"
    data.mkdir()
    (data / "images").symlink_to(picture.parent)
    (data / "gone.png").symlink_to("nowhere")  # which readers tell of
    (data / "latest").symlink_to(".")  # without an end
    (picture.parent / "up").symlink_to(data)
    before = tree_digest(data)
    picture.write_text("ab")
    changed = tree_digest(data)
    assert changed != before
    picture.rename(picture.with_name("b.png"))
    assert tree_digest(data) != changed


def test_a_table_counts_by_content_whatever_its_time(tmp_path):
    table = tmp_path / "reports.csv"
    table.write_text("a")
    before = tree_digest(table)
    os.utime(table, (1, 1))
    assert tree_digest(table) == before
    table.write_text("b")
    os.utime(table, (1, 1))
    assert tree_digest(table) != before


def test_a_scan_that_the_user_may_not_read_is_left_to_ingest(tmp_path, monkeypatch):
    """Snakemake would fail to note its checksum, and stop all other cases."""
    scan = tmp_path / "scan.nii.gz"
    scan.write_text("scan")
    assert scan_files(scan) == [scan]
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert scan_files(scan) == []
    scan.unlink()  # of a stylised person it is yet to be made
    assert scan_files(scan) == [scan]


def test_a_scan_replaced_by_an_older_file_changes_its_digest(sheet):
    file = sheet.parent / "scan.nii.gz"
    assert scan_files(file) == [file]
    before, older = scan_digest(file), sheet.parent / "older.nii.gz"
    older.write_text("another scan")
    os.utime(older, ns=(0, 0))
    older.replace(file)
    assert scan_digest(file) != before


def test_snakemake_watches_one_slice_of_a_folder(sheet):
    assert len(scan_files(sheet.parent / "series")) == 1
