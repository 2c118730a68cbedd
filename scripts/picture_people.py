from pathlib import Path

from safetensors import safe_open

from phantomloom.cohort import description, person
from phantomloom.io import complete, log
from phantomloom.library import comparison
from phantomloom.phantom.surface import surfaces
from phantomloom.structures import by_id
from phantomloom.volume import Volume

said = log.to(snakemake.log[0])
params, bodies = snakemake.params, {}
for path in snakemake.input.people:
    with safe_open(path, "np") as held:
        here = {key.split("/")[0] for key in held.keys()}  # noqa: SIM118 (no mapping)
        for number in here & set(map(str, params.numbers)):
            ct, labels = (
                Volume(held.get_tensor(f"{number}/{part}"), (params.spacing_mm,) * 3)
                for part in ("hu", "labels")
            )
            meshes = surfaces(comparison.unveiled(labels), **params.surface)
            named = {by_id()[i].name: mesh for i, mesh in meshes}
            who = description(person(int(number), params.family))
            title = comparison.caption(who["sex"], who["age_years"], who["height_cm"])
            bodies[int(number)] = comparison.Body(title, ct, labels, named)
            said.info("%s: %s", number, title)
if lacking := set(params.numbers) - set(bodies):
    raise ValueError(f"people {sorted(lacking)} are in none of {list(snakemake.input.people)}")
row = [bodies[number] for number in params.numbers]
drawn = comparison.people(row, params.window_hu, params.pixel_mm)
with complete(Path(snakemake.output[0])) as partial:
    drawn.save(partial)
