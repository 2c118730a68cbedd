STYLISED = config["cohort"]["stylised"]
VOXEL_MM3 = STYLISED["slice_mm"] * STYLISED["spacing_mm"] ** 2


rule person:
    """Make a stylised person from a number: a CT, its labels, and who it is."""
    output:
        ct="results/person/{case}/ct.nii.gz",
        labels="results/person/{case}/labels.nii.gz",
        person="results/person/{case}/person.json",
    log:
        "logs/person/{case}.log",
    benchmark:
        "logs/person/{case}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        # measured at 1.5 mm: 900 of a trunk, 4,300 of a tall person from head to toe
        mem_mb=lambda w, attempt: round(
            (6000 if person_of(w.case).field_of_view == "whole" else 2000)
            * max(1, 1.5**3 / VOXEL_MM3)
            * attempt
        ),
        runtime=10,
    params:
        asked=lambda w: person_of(w.case)._asdict(),
        settings=STYLISED,
        code=code("scripts/person.py"),
    script:
        "../../scripts/person.py"
