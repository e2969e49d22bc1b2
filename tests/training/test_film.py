"""Snapshots for the film of the latent map: when they are taken, of which samples, and that they change nothing."""

import numpy as np
import pytest

from dsc_core.analysis import map_film
from dsc_core.config import Config
from dsc_core.training import film
from tests.training.small import SMALL, images, run


@pytest.mark.parametrize("every", [1, 2])
def test_snapshots_change_no_loss_and_no_label(trained, every):
    seen = []
    config = Config(**SMALL, map_every=every)
    fitted, events = run(images(), config, snapshot=lambda *shown: seen.append(shown))
    losses = lambda reported: [event.losses for event in reported if event.kind == "epoch"]  # noqa: E731
    assert losses(events) == losses(trained[1])
    for name in ("labels", "latent", "spectral", "confidence"):
        assert np.array_equal(getattr(fitted, name), getattr(trained[0], name)), name
    rows = map_film.film_rows(300, config)
    assert [epoch for epoch, _, _ in seen] == ([0, 1, 2, 3, 4, 5] if every == 1 else [0, 2, 4, 5])
    assert all(latent.shape == (len(rows), 32) for _, latent, _ in seen)
    assert all((clusters is None) == (epoch <= 3) for epoch, _, clusters in seen)
    assert all(clusters.shape == (len(rows),) for epoch, _, clusters in seen if epoch > 3)


def test_a_snapshot_has_the_codes_of_the_samples_in_the_film(monkeypatch):
    monkeypatch.setattr(map_film, "FEWEST", 40)
    seen, config = [], Config(**SMALL | {"joint_epochs": 1}, map_every=1)
    fitted, _ = run(images(), config, snapshot=lambda *shown: seen.append(shown))
    rows = map_film.film_rows(300, config)
    assert len(rows) == 75
    assert np.array_equal(seen[-1][1], fitted.latent[rows])


def test_without_maps_no_snapshot_is_taken():
    run(
        images(64),
        Config(**SMALL | {"joint_epochs": 0}, map_every=0),
        snapshot=lambda *_: pytest.fail("shown"),
    )


def test_no_snapshot_is_taken_of_nan_codes(monkeypatch):
    seen = []
    real = film.encode
    monkeypatch.setattr(film, "encode", lambda *given: real(*given) * float("nan"))
    run(images(64), Config(**SMALL | {"joint_epochs": 0}), snapshot=lambda *shown: seen.append(shown))
    assert seen == []


def test_the_film_of_a_large_data_set_includes_samples_off_the_graph(monkeypatch):
    seen = []
    config = Config(
        **{**SMALL, "epochs": 1, "joint_epochs": 1, "batches": 2},
        graph_samples=1000,
        map_every=1,
        readout="softmax",
    )
    fitted, _ = run(images(1797), config, snapshot=lambda *shown: seen.append(shown))
    rows = map_film.film_rows(1797, config)
    assert rows.max() >= 1000
    assert [epoch for epoch, _, _ in seen] == [0, 1, 2]
    assert np.array_equal(seen[-1][1], fitted.latent[rows])
    assert np.array_equal(seen[-1][2], fitted.labels[rows])
