"""The library's pages: plain, self-contained HTML that opens from a file."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from phantomloom.io import artefact
from phantomloom.library.files import File
from phantomloom.library.table import KERNEL, Artefacts, finished
from phantomloom.scan import OLDEST_YEARS

TEMPLATES = Path(__file__).parent
UNITS = {
    "mm": "mm", "cm": "cm", "ml": "ml", "g": "g", "kg": "kg", "g_cm3": "g/cm³", "hu": "HU",
    "kv": "kV", "kvp": "kV", "kev": "keV", "ma": "mA", "mas": "mAs", "ms": "ms", "s": "s",
    "years": "years", "percent": "%", "mgy": "mGy", "deg": "°",
}  # fmt: skip
UNKNOWN = "unknown"
NOT_JUDGED = "not judged"  # a severity of qc.schema.yaml
NONE, MINUS, TIMES = "\N{EN DASH}", "\N{MINUS SIGN}", " \N{MULTIPLICATION SIGN} "


def case_page(
    row: Mapping[str, Any],
    structures: Sequence[Mapping[str, Any]],
    artefacts: Artefacts,
    images: Mapping[str, Image.Image],
    files: Sequence[File],
) -> str:
    """Return the page of one case.

    Args:
        row: its ``table.row``.
        structures: its ``table.structure_rows``.
        artefacts: what its stages wrote, as ``table.outcome`` takes it.
        images: its pictures by name; they lie beside the page as PNG.
        files: links to what was made of it.
    """
    ingest, merge, qc = (
        finished(artefacts, stage).get(stage, {}) for stage in ("ingest", "merge", "qc")
    )
    simulated = finished(artefacts, "simulate")
    return (
        templates()
        .get_template("case.html.j2")
        .render(
            row=row,
            structures=structures,
            files=files,
            pictures=[
                _picture(name, image)
                for name, image in images.items()
                if name in CAPTIONS and finished(artefacts, "mesh" if name == "mesh" else "ingest")
            ],
            verdict_reasons=verdict_reasons(artefacts),
            findings={
                f"{words(check)}: {_count(found)}": [_finding(f) for f in found]
                for check, found in qc.get("findings", {}).items()
            },
            review={k: v for k, v in (qc.get("review") or {}).items() if v is not None},
            acquisition=ingest.get("acquisition", {}),
            geometry=_geometry(ingest.get("geometry")),
            warnings=ingest.get("warnings", []),
            edited_ml=merge["edited_ml"] if row["edited"] else None,
            edits=sorted(merge.get("edits", []), key=_edited_ml, reverse=True),
            conflicts=sorted(merge.get("conflicts", []), key=lambda conflict: -conflict["ml"]),
            strays=sorted(merge.get("strays", []), key=lambda stray: -stray["ml"]),
            models=[_model(*pair) for pair in finished(artefacts, "segment").items()],
            simulation=_simulation(simulated),
            hu_of=f"{words(next(iter(simulated)))} {KERNEL}" if simulated else "",
        )
    )


def verdict_reasons(artefacts: Artefacts) -> list[str]:
    """Return why quality control decided as it did."""
    return finished(artefacts, "qc").get("qc", {}).get("reasons", [])


def card(
    row: Mapping[str, Any],
    structures: Sequence[Mapping[str, Any]],
    artefacts: Artefacts,
    thumbnail: Image.Image,
    files: Sequence[File],
    groups: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Return what the page and the table of all cases need of this one, see page.schema.yaml."""
    return {
        "status": artefact.DONE,
        "row": dict(row),
        "thumbnail": {
            "width": thumbnail.width,
            "height": thumbnail.height,
            "alt": ", ".join(
                its for stage, its in SHOWN_BY_STAGE.items() if finished(artefacts, stage)
            ),
        },
        "verdict_reasons": verdict_reasons(artefacts),
        "amounts": amounts(row, structures, groups),
        "files": [file._asdict() for file in files],
    }


def amounts(
    row: Mapping[str, Any],
    structures: Sequence[Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
) -> list[dict[str, str]]:
    """Return what the page of all cases says of a phantom's size; at the scan's edge "at least"."""
    cut = {s["name"] for s in structures if s["truncated"]}
    told = [
        (name, f"{'≥ ' if cut & set(members) else ''}{number(ml, int(ml < 1))} ml")
        for name, members in groups.items()
        if (ml := row[f"{name}_ml"]) is not None
    ]
    if row["mass_kg"] is not None:
        told.append(("mass", f"{number(row['mass_kg'], 1)} kg"))
    if row["structures"] is not None:
        told.append(("structures", number(row["structures"])))
    return [{"name": words(name), "value": value} for name, value in told]


def index_page(cases: list[dict[str, Any]]) -> str:
    """Return the page of all ``cases``, each the content of its ``case.json``."""
    counts = {"all": len(cases)}
    for status in ("done", "withheld", "refused"):
        counts[status] = sum(case["row"]["status"] == status for case in cases)
    return templates().get_template("index.html.j2").render(cases=cases, counts=counts)


def words(name: str) -> str:
    """Return a key as people read it: ``tube_current_ma`` is "tube current (mA)"."""
    for unit, symbol in sorted(UNITS.items(), key=lambda item: -len(item[0])):
        if name.endswith(f"_{unit}"):
            return f"{name.removesuffix(f'_{unit}').replace('_', ' ')} ({symbol})"
    return name.replace("_", " ")


def number(value: float | None, digits: int = 0, missing: str = NONE) -> str:
    """Return ``value`` with thousands set apart, or ``missing``."""
    if value is None:
        return missing
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", MINUS)  # no minus of nothing


def age(years: float) -> str:
    """Return an age in full years as people tell it, that of small children in months."""
    if years >= OLDEST_YEARS:  # as which ingest has all who are older
        return f"{OLDEST_YEARS} years or over"
    return f"{int(years)} years" if years >= 2 else f"{int(years * 12 + 1e-6)} months"


def text(value: Any) -> str:
    """Return a value of a JSON artefact as people read it."""
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    if isinstance(value, list):
        return TIMES.join(map(text, value)) if value else "none"
    if isinstance(value, dict):
        return ", ".join(f"{words(key)} {text(item)}" for key, item in value.items())
    return str(value)


def _picture(name: str, image: Image.Image) -> dict[str, Any]:
    caption = CAPTIONS[name]
    return {
        "name": name,
        "file": f"{name}.png",
        "alt": caption,
        "caption": caption,
        "width": image.width,
        "height": image.height,
    }


CAPTIONS = {
    "coronal": "Coronal, seen from the front; every CT in the same grey window, the bar is 5 cm",
    "axial": "Axial, seen from the feet; every CT in the same grey window, the bar is 5 cm",
    "sagittal": "Sagittal, front on the left; every CT in the same grey window, the bar is 5 cm",
    "mesh": "The exported meshes from the front; skin, fat and muscles as glass",
}
SHOWN_BY_STAGE = {  # what a thumbnail shows, by the stage that makes it
    "ingest": "source CT coronal and axial",
    "merge": "labels coronal",
    "mesh": "meshes from the front",
    "simulate": "simulated CT coronal",
}


def _geometry(geometry: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what people ask of a grid, in the order (x, y, z) in which they say it."""
    if geometry is None:
        return {}
    return {
        "voxels": geometry["shape_zyx"][::-1],
        "spacing_mm": geometry["spacing_mm"][::-1],
        "voxels of the scan": geometry["source_shape"][::-1],
        "spacing of the scan_mm": geometry["source_spacing_mm"][::-1],
    }


SEEN = {True: "seen in training", False: "new to it", None: "not known"}  # the scan, by the network


def _count(findings: Sequence[Mapping[str, str]]) -> str:
    if any(finding["severity"] == NOT_JUDGED for finding in findings):
        return NOT_JUDGED
    return f"{len(findings) or 'no'} finding{'' if len(findings) == 1 else 's'}"


def _finding(finding: Mapping[str, str]) -> str:
    structure, severity = words(finding["structure"]), finding["severity"]
    return f"{structure}: expected {finding['expected']}, seen {finding['seen']} ({severity})"


def _model(name: str, content: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": name,
        "engine": content["engine"],
        "weights": content["weights"],
        "training": SEEN[content["seen_in_training"]],
    }


def _edited_ml(edit: Mapping[str, float]) -> float:
    return edit["added_ml"] + edit["removed_ml"]


def _simulation(simulated: Artefacts) -> dict[str, str]:
    """Return by protocol what the scanner did not see whole, and by kernel the noise and where."""
    said = {}
    for protocol, content in simulated.items():
        ends = content["scan"]["uncovered_mm"]
        foot, head = number(ends["lower"]), number(ends["upper"])
        said[f"not covered, {words(protocol)}"] = (
            f"{foot} mm at the foot end, {head} mm at the head end"
        )
        if (beyond_mm := content["scan"]["truncated_mm"]) > 0:
            said[f"beyond the scan field, {words(protocol)}"] = (
                f"{number(beyond_mm)} mm of the body; HU are too high, most near the edge"
            )
        if at := content["noise"]:
            for kernel, sd in at["sd_hu"].items():
                place = words(at["structure"])
                said[f"noise, {words(protocol)} {kernel}"] = f"{number(sd, 1)} HU in the {place}"
    return said


@cache
def templates() -> Environment:
    """Return the templates of the pages, with the filters that they use."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"words": words, "number": number, "age": age, "text": text}
    return made
