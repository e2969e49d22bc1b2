"""Sheets of images."""

import numpy as np
import pytest

from dsc_core.plots.image_sheets import image_sheet


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 7), (1, 300, 200)])
def test_a_sheet_holds_each_image_in_its_tile(shape):
    images = np.random.default_rng(0).random((5, *shape)).astype(np.float32)
    sheet = image_sheet(images, 3, tile=16, gap=2)
    assert sheet.dtype == np.uint8
    assert (sheet[..., 3] == 0).any()
    assert sheet[0, 0, :3].tolist() == [round(float(c) * 255) for c in np.broadcast_to(images[0, :, 0, 0], 3)]
    first_of_second_row = sheet[(sheet.shape[0] + 2) // 2, 0, :3]
    assert first_of_second_row.tolist() == [
        round(float(c) * 255) for c in np.broadcast_to(images[3, :, 0, 0], 3)
    ]


def test_nan_and_values_out_of_range_are_clipped():
    sheet = image_sheet(np.array([[[[np.nan, 2.0], [-1.0, 0.5]]]]), 1, tile=2)
    assert sheet[..., 0].tolist() == [[0, 255], [0, 128]]
