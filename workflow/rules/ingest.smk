rule ingest:
    """Bring a scan to CT numbers on the patient's axes, or refuse it with the reason."""
    input:
        scan=lambda w: scan_files(scan_of(w.case)),
        stylised=lambda w: of_person(w.case, "person.json"),
    output:
        ct="results/ingest/{case}/ct.nii.gz",
        ct_json="results/ingest/{case}/ct.json",
        source_json="results/ingest/{case}/source.json",
    log:
        "logs/ingest/{case}.log",
    benchmark:
        "logs/ingest/{case}.tsv"
    conda:
        "../../envs/conda.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=20,
    params:
        path=lambda w: str(scan_of(w.case)),
        # what rule person makes may not be there yet; as input Snakemake watches it itself
        scan_digest=lambda w: (
            None if stylised(w.case) else scan_digest(scan_of(w.case))
        ),
        person=lambda w: cases()[w.case].person,
        spacing_mm=config["ingest"]["spacing_mm"],
        code=code("scripts/ingest.py"),
    script:
        "../../scripts/ingest.py"
