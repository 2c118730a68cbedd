"""FID, KID, precision and recall on features whose answers are known, and files of features."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from phantomloom.gan.metrics import feature_network, features


def normal(count, dimensions=3, seed=0):
    return np.random.default_rng(seed).standard_normal((count, dimensions))


def with_moments(mean, covariance, count=50, seed=0):
    """Points whose sample mean and covariance are exactly the given ones."""
    points = normal(count, len(mean), seed)
    points -= points.mean(0)
    points = points @ np.linalg.inv(np.linalg.cholesky(np.cov(points.T))).T
    return points @ np.linalg.cholesky(covariance).T + mean


def test_fid_is_the_closed_form_of_two_gaussians():
    one = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.3], [0.0, 0.3, 0.5]])
    other = np.array([[1.0, -0.2, 0.1], [-0.2, 3.0, 0.0], [0.1, 0.0, 1.0]])
    first, second = with_moments([0, 0, 0], one), with_moments([1, -2, 0.5], other, 70, 1)
    expected = 5.25 + np.trace(one + other - 2 * sqrtm(one @ other).real)
    assert features.fid(first, second) == pytest.approx(expected, rel=1e-9)
    assert features.fid(first, first) == pytest.approx(0, abs=1e-9)


def test_fid_of_commuting_covariances_is_that_of_their_deviations():
    first = with_moments([0, 0], np.diag([4.0, 9.0]))
    second = with_moments([3, 0], np.diag([1.0, 25.0]), seed=2)
    assert features.fid(first, second) == pytest.approx(9 + 1 + 4)


def test_fid_does_not_need_more_images_than_features():
    few = normal(5, 40)
    assert features.fid(few, few) == pytest.approx(0, abs=1e-5)


def test_kid_of_one_distribution_is_zero_within_its_error():
    """Over 40 pairs of sets; the error told is the deviation seen."""
    found = [features.kid(normal(200, 4, s), normal(200, 4, 100 + s), seed=s) for s in range(40)]
    values, errors = np.array([[kid.value, kid.error] for kid in found]).T
    assert abs(values.mean()) < 3 * values.std() / len(values) ** 0.5
    assert np.mean(np.abs(values) < 3 * errors) >= 0.85
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(), rel=0.3)
    assert values.min() < 0  # unbiased: it may fall below


def test_kid_is_the_expectation_of_the_kernel_in_one_dimension():
    """E (x y + 1)^3 = 1 + 3 m1 m1' + 3 m2 m2' + m3 m3' for independent x and y."""
    moments = {0.0: (0, 1, 0), 0.5: (0.5, 1.25, 1.625)}  # of N(m, 1)

    def expected(one, other):
        return 1 + sum(
            factor * a * b
            for factor, a, b in zip((3, 3, 1), moments[one], moments[other], strict=True)
        )

    kid = features.kid(normal(4000, 1), normal(4000, 1, 1) + 0.5)
    exact = expected(0.0, 0.0) + expected(0.5, 0.5) - 2 * expected(0.0, 0.5)
    assert abs(kid.value - exact) < 3 * kid.error
    assert kid.error < exact / 4


def test_kid_of_two_images_a_subset_is_the_formula_by_hand():
    """Kernels of (1, 2) and (0, 1): within (2 + 1)^3 = 27 and 1; across 1, 8, 1, 27, mean 9.25."""
    kid = features.kid(np.array([[1.0], [2.0]]), np.array([[0.0], [1.0]]), subsets=1)
    assert kid.value == pytest.approx(27 + 1 - 2 * 9.25)
    assert kid.error is None


def test_one_cloud_has_all_of_precision_and_recall_and_clouds_apart_none():
    cloud = normal(60)
    assert features.precision_recall(cloud, cloud) == (1, 1)
    assert features.precision_recall(cloud, cloud + 100) == (0, 0)


def test_precision_and_recall_tell_collapse_from_excess():
    wide = normal(300, 2)
    collapsed = 0.05 * normal(300, 2, 1)
    precision, recall = features.precision_recall(wide, collapsed)
    assert precision > 0.9 and recall < 0.1
    assert features.precision_recall(collapsed, wide) == (recall, precision)


def test_precision_equals_a_loop_over_all_distances():
    real, generated = normal(40, 2), 1.5 * normal(50, 2, 1) + 0.5
    radii = np.sort(cdist(real, real), axis=1)[:, 3]
    inside = [any(np.linalg.norm(g - r) <= d for r, d in zip(real, radii, strict=True))
              for g in generated]  # fmt: skip
    assert features.precision_recall(real, generated)[0] == pytest.approx(np.mean(inside))
    assert 0.1 < np.mean(inside) < 0.95


def test_features_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"\(5, 3\) and \(5, 4\)"):
        features.fid(normal(5), normal(5, 4))
    with pytest.raises(ValueError, match="need 20 images; there are 15 and 90"):
        features.kid(normal(15), normal(90))
    with pytest.raises(ValueError, match="3 neighbours need more images than 3 and 9"):
        features.precision_recall(normal(3), normal(9))


def test_without_weights_there_is_a_reason_and_no_number(tmp_path):
    assert feature_network.lacking(None, "network") == "no network was named"
    path = tmp_path / "inception.pt"
    reason = feature_network.lacking(path, "network")
    found = features.unavailable(reason)
    assert set(found) == set(features.NAMES)
    for estimate in found.values():
        assert estimate.value is None and estimate.error is None
        assert estimate.reason == f"weights not available: {path} is not there"


def test_scores_hold_what_the_functions_say():
    real, generated = normal(80), normal(80, seed=1) + 0.2
    found = features.scores(real, generated, seed=4)
    assert list(found) == list(features.NAMES)
    assert found["FID"].value == features.fid(real, generated)
    assert found["KID"] == features.kid(real, generated, seed=4)
    pair = features.precision_recall(real, generated)
    assert (found["precision"].value, found["recall"].value) == pair


class ChannelMeans(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean([2, 3])


class Scalar(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean()[None, None]


def scripted(module, path):
    with pytest.warns(DeprecationWarning):
        torch.jit.script(module).save(path)
    return path


def test_a_scripted_network_gives_a_row_for_each_image(tmp_path):
    path = scripted(ChannelMeans(), tmp_path / "means.pt")
    images = torch.rand(5, 1, 4, 4)
    found = feature_network.of_images(path, images, at_once=2)
    means = images.numpy().mean((1, 2, 3))
    np.testing.assert_allclose(found, np.stack([means] * 3, 1), rtol=1e-6)
    with pytest.raises(ValueError, match=r"finite numbers \[5, D\]; these are \(1, 1\)"):
        feature_network.of_images(scripted(Scalar(), tmp_path / "scalar.pt"), images)
