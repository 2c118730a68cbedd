MODELS = config["segment"]["models"]


rule segment:
    """Find the structures of one model in a CT."""
    input:
        ct="results/ingest/{case}/ct.nii.gz",
        status="results/ingest/{case}/ct.json",
        source="results/ingest/{case}/source.json",
    output:
        labels="results/segment/{case}/{model}.nii.gz",
        status="results/segment/{case}/{model}.json",
    log:
        "logs/segment/{case}.{model}.log",
    benchmark:
        "logs/segment/{case}.{model}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        engine=lambda w: MODELS[w.model]["engine"],
        # named for its `input`, so not compared: a checkout may move, the digest tells the content
        weights=lambda w, input: MODELS[w.model]["weights"],
        weights_digest=lambda w: content(MODELS[w.model]["weights"]),
        device=config["segment"]["device"],
        code=lambda w: code(
            "scripts/segment.py",
            f"phantomloom.segmentation.{MODELS[w.model]['engine']}",
        ),
    script:
        "../../scripts/segment.py"
