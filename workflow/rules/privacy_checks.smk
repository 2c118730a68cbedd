AUDITED = [
    f"results/privacy/audit/{dataset}/{network}/{budget}.json"
    for dataset in PRIVACY["sweeps"]["default"]["datasets"]
    for network in PRIVACY["sweeps"]["default"]["models"]
    for budget in BUDGETS
]


rule audit:
    """Attack a private run, and its twin without noise, and keep what that proves."""
    input:
        reports="results/privacy/reports/{dataset}.parquet",
        encoded="results/privacy/encoded/{dataset}/{network}.safetensors",
        public=public_of,
    output:
        "results/privacy/audit/{dataset}/{network}/{budget}.json",
    log:
        "logs/audit/{dataset}.{network}.{budget}.log",
    benchmark:
        "logs/audit/{dataset}.{network}.{budget}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 6000 * attempt,
        runtime=240,
    params:
        study=lambda w: study_of(w.dataset),
        methods=lambda w: methods(w.network, w.budget),
        seed=1,  # the run of the sweep that is made again, with canaries in it
        audits=len(AUDITED),
        source=lambda w, input: weights_of(w.network),
        code=code("scripts/audit.py"),
    script:
        "../../scripts/audit.py"


rule benchmark_privacy:
    """Gather what the sweeps and their audits show, what privacy costs, checks of the parts."""
    input:
        statistics=[
            f"results/privacy/{sweep}/statistics.json"
            for sweep in PRIVACY["sweeps"]
            if sweep != "default"  # a part of the grid
        ],
        audits=AUDITED,
    output:
        "results/benchmark/privacy.json",
    log:
        "logs/benchmark/privacy.log",
    benchmark:
        "logs/benchmark/privacy.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=6000,
        runtime=30,
    params:
        shuffled=[name for name in DATASETS if study_of(name).get("shuffled")],
        turns=5,  # of each way to make a training step
        source=lambda w, input: weights_of("minilm"),
        source_digest=lambda w: content(str(weights_of("minilm"))),
        code=code("scripts/benchmark_privacy.py"),
    script:
        "../../scripts/benchmark_privacy.py"
