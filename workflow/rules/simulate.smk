rule simulate:
    """Scan a phantom with a CT protocol and compare its HU with published attenuation data."""
    input:
        labels="results/merge/{case}/labels.nii.gz",
        ct="results/ingest/{case}/ct.nii.gz",
        verdict="results/qc/{case}.verdict.json",
    output:
        soft="results/simulate/{case}/{protocol}/ct_soft.nii.gz",
        sharp="results/simulate/{case}/{protocol}/ct_sharp.nii.gz",
        quality="results/simulate/{case}/{protocol}/quality.json",
    log:
        "logs/simulate/{case}/{protocol}.log",
    benchmark:
        "logs/simulate/{case}/{protocol}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 2
    resources:
        # a scan of 1,000 slices at their own spacing takes more than twice the first
        mem_mb=lambda w, attempt: 4000 * attempt**2,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        protocol=lambda wildcards: config["simulate"]["protocols"][wildcards.protocol],
        erosion_mm=config["simulate"]["erosion_mm"],
        code=code("scripts/simulate.py"),
    script:
        "../../scripts/simulate.py"


rule benchmark_physics:
    """Measure HU, noise and speed of the CT simulator on water and on the first example patient."""
    input:
        labels="results/merge/patient1/labels.nii.gz",
    output:
        "results/benchmark/physics.json",
    log:
        "logs/benchmark/physics.log",
    benchmark:
        "logs/benchmark/physics.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 2
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        protocol=lambda w: next(iter(config["simulate"]["protocols"].values())),
        erosion_mm=config["simulate"]["erosion_mm"],
        code=code("scripts/benchmark_physics.py"),
    script:
        "../../scripts/benchmark_physics.py"
