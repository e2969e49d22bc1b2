"""Products by oneDNN: the same numbers and gradients as PyTorch's own operators, and where those are used."""

import pytest
import torch
from torch.nn import functional

from dsc_core.method import products
from dsc_core.method.products import Linear, linear, product

SHAPES = [(300, 70, 128), (129, 513, 40), (2048, 64, 32), (3, 2, 5)]


@pytest.fixture(autouse=True)
def seeded(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(products, "FEWEST", 0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("with_bias", [True, False])
def test_values_and_gradients_are_those_of_torch(shape, with_bias):
    m, k, n = shape
    rows, weight = torch.randn(m, k, requires_grad=True), torch.randn(n, k, requires_grad=True)
    inputs = [rows, weight, torch.randn(n, requires_grad=True)] if with_bias else [rows, weight]
    # The gradient of a sum is one number repeated, not an array of its own.
    for weigh in (torch.randn(m, n), torch.ones(1, 1)):
        ours, theirs = linear(*inputs), functional.linear(*inputs)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
        gradients = torch.autograd.grad((ours * weigh).sum(), inputs)
        expected = torch.autograd.grad((theirs * weigh).sum(), inputs)
        torch.testing.assert_close(gradients, expected, rtol=1e-4, atol=1e-3)


def test_a_product_of_views_is_that_of_torch():
    left, right = torch.randn(90, 50).t(), torch.randn(2, 90, 40)[1]
    torch.testing.assert_close(product(left, right), left @ right, rtol=1e-4, atol=1e-4)
    column = product(torch.randn(64, 50), torch.randn(50, 1))
    assert column.shape == (64, 1)


def test_only_the_gradients_asked_for_are_computed():
    rows, weight = torch.randn(64, 32), torch.randn(16, 32, requires_grad=True)
    linear(rows, weight).sum().backward()
    assert rows.grad is None
    torch.testing.assert_close(weight.grad, rows.sum(0).expand(16, 32), rtol=1e-4, atol=1e-4)


def test_other_types_and_dimensions_go_to_torch(monkeypatch):
    monkeypatch.setattr(products, "_multiply", None)  # would fail where it is called
    double = torch.randn(30, 20, dtype=torch.float64)
    assert torch.equal(product(double, double.t()), double @ double.t())
    cube = torch.randn(3, 40, 20)
    weight = torch.randn(8, 20)
    assert torch.equal(linear(cube, weight), functional.linear(cube, weight))
    monkeypatch.setattr(products, "ONE_DNN", False)
    assert torch.equal(linear(cube[0], weight), functional.linear(cube[0], weight))


def test_small_products_go_to_torch(monkeypatch):
    monkeypatch.setattr(products, "FEWEST", 2**21)
    monkeypatch.setattr(products, "_multiply", None)
    rows, weight = torch.randn(30, 20), torch.randn(8, 20)
    assert torch.equal(linear(rows, weight), functional.linear(rows, weight))


def test_the_layer_has_the_parameters_of_torch():
    ours, theirs = Linear(6, 4), torch.nn.Linear(6, 4)
    ours.load_state_dict(theirs.state_dict())
    rows = torch.randn(5, 6)
    torch.testing.assert_close(ours(rows), theirs(rows))
