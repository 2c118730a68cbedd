"""Stop training if a scan that teaches or judges was refused, or is there under two names."""

from phantomloom.io import artefact, log
from phantomloom.provenance import scan_identity

log.to(snakemake.log[0])
seen = {}
for case, path in zip(snakemake.params.cases, snakemake.input, strict=True):
    if reason := artefact.reason_to_withhold(path):
        raise ValueError(
            f"{case}: {reason}; mend the scan, or take it out of `train` in the config"
        )
    other = seen.setdefault(scan_identity(artefact.read(path)), case)
    if other != case:
        raise ValueError(
            f"{case} and {other} are one scan, so networks would be scored on what taught them; "
            "take one of them out of `train` in the config"
        )
