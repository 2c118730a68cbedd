"""Stop before training if a scan was refused, or if who judges networks also taught them."""

from phantomloom.io import artefact, log
from phantomloom.provenance import content, scan_identity
from phantomloom.segmentation.training.overlap import overlap

log.to(snakemake.log[0])
given, params = snakemake.input, snakemake.params
END = "take one of them out of `train` in the config"
seen: dict[str, str] = {}
for case, source, ct in zip(params.cases, given.source, given.ct, strict=True):
    if reason := artefact.reason_to_withhold(source):
        raise ValueError(
            f"{case}: {reason}; mend the scan, or take it out of `train` in the config"
        )
    # one scan as DICOM and as NIfTI is alike once it is ingested
    for identity in (scan_identity(artefact.read(source)), content(ct)):
        if (other := seen.setdefault(identity, case)) != case:
            raise ValueError(
                f"{case} and {other} are one scan, so networks would be scored on what taught "
                f"them; {END}"
            )
persons: dict[tuple, str] = {}
for case, person in params.persons.items():
    taught = case in params.taught
    if reason := overlap(*person, taught, params.people, params.unseen_people):
        raise ValueError(f"{case}: {reason}")
    other = persons.setdefault(tuple(person), case)
    if params.patients[other] != params.patients[case]:
        raise ValueError(
            f"{case} and {other} are one person, so networks would be scored on who taught them; "
            f"give both one `patient` under `train`, or {END}"
        )
