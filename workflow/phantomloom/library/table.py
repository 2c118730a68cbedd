"""The table of cases: what the artefacts of a case's stages say, in one row."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from phantomloom.io import artefact
from phantomloom.structures import Structure, structures

Artefacts = Mapping[str, dict[str, Any]]  # by stage, in their order: "ingest", "segment/torso", ...
TISSUES = (
    "organ",
    "lung",
    "airway",
    "vessel",
    "bone",
    "cartilage",
    "muscle",
    "fat",
    "skin",
    "soft",
    "gas",
)
SOFT_HU = 150  # expected values nearer to 0 are soft tissue's
KERNEL, ENOUGH_VOXELS = "soft", 100  # of simulated HU that tables tell; fewer are mostly noise


def artefact_paths(
    case: str, models: Iterable[str], protocols: Iterable[str], results: Path
) -> dict[str, Path]:
    """Return where each stage says how ``case`` fared, in the order of the stages."""
    every = last_files(case, models, protocols, results)
    return {stage: path for stage, path in every.items() if path.suffix == ".json"}


def last_files(
    case: str, models: Iterable[str], protocols: Iterable[str], results: Path
) -> dict[str, Path]:
    """Return a file that each stage leaves only when it ends, in the order of the stages."""
    return {
        "ingest": results / f"ingest/{case}/ct.json",
        **{f"segment/{model}": results / f"segment/{case}/{model}.json" for model in models},
        "merge": results / f"merge/{case}/merge.json",
        "measure": results / f"measure/{case}.parquet",
        "qc": results / f"qc/{case}.json",
        "verdict": results / f"qc/{case}.verdict.json",
        "voxel": results / f"phantom/{case}/voxel.json",
        "mesh": results / f"phantom/{case}/mesh.json",
        **{f"simulate/{p}": results / f"simulate/{case}/{p}/quality.json" for p in protocols},
        "page": results / f"library/{case}/index.html",
    }


def outcome(artefacts: Artefacts) -> tuple[str, str | None, str | None]:
    """Return status, the stage that decided it and its reason; (done, None, None) when all is."""
    for stage, content in artefacts.items():
        if content["status"] != artefact.DONE:
            return content["status"], "qc" if stage == "verdict" else stage, content["reason"]
    return artefact.DONE, None, None


def finished(artefacts: Artefacts, stage: str) -> dict[str, dict[str, Any]]:
    """Return the artefacts of ``stage`` that are done, by stage or, below a stage, by name."""
    return {
        name.removeprefix(f"{stage}/"): content
        for name, content in artefacts.items()
        if name.split("/")[0] == stage and content["status"] == artefact.DONE
    }


def row(
    case: str,
    note: str | None,
    artefacts: Artefacts,
    rows: Sequence[Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Return the case's row of phantoms.csv; what is unknown or was not made is None.

    Args:
        case: its name.
        note: the case sheet's.
        artefacts: what its stages wrote.
        rows: its ``structure_rows``.
        groups: names of columns and the structures whose volumes they add up.
    """
    status, stage, reason = outcome(artefacts)
    found = {
        "case": case,
        "status": status,
        "stage": stage,
        "reason": reason,
        "note": note or None,
        **_person(finished(artefacts, "ingest")),
        **_judgement(finished(artefacts, "qc")),
        "seen_in_training": _seen(finished(artefacts, "segment")),
        "edited": any(merge["edited"] for merge in finished(artefacts, "merge").values()),
        **_sums(artefacts, rows),
        **{f"{name}_ml": _group_ml(rows, members) for name, members in groups.items()},
    }
    return {key: round(v, 3) if isinstance(v, float) else v for key, v in found.items()}


def structure_rows(
    measurements: Iterable[Mapping[str, Any]], artefacts: Artefacts
) -> list[dict[str, Any]]:
    """Return one row per measured structure, organs first.

    The confidence is that of the network which found it; there is none if several models did, as
    nobody knows whose voxels won, or if a person edited it.
    """
    masses, meshes = (_by_name(finished(artefacts, stage)) for stage in ("voxel", "mesh"))
    simulated = _by_name(finished(artefacts, "simulate"))
    confidence = _confidence(artefacts)
    return [
        {
            "name": measured["name"],
            "colour": known.colour,
            "material": masses.get(known.name, {}).get("material", known.material),
            "volume_ml": float(measured["volume_ml"]),
            "truncated": bool(measured["touches_border"]),
            "mass_g": masses.get(known.name, {}).get("mass_g"),
            "confidence": confidence.get(known.name, {}).get("probability"),
            "boundary_entropy_bits": confidence.get(known.name, {}).get("boundary_entropy_bits"),
            **_hu(simulated.get(known.name)),
            **_mesh(meshes.get(known.name)),
        }
        for known, measured in _in_order(measurements)
    ]


def columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns of phantoms.csv: who and how first, then sums, then volumes and noise."""
    every = {key for row in rows for key in row}
    return [*(key for key in LEADING if key in every), *sorted(every - set(LEADING))]


LEADING = (
    "case", "status", "stage", "reason", "note", "sex", "age_years", "height_cm", "weight_kg",
    "verdict", "automatic_verdict", "reviewed", "seen_in_training", "edited", "spacing_z_mm",
    "spacing_y_mm", "spacing_x_mm", "structures", "volume_ml", "mass_kg", "conflict_ml",
    "meshes", "meshes_watertight", "triangles", "largest_soft_error_hu",
)  # fmt: skip


def _confidence(artefacts: Artefacts) -> dict[str, dict[str, float]]:
    told: dict[str, list[Any]] = {}
    for model in finished(artefacts, "segment").values():
        for name, found in model["structures"].items():
            told.setdefault(name, []).append(found["confidence"])
    edits = [e for merge in finished(artefacts, "merge").values() for e in merge.get("edits", ())]
    edited = {edit["structure"] for edit in edits}
    return {n: its[0] for n, its in told.items() if len(its) == 1 and its[0] and n not in edited}


def _seen(models: Artefacts) -> bool | None:
    """Whether any of the networks was trained on the scan; None if that is not known."""
    told = [model["seen_in_training"] for model in models.values()]
    return True if True in told else None if None in told or not told else False


def _person(ingest: Artefacts) -> dict[str, Any]:
    known = ingest.get("ingest", {}).get("demographics", {})
    return {key: known.get(key) for key in ("sex", "age_years", "height_cm", "weight_kg")}


def _judgement(qc: Artefacts) -> dict[str, Any]:
    judged = qc.get("qc", {})
    return {
        "verdict": judged.get("verdict"),
        "automatic_verdict": judged.get("automatic_verdict"),
        "reviewed": (judged.get("review") or {}).get("verdict"),
    }


def _sums(artefacts: Artefacts, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    ingest, merge = (next(iter(finished(artefacts, s).values()), None) for s in ("ingest", "merge"))
    masses_g = [row["mass_g"] for row in rows if row["mass_g"] is not None]
    meshes = [row for row in rows if row["triangles"] is not None]
    z, y, x = ingest["geometry"]["spacing_mm"] if ingest else (None, None, None)
    return {
        "spacing_z_mm": z,
        "spacing_y_mm": y,
        "spacing_x_mm": x,
        "structures": len(rows) if rows else None,
        "volume_ml": sum(row["volume_ml"] for row in rows) if rows else None,
        "mass_kg": sum(masses_g) / 1000 if masses_g else None,
        "conflict_ml": sum(c["ml"] for c in merge["conflicts"]) if merge else None,
        "meshes": len(meshes) if meshes else None,
        "meshes_watertight": sum(row["watertight"] for row in meshes) if meshes else None,
        "triangles": sum(row["triangles"] for row in meshes) if meshes else None,
        **_simulation(finished(artefacts, "simulate")),
    }


def _simulation(simulated: Artefacts) -> dict[str, Any]:
    """Return noise per protocol and kernel, and the first protocol's largest soft-tissue error.

    A mean over few voxels says more about noise than about HU: such structures do not count.
    """
    noise = {
        f"noise_{protocol}_{kernel}_hu": sd
        for protocol, content in simulated.items()
        for kernel, sd in (content["noise"] or {"sd_hu": {}})["sd_hu"].items()
    }
    errors = [
        abs(found["simulated_hu"][KERNEL]["mean"] - found["expected_hu"])
        for found in _by_name(simulated).values()
        if abs(found["expected_hu"]) < SOFT_HU
        and found["simulated_hu"][KERNEL]["voxels"] >= ENOUGH_VOXELS
    ]
    return {**noise, "largest_soft_error_hu": max(errors, default=None)}


def _group_ml(rows: Sequence[Mapping[str, Any]], members: Sequence[str]) -> float | None:
    found = [row["volume_ml"] for row in rows if row["name"] in members]
    return sum(found) if found else None


def _by_name(stage: Artefacts) -> dict[str, dict[str, Any]]:
    """Return the structures of the first artefact of a stage by their name."""
    first: dict[str, Any] = next(iter(stage.values()), {"structures": []})
    return {structure["name"]: structure for structure in first["structures"]}


def _in_order(
    measurements: Iterable[Mapping[str, Any]],
) -> list[tuple[Structure, Mapping[str, Any]]]:
    pairs = [(structures()[measured["name"]], measured) for measured in measurements]
    return sorted(pairs, key=lambda pair: (TISSUES.index(pair[0].tissue), pair[0].id))


def _hu(found: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return means inside a structure: source CT, the simulated one with KERNEL, expected."""
    if found is None:
        return {"source_hu": None, "simulated_hu": None, "expected_hu": None}
    return {
        "source_hu": found["source_hu"]["mean"],
        "simulated_hu": found["simulated_hu"][KERNEL]["mean"],
        "expected_hu": found["expected_hu"],
    }


def _mesh(mesh: Mapping[str, Any] | None) -> dict[str, Any]:
    if mesh is None:
        return {"triangles": None, "watertight": None, "mesh_volume_off_percent": None}
    off = 100 * (mesh["mesh_volume_ml"] / mesh["volume_ml"] - 1)
    return {
        "triangles": mesh["triangles"],
        "watertight": mesh["watertight"],
        "mesh_volume_off_percent": off,
    }
