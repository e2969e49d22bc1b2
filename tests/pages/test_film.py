"""The film of the latent map on the Train page: which frame is shown, by hand, played, and as they come."""

import shutil

import numpy as np
import pytest

from dsc_core.data import open_dataset
from dsc_core.events import Event
from dsc_core.presets import preset
from dsc_core.runs import Store, film_frames
from dsc_core.runs.film_frames import Frame
from pages.shared.train import film, film_data
from tests.pages.trained import at, trained

TRAIN = "pages/views/train.py"
ROWS = np.arange(0, 1200, 2)


@pytest.fixture
def drawn(monkeypatch):
    """What was drawn, frame by frame, as (title, points, groups, names, limits, moving)."""
    seen, real = [], film.film_map

    def film_map(points, groups, samples, names, limits, **more):
        seen.append((more["title"], points, groups, names, limits, more["moving"]))
        return real(points, groups, samples, names, limits, **more)

    monkeypatch.setattr(film, "film_map", film_map)
    return seen


@pytest.fixture
def run_id(store):
    """A run that this very process trains, with three frames, the last with clusters."""
    made = store.create(open_dataset("digits"), preset("quick"))
    store.claim(made)
    store.append(made, Event("progress", "autoencoder", 1, 4, 1, {"total": 1.0}, 1.0, 800.0))
    film_frames.begin(store.folder(made), ROWS, -1)
    for epoch in (0, 1, 2):
        add(store, made, epoch, clusters=epoch == 2)
    return made


def add(store, run_id, epoch, clusters=True, scale=1.0):
    rng = np.random.default_rng(epoch)
    points = (scale * rng.normal(size=(len(ROWS), 2))).astype(np.float32)
    groups = np.full(len(ROWS), film_frames.UNKNOWN, np.int16)
    if clusters:
        groups = rng.integers(0, 10, len(ROWS)).astype(np.int16)
    film_frames.keep(store.folder(run_id), Frame(epoch, points, groups))


def slider(app):
    return next((one for one in app.select_slider if one.key.startswith("film_at_")), None)


def titles(seen):
    return [one[0] for one in seen]


def test_the_newest_frame_is_shown_as_it_comes_and_the_slider_waits(app, store, run_id, drawn):
    at(app, run_id, TRAIN)
    assert titles(drawn) == ["After epoch 2"]
    assert slider(app).disabled
    assert slider(app).value == 2
    add(store, run_id, 3)
    app.run()
    assert not app.exception
    assert titles(drawn)[-1] == "After epoch 3"
    assert slider(app).value == 3


def test_the_slider_chooses_where_nothing_is_followed(app, store, run_id, drawn):
    at(app, run_id, TRAIN)
    app.toggle(key="film_follow").set_value(False).run()
    assert not slider(app).disabled
    assert slider(app).options == ["0", "1", "2"]
    slider(app).set_value(0).run()
    assert not app.exception
    assert titles(drawn)[-1] == "Before training"
    add(store, run_id, 3)
    app.run()
    assert titles(drawn)[-1] == "Before training", "it stays where it was put"
    assert slider(app).options[-1] == "3"


def test_play_shows_each_frame_once_and_stops_at_the_last(app, store, run_id, drawn):
    at(app, run_id, TRAIN)
    store.finish(run_id, "failed", "It died.")
    app.run()
    drawn.clear()
    app.button(key="film_button").click().run()
    assert app.button(key="film_button").label == "Pause"
    assert slider(app).disabled
    for _ in range(8):
        app.run()
        assert not app.exception
    assert titles(drawn)[:3] == ["Before training", "After epoch 1", "After epoch 2"]
    assert set(titles(drawn)[3:]) == {"After epoch 2"}
    assert [one[5] for one in drawn[:2]] == [True, True]
    assert not drawn[-1][5]
    assert app.button(key="film_button").label == "Play"
    assert not slider(app).disabled


def test_a_halted_film_stays_where_it_is(app, store, run_id, drawn):
    at(app, run_id, TRAIN)
    app.button(key="film_button").click().run()
    now = titles(drawn)[-1]
    app.button(key="film_button").click().run()
    assert app.button(key="film_button").label == "Play"
    app.run()
    assert titles(drawn)[-1] == now
    assert not app.toggle(key="film_follow").value


def test_it_looks_as_often_as_the_page_and_not_where_nothing_comes(app, store, run_id, monkeypatch):
    at(app, run_id, TRAIN)
    paces = []

    def fragment(drawing, run_every=None):
        if drawing.__qualname__.endswith("_draw") and drawing.__module__.endswith("train.film"):
            paces.append(run_every)
        return drawing

    monkeypatch.setattr("streamlit.fragment", fragment)
    app.run()
    app.button(key="film_button").click().run()
    app.button(key="film_button").click().run()
    app.toggle(key="film_follow").set_value(True).run()
    store.finish(run_id, "failed", "It died.")
    app.run()
    assert not app.exception
    assert [pace for pace, before in zip(paces, [0, *paces], strict=False) if pace != before] == [
        2.0,
        film.FRAME_SECONDS,
        None,
        2.0,
        None,
    ]


def test_every_frame_has_the_same_axes_and_the_same_samples(app, store, run_id, drawn):
    add(store, run_id, 3, scale=4.0)
    at(app, run_id, TRAIN)
    app.toggle(key="film_follow").set_value(False).run()
    for epoch in (0, 1, 2, 3):
        slider(app).set_value(epoch).run()
    limits = [one[4] for one in drawn]
    assert all(
        np.array_equal(low, limits[0][0]) and np.array_equal(high, limits[0][1]) for low, high in limits
    )
    assert {len(one[1]) for one in drawn} == {len(ROWS)}


def test_colours_are_the_clusters_of_now_of_then_and_the_labels(app, store, run_id, drawn):
    at(app, run_id, TRAIN)
    app.toggle(key="film_follow").set_value(False).run()
    slider(app).set_value(1).run()
    latest = film_frames.read(store.folder(run_id), 2).clusters
    assert (drawn[-1][2] == latest).all()
    assert drawn[-1][3] == {number: str(number) for number in range(10)}
    app.segmented_control(key="film_colours").set_value(film.AT_EPOCH).run()
    assert (drawn[-1][2] == film_frames.UNKNOWN).all()
    assert drawn[-1][3] == {film_frames.UNKNOWN: "no clusters yet"}
    app.segmented_control(key="film_colours").set_value(film.LABEL).run()
    assert not app.exception
    assert (drawn[-1][2] == open_dataset("digits").labels[ROWS]).all()


def test_at_most_so_many_points_are_drawn(app, store, run_id, drawn, monkeypatch):
    monkeypatch.setattr(film_data, "FILM_LIMIT", 100)
    at(app, run_id, TRAIN)
    assert len(drawn[-1][1]) == len(drawn[-1][2]) == 100
    whole = film_frames.read(store.folder(run_id), 2).points
    assert {tuple(point) for point in drawn[-1][1].tolist()} <= {tuple(point) for point in whole.tolist()}


def test_a_damaged_frame_is_left_out_and_named(app, store, run_id, drawn):
    film_frames.path_of(store.folder(run_id), "map", 1).write_bytes(b"PK")
    at(app, run_id, TRAIN)
    assert titles(drawn) == ["After epoch 2"]
    assert slider(app).options == ["0", "2"]
    assert any("Skipped frames that cannot be read: epoch 1" in caption.value for caption in app.caption)


def test_before_the_first_frame_the_page_says_so_and_a_lone_one_has_no_slider(app, store, run_id, drawn):
    shutil.rmtree(store.folder(run_id) / "frames")
    at(app, run_id, TRAIN)
    assert any("first map" in caption.value for caption in app.caption)
    film_frames.begin(store.folder(run_id), ROWS, -1)
    app.run()
    assert any("first map" in caption.value for caption in app.caption)
    add(store, run_id, 0)
    app.run()
    assert not app.exception
    assert titles(drawn) == ["Before training"]
    assert slider(app) is None
    assert app.button(key="film_button").disabled


def test_a_film_made_anew_shows_its_own_frames(app, store, run_id, drawn):
    at(app, run_id, TRAIN)
    film_frames.begin(store.folder(run_id), ROWS + 1, -1)
    add(store, run_id, 1)
    app.run()
    assert not app.exception
    assert titles(drawn)[-1] == "After epoch 1"
    assert slider(app) is None


def test_a_run_without_a_film_has_no_place_for_one(app, store):
    made = store.create(open_dataset("digits"), preset("quick", map_every=0))
    store.claim(made)
    at(app, made, TRAIN)
    assert "film" not in [one.key for one in app.expander if one.key]
    assert not any("first map" in caption.value for caption in app.caption)


def test_a_run_that_is_done_shows_its_film_with_the_clusters_of_its_results(app, workspace, drawn):
    made = trained("image", True, map_every=1)
    at(app, made, TRAIN)
    store = Store()
    assert titles(drawn) == ["After epoch 2"]
    from dsc_core import load_run

    assert (drawn[-1][2] == load_run(store.folder(made)).labels).all()
    assert not [one for one in app.toggle if one.key == "film_follow"]
    app.segmented_control(key="film_colours").set_value(film.LABEL).run()
    assert not app.exception
    assert sorted(drawn[-1][3].values()) == sorted(["a|b", "$c$", "<i>"])
    store.close()
