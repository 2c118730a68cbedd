"""Reports as what runs train on: tokens of their sentences, the rules' features, public vectors.

Each report is read alone and with public weights only, so nothing here costs privacy. Equal
sentences are kept and encoded once.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from phantomloom.io import complete
from phantomloom.privacy import lora, rules
from phantomloom.privacy.head import Cached
from phantomloom.privacy.lora import Tokens
from phantomloom.privacy.public import PublicModel
from phantomloom.privacy.reports import plain

AT_ONCE = 512  # reports whose logits are made together


class Encoded(NamedTuple):
    """Reports and their public reading.

    ids: token numbers of the K sentences that differ, int32 [K, T]. lengths: their tokens, [K].
    sentences: which of them each report's sentences are, in order, [M]. counts: sentences of each
    report, at least 1, [N]. rules: features by the rules, [N, L]. vectors: of the K sentences by
    the public encoder, [K, D]. logits: by the public model, [N, L].
    """

    ids: Tensor
    lengths: Tensor
    sentences: Tensor
    counts: Tensor
    rules: Tensor
    vectors: Tensor
    logits: Tensor


def encode(
    public: PublicModel,
    texts: Sequence[str],
    label_names: Sequence[str],
    longest: int,
    wholly_normal: bool = False,
    device: str = "cpu",
) -> Encoded:
    """Return ``texts`` as ``public`` reads them on ``device``; longer sentences are cut.

    wholly_normal: what "No Finding" means, see ``rules.labels``.
    """
    read = tokens(public.tokenizer, texts, label_names, longest, public.trust, wholly_normal)
    assert read.kept is not None
    vectors = lora.vectors(public.encoder.to(device), read.ids, read.mask)
    with torch.no_grad():
        logits = torch.cat([public.head(*batch) for batch in batches(read, vectors)])
    counts = torch.from_numpy(read.counts)
    lengths = read.mask.sum(1)
    return Encoded(read.ids.int(), lengths, read.kept, counts, read.extras, vectors, logits)


def tokens(
    tokenizer: Any,
    texts: Sequence[str],
    label_names: Sequence[str],
    longest: int,
    trust: float = 0.0,
    wholly_normal: bool = False,
) -> Tokens:
    """Return the tokens of ``texts`` with the rules' features; a report without a sentence is one.

    Sections that tell no findings are left out (``rules.sentences``). trust: what the rules count
    before any head, see ``public.PublicModel``; nothing while a head is pretrained.
    """
    told = [rules.sentences(text) or [plain(text)] for text in texts]
    number: dict[str, int] = {}
    places = [number.setdefault(each, len(number)) for report in told for each in report]
    ids, mask = lora.tokenize(tokenizer, list(number), longest)
    features = torch.from_numpy(rules.features(texts, label_names, wholly_normal))
    counts = np.array([len(report) for report in told])
    return Tokens(ids, mask, counts, features, trust * features, torch.tensor(places))


def as_tokens(encoded: Encoded, trust: float) -> Tokens:
    """Return the inputs of ``lora.Classifier`` for the public model's ``trust``."""
    ids = encoded.ids.long()
    mask = (torch.arange(ids.shape[1]) < encoded.lengths[:, None]).long()
    counts, offset = encoded.counts.numpy(), trust * encoded.rules
    return Tokens(ids, mask, counts, encoded.rules, offset, encoded.sentences)


def batches(read: Tokens, vectors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield the inputs of a head for all reports in order; ``vectors`` are [K, D]."""
    cached = Cached(vectors, read.counts, read.extras, read.offset, read.kept)
    for rows in np.array_split(np.arange(len(read.counts)), -(-len(read.counts) // AT_ONCE)):
        yield cached.batch(rows)


def write(encoded: Encoded, path: Path) -> None:
    """Write ``encoded`` as safetensors."""
    with complete(path) as partial:
        save_file({name: part.contiguous() for name, part in encoded._asdict().items()}, partial)


def read(path: Path) -> Encoded:
    """Return what ``write`` left in ``path``."""
    return Encoded(**load_file(path))
