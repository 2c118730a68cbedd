import re


wildcard_constraints:
    contest="|".join(CONTESTS),
    variant="|".join({name for its in CONTESTS.values() for name in its["variants"]}),
    images="|".join(GAN["datasets"]),
    judged="|".join(GAN["datasets"]),


rule gan:
    """Let variants of the generator contend: the default of gan.contests."""
    input:
        lambda w: and_what_they_lack("results/gan/default/index.html"),


for contest in [name for name in CONTESTS if name != "default"]:

    rule:
        """Let variants of the generator contend: another of gan.contests."""
        name:
            f"gan_{contest}"
        input:
            lambda w, contest=contest: and_what_they_lack(
                f"results/gan/{contest}/index.html"
            ),


rule pairs:
    """Read a data set of images with label masks into arrays."""
    input:
        people=lambda w: people_of(w.images),
        ct=lambda w: of_patients(w.images, "results/ingest/{case}/ct.nii.gz"),
        labels=lambda w: of_patients(w.images, "results/merge/{case}/labels.nii.gz"),
        status=lambda w: of_patients(w.images, "results/merge/{case}/merge.json"),
    output:
        expand("results/gan/pairs/{{images}}/{part}", part=PARTS_OF_PAIRS),
    log:
        "logs/pairs/{images}.log",
    benchmark:
        "logs/pairs/{images}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=600,
    params:
        reader=lambda w: GAN["datasets"][w.images]["reader"],
        arguments=lambda w: arguments_of(w.images),
        patients=lambda w: patients_of(w.images),
        spacing_mm=TRAIN["network"]["spacing_mm"],  # of the files of people
        folder=lambda w: folder_of(w.images),
        code=lambda w: code(
            "scripts/pairs.py",
            f"phantomloom.gan.data.{GAN['datasets'][w.images]['reader']}",
        ),
    script:
        "../../scripts/pairs.py"


rule sides:
    """Stop a contest that is judged on whom it learns from, or on other classes or pixels."""
    input:
        train=lambda w: pairs_of(CONTESTS[w.contest]["dataset"]),
        tests=lambda w: [
            file for judged in judges_of(w.contest) for file in pairs_of(judged)
        ],
    output:
        touch("results/gan/{contest}/sides.checked"),
    log:
        "logs/sides/{contest}.log",
    benchmark:
        "logs/sides/{contest}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("scripts/sides.py"),
    script:
        "../../scripts/sides.py"


rule generator:
    """Train a generator of images from masks; goes on where it stopped."""
    input:
        pairs=lambda w: pairs_of(CONTESTS[w.contest]["dataset"]),
        sides=ancient("results/gan/{contest}/sides.checked"),  # judged on more, it learns the same
    output:
        generator=f"{GENERATOR}/generator.safetensors",
        log=f"{GENERATOR}/log.jsonl",
    log:
        "logs/generator/{contest}.{variant}.{seed}.log",
    benchmark:
        "logs/generator/{contest}.{variant}.{seed}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=1200,
        gpu=0,
    params:
        settings=settings_of,
        code=lambda w: code("scripts/generator.py", variant_module(w)),
    script:
        "../../scripts/generator.py"


rule segmenter:
    """Teach a network to find the masks in real images, to judge generated ones by it."""
    input:
        pairs=lambda w: pairs_of(w.images),
    output:
        "results/gan/segmenter/{images}.safetensors",
    log:
        "logs/segmenter/{images}.log",
    benchmark:
        "logs/segmenter/{images}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=240,
        gpu=0,
    params:
        recipe=GAN["segmenter"],
        code=code("scripts/segmenter.py"),
    script:
        "../../scripts/segmenter.py"


rule judge:
    """Judge a generator on masks of people that it has not seen."""
    input:
        generator=f"{GENERATOR}/generator.safetensors",
        train=lambda w: pairs_of(CONTESTS[w.contest]["dataset"]),
        test=lambda w: pairs_of(w.judged),
        segmenter=lambda w: f"results/gan/segmenter/{CONTESTS[w.contest]['dataset']}.safetensors",
    output:
        f"{GENERATOR}/{{judged}}.metrics.json",
    log:
        "logs/judge/{contest}.{variant}.{seed}.{judged}.log",
    benchmark:
        "logs/judge/{contest}.{variant}.{seed}.{judged}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 6000 * attempt,
        runtime=240,
        gpu=0,
    params:
        judging=GAN["judging"],
        features=GAN.get("features"),
        features_digest=lambda w: content(GAN["features"]) if "features" in GAN else "",
        code=lambda w: code("scripts/judge.py", variant_module(w)),
    script:
        "../../scripts/judge.py"


rule teach:
    """Try whether a segmenter learns more when generated images stand beside the real ones."""
    input:
        generator=f"{GENERATOR}/generator.safetensors",
        train=lambda w: pairs_of(CONTESTS[w.contest]["dataset"]),
        test=lambda w: pairs_of(w.judged),
    output:
        f"{GENERATOR}/{{judged}}.teaching.json",
    log:
        "logs/teach/{contest}.{variant}.{seed}.{judged}.log",
    benchmark:
        "logs/teach/{contest}.{variant}.{seed}.{judged}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 6000 * attempt,
        runtime=480,
        gpu=0,
    params:
        recipe=lambda w: GAN["teaching"] | {"seed": int(w.seed)},
        code=lambda w: code("scripts/teach.py", variant_module(w)),
    script:
        "../../scripts/teach.py"


rule samples:
    """Sample a generator: draws of test masks, a way between two draws, an edited mask."""
    input:
        generator=f"{GENERATOR}/generator.safetensors",
        pairs=lambda w: pairs_of(CONTESTS[w.contest]["judged_on"][0]),
    output:
        folder=directory(f"{GENERATOR}/samples"),
        grid=report(
            f"{GENERATOR}/grid.png",
            category="Images from masks",
            labels={"contest": "{contest}", "shows": "{variant}, seed {seed}"},
        ),
    log:
        "logs/samples/{contest}.{variant}.{seed}.log",
    benchmark:
        "logs/samples/{contest}.{variant}.{seed}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=60,
    params:
        samples=GAN["samples"],
        code=lambda w: code("scripts/samples.py", variant_module(w)),
    script:
        "../../scripts/samples.py"


rule render:
    """Render a case's phantom as CT in HU: its labels, slice by slice, with noise smooth along z."""
    input:
        generator=f"{GENERATOR}/generator.safetensors",
        labels=labels_to_render,
        status="results/merge/{case}/merge.json",
    output:
        ct=f"{GENERATOR}/rendered/{{case}}.nii.gz",
        list=f"{GENERATOR}/rendered/{{case}}.tsv",
    log:
        "logs/render/{contest}.{variant}.{seed}.{case}.log",
    benchmark:
        "logs/render/{contest}.{variant}.{seed}.{case}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=60,
    params:
        arguments=lambda w: arguments_of(CONTESTS[w.contest]["dataset"]),
        samples=GAN["samples"],
        code=lambda w: code("scripts/render.py", variant_module(w)),
    script:
        "../../scripts/render.py"


rule contest:
    """Say which variant is better at what, and how sure that is."""
    input:
        metrics=lambda w: [
            file
            for judged in CONTESTS[w.contest]["judged_on"]
            for file in of_contest(w.contest, "{judged}.metrics.json", judged=judged)
        ],
    output:
        verdicts="results/gan/{contest}/verdicts.json",
        scores=report(
            "results/gan/{contest}/scores.csv",
            category="Images from masks",
            labels={"contest": "{contest}", "shows": "scores"},
        ),
    log:
        "logs/contest/{contest}.log",
    benchmark:
        "logs/contest/{contest}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        contest=lambda w: CONTESTS[w.contest],
        code=code("scripts/contest.py"),
    script:
        "../../scripts/contest.py"


rule picture_losses:
    """Draw the training curves of a contest."""
    input:
        lambda w: of_contest(w.contest, "log.jsonl"),
    output:
        report(
            "results/gan/{contest}/losses.png",
            category="Images from masks",
            labels={"contest": "{contest}", "shows": "training curves"},
        ),
    log:
        "logs/picture_losses/{contest}.log",
    benchmark:
        "logs/picture_losses/{contest}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("scripts/picture_losses.py"),
    script:
        "../../scripts/picture_losses.py"


rule page_gan:
    """Write a contest's page: verdicts, tables, samples beside real images, curves."""
    input:
        verdicts="results/gan/{contest}/verdicts.json",
        scores="results/gan/{contest}/scores.csv",
        losses="results/gan/{contest}/losses.png",
        grids=lambda w: of_contest(w.contest, "grid.png"),
    output:
        "results/gan/{contest}/index.html",
    log:
        "logs/page_gan/{contest}.log",
    benchmark:
        "logs/page_gan/{contest}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("scripts/page_gan.py"),
    script:
        "../../scripts/page_gan.py"


rule benchmark_gan:
    """Gather what the contest named benchmark shows, and what generators cost."""
    input:
        verdicts="results/gan/benchmark/verdicts.json",
        page="results/gan/benchmark/index.html",
        teaching=of_contest(
            "benchmark",
            f"{CONTESTS['benchmark']['judged_on'][0]}.teaching.json",
            variants=["modern"],
        ),
    output:
        "results/benchmark/gan.json",
    log:
        "logs/benchmark/gan.log",
    benchmark:
        "logs/benchmark/gan.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=20000,  # more than the benchmark asks of its largest step
        runtime=60,
    params:
        variants=CONTESTS["benchmark"]["variants"],
        classes=10,  # of the masks that the pace is measured with
        sizes=[64, 128, 256, 512],  # pixels
        turns=15,  # of each way to make a training step
        kills=5,  # of a run that is to end as if there were none
        code=code(
            "scripts/benchmark_gan.py",
            *(
                f"phantomloom.gan.variants.{variant}"
                for variant in CONTESTS["benchmark"]["variants"]
            ),
        ),
    script:
        "../../scripts/benchmark_gan.py"
