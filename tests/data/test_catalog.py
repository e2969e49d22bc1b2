"""The data sets with a name."""

import subprocess
import sys

import numpy as np
from sklearn.datasets import load_digits

from dsc_core.data import open_dataset


def test_digits_are_those_of_scikit_learn():
    digits, expected = open_dataset("digits"), load_digits()
    np.testing.assert_array_equal(digits.samples[:, 0], expected.images)
    np.testing.assert_array_equal(digits.labels, expected.target)


def test_opening_digits_does_not_load_scikit_learn():
    """Its import takes longer than everything else that the first page does."""
    code = "import sys; from dsc_core.data import open_dataset; open_dataset('digits'); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
