"""Data page: what is wrong is said in one sentence, and what was chosen before stays chosen."""

import io
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
import scipy.io

from pages.shared.data import importing


def npy(array) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "."), content)
    return out.getvalue()


def png(height: int, width: int, value: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    pixels = np.full((height, width), value, np.uint8)
    pixels[: height // 2] = 255 - value
    Image.fromarray(pixels).save(out, "png")
    return out.getvalue()


def upload(app, name: str, content: bytes):
    """Give a file to the uploader, and press Open where the page asks how to read it."""
    app.file_uploader[0].set_value((name, content, "application/octet-stream")).run()
    openers = [button for button in app.button if button.key == "open_source"]
    return openers[0].click().run() if openers and not app.error else app


BAD = {
    "text that calls itself NumPy": ("a.npy", b"this is no array"),
    "text that calls itself a ZIP": ("a.zip", b"this is no archive"),
    "an archive without images": ("a.zip", archive(readme__txt=b"hello", notes__md=b"world")),
    "pickled objects": ("a.npy", npy(np.array([{"a": 1}] * 20, dtype=object))),
    "constant data": ("a.npy", npy(np.full((40, 8, 8), 7, np.uint8))),
    "missing values": ("a.npy", npy(np.where(np.eye(40, 64).reshape(40, 8, 8) > 0, np.nan, 1.0))),
    "too few samples": ("a.npy", npy(np.random.default_rng(0).integers(0, 255, (4, 8, 8), np.uint8))),
    "an empty file": ("a.csv", b""),
    "a format that is not read": ("a.docx", b"PK something"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_sentence_and_the_previous_data_set_stays(app, what):
    app.run()
    app.button(key="use_digits").click().run()
    assert not app.exception
    key = app.query_params["data"]
    upload(app, *BAD[what])
    assert not app.exception
    assert len(app.error) == 1
    assert app.error[0].value.endswith("\\.")
    assert "Traceback" not in app.error[0].value
    assert app.query_params["data"] == key
    assert any(metric.value == "1,797" for metric in app.metric)


def test_bad_input_before_any_data_leaves_the_ways_to_choose(app):
    app.run()
    upload(app, *BAD["text that calls itself NumPy"])
    assert len(app.error) == 1
    assert app.button(key="use_digits")
    assert "data" not in app.query_params


def test_an_upload_is_shown_kept_on_disk_and_let_go(app, workspace):
    app.run()
    before = app.file_uploader[0].key
    upload(app, "noise.npy", npy(np.random.default_rng(0).integers(0, 255, (50, 12, 10), np.uint8)))
    assert not app.exception
    assert not app.error
    assert {metric.label: metric.value for metric in app.metric}["Shape"] == "1 × 12 × 10"
    assert len(list((workspace / "uploads").glob("*/noise.npy"))) == 1
    assert app.file_uploader[0].key != before
    assert app.file_uploader[0].value is None


def test_mixed_sizes_are_seen_before_the_first_attempt(app):
    """The form proposes a size at once, says why, and takes it back for a file that needs none."""
    app.run()
    members = {f"i{n}__png": png(10 + n % 2 * 4, 12, 5 * n) for n in range(24)}
    app.file_uploader[0].set_value(("mixed.zip", archive(**members), "application/zip")).run()
    assert not app.error
    assert app.toggle(key="resize").value
    assert any("differ in size" in caption.value and "14×12" in caption.value for caption in app.caption)
    height, width = (app.number_input(key=f"resize_{side}").value for side in ("height", "width"))
    app.button(key="open_source").click().run()
    assert not app.error
    assert {metric.label: metric.value for metric in app.metric}["Shape"] == f"1 × {height} × {width}"
    alike = archive(**{f"i{n}__png": png(10, 12, 5 * n) for n in range(24)})
    app.file_uploader[0].set_value(("alike.zip", alike, "application/zip")).run()
    assert not app.toggle(key="resize").value
    assert "looked_at" not in app.session_state, "the Results page keeps its open sample there"


def test_sizes_that_the_first_look_missed_are_proposed_after_the_error(app, monkeypatch):
    from dsc_core.data import image_look

    monkeypatch.setattr(image_look, "HEADERS", 1)
    app.run()
    members = {f"i{n}__png": png(10 if n < 23 else 14, 12, 5 * n) for n in range(24)}
    upload(app, "mixed.zip", archive(**members))
    assert len(app.error) == 1
    assert app.toggle(key="resize").value
    app.button(key="open_source").click().run()
    assert not app.error


def test_an_upload_leaves_its_form_alone_on_the_page_until_it_is_put_away(app):
    app.run()
    members = {f"i{n}__png": png(12, 12, 9 * n) for n in range(24)}
    app.file_uploader[0].set_value(("a.zip", archive(**members), "application/zip")).run()
    assert [title.value for title in app.title] == ["Open data"]
    assert not [button for button in app.button if button.key.startswith("use_")]
    app.button(key="close_source").click().run()
    assert [title.value for title in app.title] == ["Choose data"]
    assert not [button for button in app.button if button.key == "open_source"]


def test_one_button_leads_on_while_the_form_of_the_next_data_is_open(app):
    def leading():
        return [button.key for button in app.button if button.proto.type == "primary"]

    app.run()
    upload(app, "first.npy", npy(np.random.default_rng(0).random((30, 8, 8))))
    assert leading() == ["continue"]
    app.file_uploader[0].set_value(("b.csv", b"a,b\n" + b"1.5,2\n2.5,3\n" * 20, "text/csv")).run()
    assert leading() == ["open_source"]


def test_files_that_are_no_images_are_not_said_to_be_unreadable(app):
    app.run()
    members = {f"i{n:02}__png": png(12, 12, 9 * n) for n in range(24)}
    members["i05__png"] = members["i05__png"][:40]
    upload(app, "some.zip", archive(**members, readme__txt=b"hello"))
    assert [warning.value for warning in app.warning] == ["1 file could not be read and was skipped."]
    assert "1 file is not an image and was skipped." in [caption.value for caption in app.caption]
    assert sorted(app.dataframe[0].value["file"]) == ["i05.png", "readme.txt"]


def test_pages_and_folders_are_asked_for_where_there_are_any(app):
    from PIL import Image

    from tests.data.writers import encoded, grey

    def stack(seed):
        pages = [Image.fromarray(grey(seed + page)) for page in range(3)]
        return encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])

    app.run()
    members = {f"set/{who}/{side}/{n}__tif": stack(9 * n) for n in range(3) for who in "ab" for side in "lr"}
    app.file_uploader[0].set_value(("a.zip", archive(**members), "application/zip")).run()
    app.segmented_control[0].set_value("all").run()
    app.toggle(key="folders_are_labels").set_value(True).run()
    app.selectbox[0].set_value(2).run()
    app.button(key="open_source").click().run()
    assert not app.error
    shown = {metric.label: metric.value for metric in app.metric}
    assert (shown["Samples"], shown["Classes"]) == ("36", "2")


def test_a_broken_image_is_left_out_and_listed(app):
    app.run()
    members = {f"i{n:02}__png": png(12, 12, 9 * n) for n in range(24)}
    members["i05__png"] = members["i05__png"][:40]
    upload(app, "some.zip", archive(**members))
    assert not app.error
    assert {metric.label: metric.value for metric in app.metric}["Samples"] == "23"
    assert len(app.warning) == 1
    assert app.dataframe[0].value["file"].tolist() == ["i05.png"]


def test_a_table_asks_for_its_columns_and_takes_the_label_out(app):
    rng = np.random.default_rng(0)
    rows = "\n".join(f"{a:.3f},{b:.3f},{'xy'[i % 2]}" for i, (a, b) in enumerate(rng.normal(size=(40, 2))))
    app.run()
    upload(app, "t.csv", f"width,height,label\n{rows}\n".encode())
    assert not app.exception
    shown = {metric.label: metric.value for metric in app.metric}
    assert (shown["Samples"], shown["Shape"], shown["Classes"]) == ("40", "2", "2")


def test_a_hostile_file_name_stays_inside_the_workspace_and_is_no_markup(app, workspace):
    app.run()
    upload(app, "../../<img src=x>[a](b).npy", b"no array")
    assert not list(workspace.parent.glob("*.npy"))
    assert "<img" not in app.error[0].value.replace("\\<", "")


def test_a_long_file_name_in_letters_of_many_bytes_is_cut_and_keeps_its_suffix(app, workspace):
    app.run()
    upload(app, f"{'写' * 120}.npy", npy(np.arange(400.0).reshape(40, 10) % 7))
    assert not app.error
    (kept,) = (workspace / "uploads").glob("*/*")
    assert kept.name.endswith("写.npy")
    assert len(kept.name.encode()) < 255


def test_an_address_of_a_data_set_that_is_not_here_is_said(app):
    app.query_params["data"] = "0" * 32
    app.run()
    assert not app.exception
    assert len(app.warning) == 1
    assert app.button(key="use_digits")


def test_a_tar_asks_whether_folders_are_labels(app):
    members = {f"{'ab'[n % 2]}/i{n:02}.png": png(12, 12, 9 * n) for n in range(24)}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    app.run()
    app.file_uploader[0].set_value(("some.tar.gz", out.getvalue(), "application/gzip")).run()
    app.toggle(key="folders_are_labels").set_value(True).run()
    app.button(key="open_source").click().run()
    assert not app.error
    shown = {metric.label: metric.value for metric in app.metric}
    assert (shown["Samples"], shown["Classes"]) == ("24", "2")


@pytest.mark.parametrize("name", ["a.h5", "a.mat", "a.npz"])
def test_which_array_is_what_is_guessed_and_can_be_changed(app, tmp_path, name):
    rng = np.random.default_rng(0)
    arrays = {
        "x": rng.integers(0, 255, (20, 80), np.uint8),
        "faces": rng.integers(0, 255, (20, 9, 8), np.uint8),
        "y": np.arange(20.0)[:, None] % 2,
    }
    if name == "a.npz":
        np.savez(tmp_path / name, **arrays)
    elif name == "a.mat":
        scipy.io.savemat(tmp_path / name, arrays)
    else:
        with h5py.File(tmp_path / name, "w") as file:
            for key, array in arrays.items():
                file[key] = array
    app.run()
    app.file_uploader[0].set_value((name, (tmp_path / name).read_bytes(), "application/octet-stream")).run()
    assert not app.exception
    picks = {box.label: box for box in app.selectbox if box.label in ("Samples", "Labels", "Ids")}
    assert (picks["Samples"].value, picks["Labels"].value, picks["Ids"].value) == ("x", "y", "")
    assert any(field.label == "Image shape" for field in app.text_input)
    picks["Samples"].set_value("faces").run()
    assert not any(field.label == "Image shape" for field in app.text_input)
    app.button(key="open_source").click().run()
    assert not app.exception
    assert not app.error
    shown = {metric.label: metric.value for metric in app.metric}
    assert (shown["Samples"], shown["Shape"], shown["Classes"]) == ("20", "1 × 9 × 8", "2")


def test_rows_of_pixels_from_matlab_can_be_laid_out_either_way(app, tmp_path, workspace):
    from dsc_core.data import load_dataset

    images = np.random.default_rng(0).integers(0, 255, (20, 9, 8), np.uint8)
    scipy.io.savemat(tmp_path / "a.mat", {"fea": images.reshape(20, -1), "gnd": np.arange(20.0)[:, None] % 2})
    app.run()
    app.file_uploader[0].set_value(
        ("a.mat", (tmp_path / "a.mat").read_bytes(), "application/octet-stream")
    ).run()
    next(field for field in app.text_input if field.label == "Image shape").set_value("9 x 8").run()
    next(one for one in app.toggle if one.label == "Column-major pixels").set_value(False).run()
    app.button(key="open_source").click().run()
    assert not app.error
    assert np.array_equal(load_dataset(app.query_params["data"], workspace).samples[:, 0], images)


def test_a_public_set_is_fetched_only_behind_its_choice(app, monkeypatch, workspace):
    from dsc_core.data.readers import public

    asked = []

    def answer(number, cache):
        asked.append(number)
        return np.random.default_rng(0).integers(0, 256, (20, 64)), np.arange(20) % 10

    monkeypatch.setitem(public.PUBLIC, "usps", public.Public(41082, 12, 8, (1, 8, 8)))
    monkeypatch.setattr(public, "_from_openml", answer)
    app.run()
    assert not asked
    assert not any(button.key == "use_usps" for button in app.button)
    app.selectbox(key="to_fetch").set_value("usps").run()
    assert not asked
    app.button(key="fetch").click().run()
    assert asked == [41082]
    assert not app.error
    assert {metric.label: metric.value for metric in app.metric}["Samples"] == "20"
    assert app.button(key="use_usps")
    assert "usps" not in app.selectbox(key="to_fetch").options


def test_without_a_network_the_page_says_where_to_put_the_file(app, monkeypatch):
    def no_network(number, cache):
        raise OSError("no route")

    monkeypatch.setattr("dsc_core.data.readers.public._from_openml", no_network)
    app.run()
    app.button(key="fetch").click().run()
    assert not app.exception
    assert len(app.error) == 1
    assert "DSC\\_DATA" in app.error[0].value


def test_an_import_that_is_given_up_is_forgotten_and_the_page_comes_back(app, monkeypatch, workspace):
    """AppTest waits for a script's end, so the import is one that was begun before this run of the page."""
    import threading

    go_on = threading.Event()

    def slow(source, folder, progress, **options):
        progress("Reading", 1, 4)
        go_on.wait(30)
        progress("Reading", 2, 4)
        return "never"

    monkeypatch.setattr(importing, "import_data", slow)
    job = importing.Import("digits", workspace, {})
    job.start()
    while job.progress[1] != 1:
        job.join(0.01)
    assert (job.share, job.message) == (0.25, "Reading")
    job.cancelled = True
    go_on.set()
    job.join(30)
    assert job.key is None
    assert job.problem is None
    app.run()
    assert not app.exception
    assert app.button(key="use_digits")


def test_a_fault_of_the_program_in_an_import_is_a_sentence(app, monkeypatch):

    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(importing, "import_data", broken)
    app.run()
    app.button(key="use_digits").click().run()
    assert not app.exception
    assert len(app.error) == 1
    assert "internal error" in app.error[0].value


def test_the_look_before_training_counts_and_names(app):
    app.run()
    pictures = np.random.default_rng(0).integers(0, 255, (40, 8, 8), np.uint8)
    pictures[7] = pictures[3]
    pictures[9] = 100
    upload(app, "odd.npy", npy(pictures))
    assert not app.exception
    shown = {metric.label: metric.value for metric in app.metric}
    assert (shown["Duplicates"], shown["Near-constant"]) == ("1", "1")
    tables = [frame.value for frame in app.dataframe if "same as" in frame.value]
    assert tables[0].values.tolist() == [["7", "3"]]
    before = app.session_state["preview_seed"]
    app.button(key="reshuffle").click().run()
    assert app.session_state["preview_seed"] == before + 1


def test_a_script_in_the_name_of_a_member_is_text_in_the_map_the_table_and_the_page(app):
    script = "<img src=x onerror=alert(1)>"
    app.run()
    members = {f"{script}{n}__png": png(12, 12, 9 * n) for n in range(24)}
    members[f"{script}0__png"] = members[f"{script}0__png"][:40]  # left out, and so listed
    members[f"{script}flat__png"] = png(12, 12, 127)  # near-constant, and so named
    upload(app, "some.zip", archive(**members))
    assert not app.exception
    figure = app.get("plotly_chart")[0].proto.spec
    assert "onerror" in figure
    assert "<img" not in figure.replace("\\u003c", "<")
    for element in (*app.markdown, *app.caption, *app.warning):
        assert "<img" not in element.value.replace("\\<", "")


def labelled(widgets, label):
    return next(widget for widget in widgets if widget.label == label)


def captions(app) -> str:
    return "\n".join(caption.value for caption in app.caption)


def test_how_the_images_of_an_archive_are_read_is_chosen_on_a_preview(app, workspace):
    from dsc_core.data import load_dataset, open_dataset

    app.run()
    members = {f"i{n:02}__png": png(16, 32, 5 * n) for n in range(24)}
    app.file_uploader[0].set_value(("wide.zip", archive(**members), "application/zip")).run()
    assert not app.exception
    assert "Network input**: 1 × 16 × 32" in captions(app)
    app.toggle(key="crop").set_value(True).run()
    assert "1 × 16 × 16" in captions(app)
    app.toggle(key="resize").set_value(True).run()
    app.number_input(key="resize_height").set_value(80)
    app.number_input(key="resize_width").set_value(80).run()
    assert "1 × 80 × 80. Encoder: 4 convolutions" in captions(app)
    labelled(app.segmented_control, "Channels").set_value("colour").run()
    app.button(key="open_source").click().run()
    assert not app.exception
    assert not app.error
    found = load_dataset(app.query_params["data"], workspace)
    assert found.shape == (3, 80, 80)
    path = next(workspace.glob("uploads/*/wide.zip"))
    again = open_dataset(path, size=(80, 80), crop=True, channels="colour")
    assert np.array_equal(found.samples, again.samples)


def test_a_data_set_that_was_read_at_once_can_be_read_otherwise(app, workspace):
    from dsc_core.data import load_dataset

    images = np.random.default_rng(0).integers(0, 255, (30, 12, 20, 3), np.uint8)
    app.run()
    upload(app, "a.npy", npy(images))
    plain = app.query_params["data"]
    app.session_state["adjust"] = True
    app.run()
    assert "Network input**: 3 × 12 × 20" in captions(app)
    labelled(app.toggle, "Center crop").set_value(True).run()
    labelled(app.segmented_control, "Channels").set_value("grey").run()
    assert "Network input**: 1 × 12 × 12" in captions(app)
    app.button(key="adjust_open").click().run()
    assert not app.exception
    assert not app.error
    assert load_dataset(app.query_params["data"], workspace).shape == (1, 12, 12)
    app.session_state["adjust"] = True
    app.run()
    labelled(app.toggle, "Center crop").set_value(False).run()
    assert "Network input**: 1 × 12 × 20" in captions(app)
    labelled(app.segmented_control, "Channels").set_value("unchanged").run()
    app.button(key="adjust_open").click().run()
    assert app.query_params["data"] == plain


def test_a_path_of_the_machine_is_read_only_in_the_folders_that_the_configuration_allows(
    app, tmp_path, monkeypatch
):
    for name in ("open", "closed"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "a.npy", np.random.default_rng(0).integers(0, 255, (20, 9, 8), np.uint8))
    monkeypatch.setenv("DSC_FOLDERS", str(tmp_path / "open"))
    app.run()
    app.text_input(key="path").set_value(str(tmp_path / "open" / ".." / "closed" / "a.npy")).run()
    app.button(key="open_path").click().run()
    assert not app.exception
    assert len(app.error) == 1
    assert "DSC\\_FOLDERS" in app.error[0].value
    assert "data" not in app.query_params
    app.text_input(key="path").set_value(str(tmp_path / "open" / "a.npy")).run()
    app.button(key="open_path").click().run()
    assert not app.error
    assert {metric.label: metric.value for metric in app.metric}["Samples"] == "20"
