"""The script for a graphics card at hand for a short time runs on the CPU as far as that goes."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.benchmarks.speed import device


@pytest.mark.slow
def test_every_part_of_the_script_answers_with_a_table(tmp_path, capsys):
    digits = load_digits()
    np.savez(
        tmp_path / "few.npz", images=digits.images[:300].astype(np.uint8) * 15, labels=digits.target[:300]
    )
    few = str(tmp_path / "few.npz")
    given = ["--device", "cpu", "--data", few, "--preset", "quick", "--quick", "--epochs", "3"]
    assert device.main(given) == 0
    printed = capsys.readouterr().out
    rates = [
        line.split("|")[5].strip() for line in printed.splitlines() if line.startswith(("| auto", "| joint"))
    ]
    assert len(rates) == 4
    assert all(float(rate.replace(",", "")) > 0 for rate in rates)
    for part in ("whole command", "acc", "stage 1", "cut", "maps"):
        assert f"| {part}" in printed
