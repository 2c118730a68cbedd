rule qc:
    """Run the checks named in the config on a case's measurements and reach a verdict."""
    input:
        measurements="results/measure/{case}.parquet",
        status="results/merge/{case}/merge.json",
        ct_json="results/ingest/{case}/ct.json",
    output:
        judged="results/qc/{case}.json",
        verdict="results/qc/{case}.verdict.json",
    log:
        "logs/qc/{case}.log",
    benchmark:
        "logs/qc/{case}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        checks=config["qc"]["checks"],
        failing_checks=config["qc"]["failing_checks"],
        withhold_failed=config["qc"]["withhold_failed"],
        # named for its `input`, so not compared: a checkout may move, the digest tells the content
        reference=lambda w, input: config["qc"]["reference"],
        reference_digest=lambda w: content(config["qc"]["reference"]),
        review=lambda w: (
            (reviews()[w.case].verdict, reviews()[w.case].note or "")
            if w.case in reviews()
            else None
        ),
        code=code(
            "scripts/qc.py",
            *(f"phantomloom.qc.{check}" for check in config["qc"]["checks"]),
        ),
    script:
        "../../scripts/qc.py"


rule findings:
    """List what the checks found in all cases, for people."""
    input:
        lambda w: expand("results/qc/{case}.json", case=cases()),
    output:
        "results/qc/findings.tsv",
    log:
        "logs/findings.log",
    benchmark:
        "logs/findings.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        cases=lambda w: list(cases()),
        code=code("scripts/findings.py"),
    script:
        "../../scripts/findings.py"


rule reference:
    """Rebuild the reference population; name it as qc.reference to use it. Never part of a run."""
    input:
        judged=of_library("results/qc/{case}.json"),
        ct_json=of_library("results/ingest/{case}/ct.json"),
        measured=of_library("results/measure/{case}.parquet"),
    output:
        "results/reference/population.tsv",
    log:
        "logs/reference.log",
    benchmark:
        "logs/reference.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        source=config["qc"]["population"]["source"],
        persons=config["qc"]["population"]["persons"],
        seed=config["qc"]["population"]["seed"],
        cases=lambda w, input: list(cases()) if input.judged else [],
        code=code("scripts/reference.py"),
    script:
        "../../scripts/reference.py"
