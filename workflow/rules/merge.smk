rule merge:
    """Make one label map of all models' maps, or of a person's; every voxel inside the skin gets a structure."""
    input:
        ct="results/ingest/{case}/ct.nii.gz",
        source="results/ingest/{case}/source.json",  # ct.json would bring the person's age
        models=expand(
            "results/segment/{{case}}/{model}.nii.gz",
            model=config["segment"]["models"],
        ),
        models_json=expand(
            "results/segment/{{case}}/{model}.json", model=config["segment"]["models"]
        ),
    output:
        labels="results/merge/{case}/labels.nii.gz",
        status="results/merge/{case}/merge.json",
    log:
        "logs/merge/{case}.log",
    benchmark:
        "logs/merge/{case}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 8000 * attempt,
        runtime=30,
    params:
        settings=config["merge"],
        # named for its `input`, so not compared: a library may move, the digest tells the content
        correction=lambda w, input: str(corrections().get(w.case, "")),
        correction_digest=lambda w: (
            scan_digest(corrections()[w.case]) if w.case in corrections() else None
        ),
        code=code("scripts/merge.py"),
    script:
        "../../scripts/merge.py"


rule levels:
    """Rebuild the table of vertebral levels at which structures lie. Never part of a run."""
    output:
        table=update(f"{portable(CHECKOUT, 'workflow/phantomloom')}/strays.tsv"),
    log:
        "logs/levels.log",
    benchmark:
        "logs/levels.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=3000,
        runtime=120,
    params:
        persons=100,
        spacing_mm=4.0,
        code=code("scripts/levels.py"),
    script:
        "../../scripts/levels.py"
