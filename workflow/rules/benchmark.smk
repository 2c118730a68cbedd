rule benchmark_demo:
    """Gather seconds and peak memory of every rule from the benchmarks of the last runs."""
    input:
        rules.all.input,
    output:
        "results/benchmark/demo.json",
    log:
        "logs/benchmark/demo.log",
    benchmark:
        "logs/benchmark/demo.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        logs="logs",
        cases=lambda w: list(cases()),  # a sheet that lost a case leaves its logs
        parts=dict(  # as does a configuration that lost one of these
            segment=list(config["segment"]["models"]),
            simulate=list(config["simulate"]["protocols"]),
        ),
        apart=[  # no part of the demo
            *("benchmark", "distinct", "lesson", "fit", "score", "register", "bundle"),
            *("levels", "reference"),
        ],
        cores=2,
        targets=dict(seconds=900, memory_mb=6000, against="15 min, 6 GB on 2 cores"),
        code=code("scripts/benchmark_demo.py"),
    script:
        "../../scripts/benchmark_demo.py"


for name in [r.name for r in workflow.rules if r.name.startswith("benchmark_")]:

    rule:
        """Make a benchmark, with what is missing of what it gathers: `make bench` asks for this."""
        name:
            name.replace("benchmark", "bench", 1)
        input:
            lambda w, name=name: and_what_they_lack(
                f"results/benchmark/{name.removeprefix('benchmark_')}.json"
            ),
