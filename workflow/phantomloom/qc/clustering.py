"""A person's volumes, taken together, resemble some group of the reference population."""

import numpy as np
import pandas as pd
from scipy.stats import f, t

from phantomloom.qc import Finding, Person, not_judged, severity, whole
from phantomloom.qc.mixture import fit, residuals, squared_distances
from phantomloom.qc.population import FEWEST_PERSONS

FEWEST_STRUCTURES = 3  # of fewer, together, there is nothing to say
NAMED = 3  # structures named in a finding


def check(
    measurements: pd.DataFrame,
    person: Person,
    population: pd.DataFrame,
    clusters: int,
    warn_tail: float,
    fail_tail: float,
) -> list[Finding]:
    """Return a finding if the volumes lie too far from every cluster of ``population``.

    ``population`` holds log-volumes (``qc.population``). A Gaussian mixture of ``clusters`` is
    fitted to the standardised log-volumes of the person's peers: of the same sex or of unrecorded
    sex, all if the person's is unknown; only structures that the scan wholly holds count. The tail
    is the probability that a member of the nearest cluster lies as far out: with all volumes
    together (Mahalanobis distance) or with its oddest one, given the others; the smaller of the
    two. What too few peers hold does not count; nor are there clusters of fewer than
    FEWEST_PERSONS on average. Not judged are children, as adults are the reference, and whoever
    has too few peers there.
    """
    peers = _peers(person, population)
    if not person.adult:
        return not_judged("an adult, as the population is", f"{person.age_years:g} years")
    if len(peers) < FEWEST_PERSONS:
        return not_judged(f"{FEWEST_PERSONS} people of that sex to compare with", f"{len(peers)}")
    values, others, names = _standardised(measurements, peers)
    count = int(np.count_nonzero(~np.isnan(values)))
    if count < FEWEST_STRUCTURES:
        return not_judged(f"{FEWEST_STRUCTURES} whole structures of the population's", f"{count}")
    mixture = fit(others, min(clusters, len(peers) // FEWEST_PERSONS))
    distances = squared_distances(values, mixture)
    nearest = int(distances.argmin())
    deviations = residuals(values, mixture, nearest)
    tail = _tail(distances[nearest], deviations, members=mixture.weights[nearest] * len(peers))
    if tail >= warn_tail:
        return []
    odd = _oddest(deviations, names)
    expected = f"volumes that at least {warn_tail:.2g} of healthy people have"
    seen = f"{count} that {tail:.1e} of them have: {_words(odd)}"
    return [Finding(odd[0][0], expected, seen, severity(tail < fail_tail))]


def _peers(person: Person, population: pd.DataFrame) -> pd.DataFrame:
    if person.sex is None:
        return population
    return population[population.sex.isna() | (population.sex == person.sex)]


def _standardised(
    measurements: pd.DataFrame, peers: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return the person's values [D], the peers' [N, D], NaN if not wholly held, and D names."""
    logs = peers.drop(columns="sex").dropna(axis=1, thresh=FEWEST_PERSONS)
    mean, spread = logs.mean(), logs.std()
    held = np.log(whole(measurements).volume_ml).reindex(mean.index)
    values, others = (held - mean) / spread, (logs - mean) / spread
    return values.to_numpy(float), others.to_numpy(float), list(mean.index)


def _tail(distance: float, deviations: np.ndarray, members: float) -> float:
    """Return the smaller of two predictive tails: Hotelling's T squared, and Bonferroni's over t.

    The chi-square and normal tails, which take the fitted covariance for the true one, flagged
    every fifth healthy person.
    """
    count = int(np.count_nonzero(~np.isnan(deviations)))
    spare = max(members - count, 1.0)
    ratio = distance * members * spare / (count * (members**2 - 1))
    single = 2 * t.sf(np.nanmax(np.abs(deviations)) * np.sqrt(spare / members), spare) * count
    return float(min(f.sf(ratio, count, spare), single))


def _oddest(deviations: np.ndarray, names: list[str]) -> list[tuple[str, float]]:
    order = np.argsort(-np.abs(np.nan_to_num(deviations)))[:NAMED]
    return [(names[i], float(deviations[i])) for i in order]


def _words(odd: list[tuple[str, float]]) -> str:
    said = (
        f"{name.replace('_', ' ')} is {abs(z):.1f} SD {'larger' if z > 0 else 'smaller'}"
        for name, z in odd
    )
    return ", ".join(said) + " than the others suggest"
