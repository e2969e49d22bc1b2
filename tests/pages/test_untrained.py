"""Clusters without training, on the Data and the Train page."""

import threading

import pandas as pd
import pytest

from dsc_core.runs import untrained as answers
from pages.shared import jobs
from tests.analysis.test_untrained import rows, stripes
from tests.pages.conftest import ROOT
from tests.pages.test_data_page import npy, upload

TRAIN = "pages/views/train.py"
DATA = "pages/views/data.py"


def new_session():
    from streamlit.testing.v1 import AppTest

    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)


def keys(app) -> set[str]:
    return {element.key for kind in ("button", "download_button") for element in app.get(kind)}


def texts(app) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.caption)).replace("\\", "")


def on_digits(app):
    app.run()
    return app.button(key="use_digits").click().run()


def with_images(app, clusters=3):
    app.run()
    upload(app, "stripes.npy", npy(stripes()[0][:, 0]))
    app.number_input(key="untrained_clusters").set_value(clusters).run()
    return app


def find(app):
    """Press the button, and wait until the work is done."""
    app.button(key="find_untrained").click().run()
    for job in list(jobs._all().values()):
        job.join(60)
    app.run()
    assert not app.exception
    return app


def metrics(app) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_the_number_of_clusters_is_the_one_that_train_offers(app):
    on_digits(app)
    assert app.number_input(key="untrained_clusters").value == 10
    assert "here, from the scattering transform of the images; nothing is trained." in texts(app)
    app.number_input(key="untrained_clusters").set_value(4).run()
    app.switch_page(TRAIN).run()
    assert app.number_input(key="knob_clusters").value == 10


def test_images_are_clustered_with_pictures_a_map_and_a_file(app):
    find(with_images(app))
    shown = metrics(app)
    assert {"Silhouette, spectral", "Eigengap"} <= shown.keys()
    assert "ACC" not in shown
    assert {"untrained_labels", "untrained_train"} <= keys(app)
    assert "find_untrained" not in keys(app)
    assert texts(app).count("30 samples") == 3
    assert "nothing was trained" in texts(app)
    assert len(app.get("plotly_chart")) == 2, "beside the preview by principal components"


def test_scores_against_labels_are_for_evaluation_only(app):
    find(on_digits(app))
    assert float(metrics(app)["ACC"]) > 0.9
    assert "ACC and NMI: evaluation only" in texts(app)


def test_a_table_shows_typical_rows_in_their_units(app):
    values = pd.DataFrame(rows()[0] * 10 + 100, columns=["a", "size", "c", "d", "e"])
    app.run()
    upload(app, "t.csv", values.to_csv(index=False).encode())
    assert "from the columns themselves" in texts(app)
    app.number_input(key="untrained_clusters").set_value(3).run()
    find(app)
    (frame,) = (one.value for one in app.dataframe if "cluster" in one.value)
    assert list(frame) == ["cluster", "size", "a", "column size", "c", "d", "e"]
    assert frame["size"].tolist() == [30, 30, 30]
    assert sorted(frame["a"].round(-1)) == [100, 110, 120]


def test_train_from_here_keeps_the_number_of_clusters(app):
    find(with_images(app, 4))
    app.button(key="untrained_train").click().run()
    assert not app.exception
    # AppTest does not follow a switch of pages by the script itself.
    app.switch_page(TRAIN).run()
    assert not app.exception
    assert app.number_input(key="knob_clusters").value == 4
    assert app.selectbox(key="preset").value == "standard"


def test_the_train_page_has_the_same_answer_for_its_own_number(app):
    find(on_digits(app))
    app.switch_page(TRAIN).run()
    app.session_state["untrained_section"] = True
    app.run()
    assert not app.exception
    assert "ACC" in metrics(app)
    assert "untrained_train" not in keys(app), "the button that starts is below"
    app.number_input(key="knob_clusters").set_value(7).run()
    assert "ACC" not in metrics(app)
    assert "find_untrained" in keys(app)


def test_answers_stay_over_pages_and_numbers_and_the_graph_is_built_once(app, monkeypatch):
    built = []
    true = answers.find_graph
    monkeypatch.setattr(answers, "find_graph", lambda *given: built.append(given) or true(*given))
    find(with_images(app, 3))
    app.number_input(key="untrained_clusters").set_value(4).run()
    assert "untrained_labels" not in keys(app)
    find(app)
    app.number_input(key="untrained_clusters").set_value(3).run()
    assert "untrained_labels" in keys(app)
    app.switch_page(TRAIN).run()
    app.switch_page(DATA).run()
    assert "untrained_labels" in keys(app)
    assert len(built) == 1


@pytest.fixture
def waiting(monkeypatch):
    """Work that reports once, waits, and reports again; gives (reached, go on)."""
    reached, go = threading.Event(), threading.Event()

    def slow(dataset, seed, progress):
        progress("scattering", 5, 100)
        reached.set()
        go.wait(30)
        progress("scattering", 6, 100)
        return answers.Graph(None, 0.0)

    monkeypatch.setattr(answers, "find_graph", slow)
    yield reached, go
    go.set()


def test_work_shows_the_time_left_on_both_pages_and_can_be_cancelled(app, waiting):
    reached, go = waiting
    with_images(app)
    app.button(key="find_untrained").click().run()
    reached.wait(30)
    (key,) = (key for key in jobs._all() if key.startswith("untrained_"))
    for page in (DATA, TRAIN, DATA):
        app.switch_page(page).run()
        assert not app.exception
        assert f"stop_{key}" in keys(app)
        assert ("find_untrained" in keys(app)) == (page == TRAIN), "there another number is chosen"
    app.number_input(key="untrained_clusters").set_value(5).run()
    assert f"stop_{key}" in keys(app), "the work goes on, whatever number is chosen next"
    app.button(key=f"stop_{key}").click().run()
    go.set()
    jobs.get(key).join(30)
    app.run()
    assert not app.error
    assert "find_untrained" in keys(app)
    assert jobs.get(key).result is None


def test_what_is_wrong_is_one_sentence(app):
    app.run()
    upload(app, "few.npy", npy(stripes(12)[0][:, 0]))
    app.number_input(key="untrained_clusters").set_value(13).run()
    find(app)
    assert [error.value.replace("\\", "") for error in app.error] == [
        "There are fewer samples (12) than clusters (13): choose at most 12 clusters."
    ]
    app.number_input(key="untrained_clusters").set_value(12).run()
    assert not app.error
    find(app)
    assert not app.error
    assert "untrained_labels" in keys(app)


def test_a_fault_of_the_program_is_a_sentence(app, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(answers, "find_graph", broken)
    find(with_images(app))
    assert len(app.error) == 1
    assert "internal error" in app.error[0].value
    assert "find_untrained" in keys(app)


def test_columns_with_the_names_of_the_list_are_renamed_apart():
    from pages.shared.untrained_result import free_names

    names = ["cluster", "column cluster", "size", "column column cluster", 3]
    found = free_names(names)
    assert len(set(found) | {"cluster", "size"}) == len(names) + 2
    assert found[-1] == "3"


def test_two_sessions_can_ask_for_different_numbers(app, waiting):
    reached, go = waiting
    with_images(app, 3).button(key="find_untrained").click().run()
    reached.wait(30)
    other = with_images(new_session(), 2)
    assert "are being found: 3 of them, seed 0." in texts(other)
    other.button(key="find_untrained").click().run()
    assert len(jobs._all()) >= 2
    go.set()
    for job in list(jobs._all().values()):
        job.join(60)
    built = [job for name, job in jobs._all().items() if name.startswith("untrained_")]
    assert len(built) == 2, "both were started, the second after the graph of the first"
