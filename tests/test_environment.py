"""The lock and what is generated from it."""

import ast
import re
import runpy
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENVS = ROOT / "envs"
LOCK = [line for line in (ENVS / "requirements.txt").read_text().splitlines() if line[:1] != "#"]
PINS = dict(line.split("==") for line in LOCK)
REQUIREMENTS = (ENVS / "requirements.in").read_text().splitlines()


@pytest.fixture(scope="module")
def generate():
    return runpy.run_path(str(ENVS / "generate.py"))


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements() -> dict[str, str]:
    """The lines of requirements.in, by name."""
    lines = (line.split("#")[0].strip() for line in REQUIREMENTS)
    return {plain(re.split(r"[=<>~!\[ ]", line)[0]): line for line in lines if line}


def test_the_lock_is_exact_sorted_and_bound_to_no_platform():
    assert all(re.fullmatch(r"[a-z0-9.-]+==[a-z0-9.]+", line) for line in LOCK)  # no hash, no +cpu
    assert sorted(PINS) == list(PINS)
    assert not [name for name in PINS if name.startswith(("nvidia", "cuda", "triton"))]
    assert "torchvision" not in PINS


def test_every_requirement_is_locked_at_the_version_it_asks_for():
    asked = requirements()
    assert not asked.keys() - PINS.keys()
    exact = {name: line.split("==")[1] for name, line in asked.items() if "==" in line}
    assert exact == {name: PINS[name] for name in exact}
    assert exact["torch"] == "2.13.0"


def test_what_is_installed_is_what_is_locked():
    assert {name: version(name).split("+")[0] for name in PINS} == PINS


def test_every_imported_package_is_a_requirement():
    files = [*ROOT.glob("workflow/**/*.py"), *ROOT.glob("scripts/*.py"), *ROOT.glob("tests/*.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    names = [a.name for node in nodes if isinstance(node, ast.Import) for a in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    packages = packages_distributions()
    tops = {name.split(".")[0] for name in names} - sys.stdlib_module_names
    used = {plain(package) for top in tops for package in packages.get(top, ())}
    assert used <= requirements().keys()


@pytest.mark.parametrize("name", ["conda.yaml", "Containerfile"])
def test_generated_files_are_in_step_with_the_lock(generate, name):
    assert (ENVS / name).read_text() == generate["generated"]()[name]


def test_the_conda_file_holds_every_pin():
    text = (ENVS / "conda.yaml").read_text()
    assert re.findall(r"^      - (\S+==\S+)$", text, re.MULTILINE) == LOCK


def test_a_lock_drops_build_tags_and_the_packages_of_one_platform(generate):
    found = [("torch", "2.13.0+cpu"), ("nvidia-cudnn-cu13", "9"), ("triton", "3"), ("Pkg_A", "1")]
    report = {"install": [{"metadata": {"name": n, "version": v}} for n, v in found]}
    assert generate["pins"](generate["lock"](report)) == ["pkg-a==1", "torch==2.13.0"]
