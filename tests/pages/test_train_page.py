"""Train page: one widget a knob, made from `config.py`, and what they say is what a run gets."""

import numpy as np
import pytest

from dsc_core.config import KNOBS
from dsc_core.data import open_dataset
from dsc_core.presets import PRESETS, preset
from dsc_core.training.epochs import with_least_steps
from pages.shared import formatting, knobs

TRAIN = "pages/views/train.py"


def at_train(app):
    app.run()
    app.button(key="use_digits").click().run()
    app.switch_page(TRAIN).run()
    assert not app.exception
    return app


def test_every_knob_has_one_widget_with_its_own_range_and_help(app):
    at_train(app)
    shown = {
        widget.key: widget
        for kind in (app.slider, app.number_input, app.selectbox, app.toggle)
        for widget in kind
    }
    for name, known in KNOBS.items():
        widget = shown[knobs.key_of(name)]
        assert known.title in widget.label
        assert known.help in widget.help
        if known.choices:
            assert tuple(widget.options) == known.choices
        elif known.low is not None:
            assert (widget.min, widget.max) == (known.low, known.high)


def test_the_knobs_start_at_the_preset_and_k_at_the_number_of_classes(app):
    at_train(app)
    for name, value in preset("standard").to_dict().items():
        assert app.session_state[knobs.key_of(name)] == value
    assert app.session_state[knobs.key_of("clusters")] == 10


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_turns_all_knobs_but_clusters_and_seed(app, name):
    at_train(app)
    app.number_input(key="knob_clusters").set_value(7).run()
    app.number_input(key="knob_seed").set_value(5).run()
    app.selectbox(key="preset").set_value(name).run()
    assert not app.exception
    wanted = preset(name, clusters=7, seed=5).to_dict()
    assert {n: app.session_state[knobs.key_of(n)] for n in KNOBS} == wanted


def test_starting_hands_exactly_these_settings_to_the_run(app, monkeypatch):
    from dsc_core.runs import Store, queue

    started = []
    monkeypatch.setattr(queue, "enqueue", lambda store, run_id: started.append(run_id))
    at_train(app)
    app.selectbox(key="preset").set_value("quick").run()
    app.slider(key="knob_noise_level").set_value(0.35).run()
    app.button(key="start").click().run()
    assert not app.exception
    assert [app.query_params["run"]] == started
    run = Store().get(started[0])
    assert run.config == preset("quick", noise_level=0.35, clusters=10)


def test_the_name_is_checked_as_soon_as_it_is_entered(app, store):
    store.create(open_dataset("digits"), preset("quick"), name="taken")
    at_train(app)
    for name, words in (("mine", "will be called mine"), ("taken", "already")):
        app.text_input(key="run_name").set_value(name).run()
        assert not app.exception
        assert any(words in caption.value for caption in app.caption)


def test_the_name_is_empty_for_other_data_and_after_a_start(app, store, monkeypatch, workspace):
    from dsc_core.data import import_data
    from dsc_core.runs import queue

    monkeypatch.setattr(queue, "enqueue", lambda store, run_id: None)
    np.save(workspace / "other.npy", np.random.default_rng(0).normal(size=(60, 5)))
    other = import_data(workspace / "other.npy", workspace)
    at_train(app)
    digits = app.session_state["at_data"]
    app.text_input(key="run_name").set_value("mine").run()
    app.session_state["at_data"] = app.query_params["data"] = other
    app.run()
    assert app.text_input(key="run_name").value == ""
    app.text_input(key="run_name").set_value("mine").run()
    app.button(key="start").click().run()
    assert not app.exception
    for data in (other, digits):
        app.session_state["at_run"], app.session_state["at_data"] = None, data
        app.query_params.pop("run", None)
        app.query_params["data"] = data
        app.run()
        assert app.text_input(key="run_name").value == ""
        assert not any("already" in caption.value for caption in app.caption)


def test_more_epochs_than_were_set_are_said_before_the_start(app):
    at_train(app)
    app.number_input(key="knob_epochs").set_value(3).run()
    (said,) = [caption.value for caption in app.caption if "more epochs" in caption.value]
    config = knobs.Config().replace(**{**preset("standard").to_dict(), "epochs": 3})
    assert f"{with_least_steps(config, 1797).epochs} in stage 1 instead of 3" in said
    app.number_input(key="knob_least_steps").set_value(0).run()
    assert not [caption for caption in app.caption if "more epochs" in caption.value]


def test_more_clusters_than_samples_is_said_and_nothing_starts(app, workspace):
    import numpy as np

    from dsc_core.data import open_dataset, store_dataset

    workspace.mkdir(parents=True)
    np.save(workspace / "few.npy", np.random.default_rng(0).integers(0, 255, (12, 8, 8), np.uint8))
    app.query_params["data"] = store_dataset(open_dataset(workspace / "few.npy"), workspace)
    app.run()
    app.switch_page(TRAIN).run()
    app.number_input(key="knob_clusters").set_value(40).run()
    app.button(key="start").click().run()
    assert len(app.error) == 1
    assert "run" not in app.query_params


def test_settings_without_effect_on_vectors_stand_still_and_the_others_move(app, workspace):
    import numpy as np

    from dsc_core.config import idle
    from dsc_core.data import open_dataset, store_dataset

    workspace.mkdir(parents=True)
    np.save(workspace / "vectors.npy", np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32))
    app.query_params["data"] = store_dataset(open_dataset(workspace / "vectors.npy"), workspace)
    app.run()
    app.switch_page(TRAIN).run()
    for encoder in ("network", "none"):
        app.selectbox(key="knob_encoder").set_value(encoder).run()
        assert not app.exception
        kinds = (app.slider, app.number_input, app.selectbox, app.toggle)
        shown = {widget.key: widget.disabled for kind in kinds for widget in kind}
        still = {name for name in KNOBS if shown[knobs.key_of(name)]}
        assert still == idle(encoder, (6,))
        assert sum("no effect" in caption.value for caption in app.caption) == 1


@pytest.mark.parametrize("page", [TRAIN, "pages/views/results.py"])
def test_an_empty_workspace_says_what_to_do_next(app, page):
    app.run()
    app.switch_page(page).run()
    assert not app.exception
    assert len(app.subheader) == 1
    assert [button.label for button in app.button] == ["Choose data"]


def test_an_address_of_a_run_that_is_not_here_is_said(app):
    app.query_params["run"] = "../../etc"
    app.run()
    app.switch_page(TRAIN).run()
    assert not app.exception
    assert len(app.warning) == 1


def test_a_failed_run_shows_its_reason_and_its_log(app):
    from dsc_core.data import open_dataset
    from dsc_core.presets import preset
    from dsc_core.runs import Store

    store = Store()
    run_id = store.create(open_dataset("digits"), preset("quick"))
    store.claim(run_id)
    store.finish(run_id, "failed", "The loss *is* no number.")
    app.query_params["run"] = run_id
    app.run()
    app.switch_page(TRAIN).run()
    assert not app.exception
    assert app.error[0].value == formatting.plain("The loss *is* no number.")
    assert [expander.label for expander in app.expander][-1] == "Log"
    app.switch_page("pages/views/results.py").run()
    assert not app.exception
    assert "failed" in app.subheader[0].value


def test_a_run_that_was_stopped_at_once_offers_no_results_but_a_new_start(app, store):
    run_id = store.create(open_dataset("digits"), preset("quick"))
    store.control(run_id, stop=True)
    app.query_params["run"] = run_id
    app.run()
    app.switch_page(TRAIN).run()
    assert not app.exception
    keys = [button.key for button in app.button]
    assert "to_results" not in keys
    assert app.button(key="go_on").label == "Restart"
    for page in ("results", "assign"):
        app.switch_page(f"pages/views/{page}.py").run()
        assert not app.exception
        assert not app.error
        assert "no results" in app.subheader[0].value
        assert app.button(key="next_step").label == "Open the run"
    app.session_state["at_run"] = None
    app.query_params.pop("run")
    app.run()
    assert "newest" not in [button.key for button in app.button]


def test_a_damaged_run_is_said_to_be_damaged(app, store):
    run_id = store.create(open_dataset("digits"), preset("quick"))
    (store.folder(run_id) / "run.json").write_text("{")
    store.index.forget_run(run_id)
    app.query_params["run"] = run_id
    app.run()
    app.switch_page("pages/views/results.py").run()
    assert not app.exception
    assert "is damaged" in app.subheader[0].value


def test_limits_are_written_without_an_exponent(app):
    at_train(app)
    (widget,) = (one for one in app.number_input if one.key == "knob_graph_samples")
    assert "From 1,000 to 10,000,000" in widget.help
    for known in KNOBS.values():
        assert "e+" not in known.accepts
        assert "e-" not in known.accepts.replace("whole-", "")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (0.4, "0 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_lengths_of_time_read_as_people_say_them(seconds, words):
    assert formatting.duration(seconds) == words


def test_plain_text_disarms_markdown():
    assert formatting.plain("[a](http://b) <i> :red[x] $y$\n# z") == (
        r"\[a\]\(http\://b\) \<i\> \:red\[x\] \$y\$ \# z"
    )
