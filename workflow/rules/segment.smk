from importlib.util import find_spec

from phantomloom.segmentation.sources import digest, settings, source

MODELS = config["segment"]["models"]
# of 512 x 512 x 1000 voxels; nnunet took 9,500 for 30 classes, TotalSegmentator's is its own
MEMORY_MB = {"monai": 5000, "labels": 6000}
RUNTIME = {"nnunet": 600, "totalsegmentator": 600}  # on one thread without a GPU


rule segment:
    """Find the structures of one model in a CT."""
    input:
        ct="results/ingest/{case}/ct.nii.gz",
        source="results/ingest/{case}/source.json",  # ct.json would bring the person's age
        truth=truth,
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
        mem_mb=lambda w, attempt: (
            MEMORY_MB.get(MODELS[w.model]["engine"], 12000) * attempt
        ),
        runtime=lambda w, attempt: (
            RUNTIME.get(MODELS[w.model]["engine"], 60) * attempt
        ),
    params:
        engine=lambda w: MODELS[w.model]["engine"],
        engine_settings=lambda w: settings(MODELS[w.model]),
        # named for its `input`, so not compared: a checkout may move, the digest tells the content
        source=lambda w, input: (
            input.truth[0] if input.truth else source(MODELS[w.model], w.case)
        ),
        # labels that a rule makes are not there yet; as input Snakemake watches them itself
        source_digest=lambda w: (
            None if truth(w) else digest(MODELS[w.model], w.model, w.case, cases())
        ),
        # named for their `input`, so not compared: they decide where a job runs
        device=lambda w, input: MODELS[w.model].get(
            "device", config["segment"]["device"]
        ),
        gpu_memory_mb=lambda w, input: config["segment"]["gpu_memory_mb"],
        code=lambda w: code(
            "scripts/segment.py",
            f"phantomloom.segmentation.{MODELS[w.model]['engine']}",
        ),
    script:
        "../../scripts/segment.py"


rule benchmark_engines:
    """Measure time and memory of the engines beside the same networks run plainly."""
    input:
        ct="results/ingest/patient1/ct.nii.gz",
    output:
        "results/benchmark/engines.json",
    log:
        "logs/benchmark/engines.log",
    benchmark:
        "logs/benchmark/engines.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=12000,
        runtime=120,
    params:
        bundle=lambda w, input: portable(CHECKOUT, "workflow/models/torso"),
        bundle_digest=lambda w: content(portable(CHECKOUT, "workflow/models/torso")),
        repeats=2,
        outside=find_spec("nnunetv2") is not None,
        code=code(
            "scripts/benchmark_engines.py",
            *(
                f"phantomloom.segmentation.{engine}"
                for engine in ("monai", "nnunet", "totalsegmentator")
            ),
        ),
    script:
        "../../scripts/benchmark_engines.py"
