rule ingest:
    """Bring a scan to CT numbers on the patient's axes, or refuse it with the reason."""
    input:
        scan=lambda w: scan_files(cases()[w.case].path),
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
        mem_mb=4000,
        runtime=20,
    params:
        path=lambda w: str(cases()[w.case].path),
        folder=lambda w: scan_digest(cases()[w.case].path),
        person=lambda w: cases()[w.case].person,
        spacing_mm=config["ingest"]["spacing_mm"],
        code=code("scripts/ingest.py"),
    script:
        "../../scripts/ingest.py"
