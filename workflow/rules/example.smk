EXAMPLE = portable(f"{CHECKOUT}/workflow/cohorts", "example")


localrules:
    example,  # compute nodes often reach no package index


rule example:
    """Download the example cohort: three real CT scans with reference labels, 38 MB."""
    input:
        source=portable(CHECKOUT, "workflow/cohorts/example_source.yaml"),
    output:
        [
            update(f"{EXAMPLE}/{name}")  # stays if there is no network
            for name in (
                "LICENSE",
                "patient1.nii.gz",
                "patient1_labels.nii.gz",
                "patient2_labels.nii.gz",
                "patient3.nii.gz",
                "patient3_labels/heart.nii.gz",
                "patient3_labels/aorta.nii.gz",
                "patient3_labels/vertebrae_T12.nii.gz",
                "patient3_labels/pulmonary_artery.nii.gz",
                *(
                    f"patient1_tissues/{tissue}.nii.gz"
                    for tissue in ("skeletal_muscle", "subcutaneous_fat", "torso_fat")
                ),
                *(f"patient2/{n:04d}.dcm" for n in range(1, 21)),
            )
        ],
    log:
        "logs/example.log",
    benchmark:
        "logs/example.tsv"
    conda:
        "../../envs/conda.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        folder=lambda w: EXAMPLE,
        code=code("scripts/example.py"),
    script:
        "../../scripts/example.py"
