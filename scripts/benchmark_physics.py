from phantomloom import benchmark
from phantomloom.benchmark import Row
from phantomloom.io import artefact, log, nifti
from phantomloom.simulation import trial

log.to(snakemake.log[0])
protocol, issue = snakemake.params.protocol, "issue 3"
rows = []
for kernel, water in trial.water(protocol).items():
    of = f"20 cm water, {kernel} kernel"
    rows.append(Row(f"{of}: centre off 0", abs(water.centre_hu), "HU", 2, "lower", issue))
    rows.append(Row(f"{of}: cupping", abs(water.cupping_hu), "HU", 5, "lower", issue))

dose = protocol["exposure_mas"] / 40  # little enough that rounding to whole HU does not count
low, high = trial.noise(protocol, dose), trial.noise(protocol, 4 * dose)
for kernel in low:
    of = f"quantum noise alone in 20 cm water, {kernel} kernel"
    off = abs(low[kernel] / high[kernel] / 2 - 1) * 100
    rows.append(Row(f"{of}, {dose:g} mAs", low[kernel], "HU", None, "lower", "no target"))
    rows.append(Row(f"{of}: ratio at 4 x mAs off 2", off, "%", 5, "lower", issue))

labels = nifti.read(snakemake.input.labels)
soft, bone = trial.abdomen(labels, protocol, snakemake.params.erosion_mm, snakemake.threads)
for of, off, unit, target in (("soft tissue", soft, "HU", 10), ("bone", bone, "%", 10)):
    worst = max(off, key=off.get)
    figure = f"{len(off)} structures of {of}: worst ({worst}) off expected"
    rows.append(Row(figure, off[worst], unit, target, "lower", issue))

for threads in sorted({1, snakemake.threads}):
    rays, updates = trial.speed(labels, protocol, threads)
    of, target = f"{threads} threads", (9.7e5, 2.0e8) if threads == 2 else (None, None)
    sketch = "a first sketch on 2 cores: 9.7e5 and 2.0e8"
    rows.append(Row(f"rays, {of}", rays, "1/s", target[0], "higher", sketch))
    rows.append(Row(f"updates, {of}", updates, "1/s", target[1], "higher", sketch))

artefact.write(benchmark.records(rows), snakemake.output[0], schema="benchmark")
