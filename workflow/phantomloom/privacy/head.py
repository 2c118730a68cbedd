"""The trained head on sentence vectors, and its data where the encoder is frozen and cached.

At small budgets the noise grows with the root of the number of parameters and what can be learnt
is little: a head on few, public directions goes further there than any adapter.
"""

from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn

from phantomloom.privacy.learner import Learner

POOLINGS = ("logsumexp", "attention")


class Head(nn.Module):
    """Logits of a report's labels from its sentences.

    logsumexp: log sum exp over the sentences of a linear score, so that one sentence is enough.
    attention: each label's own weighted mean of the scores (label attention); equal weights at
    first. Either starts at zero: an untrained head returns the public ``offset`` alone, or log of
    the number of sentences added to it.
    """

    def __init__(self, width: int, labels: int, pooling: str, extras: int = 0):
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"privacy: pooling is one of {', '.join(POOLINGS)}, not {pooling!r}")
        self.score = nn.Linear(width, labels)
        self.attention = nn.Linear(width, labels, bias=False) if pooling == "attention" else None
        self.extras = nn.Linear(extras, labels, bias=False) if extras else None
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, vectors: Tensor, present: Tensor, extras: Tensor, offset: Tensor) -> Tensor:
        """Return logits [R, L].

        ``vectors`` [R, S, D] where ``present`` [R, S], which is true once a row at least;
        ``extras`` [R, E] are features of the whole report; ``offset`` [R, L] are public logits.
        """
        score = self.score(vectors)  # [R, S, L]
        if self.attention is None:
            pooled = score.masked_fill(~present[..., None], -torch.inf).logsumexp(1)
        else:
            pooled = (self.shares(vectors, present) * score).sum(1)
        return pooled + offset if self.extras is None else pooled + self.extras(extras) + offset

    def shares(self, vectors: Tensor, present: Tensor) -> Tensor:
        """Return how much each label heeds each sentence, [R, S, L]; over S they sum to 1.

        By label attention; without it each sentence's part in the sum of exponentials.
        """
        heed = self.score if self.attention is None else self.attention
        return heed(vectors).masked_fill(~present[..., None], -torch.inf).softmax(1)


class Directions(NamedTuple):
    """Principal directions of vectors: mean [D], standard deviations [K], unit vectors [K, D].

    To be kept with what is learnt in them: fitted anew, elsewhere, each may point the other way.
    """

    mean: Tensor
    deviations: Tensor
    basis: Tensor

    @classmethod
    def of(cls, public: Tensor) -> Self:
        """Return those of ``public`` vectors [M, D], largest first; never fit private ones."""
        mean = public.mean(0)
        _, sizes, basis = torch.linalg.svd(public - mean, full_matrices=False)
        return cls(mean, sizes / len(public) ** 0.5, basis)


class Projection(NamedTuple):
    """Public directions: x becomes (x - mean) @ matrix, of K numbers with a mean square of 1 / K.

    mean: [D]. matrix: [D, K].
    """

    mean: Tensor
    matrix: Tensor

    @classmethod
    def along(cls, public: Directions, count: int, whiten: bool = True) -> Self:
        """Return the projection on the first ``count`` directions.

        ``whiten`` scales them to equal variance; else the first directions weigh more.

        Raises:
            ValueError: if there are fewer.
        """
        most = len(public.basis)
        if not 0 < count <= most:
            raise ValueError(f"privacy: {most} directions were fitted, {count} are wanted")
        size, basis = public.deviations[:count], public.basis[:count]
        scale = size.clamp(min=1e-3 * float(size[0])) if whiten else size.norm() / count**0.5
        return cls(
            public.mean, (basis / scale[..., None] if whiten else basis / scale).T / count**0.5
        )

    def __call__(self, vectors: Tensor) -> Tensor:
        """Return ``vectors`` [..., D] in the directions, [..., K]."""
        return (vectors - self.mean) @ self.matrix


class Cached(NamedTuple):
    """Reports as the frozen encoder's vectors of their sentences.

    vectors: all sentences of all reports in order, [K, D]. counts: sentences of each report, at
    least 1, [N]. extras: [N, E], E may be 0. offset: public logits, [N, L]. Where equal sentences
    are kept once, ``kept`` [M] says which one each sentence of each report is.
    """

    vectors: Tensor
    counts: np.ndarray
    extras: Tensor
    offset: Tensor
    kept: Tensor | None = None

    def batch(self, rows: np.ndarray) -> tuple[Tensor, ...]:
        """Return the inputs of ``Head`` for ``rows``."""
        sentence, owner, position = sentences_of(self.counts, rows)
        sentence = sentence if self.kept is None else self.kept[sentence]
        vectors, present = padded(self.vectors[sentence], owner, position, len(rows))
        index = torch.from_numpy(rows)
        return vectors, present, self.extras[index], self.offset[index]


def learner(head: Head, cached: Cached, targets: Tensor, weights: Tensor | None = None) -> Learner:
    """Return what trains ``head`` on cached sentences; targets [N, L], see ``Learner``."""
    sentences = len(cached.vectors if cached.kept is None else cached.kept)
    if cached.counts.min() < 1 or cached.counts.sum() != sentences:
        raise ValueError("privacy: every report needs a sentence, and every sentence a vector")
    return Learner(head, cached.batch, targets, weights)


def sentences_of(counts: np.ndarray, rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sentences of ``rows``, the row (from 0) and the place in it of each, [K] each."""
    starts, chosen = np.cumsum(counts) - counts, counts[rows]
    owner = np.repeat(np.arange(len(rows)), chosen)
    position = np.arange(len(owner)) - np.repeat(np.cumsum(chosen) - chosen, chosen)
    sentence = starts[rows][owner] + position
    return torch.from_numpy(sentence), torch.from_numpy(owner), torch.from_numpy(position)


def padded(vectors: Tensor, owner: Tensor, position: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """Return sentence vectors [K, D] as [R, S, D] with zeros, and which are present, [R, S]."""
    most = int(position.max()) + 1
    present = torch.zeros(rows, most, dtype=torch.bool, device=vectors.device)
    present[owner, position] = True
    out = vectors.new_zeros(rows, most, vectors.shape[1])
    return out.index_put((owner, position), vectors), present
