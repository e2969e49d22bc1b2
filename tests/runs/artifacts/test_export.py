"""What is taken home from a run comes back whole, says nothing that was not there, and fails in one sentence."""

import io
import json
import re
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dsc_core import load_run
from dsc_core.cli.main import main
from dsc_core.data import Dataset, open_dataset
from dsc_core.errors import InputError, RunError
from dsc_core.runs import Store, execute
from dsc_core.runs.annotations import edits
from dsc_core.runs.artifacts import export
from dsc_core.runs.artifacts.exports import images, kind
from dsc_core.runs.artifacts.exports import labels as labels_export
from dsc_core.runs.artifacts.labels import labels_csv
from dsc_core.runs.artifacts.results import load_results

HOSTILE = "</script><img src=x onerror=alert(1)>"


def exported(run, name, suffix, edited=False) -> bytes:
    out = io.BytesIO()
    kind, suffix = export.choose(run, f"x{suffix}", name)
    export.write(run, kind, suffix, out, edited=edited)
    return out.getvalue()


@pytest.fixture
def run(store, done):
    return store.get(done)


@pytest.fixture
def hostile(store, dataset, config, fake_training):
    """A run whose names are all markup."""
    ids = np.array([f"../../{HOSTILE}/{i}.png" for i in range(30)])
    labels = np.array([f"{HOSTILE}{kind}" for kind in dataset.labels])
    run_id = store.create(Dataset(HOSTILE, dataset.samples, ids, labels, "image", dataset.scaling), config)
    execute(store, run_id)
    return store.get(run_id)


@pytest.fixture
def table_run(store, config, fake_training, tmp_path):
    """A run of a table with a gap, a category, and columns with the names of ours."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": [f"r{i}" for i in range(30)],
            "cluster": rng.normal(5, 100, 30),
            "size": rng.normal(0, 1e-3, 30),
            "kind": np.tile(["oak", "=ash", "elm"], 10),
            "label": np.repeat(["x", "y", "z"], 10),
        }
    )
    frame.loc[3, "size"] = np.nan
    frame.to_csv(tmp_path / "trees.csv", index=False)
    run_id = store.create(open_dataset(tmp_path / "trees.csv"), config)
    execute(store, run_id)
    return store.get(run_id), frame


NEW = """
from dsc_core.runs.artifacts.exports.kind import Export

def write(context):
    context.out.write(b"count %d" % len(context.frame))

EXPORTS = (Export("count", "Count", (".txt",), "The number of samples.", write, order=99),)
"""


def test_a_new_export_is_one_file(run, tmp_path, monkeypatch):
    (tmp_path / "count.py").write_text(NEW)
    monkeypatch.setattr(export.exports, "__path__", [*export.exports.__path__, str(tmp_path)])
    new = export.find_exports()
    assert [one for one in new if one not in export.KINDS] == [new[-1]]
    monkeypatch.setattr(export, "KINDS", new)
    monkeypatch.setattr(export, "NAMES", (*export.NAMES, "count"))
    assert exported(run, "count", ".txt") == b"count 30"


def test_no_two_exports_mean_the_same_suffix():
    suffixes = [suffix for one in export.KINDS for suffix in one.default_for]
    assert len(suffixes) == len(set(suffixes))
    assert all(one.suffixes and set(one.default_for) <= set(one.suffixes) for one in export.KINDS)


def test_labels_are_the_run_s_own_in_both_formats(run):
    assert exported(run, None, ".csv") == labels_csv(run)
    frame = pd.read_parquet(io.BytesIO(exported(run, "labels", ".parquet")))
    pd.testing.assert_frame_equal(frame, load_results(run).labels)


def test_embeddings_come_back_as_arrays_and_as_tables(run, monkeypatch):
    monkeypatch.setattr(kind, "PIECE", 7)
    found = load_run(run.folder)
    for space in ("latent", "spectral"):
        points = np.load(io.BytesIO(exported(run, space, ".npy")), allow_pickle=False)
        assert (points == getattr(found, space)).all()
    frame = pd.read_parquet(io.BytesIO(exported(run, "embeddings", ".parquet")))
    assert frame["id"].tolist() == found.ids.tolist()
    assert (frame["cluster"] == found.labels).all()
    latent = frame[[name for name in frame if name.startswith("latent_")]].to_numpy()
    assert (latent == found.latent).all()


def test_images_come_back_as_a_data_set_with_their_clusters(run, dataset, tmp_path):
    (tmp_path / "data.npz").write_bytes(exported(run, "data", ".npz"))
    again = open_dataset(tmp_path / "data.npz")
    assert (again.samples == dataset.samples).all()
    assert again.ids.tolist() == dataset.ids.tolist()
    assert again.labels.tolist() == dataset.labels.tolist()
    with np.load(tmp_path / "data.npz", allow_pickle=False) as held:
        assert (held["cluster"] == load_results(run).labels["cluster"]).all()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_comes_back_in_its_own_units(table_run, suffix, monkeypatch):
    monkeypatch.setattr(kind, "PIECE", 7)
    run, frame = table_run
    content = io.BytesIO(exported(run, "data", suffix))
    again = pd.read_csv(content, keep_default_na=False) if suffix == ".csv" else pd.read_parquet(content)
    assert list(again.columns) == [
        "id",
        "cluster (data)",
        "size",
        "kind",
        "label",
        "cluster",
        "confidence",
        "matched_label",
    ]
    assert again["id"].tolist() == frame["id"].tolist()
    assert again["label"].tolist() == frame["label"].tolist()
    assert np.allclose(again["cluster (data)"], frame["cluster"], rtol=1e-5)
    filled = frame["size"].fillna(frame["size"].mean())
    assert np.allclose(again["size"], filled, rtol=1e-4, atol=1e-9)
    ash = "'=ash" if suffix == ".csv" else "=ash"
    assert again["kind"].tolist() == frame["kind"].replace("=ash", ash).tolist()
    assert (again["cluster"] == load_results(run).labels["cluster"]).all()


def test_a_zip_of_images_holds_each_one_in_its_cluster_s_folder(run, dataset, monkeypatch):
    monkeypatch.setattr(kind, "PIECE", 7)
    labels = load_results(run).labels
    with zipfile.ZipFile(io.BytesIO(exported(run, "images", ".zip"))) as archive:
        assert archive.testzip() is None
        assert archive.read("labels.csv") == labels_csv(run)
        names = [name for name in archive.namelist() if name != "labels.csv"]
        for place, name in enumerate(names):
            folder, file = name.split("/")
            assert folder == f"cluster-{labels['cluster'][place]}"
            assert file.startswith(f"{place:02d}-")
            pixels = np.asarray(Image.open(io.BytesIO(archive.read(name))))
            assert (pixels == dataset.samples[place, 0]).all()
    assert len(names) == 30


def test_names_in_a_zip_are_safe_and_unique_whatever_the_ids(hostile):
    with zipfile.ZipFile(io.BytesIO(exported(hostile, "images", ".zip"))) as archive:
        names = archive.namelist()
    assert len(set(names)) == len(names) == 31
    assert all(
        re.fullmatch(r"cluster-\d+/[\w.-]+\.png|labels\.csv", name) and ".." not in name for name in names
    )


@pytest.mark.parametrize(
    ("identity", "safe"),
    [
        ("a/b/img 1.png", "img_1"),
        ("..", "image"),
        ("", "image"),
        ("x" * 300, "x" * 60),
        ("C:\\y.JPG", "y"),
        ("日本.png", "日本"),
        ("a/../.png", "image"),
        ("con.", "con"),
        ("\n\t", "image"),
    ],
)
def test_an_id_becomes_a_name_that_every_system_takes(identity, safe):
    assert images.safe_name(identity) == safe


def test_the_model_opens_as_a_zip_and_knows_nothing_of_this_machine(run, dataset, tmp_path):
    (tmp_path / "run.zip").write_bytes(exported(run, "model", ".zip"))
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {run.id}
        assert not any(str(run.home).encode() in archive.read(name) for name in archive.namelist())
    again = load_run(tmp_path / "run.zip")
    assert (again.labels == load_run(run.folder).labels).all()
    assert again.summary["run"] == run.id
    assert again.latent.shape == (30, 2)


@pytest.mark.parametrize("how", ["no zip", "cut", "no run", "climbs", "two runs"])
def test_a_zip_that_is_no_run_is_refused_in_one_sentence(run, tmp_path, how):
    path, whole = tmp_path / "run.zip", exported(run, "model", ".zip")
    if how in ("no zip", "cut"):
        path.write_bytes(b"hello" if how == "no zip" else whole[: len(whole) // 2])
    else:
        names = {
            "no run": ["a/readme.txt"],
            "climbs": ["../config.json"],
            "two runs": ["a/run.json", "b/run.json"],
        }
        with zipfile.ZipFile(path, "w") as archive:
            for name in names[how]:
                archive.writestr(name, "{}")
    with pytest.raises(InputError, match=r"^run\.zip .*\.$"):
        load_run(path)
    assert not (tmp_path.parent / "config.json").exists()


@pytest.mark.parametrize("name", ["maps", "confusion", "curves"])
@pytest.mark.parametrize("suffix", [".svg", ".png", ".html"])
def test_figures_are_pictures_and_their_words_are_escaped(hostile, name, suffix):
    content = exported(hostile, name, suffix)
    if suffix == ".png":
        picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).reshape(-1, 3)
        assert len(np.unique(picture, axis=0)) > 20
        return
    assert HOSTILE.encode() not in content
    if suffix == ".svg":
        from xml.etree import ElementTree

        tree = ElementTree.fromstring(content)
        assert sum(one.tag.endswith(("circle", "rect", "polyline")) for one in tree.iter()) >= 3


def test_a_still_map_has_a_disc_a_sample_in_its_cluster_s_colour(run):
    from xml.etree import ElementTree

    from dsc_core.plots.palette import colour

    tree = ElementTree.fromstring(exported(run, "maps", ".svg"))
    groups = [one for one in tree.iter() if one.tag.endswith("}g") and len(one) > 1]
    sizes = load_results(run).labels["cluster"].value_counts().sort_index()
    assert [(one.get("fill"), len(one)) for one in groups] == 2 * [(colour(k), n) for k, n in sizes.items()]


def test_a_report_tells_the_run_and_asks_no_other_host(hostile):
    text = exported(hostile, "report", ".html").decode()
    body = text[text.index("<body>") :]
    assert HOSTILE not in text
    for word in ("Scores", "Maps", "Confusion matrix", "Samples of each cluster", "Curves", "Settings"):
        assert f"<h2>{word}</h2>" in body
    assert f"{load_results(hostile).scores['acc']:.3f}" in body
    assert body.count("data:image/png;base64,") == 6, (
        "a row of the surest and of the least sure, three clusters"
    )
    assert not re.search(r"(?:src|href)=['\"]?(?:https?:)?//", body)


def test_without_its_data_a_report_stands_and_what_needs_them_is_one_sentence(store, run):
    shutil.rmtree(store.home / "data")
    assert "has no data set" in exported(run, "report", ".html").decode()
    for name, suffix in (("data", ".npz"), ("images", ".zip")):
        with pytest.raises(RunError, match=r"^The workspace has no data set .*\.$"):
            exported(run, name, suffix)


@pytest.mark.parametrize(
    ("file", "what", "words"),
    [
        ("x.zip", None, "--what images or model"),
        ("x.doc", None, r"Unsupported export format \.doc"),
        ("x.csv", "dance", "Unknown export .dance."),
        ("x.csv", "report", r"written as \.html"),
        ("x.csv", "data", r"written as \.npz"),
    ],
)
def test_what_cannot_be_written_is_refused_by_name(run, file, what, words):
    with pytest.raises(InputError, match=words) as refused:
        export.choose(run, file, what)
    assert "\n" not in str(refused.value)


def test_a_run_without_labels_has_no_confusion_matrix(store, dataset, config, fake_training):
    run_id = store.create(
        Dataset("bare", dataset.samples, dataset.ids, None, "image", dataset.scaling), config
    )
    execute(store, run_id)
    run = store.get(run_id)
    assert "confusion" not in {kind.name for kind in export.kinds_of(run)}
    with pytest.raises(InputError, match="it has no labels"):
        export.choose(run, "x.svg", "confusion")
    assert "none of these scores is accuracy" in exported(run, "report", ".html").decode()


def test_a_full_disk_leaves_no_half_file_and_says_so(run, tmp_path, capfd, monkeypatch):
    resource = pytest.importorskip("resource", reason="only Unix can limit the size of a file")
    (tmp_path / "images.zip").write_bytes(b"what was there before")
    real, before = export.write, resource.getrlimit(resource.RLIMIT_FSIZE)

    def with_little_room(*arguments):
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (2000, before[1])
        )  # the next byte is refused, as on a full disk
        try:
            real(*arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    monkeypatch.setattr(export, "write", with_little_room)
    code = main(["export", run.id, "--out", str(tmp_path / "images.zip"), "--what", "images"])
    out, err = capfd.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "images.zip cannot be written" in err
    assert (tmp_path / "images.zip").read_bytes() == b"what was there before"
    assert [path.name for path in tmp_path.iterdir() if "images" in path.name] == ["images.zip"]


def test_everything_is_written_from_the_command_line(run, tmp_path, capfd):
    for one in export.kinds_of(run):
        if one.name == "onnx":
            continue
        for suffix in one.suffixes:
            out = tmp_path / f"{one.name}{suffix}"
            assert main(["export", run.id, "--out", str(out), "--what", one.name, "--json"]) == 0
            assert json.loads(capfd.readouterr().out)["what"] == one.name
            assert out.stat().st_size > 200
    assert Store().get(run.id).status == "done"


# Edits ------------------------------------------------------------------------------------------------------


@pytest.fixture
def edited(run):
    """The run with one cluster merged into another, which has a name of markup, and two samples moved to a new one."""
    frame = load_results(run).labels
    log = edits.of_run(run, frame)
    first, second = np.unique(frame["cluster"])[:2].tolist()
    log.merge(first, second)
    log.name(second, "=ones / <i>")
    return run, frame, log.move([3, 4], None)


def test_without_edits_there_is_no_edited_version(run):
    with pytest.raises(InputError, match="has no edits"):
        exported(run, "labels", ".csv", edited=True)


def test_what_edits_do_not_touch_says_so(edited):
    with pytest.raises(InputError, match="leave --edited out"):
        exported(edited[0], "latent", ".npy", edited=True)


def test_edited_labels_stand_beside_the_runs_own(edited):
    run, frame, now = edited
    for suffix, read in ((".csv", pd.read_csv), (".parquet", pd.read_parquet)):
        taken = read(io.BytesIO(exported(run, "labels", suffix, edited=True)))
        assert list(taken) == [*frame, "edited_cluster", "edited_name"]
        assert taken["cluster"].tolist() == frame["cluster"].tolist()
        assert taken["edited_cluster"].tolist() == now.labels.tolist()
        assert {name.lstrip("'") for name in taken["edited_name"]} == {
            now.title(c) for c in np.unique(now.labels)
        }
        plain = read(io.BytesIO(exported(run, "labels", suffix)))
        assert list(plain) == list(frame)
    assert exported(run, "labels", ".csv") == labels_csv(run)


def test_edited_labels_are_the_same_in_one_piece_and_in_many(edited, monkeypatch):
    whole = exported(edited[0], "labels", ".csv", edited=True)
    monkeypatch.setattr(labels_export, "PIECE", 7)
    assert exported(edited[0], "labels", ".csv", edited=True) == whole


def test_images_are_sorted_by_the_edited_clusters_and_their_names(edited):
    run, frame, now = edited
    for asked, clusters in ((True, now.labels), (False, frame["cluster"].to_numpy())):
        with zipfile.ZipFile(io.BytesIO(exported(run, "images", ".zip", edited=asked))) as archive:
            names = [name for name in archive.namelist() if name.endswith(".png")]
            table = pd.read_csv(archive.open("labels.csv"))
        folders = [name.partition("/")[0] for name in names]
        assert [int(folder.split("-")[1]) for folder in folders] == clusters.tolist()
        assert any(folder.endswith("-ones_i") for folder in folders) == asked
        assert ("edited_cluster" in table) == asked


def test_the_report_goes_by_the_edited_clusters_and_says_so(edited):
    run, _, now = edited
    text = exported(run, "report", ".html", edited=True).decode()
    assert "3 edits in force" in text
    assert "merged into" in text
    assert "<i>" not in text.partition("</script>")[2]
    assert "&lt;i&gt;" in text
    assert text.count("<h3>Cluster ") == len(np.unique(now.labels))
    assert "ACC, edited" in text
    plain = exported(run, "report", ".html").decode()
    assert "edits in force" not in plain
    assert plain.count("<h3>Cluster ") == run.clusters


def test_maps_and_matrix_go_by_the_edited_clusters(edited):
    for name, suffix in (("maps", ".svg"), ("maps", ".html"), ("confusion", ".svg"), ("confusion", ".html")):
        content = exported(edited[0], name, suffix, edited=True).decode()
        assert "=ones" in content
        assert content != exported(edited[0], name, suffix).decode()


def test_data_take_the_edited_clusters_along(edited, table_run):
    _, frame, now = edited
    with np.load(io.BytesIO(exported(edited[0], "data", ".npz", edited=True))) as arrays:
        assert arrays["edited_cluster"].tolist() == now.labels.tolist()
        assert arrays["cluster"].tolist() == frame["cluster"].tolist()
    run, _ = table_run
    log = edits.of_run(run, load_results(run).labels)
    now = log.move([0, 5], None)
    taken = pd.read_csv(io.BytesIO(exported(run, "data", ".csv", edited=True)))
    assert taken["edited_cluster"].tolist() == now.labels.tolist()


def test_the_command_line_takes_the_edited_version(edited, tmp_path, capsys):
    run, _, now = edited
    out = tmp_path / "labels.csv"
    assert main(["export", run.id, "--out", str(out), "--edited"]) == 0
    assert pd.read_csv(out)["edited_cluster"].tolist() == now.labels.tolist()
    assert main(["export", run.id, "--out", str(tmp_path / "z.npy"), "--what", "latent", "--edited"]) == 2
    assert "--edited" in capsys.readouterr().err
