"""PhantomLoom: CT scans -> phantoms -> simulated CT -> a library. Targets first, stages by file."""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")
CHECKOUT = str(workflow.basedir)
sys.path.insert(0, f"{CHECKOUT}/workflow")

from phantomloom.cases import read_cases, read_reviews, scan_digest, scan_files
from phantomloom.config import portable, resolve
from phantomloom.library.terminal import terminal_table
from phantomloom.provenance import code, content


configfile: f"{CHECKOUT}/config.yaml"


config = resolve(config, [f"{CHECKOUT}/config.yaml", *workflow.overwrite_configfiles])


include: "workflow/rules/common.smk"


rule all:
    """Build the library: every case as phantom, simulated CT and page."""
    input:
        lambda w: and_what_they_lack(
            "results/qc/findings.tsv", "results/library/index.html"
        ),


rule ingested:
    """Ingest every scan: phase 1, after which equal results stop what depends on them."""
    input:
        lambda w: and_what_they_lack(
            *expand("results/ingest/{case}/ct.json", case=cases())
        ),


rule judged:
    """Judge every phantom: phase 2, after which an unchanged verdict stops what depends on it."""
    input:
        lambda w: and_what_they_lack(
            *expand("results/qc/{case}.verdict.json", case=cases())
        ),


include: "workflow/rules/example.smk"
include: "workflow/rules/person.smk"
include: "workflow/rules/ingest.smk"
include: "workflow/rules/segment.smk"
include: "workflow/rules/merge.smk"
include: "workflow/rules/measure.smk"
include: "workflow/rules/qc.smk"
include: "workflow/rules/phantom.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/library.smk"
include: "workflow/rules/runs.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/sweeps.smk"
include: "workflow/rules/privacy.smk"
include: "workflow/rules/privacy_checks.smk"
include: "workflow/rules/contests.smk"
include: "workflow/rules/gan.smk"
include: "workflow/rules/benchmark.smk"


onsuccess:
    say_what_became_of_the_cases(crashed=False)


onerror:
    say_what_became_of_the_cases(crashed=True)
