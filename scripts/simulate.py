from phantomloom.io import artefact, log, nifti
from phantomloom.simulation import quality
from phantomloom.simulation.scan import phantom_of, scan, seed_of

log.to(snakemake.log[0])
if reason := artefact.reason_to_withhold(snakemake.input.verdict):
    artefact.withhold(snakemake.output, reason)
else:
    labels, ct = nifti.read(snakemake.input.labels), nifti.read(snakemake.input.ct)
    protocol = snakemake.params.protocol
    seed = seed_of(snakemake.wildcards.case, protocol["seed"])
    simulated = scan(*phantom_of(labels), protocol, seed, snakemake.threads)
    for kernel, volume in simulated.volumes.items():
        nifti.write(volume, snakemake.output[kernel])
    report = quality.report(labels, ct, *simulated, protocol, snakemake.params.erosion_mm)
    artefact.write(
        {"status": "done", "protocol": protocol, "scan": simulated.facts, **report},
        snakemake.output.quality,
        schema="quality",
    )
