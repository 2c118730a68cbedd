import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "scripts/plan.py"
SNAKEFILE = """
rule all:
    input: expand("b/{i}", i=range(3)),

rule a:
    output: "a/{i}",
    params: 1,
    shell: "echo {params} > {output}"

rule b:
    input: "a/{i}",
    output: "b/{i}",
    shell: "cp {input} {output}"
"""


def snakemake(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def plan(folder: Path) -> list[list[str]]:
    text = snakemake(folder, "--dry-run")
    done = subprocess.run([sys.executable, SCRIPT], input=text, capture_output=True, text=True)
    return [line.split(maxsplit=2) for line in done.stdout.splitlines()]


def test_jobs_are_counted_by_rule_and_reason(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    snakemake(tmp_path)
    assert plan(tmp_path) == [["Nothing", "to", "be done."]]
    (tmp_path / "Snakefile").write_text(SNAKEFILE.replace("params: 1", "params: 2"))
    (tmp_path / "b/0").unlink()
    rows = plan(tmp_path)
    assert ["a", "3", "Params have changed since last execution"] in rows
    assert ["b", "1", "Missing output files"] in rows
    assert ["b", "2", "Input files updated by another job"] in rows
    assert rows[-1][:2] == ["all", "7"]  # three of a, three of b, and the target rule
