"""A small checkout of made-up modules; each test edits one file and asks whether digests change."""

import shutil
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from phantomloom import provenance

FILES = {
    "scripts/measure.py": "from phantomloom.measure import measure\nmeasure(1)\n",
    "scripts/qc.py": "from importlib import import_module\nimport_module('x')\n",
    "workflow/phantomloom/__init__.py": '"""The package."""\n',
    "workflow/phantomloom/measure.py": (
        '"""Measure."""\n\nimport numpy as np\n\nfrom phantomloom import table\n\n'
        'def measure(x):\n    """Double."""\n    return np.add(x, x) + table.rows()\n'
    ),
    "workflow/phantomloom/table.py": (
        "from pathlib import Path\n\ndef rows():  # not read: other.tsv\n"
        "    return len(Path(__file__).with_suffix('.tsv').read_text())\n"
    ),
    "workflow/phantomloom/table.tsv": "id\tname\n1\tliver\n",
    "workflow/phantomloom/other.tsv": "id\n",
    "workflow/phantomloom/qc/__init__.py": "LIMIT = 1\n",
    "workflow/phantomloom/qc/volume.py": "def check():\n    return 1\n",
    "workflow/phantomloom/qc/symmetry.py": "def check():\n    return 2\n",
    "workflow/phantomloom/page/__init__.py": "",
    "workflow/phantomloom/page/make.py": "TEMPLATE = 'index.html'\n",
    "workflow/phantomloom/page/index.html": "{% include 'style.css' %}\n",
    "workflow/phantomloom/page/style.css": "p {}\n",
    "workflow/phantomloom/page/unused.css": "p {}\n",
}
MEASURE = "workflow/phantomloom/measure.py"


@pytest.fixture
def checkout(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    shutil.copy(provenance.__file__, tmp_path / "workflow/phantomloom/provenance.py")
    return tmp_path


def fresh(checkout: Path):
    """The module of that checkout, with nothing remembered."""
    file = checkout / "workflow/phantomloom/provenance.py"
    spec = spec_from_file_location("provenance_under_test", file)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module._distributions = provenance._distributions  # half a second; what is installed stays
    return module


def code(checkout: Path, *entries: str) -> str:
    return fresh(checkout).code(*entries)


def edit(checkout: Path, name: str, old: str, new: str) -> None:
    text = (checkout / name).read_text()
    assert old in text
    (checkout / name).write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return", "# why\n    return"),
        ('"""Double."""', '"""Return the double."""'),
        ('    """Double."""\n', ""),
        ('"""Measure."""\n\n', ""),
        ("np.add(x, x)", "np.add(\n        x,\n        x,\n    )"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(checkout, old, new):
    before = code(checkout, "scripts/measure.py")
    edit(checkout, MEASURE, old, new)
    assert code(checkout, "scripts/measure.py") == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("scripts/measure.py", "measure(1)", "measure(2)"),
        (MEASURE, "np.add(x, x)", "np.add(x, 2)"),
        ("workflow/phantomloom/table.py", "len(", "sum(1 for _ in "),
        ("workflow/phantomloom/table.tsv", "liver", "spleen"),
        ("workflow/phantomloom/__init__.py", '"""\n', '"""\n\nimport warnings\n'),
    ],
)
def test_logic_and_tables_count_through_all_imports(checkout, file, old, new):
    before = code(checkout, "scripts/measure.py")
    edit(checkout, file, old, new)
    assert code(checkout, "scripts/measure.py") != before


@pytest.mark.parametrize(
    "file", ["workflow/phantomloom/qc/volume.py", "workflow/phantomloom/other.tsv", "scripts/qc.py"]
)
def test_what_a_script_does_not_use_does_not_count(checkout, file):
    before = code(checkout, "scripts/measure.py")
    (checkout / file).write_text("changed = 1\n")
    assert code(checkout, "scripts/measure.py") == before


def test_a_plug_in_counts_for_those_who_name_it_with_its_package(checkout):
    files = fresh(checkout).closure("scripts/qc.py", "phantomloom.qc.volume")
    assert [file.relative_to(checkout).as_posix() for file in files] == [
        "scripts/qc.py",
        "workflow/phantomloom/__init__.py",
        "workflow/phantomloom/qc/__init__.py",
        "workflow/phantomloom/qc/volume.py",
    ]


def test_a_template_counts_with_what_it_includes(checkout):
    files = {file.name for file in fresh(checkout).closure("phantomloom.page.make")}
    assert files == {"__init__.py", "make.py", "index.html", "style.css"}


def test_a_moved_checkout_has_the_same_digest(checkout):
    before = code(checkout, "scripts/measure.py", "phantomloom.page.make")
    moved = shutil.copytree(checkout, checkout.with_name("zz") / "deeper" / "still")
    assert code(moved, "scripts/measure.py", "phantomloom.page.make") == before


def test_a_renamed_module_counts(checkout):
    before = code(checkout, "phantomloom.qc.volume")
    (checkout / "workflow/phantomloom/qc/volume.py").rename(
        checkout / "workflow/phantomloom/qc/size.py"
    )
    assert code(checkout, "phantomloom.qc.size") != before


def test_the_version_of_an_imported_package_counts_but_not_its_build(checkout, monkeypatch):
    digests = {}
    for number in ("1.0", "1.0+cpu", "2.0"):
        module = fresh(checkout)
        monkeypatch.setattr(module, "version", lambda dist, number=number: number)
        digests[number] = module.code("scripts/measure.py")
    assert digests["1.0"] == digests["1.0+cpu"] != digests["2.0"]


@pytest.mark.parametrize("entry", ["scripts/none.py", "phantomloom.qc.none", "phantomloom.none"])
def test_a_misspelt_entry_is_an_error_that_names_it(checkout, entry):
    with pytest.raises(FileNotFoundError, match=entry):
        code(checkout, entry)


def test_a_relative_import_is_an_error_that_says_where(checkout):
    edit(checkout, MEASURE, "from phantomloom import table", "from . import table")
    with pytest.raises(ValueError, match=r"measure\.py:5: relative import"):
        code(checkout, "scripts/measure.py")


def test_a_circle_of_imports_ends(checkout):
    (checkout / "workflow/phantomloom/table.py").write_text("import phantomloom.measure\n")
    assert len(fresh(checkout).closure("phantomloom.measure")) == 4  # with the package, table.tsv


def test_the_content_of_a_folder_counts_and_its_place_does_not(tmp_path):
    for place in ("here", "there/deeper"):
        (tmp_path / place / "models").mkdir(parents=True)
        (tmp_path / place / "models/a").write_bytes(b"1")
    here, there = str(tmp_path / "here"), str(tmp_path / "there/deeper")
    content = provenance.content.__wrapped__
    before = content(here)
    assert content(there) == before
    (tmp_path / "there/deeper/models/a").write_bytes(b"2")
    assert content(there) != before
    (tmp_path / "here/models/a").rename(tmp_path / "here/models/b")
    assert content(here) != before


def test_a_folder_without_files_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=tmp_path.name):
        provenance.content(str(tmp_path))


def test_a_scan_is_the_same_in_any_order_of_its_files():
    files = [{"sha256": "a" * 64}, {"sha256": "b" * 64}]
    digest = provenance.scan_identity({"files": files})
    assert provenance.scan_identity({"files": files[::-1]}) == digest
    assert provenance.scan_identity({"files": files[:1]}) != digest
