import re


wildcard_constraints:
    dataset="|".join(DATASETS),
    network="|".join(NETWORKS),
    words=f"rules|{WORDS}",
    level="|".join(["public", *map(re.escape, BUDGETS), "lora", "full"]),
    budget="|".join(map(re.escape, BUDGETS)),
    label_set=r"\w+",
    uncertain="zeros|ones|ignore",
    seed=r"\d+",
    sweep="|".join(PRIVACY["sweeps"]),


rule privacy:
    """Sweep the privacy budgets over radiology reports: the default of privacy.sweeps."""
    input:
        lambda w: and_what_they_lack("results/privacy/default/index.html"),


for sweep in [name for name in PRIVACY["sweeps"] if name != "default"]:

    rule:
        """Sweep the privacy budgets over radiology reports: another of privacy.sweeps."""
        name:
            f"privacy_{sweep}"
        input:
            lambda w, sweep=sweep: and_what_they_lack(
                f"results/privacy/{sweep}/index.html"
            ),


rule reports:
    """Read a data set of radiology reports into one table."""
    input:
        lambda w: table_of(w.dataset),
    output:
        "results/privacy/reports/{dataset}.parquet",
    log:
        "logs/reports/{dataset}.log",
    benchmark:
        "logs/reports/{dataset}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=lambda w: {
            key: DATASETS[w.dataset][key]
            for key in ("reader", "label_set", "arguments")
        },
        folder=lambda w: folder_digest(w.dataset),
        code=lambda w: code(
            "scripts/reports.py",
            f"phantomloom.privacy.data.{DATASETS[w.dataset]['reader']}",
        ),
    script:
        "../../scripts/reports.py"


rule pretrain:
    """Teach a language model the labels by reports that a public grammar wrote."""
    output:
        expand(
            "results/privacy/public/{{label_set}}/{{uncertain}}/{{network}}/{part}",
            part=PARTS_OF_A_MODEL,
        ),
    log:
        "logs/pretrain/{label_set}.{uncertain}.{network}.log",
    benchmark:
        "logs/pretrain/{label_set}.{uncertain}.{network}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=0,
    params:
        settings=lambda w: public_settings(w.network),
        longest=PRIVACY["sentence_tokens"],
        source=lambda w, input: weights_of(w.network),
        source_digest=lambda w: content(str(weights_of(w.network))),
        code=code("scripts/pretrain.py"),
    script:
        "../../scripts/pretrain.py"


rule encode:
    """Read each report by the public model and by the rules."""
    input:
        reports="results/privacy/reports/{dataset}.parquet",
        public=public_of,
    output:
        "results/privacy/encoded/{dataset}/{network}.safetensors",
    log:
        "logs/encode/{dataset}.{network}.log",
    benchmark:
        "logs/encode/{dataset}.{network}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 6000 * attempt,
        runtime=240,
    params:
        longest=PRIVACY["sentence_tokens"],
        wholly_normal=lambda w: DATASETS[w.dataset].get("wholly_normal", False),
        source=lambda w, input: weights_of(w.network),
        code=code("scripts/encode.py"),
    script:
        "../../scripts/encode.py"


rule classify:
    """Train a run of the sweep within its privacy budget and score it on unseen patients."""
    input:
        reports="results/privacy/reports/{dataset}.parquet",
        encoded="results/privacy/encoded/{dataset}/{network}.safetensors",
        public=public_of,
    output:
        metrics="results/privacy/runs/{dataset}/{network}/{level}/seed-{seed}/metrics.json",
        predictions="results/privacy/runs/{dataset}/{network}/{level}/seed-{seed}/predictions.safetensors",
    log:
        "logs/classify/{dataset}.{network}.{level}.{seed}.log",
    benchmark:
        "logs/classify/{dataset}.{network}.{level}.{seed}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 6000 * attempt,
        runtime=240,
    params:
        study=lambda w: study_of(w.dataset),
        methods=lambda w: methods(w.network, w.level),
        epsilon=lambda w: epsilon(w.level),
        source=lambda w, input: weights_of(w.network),
        code=code("scripts/classify.py"),
    script:
        "../../scripts/classify.py"


rule count_words:
    """Label the test reports without a network: by rules, or by words counted."""
    input:
        reports="results/privacy/reports/{dataset}.parquet",
    output:
        metrics="results/privacy/runs/{dataset}/{words}/{level}/seed-{seed}/metrics.json",
        predictions="results/privacy/runs/{dataset}/{words}/{level}/seed-{seed}/predictions.safetensors",
    log:
        "logs/count_words/{dataset}.{words}.{level}.{seed}.log",
    benchmark:
        "logs/count_words/{dataset}.{words}.{level}.{seed}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        study=lambda w: study_of(w.dataset),
        methods=lambda w: methods(w.words, w.level),
        epsilon=lambda w: epsilon(w.level),
        wholly_normal=lambda w: DATASETS[w.dataset].get("wholly_normal", False),
        public_reports=PRIVACY["public"]["reports"],
        label_set=lambda w: DATASETS[w.dataset]["label_set"],
        terms=PRIVACY["bag_of_words"]["terms"],
        code=code("scripts/count_words.py"),
    script:
        "../../scripts/count_words.py"


rule compare:
    """Compare the privacy levels of a sweep: gains, intervals, tests, a conclusion in words."""
    input:
        metrics=lambda w: of_runs(w.sweep, "metrics.json"),
        predictions=lambda w: of_runs(w.sweep, "predictions.safetensors"),
    output:
        statistics="results/privacy/{sweep}/statistics.json",
        summary="results/privacy/{sweep}/summary.csv",
    log:
        "logs/compare/{sweep}.log",
    benchmark:
        "logs/compare/{sweep}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        runs=lambda w: runs(w.sweep),
        studies=lambda w: {
            dataset: study_of(dataset)
            for dataset in PRIVACY["sweeps"][w.sweep]["datasets"]
        },
        code=code("scripts/compare.py"),
    script:
        "../../scripts/compare.py"


rule picture_tradeoff:
    """Draw weighted F1 against epsilon."""
    input:
        "results/privacy/{sweep}/statistics.json",
    output:
        report(
            "results/privacy/{sweep}/tradeoff.png",
            category="Privacy",
            labels={"sweep": "{sweep}"},
        ),
    log:
        "logs/picture_tradeoff/{sweep}.log",
    benchmark:
        "logs/picture_tradeoff/{sweep}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("scripts/picture_tradeoff.py"),
    script:
        "../../scripts/picture_tradeoff.py"


rule page_privacy:
    """Write a sweep's page: conclusions, picture, tables."""
    input:
        statistics="results/privacy/{sweep}/statistics.json",
        summary="results/privacy/{sweep}/summary.csv",
        picture="results/privacy/{sweep}/tradeoff.png",
    output:
        "results/privacy/{sweep}/index.html",
    log:
        "logs/page_privacy/{sweep}.log",
    benchmark:
        "logs/page_privacy/{sweep}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("scripts/page_privacy.py"),
    script:
        "../../scripts/page_privacy.py"


rule release:
    """Train a private model on all reports of a data set, with noise that nobody recorded."""
    input:
        reports="results/privacy/reports/{dataset}.parquet",
        encoded="results/privacy/encoded/{dataset}/{network}.safetensors",
        public=public_of,
    output:
        # a second release of the same reports spends their privacy again: what is there
        # is protected, also from root, and stays if the script refuses
        model=protected(
            update(
                "results/privacy/release/{dataset}/{network}/{budget}/model.safetensors"
            )
        ),
        card=update("results/privacy/release/{dataset}/{network}/{budget}/README.md"),
    log:
        "logs/release/{dataset}.{network}.{budget}.log",
    benchmark:
        "logs/release/{dataset}.{network}.{budget}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 6000 * attempt,
        runtime=240,
    params:
        study=lambda w: study_of(w.dataset),
        methods=lambda w: methods(w.network, w.budget),
        longest=PRIVACY["sentence_tokens"],
        wholly_normal=lambda w: DATASETS[w.dataset].get("wholly_normal", False),
        source=lambda w, input: weights_of(w.network),
        # not to be let out with the release
        state="results/privacy/private/{dataset}/{network}/{budget}",
        code=code("scripts/release.py"),
    script:
        "../../scripts/release.py"
