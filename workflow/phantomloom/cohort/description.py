"""What a person's files say of them beside the voxels."""

from typing import Any

from phantomloom.cohort.people import Person


def description(person: Person) -> dict[str, Any]:
    """Return who a person is and what is unusual about their anatomy, for ``person.json``."""
    return {
        "number": person.seed,
        "family": person.family,
        "sex": person.sex,
        "age_years": round(person.age, 1),
        "height_cm": round(person.height_cm, 1),
        "weight_kg": round(person.weight_kg, 1),
        "phase": person.phase,
        "arms": person.arms,
        "rib_pairs": person.rib_pairs,
        "kidneys": list(person.kidneys),
        "kidneys_with_cyst": list(person.cysts),
        "scoliosis_mm": round(person.scoliosis_mm, 1),
        "kyphosis_mm": round(person.kyphosis_mm, 1),
        "hip_prosthesis": person.hip_prosthesis or None,
        "pacemaker": person.pacemaker,
        "dental_fillings": person.fillings,
    }
