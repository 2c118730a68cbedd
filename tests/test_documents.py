"""What the documents name exists: files they link to, and targets they tell people to call."""

import re
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from phantomloom.config import resolve

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CODE = re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`", README, re.DOTALL)
COMMANDS = [line for parts in CODE for line in "".join(parts).splitlines()]


def links() -> list[str]:
    targets = re.findall(r"\]\(([^)\s]+)\)", README)
    return sorted({target for target in targets if not re.match(r"\w+:|#", target)})


def files() -> list[str]:
    """What else of the repository stands in backticks; NAME is any name, results are made."""
    named = re.findall(r"`([\w./*-]+/[\w./*-]+)`", README)
    ours = {n for n in named if (ROOT / n.split("/")[0]).is_dir() and not n.startswith("results/")}
    return sorted(re.sub(r"\b[A-Z]+\b(?!\.md)", "*", name) for name in ours)


def called(program: str) -> set[str]:
    """Targets that commands of the README give to a program; settings and options are none."""
    words = [line.split("#")[0].split() for line in COMMANDS]
    return {
        word
        for first, *rest in filter(None, words)
        if first == program and not any(option.startswith("--") for option in rest)
        for word in rest
        if re.fullmatch(r"[a-z_]+", word)
    }


def test_this_file_finds_what_it_is_to_look_after():
    assert len(links()) > 1 and len(files()) > 1
    assert {"demo", "test"} <= called("make")
    assert called("snakemake")


@pytest.mark.parametrize("target", links())
def test_a_link_or_picture_of_the_readme_is_there(target):
    assert (ROOT / target.split("#")[0]).exists()


@pytest.mark.parametrize("pattern", files())
def test_a_file_that_the_readme_names_is_there_in_every_folder_that_a_star_stands_for(pattern):
    folders, star, rest = pattern.partition("*/")
    found = list(ROOT.glob(folders + star.rstrip("/")))
    assert found
    assert all(list(folder.glob(rest)) for folder in found if rest and folder.is_dir())


@pytest.mark.parametrize("target", sorted(called("make")))
def test_a_target_of_make_that_the_readme_names_is_there(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("target", sorted(called("snakemake")))
def test_a_target_of_snakemake_that_the_readme_names_is_there(target):
    sources = [ROOT / "Snakefile", *ROOT.glob("workflow/rules/*.smk")]
    assert any(re.search(rf"^rule {target}:", path.read_text(), re.MULTILINE) for path in sources)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"bench NAME=(\w+)", README))))
def test_a_benchmark_that_the_readme_names_is_there(name):
    rules = "".join(path.read_text() for path in ROOT.glob("workflow/rules/*.smk"))
    assert f"rule benchmark_{name}:" in rules


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", README, re.DOTALL))
def test_a_configuration_that_the_readme_shows_is_one(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text(block)
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(config, yaml.safe_load(block))
    assert resolve(config, [ROOT / "config.yaml", "my.yaml"])
