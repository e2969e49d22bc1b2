"""Properties of every term, on small random arrays."""

import math

import pytest
import torch

from dsc_core import objective
from dsc_core.method.graph import batch_affinity
from dsc_core.method.networks.autoencoder import transform_noise
from dsc_core.method.networks.discriminators import GlobalDiscriminator, LocalDiscriminator, other_codes


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def soft(m, clusters):
    return torch.randn(m, clusters).softmax(1)


def test_reconstruction_sums_over_pixels_and_averages_over_the_batch():
    images = torch.rand(4, 3, 5, 7)
    assert objective.reconstruction_error(images, images) == 0
    assert objective.reconstruction_error(images, images + 0.5) == pytest.approx(0.25 * 3 * 5 * 7, rel=1e-5)
    twice = objective.reconstruction_error(images.repeat(2, 1, 1, 1), (images + 0.5).repeat(2, 1, 1, 1))
    assert twice == pytest.approx(0.25 * 3 * 5 * 7, rel=1e-5)


def test_relative_reconstruction_is_zero_without_noise_and_grows_with_it():
    code, decode = torch.randn(256, 8), torch.nn.Linear(8, 20)
    errors = [
        objective.relative_reconstruction_error(decode(code), decode(transform_noise(code, level))).item()
        for level in (0.0, 0.2, 0.8)
    ]
    assert errors[0] == 0
    assert errors[1] < errors[2]


def test_noise_is_multiplicative_with_the_given_level():
    code = torch.full((20000, 2), 3.0)
    noisy = transform_noise(code, 0.5)
    assert noisy.mean().item() == pytest.approx(3, abs=0.05)
    assert noisy.std().item() == pytest.approx(1.5, rel=0.03)
    assert torch.equal(transform_noise(torch.zeros(5, 2), 0.5), torch.zeros(5, 2))


@pytest.mark.parametrize("kind", ["global", "local"])
def test_mutual_information_starts_at_twice_log_two(kind):
    features, code = torch.randn(16, 6, 4, 4), torch.randn(16, 8)
    codes = [code, other_codes(code)]
    if kind == "global":
        scores = GlobalDiscriminator(96, 8)(features.flatten(1), codes)
    else:
        scores = LocalDiscriminator((6, 4, 4), 8)(features, codes)
    assert objective.mutual_information(*scores).item() == pytest.approx(2 * math.log(2), abs=1e-6)


def test_mutual_information_stays_finite_and_falls_when_pairs_are_told_apart():
    huge = torch.full((8, 1), 1e4)
    assert objective.mutual_information(huge, -huge).item() == pytest.approx(0, abs=1e-6)
    assert math.isfinite(objective.mutual_information(-huge, huge).item())


def test_a_discriminator_learns_dependent_pairs_but_not_independent_ones():
    def best(dependent):
        torch.manual_seed(1)
        net = GlobalDiscriminator(4, 4, hidden=32)
        optimiser = torch.optim.Adam(net.parameters(), 3e-3)
        for _ in range(300):
            source = torch.randn(128, 4)
            code = source + 0.1 * torch.randn_like(source) if dependent else torch.randn(128, 4)
            loss = objective.mutual_information(*net(source, [code, other_codes(code)]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return loss.item()

    assert best(dependent=True) < 0.7
    assert best(dependent=False) > 1.3


def test_the_negative_code_is_never_the_samples_own():
    code = torch.arange(5.0)[:, None]
    assert not (other_codes(code) == code).any()
    assert sorted(other_codes(code).flatten().tolist()) == code.flatten().tolist()


def test_gaussian_kl_agrees_with_pytorch_and_is_zero_at_the_prior():
    mean, log_variance = torch.randn(10, 4), torch.randn(10, 4)
    exact = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (0.5 * log_variance).exp()), torch.distributions.Normal(0.0, 1.0)
    )
    assert objective.gaussian_kl(mean, log_variance).item() == pytest.approx(
        exact.sum(1).mean().item(), rel=1e-5
    )
    assert objective.gaussian_kl(torch.zeros(3, 4), torch.zeros(3, 4)) == 0


def test_cluster_conditional_kl_is_the_prior_kl_when_all_centres_are_at_the_origin():
    mean, log_variance, assignment = torch.randn(12, 4), torch.randn(12, 4), soft(12, 3)
    plain = objective.gaussian_kl(mean, log_variance)
    same = objective.cluster_conditional_kl(mean, log_variance, assignment, torch.zeros(3, 4))
    assert same.item() == pytest.approx(plain.item(), rel=1e-5)


def test_cluster_conditional_kl_is_zero_where_each_code_is_its_own_centre():
    centres = torch.randn(3, 4)
    index = torch.tensor([0, 1, 2, 1])
    certain = torch.eye(3)[index]
    found = objective.cluster_conditional_kl(centres[index], torch.zeros(4, 4), certain, centres)
    assert found.item() == pytest.approx(0, abs=1e-5)


def test_cluster_conditional_kl_has_finite_gradients_on_a_centre():
    centres = torch.zeros(2, 3, requires_grad=True)
    objective.cluster_conditional_kl(torch.zeros(4, 3), torch.zeros(4, 3), soft(4, 2), centres).backward()
    assert torch.isfinite(centres.grad).all()


def test_assignment_kl_runs_from_zero_to_log_k():
    assert objective.assignment_kl(torch.full((5, 4), 0.25)).item() == pytest.approx(0, abs=1e-6)
    assert objective.assignment_kl(torch.eye(4)).item() == pytest.approx(math.log(4), abs=1e-4)


def test_spectral_loss_equals_its_definition():
    points, affinity = torch.randn(9, 3), torch.rand(9, 9)
    affinity = affinity + affinity.T
    direct = (affinity[:, :, None] * (points[:, None] - points[None]) ** 2).sum() / 81
    assert objective.spectral_loss(points, affinity).item() == pytest.approx(direct.item(), rel=1e-4)


def test_spectral_loss_divided_by_the_samples_is_m_times_as_large():
    points, affinity = torch.randn(9, 3), torch.ones(9, 9)
    by_pairs, by_samples = (
        objective.spectral_loss(points, affinity, mean).item() for mean in ("pairs", "samples")
    )
    assert by_samples == pytest.approx(9 * by_pairs, rel=1e-5)


def test_spectral_loss_is_zero_on_constant_coordinates_and_on_disconnected_groups():
    affinity = torch.block_diag(torch.ones(4, 4), torch.ones(5, 5))
    assert objective.spectral_loss(torch.ones(9, 2), affinity).item() == pytest.approx(0, abs=1e-6)
    groups = torch.tensor([0.0] * 4 + [7.0] * 5)[:, None]
    assert objective.spectral_loss(groups, affinity).item() == pytest.approx(0, abs=1e-5)


def test_agreement_is_zero_only_for_certain_and_equal_pairs():
    one = torch.eye(3)
    assert objective.disagreement(one, one).item() == pytest.approx(0, abs=1e-6)
    assert objective.disagreement(one, one.roll(1, 0)) > 5
    unsure = torch.full((3, 3), 1 / 3)
    assert objective.disagreement(unsure, unsure).item() == pytest.approx(math.log(3), rel=1e-5)


def test_self_training_asks_nothing_of_samples_without_a_target():
    logits = torch.randn(6, 4, requires_grad=True)
    targets = torch.tensor([0, -1, 3, -1, 1, -1])
    loss = objective.self_training_loss(logits, targets)
    loss.backward()
    assert (logits.grad[targets < 0] == 0).all()
    assert (logits.grad[targets >= 0] != 0).all()
    named = objective.self_training_loss(logits[targets >= 0], targets[targets >= 0])
    assert loss.item() == pytest.approx(named.item() / 2, rel=1e-5)  # half of the batch has a target
    assert objective.self_training_loss(logits, torch.full((6,), -1)) == 0


def test_self_training_is_least_at_the_target_but_not_at_certainty():
    target = torch.tensor([2])
    at = [
        objective.self_training_loss(torch.tensor([[0.0, 0.0, scale]]), target).item()
        for scale in (-2, 0, 3, 50)
    ]
    assert at[0] > at[1] > at[2]
    assert at[3] > at[2]  # smoothing


def test_balance_is_zero_at_the_expected_shares_and_positive_elsewhere():
    shares = torch.tensor([0.5, 0.25, 0.25])
    assert objective.imbalance(torch.eye(3)[[0, 0, 1, 2]], shares).item() == pytest.approx(0, abs=1e-6)
    assert objective.imbalance(torch.eye(3)[[0, 0, 0, 0]], shares) > 0.5
    assert objective.imbalance(soft(50, 3), shares) >= 0


def test_batch_affinity_is_symmetric_with_a_zero_diagonal_and_falls_with_distance():
    points = torch.randn(40, 3)
    affinity = batch_affinity(points, 5)
    assert torch.equal(affinity, affinity.T)
    assert (affinity.diagonal() == 0).all()
    assert ((affinity >= 0) & (affinity <= 1)).all()
    assert ((affinity > 0).sum(1) >= 5).all()
    line = batch_affinity(torch.tensor([[0.0], [1.0], [3.0]]), 2, bandwidth=1.0)
    assert line[0, 1].item() == pytest.approx(math.exp(-0.5), rel=1e-5)
    assert line[0, 2].item() == pytest.approx(math.exp(-4.5), rel=1e-5)
