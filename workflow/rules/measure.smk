rule measure:
    """Measure every structure of a label map in one pass."""
    input:
        labels="results/merge/{case}/labels.nii.gz",
        ct="results/ingest/{case}/ct.nii.gz",
        status="results/merge/{case}/merge.json",
    output:
        "results/measure/{case}.parquet",
    log:
        "logs/measure/{case}.log",
    benchmark:
        "logs/measure/{case}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 3000 * attempt,
        runtime=10,
    params:
        code=code("scripts/measure.py"),
    script:
        "../../scripts/measure.py"
