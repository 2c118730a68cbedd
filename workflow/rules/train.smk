from phantomloom.structures import MODELS as SHIPPED

LABELLED = config["train"]["cases"]
SEEN_BY_SHIPPED = "+".join(LABELLED)


wildcard_constraints:
    seen=r"[\w+-]+",


rule train:
    """Train the shipped networks: on all labelled cases, and on all but one to score them."""
    input:
        expand(
            f"{portable(CHECKOUT, 'workflow/models')}/{{model}}/docs/README.md",
            model=SHIPPED,
        ),


rule fit:
    """Fit the shared network on labelled cases; goes on where it stopped."""
    input:
        ct=lambda w: expand("results/ingest/{case}/ct.nii.gz", case=w.seen.split("+")),
        source=lambda w: expand(
            "results/ingest/{case}/source.json", case=w.seen.split("+")
        ),
        labels=lambda w: [LABELLED[case]["labels"] for case in w.seen.split("+")],
    output:
        expand(
            "results/fit/{{seen}}/{model}/{part}",
            model=SHIPPED,
            part=[
                "models/model.safetensors",
                "configs/metadata.json",
                "configs/inference.json",
            ],
        ),
    log:
        "logs/fit/{seen}.log",
    benchmark:
        "logs/fit/{seen}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=600,
    params:
        schemes=lambda w: {case: LABELLED[case]["scheme"] for case in w.seen.split("+")},
        spacing_mm=config["train"]["spacing_mm"],
        recipe=lambda w: config["train"]["recipe"]
        | (
            {}
            if w.seen == SEEN_BY_SHIPPED
            else {"steps": config["train"]["score_steps"]}
        ),
        code=code("scripts/fit.py"),
    script:
        "../../scripts/fit.py"


rule score:
    """Compare networks with the reference labels of a case that they did not see."""
    input:
        "results/fit/{seen}/skeleton/models/model.safetensors",
        ct="results/ingest/{unseen}/ct.nii.gz",
        labels=lambda w: LABELLED[w.unseen]["labels"],
    output:
        "results/score/{seen}/{unseen}.json",
    log:
        "logs/score/{seen}.{unseen}.log",
    benchmark:
        "logs/score/{seen}.{unseen}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=60,
    params:
        bundles=lambda w: f"results/fit/{w.seen}",
        scheme=lambda w: LABELLED[w.unseen]["scheme"],
        code=code("scripts/score.py"),
    script:
        "../../scripts/score.py"


rule bundle:
    """Put a trained network into the checkout, with the model card."""
    input:
        weights=f"results/fit/{SEEN_BY_SHIPPED}/{{model}}/models/model.safetensors",
        scores=[
            f"results/score/{'+'.join(c for c in LABELLED if c != unseen)}/{unseen}.json"
            for unseen in LABELLED
        ],
    output:
        expand(
            "{models}/{{model}}/{part}",
            models=portable(CHECKOUT, "workflow/models"),
            part=[
                "docs/README.md",
                "configs/metadata.json",
                "configs/inference.json",
                "models/model.safetensors",
            ],
        ),
    log:
        "logs/bundle/{model}.log",
    benchmark:
        "logs/bundle/{model}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=5,
    params:
        settings=config["train"],
        code=code("scripts/bundle.py"),
    script:
        "../../scripts/bundle.py"
