"""Steering on the Train page: what is moved is asked of the run, and what the run did stands on its curves."""

from types import SimpleNamespace

import pytest

from dsc_core.config import KNOBS
from dsc_core.data import open_dataset
from dsc_core.events import Event
from dsc_core.presets import preset
from pages.shared import formatting
from pages.shared.train import branching, curves, history, steering
from tests.pages.trained import at, trained

TRAIN = "pages/views/train.py"
LIVE = [name for name, known in KNOBS.items() if known.live]


@pytest.fixture
def run_id(store):
    """A run that this very process trains, so far without a word."""
    made = store.create(open_dataset("digits"), preset("quick"))
    store.claim(made)
    tell(store, made, 1, 40)
    return made


def tell(store, run_id, first, last, stage="autoencoder", **more):
    """Steps of training."""
    for step in range(first, last + 1):
        losses = {"total": 100 / step, "reconstruction": 90 / step, "global_mi": 1.3}
        store.append(run_id, Event("progress", stage, 1, 4, step, losses, step / 10, 800.0, **more))


def change(store, run_id, step, **moved):
    """What training says when settings have moved."""
    pairs = {name: list(pair) for name, pair in moved.items()}
    store.append(run_id, Event("note", "autoencoder", 1, 4, step, message="Changed.", changes=pairs))


def widget(app, store, run_id, name):
    key = steering.key_of(store.get(run_id), name)
    found = [one for kind in (app.slider, app.number_input) for one in kind if one.key == key]
    assert found, name
    return found[0]


def badges(app) -> str:
    return " ".join(
        text.value for text in (*app.markdown, *app.caption) if "differ" in text.value or "here" in text.value
    )


def marks_of(store, run_id):
    return history.History(store.get(run_id))


def test_every_setting_that_may_move_has_a_widget_the_noise_and_the_information_first(app, store, run_id):
    at(app, run_id, TRAIN)
    run = store.get(run_id)
    shown = [one.key for kind in (app.slider, app.number_input) for one in kind]
    assert all(steering.key_of(run, name) in shown for name in LIVE)
    sliders = [one.key for one in app.slider if one.key.startswith("steer_")]
    assert sliders[:3] == [steering.key_of(run, name) for name in ("noise_level", "global_mi", "local_mi")]
    for name in LIVE:
        assert widget(app, store, run_id, name).value == getattr(run.config, name)


def test_a_moved_slider_is_asked_of_the_run_and_marked_when_it_is_done(app, store, run_id, monkeypatch):
    at(app, run_id, TRAIN)
    assert not badges(app)
    widget(app, store, run_id, "noise_level").set_value(0.8).run()
    assert not app.exception
    monkeypatch.setattr(steering, "GRACE", 0.0)
    app.run()
    assert not badges(app), "it is on its way"
    assert store.take_controls(run_id) == {"noise_level": 0.8}
    app.run()
    assert "differ" in badges(app), "the run has taken it and does something else"
    assert "0\\.8 here, 0\\.5 in the run" in badges(app)
    change(store, run_id, 40, noise_level=(0.5, 0.8))
    tell(store, run_id, 41, 60)
    app.run()
    assert not badges(app)
    assert widget(app, store, run_id, "noise_level").value == 0.8
    assert app.session_state["history"].marks() == [(40, "s 0.5 → 0.8", history.CHANGE_COLOUR)]


def test_a_change_from_elsewhere_shows_as_a_difference_until_it_is_taken_over(app, store, run_id):
    at(app, run_id, TRAIN)
    change(store, run_id, 40, relative=(1.0, 3.0))
    app.run()
    assert "differ" in badges(app)
    assert widget(app, store, run_id, "relative").value == 1.0, "nobody's hand is pushed aside"
    app.button(key="take_over").click().run()
    assert widget(app, store, run_id, "relative").value == 3.0
    assert not badges(app)
    assert store.take_controls(run_id) == {}, "taking over asks nothing of the run"


def test_a_page_opened_later_starts_from_what_the_run_has(app, store, run_id):
    change(store, run_id, 20, noise_level=(0.5, 1.2))
    at(app, run_id, TRAIN)
    assert widget(app, store, run_id, "noise_level").value == 1.2
    assert not badges(app)


def test_pause_resume_and_stop_are_asked_once(app, store, run_id):
    at(app, run_id, TRAIN)
    app.button(key="pause").click().run()
    assert store.take_controls(run_id) == {"pause": True}
    assert "pause" not in [button.key for button in app.button]
    assert any("Paused" in text.value for text in app.markdown)
    app.button(key="resume").click().run()
    assert store.take_controls(run_id) == {"resume": True}
    app.button(key="stop").click().run()
    assert any("Resume continues training" in toast.value for toast in app.toast)
    assert store.take_controls(run_id) == {"stop": True}
    assert app.button(key="stop").disabled
    assert app.button(key="pause").disabled


def test_while_a_run_trains_its_buttons_keep_their_places(app, store, run_id, monkeypatch):
    """Branch stands there from the start: when it became possible, Stop moved under the pointer."""
    keys = ("pause", "resume", "stop", "branch", "another")
    at(app, run_id, TRAIN)
    assert [one.key for one in app.button if one.key in keys] == ["pause", "stop", "branch", "another"]
    assert app.button(key="branch").disabled
    checkpoint = SimpleNamespace(name="one", left=3, position="after epoch 1 of 4")
    monkeypatch.setattr(branching, "branchable", lambda run: [checkpoint])
    app.run()
    assert [one.key for one in app.button if one.key in keys] == ["pause", "stop", "branch", "another"]
    assert not app.button(key="branch").disabled


@pytest.mark.parametrize(
    ("stage", "remaining", "shown"),
    [
        ("joint", 185.0, "3 min 05 s"),
        ("joint", 0.2, "Finishing"),
        ("labels", None, "Finishing"),
        ("joint", None, "–"),
    ],
)
def test_the_end_of_training_is_said_in_words_not_as_no_time_left(
    app, store, run_id, stage, remaining, shown
):
    store.append(run_id, Event("progress", stage, 5, 5, 41, {"total": 1.0}, 4.1, 800.0, remaining))
    at(app, run_id, TRAIN)
    assert {one.label: one.value for one in app.metric}["Time left"] == shown


def test_the_promised_time_is_shown_until_the_run_reports_one(app, store):
    run_id = store.create(open_dataset("digits"), preset("quick"))
    store.claim(run_id)
    at(app, run_id, TRAIN)
    left = {one.label: one.value for one in app.metric}["Time left"]
    assert left.startswith("about ")
    assert not [one for one in app.slider if one.key == "smoothing"]  # there are no curves yet
    store.append(run_id, Event("progress", "joint", 5, 5, 41, {"total": 1.0}, 4.1, 800.0, 20.0))
    app.run()
    assert {one.label: one.value for one in app.metric}["Time left"] == "20 s"
    assert [one for one in app.slider if one.key == "smoothing"]


def test_a_run_that_is_resumed_is_not_said_to_finish(app, store, run_id):
    tell(store, run_id, 41, 42, stage="labels", message="Drawing the spectral map")
    store.append(run_id, Event("done", "labels", 5, 5, 42, seconds=75.0))
    at(app, run_id, TRAIN)
    shown = {one.label: one.value for one in app.metric}
    assert (shown["Stage"], shown["Time left"]) == ("Training", "–")


def test_the_time_of_a_run_leaves_its_pauses_out(app, store, run_id):
    store.append(run_id, Event("done", "labels", 5, 5, 41, seconds=75.0, paused=600.0))
    store.finish(run_id, "done")
    at(app, run_id, TRAIN)
    metric = next(one for one in app.metric if one.label == "Training time")
    assert metric.value == "1 min 15 s"
    assert "10 min 00 s" in metric.help


def test_the_time_of_a_run_is_the_same_on_every_page(app, store):
    made = trained("image", True)
    store.append(made, Event("done", "labels", 1, 1, 41, seconds=75.0))
    for page in (TRAIN, "pages/views/results.py"):
        at(app, made, page)
        assert {one.label: one.value for one in app.metric}["Training time"] == "1 min 15 s"
    app.switch_page("pages/views/runs.py").run()
    assert app.dataframe[0].value["Training time"].tolist() == ["1 min 15 s"]


def test_a_run_that_is_paused_before_its_first_step_says_so(app, store):
    made = store.create(open_dataset("digits"), preset("quick"))
    store.claim(made)
    store.control(made, pause=True)
    at(app, made, TRAIN)
    told = " ".join(one.value for one in (*app.caption, *app.markdown))
    assert "Paused before the first step" in told
    assert "Training is starting" not in told


def test_notes_name_settings_by_their_titles_also_those_of_earlier_versions(app, store, run_id):
    told = Event(
        "note",
        "autoencoder",
        1,
        4,
        40,
        message="Changed while training: noise_level 0.5 → 0.8, prior 0.05 → 0.2.",
        changes={"noise_level": [0.5, 0.8], "prior": [0.05, 0.2]},
    )
    store.append(run_id, told)
    past = marks_of(store, run_id).read()
    assert past.notes[-1][1] == "Changed while training: Noise level 0.5 → 0.8, Prior (KL) 0.05 → 0.2."


def test_a_curve_bears_only_the_marks_of_its_own_time():
    colour = history.CHANGE_COLOUR
    marks = [(100, "joint", None), (3, "first", colour), (40, "before", colour), (120, "after", colour)]
    names = [text for _, text, _ in curves.own_marks(marks, start=10, first=10)]
    assert names == ["joint", "first", "before", "after"]
    assert [text for _, text, _ in curves.own_marks(marks, start=100, first=10)] == ["after"]


def test_a_run_that_reads_its_labels_takes_no_more_changes(app, store, run_id):
    store.append(run_id, Event("progress", "labels", 5, 5, 40, message="Drawing the latent map"))
    at(app, run_id, TRAIN)
    assert all(widget(app, store, run_id, name).disabled for name in LIVE)


def test_a_run_that_ended_meanwhile_says_so_and_is_asked_nothing(app, store, run_id):
    at(app, run_id, TRAIN)
    moved = widget(app, store, run_id, "noise_level")
    store.finish(run_id, "failed", "It died.")
    moved.set_value(0.9).run()
    assert not app.exception
    assert any("is not running" in toast.value for toast in app.toast)
    assert not [one for one in app.slider if one.key.startswith("steer_")]


def test_a_run_started_anew_shows_no_old_curve_and_no_old_setting(app, store, run_id):
    change(store, run_id, 20, noise_level=(0.5, 1.2))
    at(app, run_id, TRAIN)
    before = app.session_state["history"]
    store.finish(run_id, "failed", "It died.")
    store.claim(run_id)
    tell(store, run_id, 1, 3)
    app.run()
    now = app.session_state["history"]
    assert now is not before
    assert now.curves["step"].tolist() == [1, 2, 3]
    assert now.changes == []
    assert widget(app, store, run_id, "noise_level").value == 0.5


# Marks -----------------------------------------------------------------------------------------------------


def test_a_dragged_slider_is_one_mark_from_its_first_value_to_its_last(store, run_id):
    tell(store, run_id, 41, 400)
    for step, old, new in ((100, 0.5, 0.6), (103, 0.6, 0.7), (106, 0.7, 0.8), (200, 0.8, 0.2)):
        change(store, run_id, step, noise_level=(old, new))
    change(store, run_id, 201, reconstruction=(1.0, 2.0))
    assert marks_of(store, run_id).read().marks() == [
        (100, "s 0.5 → 0.8", history.CHANGE_COLOUR),
        (200, "s 0.8 → 0.2, δ 1 → 2", history.CHANGE_COLOUR),
    ]


def test_a_slider_that_came_back_leaves_no_mark():
    assert history.merge_changes([(5, "noise_level", 0.5, 0.9), (6, "noise_level", 0.9, 0.5)], width=4) == []
    assert (
        len(history.merge_changes([(5, "noise_level", 0.5, 0.9), (60, "noise_level", 0.9, 0.5)], width=4))
        == 2
    )


def test_the_joint_stage_and_settings_of_a_later_version_do_not_disturb(store, run_id):
    change(store, run_id, 40, loudness=(1, 2), global_mi=(1.6, 1.0))
    tell(store, run_id, 41, 50, stage="joint")
    past = marks_of(store, run_id).read()
    assert past.marks() == [(41, "joint", None), (40, "βg 1.6 → 1", history.CHANGE_COLOUR)]
    assert past.now["global_mi"] == 1.0


def test_a_fresh_tab_leads_to_the_run_that_trains(app, store, run_id):
    app.run()
    app.switch_page(TRAIN).run()
    app.button(key="newest").click().run()
    assert not app.exception
    assert "Epoch" in {metric.label for metric in app.metric}


@pytest.mark.parametrize("times", [1, 2])
def test_what_came_after_the_checkpoint_of_a_resumed_run_is_dropped(store, run_id, monkeypatch, times):
    past = marks_of(store, run_id).read()
    assert list(past.curves["step"]) == list(range(1, 41))
    kept = [(number, event) for number, event in store.events(run_id) if event.step <= 30]
    said = Event("note", "autoencoder", 1, 4, 30, message="Continues.", back_to=kept[-1][0])
    again = [said] * times + [Event("progress", "autoencoder", 1, 4, 31, {"total": 7.0})]
    now = kept + [(kept[-1][0] + 100 + i, event) for i, event in enumerate(again)]

    def texts(run, after=0):
        return now[-1][0], [event.to_json() for number, event in now if number > after]

    log = SimpleNamespace(texts=texts, last_number=lambda run: now[-1][0])
    monkeypatch.setattr(history.state, "store", lambda: SimpleNamespace(event_log=log))
    for _ in range(2):
        past.read()
        assert list(past.curves["step"]) == list(range(1, 32))
        assert past.curves["total"][-1] == 7.0
    assert [message for _, message in past.notes] == ["Continues."] * times


def test_the_page_looks_often_at_a_run_that_is_new_or_was_just_steered(app, store, run_id, monkeypatch):
    import time

    monkeypatch.setattr(formatting, "ago", lambda seconds: "")  # the run's title stays as it was
    at(app, run_id, TRAIN)
    now = time.time()
    paces = []

    def fragment(drawing, run_every=None):
        if drawing.__name__ == "live":
            paces.append(run_every)
        return drawing

    monkeypatch.setattr("streamlit.fragment", fragment)
    for later in (0, 60, 500):
        monkeypatch.setattr(time, "time", lambda later=later: now + later)
        app.run()
    widget(app, store, run_id, "noise_level").set_value(0.8).run()
    assert not app.exception
    assert paces == [2.0, 5.0, 10.0, 2.0]
