from phantomloom.library.table import artefact_paths

SIMULATED = [
    (protocol, kernel)
    for protocol, settings in config["simulate"]["protocols"].items()
    for kernel in settings["reconstruction"]["kernels"]
]
ARTEFACTS = artefact_paths(
    "{case}",
    config["segment"]["models"],
    config["simulate"]["protocols"],
    Path("results"),
)
PICTURED = config["phantom"]["mesh_formats"][:1]  # what the meshes are drawn from


rule page:
    """Draw a case's pictures and write its page, whatever became of the case."""
    input:
        ct="results/ingest/{case}/ct.nii.gz",
        labels="results/merge/{case}/labels.nii.gz",
        measured="results/measure/{case}.parquet",
        voxel="results/phantom/{case}/voxel",
        mesh="results/phantom/{case}/mesh",
        simulated=[
            f"results/simulate/{{case}}/{protocol}/ct_{kernel}.nii.gz"
            for protocol, kernel in SIMULATED
        ],
        artefacts=list(map(str, ARTEFACTS.values())),
    output:
        page="results/library/{case}/index.html",
        case="results/library/{case}/case.json",
        coronal="results/library/{case}/coronal.png",
        axial="results/library/{case}/axial.png",
        sagittal="results/library/{case}/sagittal.png",
        mesh="results/library/{case}/mesh.png",
        thumbnail="results/library/{case}/thumbnail.png",
    log:
        "logs/page/{case}.log",
    benchmark:
        "logs/page/{case}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=10,
    params:
        note=lambda w: cases()[w.case].note,
        settings=config["library"],
        stages=list(ARTEFACTS),
        titles=[
            "source CT",
            "labels",
            *(f"simulated {p} {k}".replace("_", " ") for p, k in SIMULATED),
        ],
        mesh_formats=PICTURED,
        code=code(
            "scripts/page.py",
            *(f"phantomloom.phantom.export.mesh.{name}" for name in PICTURED),
        ),
    script:
        "../../scripts/page.py"


rule library:
    """Write the page and the tables of all cases."""
    input:
        lambda w: expand("results/library/{case}/case.json", case=cases()),
    output:
        index="results/library/index.html",
        csv="results/library/phantoms.csv",
        parquet="results/library/phantoms.parquet",
    log:
        "logs/library.log",
    benchmark:
        "logs/library.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        cases=lambda w: list(cases()),  # their order: Snakemake compares inputs sorted
        code=code("scripts/library.py"),
    script:
        "../../scripts/library.py"
