import copy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from phantomloom.config import portable, resolve
from phantomloom.validation import schema

ROOT = Path(__file__).parents[1]
RULES = {
    "type": "object",
    "additionalProperties": False,
    "required": ["cohort"],
    "properties": {
        "cohort": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"cases": {"type": "string", "format": "path"}},
        },
        "ingest": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"spacing_mm": {"anyOf": [{"type": "number"}, {"const": "native"}]}},
        },
        "models": {
            "additionalProperties": {"properties": {"weights": {"format": "path"}}},
        },
    },
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The checkout's config and a user's, in two folders, seen from a library in a third."""
    checkout, mine, library = (tmp_path / name for name in ("checkout", "mine", "library"))
    for folder in (checkout, mine, library):
        folder.mkdir()
    monkeypatch.chdir(library)
    defaults = {"cohort": {"cases": "example.tsv"}, "models": {"a": {"weights": "models/a"}}}
    (checkout / "config.yaml").write_text(yaml.safe_dump(defaults))
    (mine / "my.yaml").write_text(yaml.safe_dump({"cohort": {"cases": "sheets/mine.tsv"}}))
    return checkout / "config.yaml", mine / "my.yaml"


def test_a_path_is_relative_to_the_last_file_that_names_it(files, tmp_path):
    config = {"cohort": {"cases": "sheets/mine.tsv"}, "models": {"a": {"weights": "models/a"}}}
    resolved = resolve(config, files, RULES)
    assert resolved["cohort"]["cases"] == str(tmp_path / "mine/sheets/mine.tsv")
    assert resolved["models"]["a"]["weights"] == str(tmp_path / "checkout/models/a")


def test_a_path_of_the_command_line_is_relative_to_the_working_directory(files):
    assert resolve({"cohort": {"cases": "new.tsv"}}, files, RULES)["cohort"]["cases"] == "new.tsv"


def test_the_given_config_is_left_as_it_is(files):
    config = {"cohort": {"cases": "sheets/mine.tsv"}}
    before = copy.deepcopy(config)
    assert resolve(config, files, RULES) != before and config == before


def test_paths_inside_the_working_directory_are_relative_so_that_it_can_move(files, monkeypatch):
    monkeypatch.chdir(files[0].parents[1])
    resolved = resolve({"cohort": {"cases": "sheets/mine.tsv"}}, files, RULES)
    assert resolved["cohort"]["cases"] == "mine/sheets/mine.tsv"


def test_a_link_to_the_working_directory_is_seen_through(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path / "real")
    assert portable(tmp_path / "link", "sub/../a.tsv") == "a.tsv"
    assert portable(tmp_path / "link", "../a.tsv") == str(tmp_path / "a.tsv")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"cohort": {"case": "a"}}, "cohort.case: unknown; did you mean cases?"),
        ({"cohort": {}, "zebra": 1}, "zebra: unknown; known: cohort, ingest, models"),
        (
            {"cohort": {}, "ingest": {"spacing_mm": "three"}},
            "ingest.spacing_mm: 'three'; allowed: a number or native",
        ),
        ({}, "cohort: missing; needed: a section of keys"),
    ],
)
def test_each_fault_is_told_with_its_key_its_value_and_what_is_allowed(files, config, message):
    with pytest.raises(ValueError) as fault:
        resolve(config, files, RULES)
    assert message in str(fault.value)


def test_a_fault_names_the_file_that_holds_it(files):
    files[1].write_text("ingest: {spacing_mm: three}")
    with pytest.raises(ValueError, match=r"my\.yaml: ingest\.spacing_mm: 'three'"):
        resolve({"cohort": {}, "ingest": {"spacing_mm": "three"}}, files, RULES)


def test_a_fault_of_the_command_line_is_not_laid_on_a_file(files):
    files[0].write_text("ingest: {spacing_mm: 3}")
    with pytest.raises(ValueError, match=r"--config: ingest\.spacing_mm: 'three'"):
        resolve({"cohort": {}, "ingest": {"spacing_mm": "three"}}, files, RULES)


def test_the_shipped_config_obeys_the_shipped_schema(monkeypatch):
    monkeypatch.chdir(ROOT)
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    resolved = resolve(config, [ROOT / "config.yaml"])
    assert resolved["cohort"]["cases"] == "workflow/cohorts/example.tsv"
    assert set(config) == set(schema("config")["properties"])


SNAKEFILE = """
import sys
sys.path.insert(0, "{root}/workflow")
from phantomloom.config import resolve
configfile: f"{{workflow.basedir}}/config.yaml"
files = [f"{{workflow.basedir}}/config.yaml", *workflow.overwrite_configfiles]
config = resolve(config, files, {rules})
print(config["cohort"]["cases"], config["ingest"]["spacing_mm"])
rule all:
    output: "unused"
"""


@pytest.mark.parametrize(
    ("arguments", "cases", "spacing"),
    [
        ([], "checkout/sheets/example.tsv", "3.0"),
        (["--configfile", "mine/my.yaml"], "mine/sheets/mine.tsv", "3.0"),
        (["--config", "cohort={cases: a.tsv}", "ingest={spacing_mm: 2}"], "library/a.tsv", "2"),
    ],
)
def test_snakemake_hands_over_what_each_way_of_naming_it_means(files, arguments, cases, spacing):
    top = files[0].parents[1]
    (top / "checkout/Snakefile").write_text(SNAKEFILE.format(root=ROOT, rules=RULES))
    shipped = {"cohort": {"cases": "sheets/example.tsv"}, "ingest": {"spacing_mm": 3.0}}
    (top / "checkout/config.yaml").write_text(yaml.safe_dump(shipped))
    command = [sys.executable, "-m", "snakemake", "--snakefile", "checkout/Snakefile"]
    command += ["--directory", "library", "--list", *arguments]
    done = subprocess.run(command, cwd=top, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    path, found = done.stdout.splitlines()[0].split()
    assert (top / "library" / path).resolve() == (top / cases).resolve()
    assert found == spacing
