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
LOCK, EXTRA_LOCK = (
    [line for line in (ENVS / name).read_text().splitlines() if line[:1] != "#"]
    for name in ("requirements.txt", "extras.txt")
)
PINS, EXTRA_PINS = (dict(line.split("==") for line in lines) for lines in (LOCK, EXTRA_LOCK))


@pytest.fixture(scope="module")
def generate():
    return runpy.run_path(str(ENVS / "generate.py"))


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(file: str = "requirements.in") -> dict[str, str]:
    """The lines of requirements.in or extras.in, by name."""
    lines = (line.split("#")[0].strip() for line in (ENVS / file).read_text().splitlines())
    return {plain(re.split(r"[=<>~!\[ ]", line)[0]): line for line in lines if line}


@pytest.mark.parametrize(("lock", "pins"), [(LOCK, PINS), (EXTRA_LOCK, EXTRA_PINS)])
def test_a_lock_is_exact_sorted_and_bound_to_no_platform(lock, pins):
    assert all(re.fullmatch(r"[a-z0-9.-]+==[a-z0-9.]+", line) for line in lock)  # no hash, no +cpu
    assert sorted(pins) == list(pins)
    assert not [name for name in pins if name.startswith(("nvidia", "cuda", "triton"))]
    assert "torchvision" not in pins


def test_the_extras_are_what_they_ask_for_and_touch_no_pin_of_the_lock():
    assert not EXTRA_PINS.keys() & PINS.keys()
    exact = {
        name: line.split("==")[1]
        for name, line in requirements("extras.in").items()
        if "==" in line
    }
    assert exact == {name: EXTRA_PINS[name] for name in ("nnunetv2", "totalsegmentator")}
    assert requirements("extras.in").keys() <= EXTRA_PINS.keys()


def test_the_extras_installed_are_those_locked():
    pytest.importorskip("nnunetv2", reason="no extras are installed; `make extras` installs them")
    assert {name: version(name) for name in EXTRA_PINS} == EXTRA_PINS


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
    assert used <= requirements().keys() | requirements("extras.in").keys()


def test_the_default_install_imports_no_extra_before_it_is_asked_to():
    files = [*ROOT.glob("workflow/**/*.py"), *ROOT.glob("scripts/*.py")]
    outer = [node for file in files for node in ast.parse(file.read_text()).body]
    names = [a.name for node in outer if isinstance(node, ast.Import) for a in node.names]
    names += [str(node.module) for node in outer if isinstance(node, ast.ImportFrom)]
    extras = {"nnunetv2", "totalsegmentator", "acvl_utils", "nibabel"}
    assert not extras & {name.split(".")[0] for name in names}


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


def test_extras_leave_out_what_the_lock_has_and_what_is_never_imported(generate):
    def package(name, *needs, requested=False):
        metadata = {"name": name, "version": "1", "requires_dist": list(needs)}
        return {"metadata": metadata, "requested": requested}

    report = {
        "install": [
            package(
                "Engine", "numpy>1", "tool[fast]", "timm", "other; extra == 'x'", requested=True
            ),
            package("tool", "quick; extra == 'fast'", "old; python_version < '3'"),
            package("timm", "only-of-timm"),
            *map(package, ("quick", "other", "old", "only-of-timm")),
        ]
    }
    found = generate["pins"](generate["extras"](report, "# a lock\nnumpy==2\n"))
    assert found == ["engine==1", "quick==1", "tool==1"]
