rule voxel:
    """Give every structure its material and mass and write the phantom in the voxel formats."""
    input:
        labels="results/merge/{case}/labels.nii.gz",
        verdict="results/qc/{case}.verdict.json",
    output:
        summary="results/phantom/{case}/voxel.json",
        folder=directory("results/phantom/{case}/voxel"),
    log:
        "logs/voxel/{case}.log",
    benchmark:
        "logs/voxel/{case}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=20,
    params:
        formats=config["phantom"]["voxel_formats"],
        code=code(
            "scripts/voxel.py",
            *(
                f"phantomloom.phantom.export.voxel.{name}"
                for name in config["phantom"]["voxel_formats"]
            ),
        ),
    script:
        "../../scripts/voxel.py"


rule mesh:
    """Lay a closed surface around every structure and write the surfaces in the mesh formats."""
    input:
        labels="results/merge/{case}/labels.nii.gz",
        verdict="results/qc/{case}.verdict.json",
    output:
        summary="results/phantom/{case}/mesh.json",
        folder=directory("results/phantom/{case}/mesh"),
    log:
        "logs/mesh/{case}.log",
    benchmark:
        "logs/mesh/{case}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 8000 * attempt,
        runtime=60,
    params:
        formats=config["phantom"]["mesh_formats"],
        surface=config["phantom"]["surface"],
        code=code(
            "scripts/mesh.py",
            *(
                f"phantomloom.phantom.export.mesh.{name}"
                for name in config["phantom"]["mesh_formats"]
            ),
        ),
    script:
        "../../scripts/mesh.py"
