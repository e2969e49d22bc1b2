"""Train page: how long training takes here, before Start."""

import time

from dsc_core.runs import expectation
from dsc_core.training.costs import PARTS
from tests.pages.test_train_page import at_train


def texts(app):
    return [element.value for element in (*app.markdown, *app.caption)]


def said(app):
    """The line that says how long it takes, without Markdown's escapes."""
    (line,) = (text for text in texts(app) if " here**" in text)
    return line.replace("\\", "")


def test_the_form_says_how_long_training_takes_by_preset(app):
    at_train(app)
    assert "**About " in said(app)
    (presets,) = (text for text in texts(app) if text.startswith("By preset"))
    assert "quick" in presets
    assert "standard" in presets


def test_other_settings_take_another_time(app):
    at_train(app)
    before = said(app)
    app.selectbox(key="preset").set_value("released-code").run()
    assert said(app) != before


def test_a_measurement_takes_the_place_of_the_range(app, monkeypatch):
    def calibrate(home, jobs, cancelled):
        for job in jobs:
            expectation.write_json(
                expectation_file(home, job), {"device": "CPU", "factors": dict.fromkeys(PARTS, 1.0)}
            )

    def expectation_file(home, job):
        (home / expectation.FOLDER).mkdir(exist_ok=True)
        return home / expectation.FOLDER / f"{expectation.key_of(job)}.json"

    monkeypatch.setattr(expectation, "calibrate", calibrate)
    at_train(app)
    end = time.monotonic() + 30
    while " to " in said(app) and time.monotonic() < end:
        app.run()
    assert " to " not in said(app)


def test_other_runs_that_train_are_said(app, store, monkeypatch):
    at_train(app)
    assert "longer" not in said(app)
    from pages.shared.train import time_here

    monkeypatch.setattr(time_here, "_training", lambda _: 2)
    monkeypatch.setattr(time_here.queue, "concurrent_runs", lambda _: 2)
    app.run()
    assert "(it waits: 2 runs train first)" in said(app)
    monkeypatch.setattr(time_here.queue, "concurrent_runs", lambda _: 3)
    app.run()
    assert "** (longer while 2 runs train)" in said(app)
