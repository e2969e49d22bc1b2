"""Adam steps without PyTorch's compiler, and as PyTorch's own does."""

import subprocess
import sys

import torch

from dsc_core.method.optimiser import adam

STEPS = """
import sys, torch
from dsc_core.method.optimiser import adam
net = torch.nn.Linear(3, 2)
optimiser = adam(net.parameters(), 1e-3)
for _ in range(2):
    optimiser.zero_grad()
    net(torch.ones(4, 3)).sum().backward()
    optimiser.step()
optimiser.load_state_dict(optimiser.state_dict())
sys.exit("torch._dynamo" in sys.modules)
"""


def test_a_step_does_not_load_the_compiler():
    assert subprocess.run([sys.executable, "-c", STEPS]).returncode == 0


def test_a_step_is_that_of_adam():
    weights = []
    for make in (adam, torch.optim.Adam):
        torch.manual_seed(0)
        net = torch.nn.Linear(3, 2)
        optimiser = make(net.parameters(), 1e-2)
        for _ in range(3):
            optimiser.zero_grad()
            net(torch.ones(4, 3)).square().sum().backward()
            optimiser.step()
        weights.append(net.weight.detach())
    assert torch.allclose(*weights, atol=1e-6)
