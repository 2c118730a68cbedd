"""What DESIGN calls layers, anatomy of a rule and sizes, held over the sources themselves."""

import ast
import re
from functools import cache
from pathlib import Path
from statistics import median

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "workflow/phantomloom"
MODULES = sorted(LIBRARY.rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
PACKAGES = {path.parent.name for path in LIBRARY.glob("*/__init__.py")} - {"io"}
STAGES = PACKAGES | {path.stem for path in SCRIPTS if (LIBRARY / path.name).is_file()}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> list[str]:
    """Dotted names, relative ones with their dots."""
    names = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names += [f"{module}.{alias.name}" for alias in node.names]
    return names


def strings(path: Path) -> list[str]:
    """Strings of the code; docstrings are prose."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = list(ast.walk(tree(path)))
    prose = {ast.get_docstring(node, clean=False) for node in nodes if isinstance(node, documented)}
    constants = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return [text for text in constants if isinstance(text, str) and text not in prose]


def stage_of(path: Path) -> str:
    """The first part below the library: a package, or a module by its stem."""
    return path.relative_to(LIBRARY).with_suffix("").parts[0]


@cache
def rules() -> dict[str, str]:
    """The text of each rule that makes something, by name; target rules have no script."""
    texts = [path.read_text() for path in [ROOT / "Snakefile", *ROOT.glob("workflow/rules/*.smk")]]
    found = {}
    for text in texts:
        for block in re.split(r"^(?=(?:rule|checkpoint) )", text, flags=re.MULTILINE)[1:]:
            name, body = re.match(r"\w+ (\w+):\n((?:(?: .*)?\n)+)", block).groups()
            found[name] = body
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_stage_imports_only_the_core_and_itself(path):
    ours = [name.split(".")[1] for name in imports(path) if name.startswith("phantomloom.")]
    assert set(ours) & STAGES <= {stage_of(path)}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_library_knows_neither_snakemake_nor_where_results_are(path):
    assert not [name for name in imports(path) if name.startswith("snakemake")]
    assert not [text for text in strings(path) if re.search(r"\b(results|logs)/", text)]
    names = {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
    assert "snakemake" not in names


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_settings_come_as_arguments_and_never_from_the_environment(path):
    nodes = ast.walk(tree(path))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert not attributes & {"environ", "getenv", "environb"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_machine_code_is_made_in_one_place_which_keeps_it_for_the_next_job(path):
    attributes = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    makes = "njit" in attributes or "numba.njit" in imports(path)
    assert makes == (name_of(path) == "workflow/phantomloom/compiled.py")


@pytest.mark.parametrize("path", MODULES + SCRIPTS, ids=name_of)
def test_imports_are_absolute_and_none_loads_pickles(path):
    assert not [name for name in imports(path) if name.startswith(".")]
    tops = {name.split(".")[0] for name in imports(path)}
    assert not tops & {"pickle", "joblib", "dill", "torchvision"}


@pytest.mark.parametrize("path", MODULES + SCRIPTS, ids=name_of)
def test_no_error_is_swallowed(path):
    handlers = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler)]
    assert not [handler.lineno for handler in handlers if handler.type is None]
    assert not [h.lineno for h in handlers if all(isinstance(s, ast.Pass) for s in h.body)]


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_script_is_short(path):
    assert sum(map(bool, map(str.strip, path.read_text().splitlines()))) <= 40


def test_functions_and_modules_are_short():
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for path in MODULES for node in ast.walk(tree(path))]
    lines = [node.end_lineno - node.lineno + 1 for node in nodes if isinstance(node, functions)]
    assert median(lines) <= 12
    assert sum(n > 43 for n in lines) <= len(lines) / 10
    assert not [name_of(path) for path in MODULES if path.read_text().count("\n") > 300]


@pytest.mark.parametrize("name", sorted(rules()))
def test_a_rule_has_a_one_sentence_docstring(name):
    assert re.match(r'    """[A-Z].+\."""\n', rules()[name])


@pytest.mark.parametrize(
    "name", sorted(name for name, text in rules().items() if "output:" in text)
)
def test_a_rule_that_makes_something_has_the_constant_anatomy(name):
    directives = set(re.findall(r"^    (\w+):", rules()[name], re.MULTILINE))
    wanted = {"output", "log", "benchmark", "resources", "params", "conda", "script"}
    assert not wanted - directives
    assert not directives & {"run", "shell"}
    assert re.search(r"^        mem_mb=", rules()[name], re.MULTILINE)
    assert re.search(r"^        runtime=", rules()[name], re.MULTILINE)


@pytest.mark.parametrize(
    "name", sorted(name for name, text in rules().items() if "script:" in text)
)
def test_a_rule_runs_the_script_of_its_name_and_digests_its_code(name):
    script = f"scripts/{name}.py"
    assert re.findall(r'script:\s+"\.\./\.\./(.+)"', rules()[name]) == [script]
    code = re.search(r"^        code=(?:lambda \w+: )?code\(\s*(.+?)[,)]", rules()[name], re.M)
    assert code and code.group(1) == f'"{script}"'


def test_every_rule_file_is_included_and_every_script_is_used():
    snakefile = (ROOT / "Snakefile").read_text()
    included = re.findall(r'^include: "(.+)"$', snakefile, re.MULTILINE)
    assert sorted(included) == sorted(map(name_of, ROOT.glob("workflow/rules/*.smk")))
    texts = [snakefile, *((ROOT / name).read_text() for name in ("Makefile", "README.md"))]
    users = "".join([*texts, *rules().values()])
    assert not [path.name for path in SCRIPTS if f"scripts/{path.name}" not in users]


@pytest.mark.parametrize("path", sorted(ROOT.glob("profiles/*/config.yaml")), ids=name_of)
def test_a_profile_names_rules_that_exist(path):
    named = yaml.safe_load(path.read_text()).get("set-resources", {})
    named |= dict(re.findall(r"^#   (\w+): \{(gpu.+)\}$", path.read_text(), re.MULTILINE))
    assert named.keys() <= rules().keys()
    assert named or path.parent.name == "default"


def test_jobs_that_use_a_gpu_take_turns_on_it():
    profile = yaml.safe_load((ROOT / "profiles/gpu/config.yaml").read_text())
    users = {p.stem for p in SCRIPTS if re.search(r"cuda|processes\.each|device", p.read_text())}
    assert users == {rule for rule, its in profile["set-resources"].items() if its["gpu"] == 1}
