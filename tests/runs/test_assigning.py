"""New samples through a run: the same answers by every way, a row a sample, and those of training on training data."""

import csv
import io
import os

import numpy as np
import pandas as pd
import pytest

from dsc_core import DeepSpectralClustering, load_run
from dsc_core.analysis import metrics, umap_map
from dsc_core.cli.main import main
from dsc_core.data import open_dataset, open_stream, split_into_blocks
from dsc_core.data.streams import Stream
from dsc_core.errors import InputError
from dsc_core.presets import preset
from dsc_core.runs import Store, assigning, execute
from dsc_core.runs.artifacts import export, labels
from dsc_core.runs.artifacts.labels import labels_csv

# So few steps that batch norm has not settled: without self-training, which would trust the clusters of such codes.
FAST = {
    "epochs": 2,
    "joint_epochs": 1,
    "least_steps": 0,
    "spectral_width": 32,
    "neighbours": 5,
    "batch": 32,
    "self_training": 0.0,
}
AGREE = 0.995


def blobs(tmp_path):
    """Three sources of 120 samples in four groups: coloured images, a table with gaps and words, plain rows."""
    rng = np.random.default_rng(0)
    groups = np.arange(120) % 4
    images = rng.integers(0, 60, (120, 10, 8, 3)) + groups[:, None, None, None] * 60
    np.savez(tmp_path / "colour.npz", x=images.astype(np.uint8), y=groups)
    deep = (images[..., 0] * 16).astype(np.uint16)
    np.save(tmp_path / "deep.npy", deep)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=120) * 1e3 + groups * 5e3,
            "b": rng.normal(size=120) * 1e-3 + groups % 2,
            "kind": np.array(["oak", "ash", "elm", "fir"])[groups],
            "label": groups,
        }
    )
    frame.loc[::17, "a"] = np.nan
    frame.to_csv(tmp_path / "table.csv", index=False)
    np.save(
        tmp_path / "rows.npy", rng.normal(size=(120, 6)) * [1, 1e4, 1e-4, 1, 1, 1] + groups[:, None] * 9 + 3
    )
    return {name: tmp_path / name for name in ("colour.npz", "deep.npy", "table.csv", "rows.npy")}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A really trained run of each source, with the ways of reading labels that there are: {name: (run, source)}."""
    folder, before = tmp_path_factory.mktemp("runs"), os.environ.get("DSC_HOME")
    os.environ["DSC_HOME"] = str(folder / "home")
    store, runs = Store(), {}
    flat = pytest.MonkeyPatch()  # UMAP takes long to compile, and these maps are not looked at
    flat.setattr(umap_map, "lay_out", lambda points, _: umap_map.principal_axes(points, 2))
    ways = {"colour.npz": "diffusion", "deep.npy": "softmax", "table.csv": "kmeans", "rows.npy": "diffusion"}
    for name, path in blobs(folder).items():
        config = preset("no-copies", clusters=4, readout=ways[name], device="cpu", **FAST)
        run_id = store.create(open_dataset(path), config)
        execute(store, run_id)
        runs[name] = (store.get(run_id), path)
    store.close()
    flat.undo()
    if before is None:
        del os.environ["DSC_HOME"]
    else:
        os.environ["DSC_HOME"] = before
    return runs


@pytest.fixture
def at_home(trained, monkeypatch):
    monkeypatch.setenv("DSC_HOME", str(trained["rows.npy"][0].home))


NAMES = ["colour.npz", "deep.npy", "table.csv", "rows.npy"]


def agree(left, right):
    return (np.asarray(left) == np.asarray(right)).mean()


@pytest.mark.parametrize("name", NAMES)
def test_training_data_get_the_labels_of_the_run_by_every_way(trained, at_home, name, tmp_path):
    run, path = trained[name]
    loaded = load_run(run.folder)
    assert len(set(loaded.labels.tolist())) > 1
    assert agree(loaded.assign(open_dataset(path)).labels, loaded.labels) >= AGREE
    assert agree(loaded.assign(open_dataset(path, like=run.dataset)).labels, loaded.labels) >= AGREE
    raw = {
        "colour.npz": lambda: np.load(path)["x"].transpose(0, 3, 1, 2),
        "table.csv": lambda: pd.read_csv(path),
    }
    assert agree(loaded.assign(raw.get(name, lambda: np.load(path))()).labels, loaded.labels) >= AGREE
    assert main(["assign", run.id, str(path), "--out", str(tmp_path / "out.csv")]) == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    kept = list(csv.DictReader(io.StringIO(labels_csv(run).decode())))
    for column in (
        "id",
        "cluster",
        "confidence",
        *(["label", "matched_label"] if "label" in kept[0] else []),
    ):
        pairs = [
            (row[column], own[column])
            for row, own in zip(rows, kept, strict=True)
            if column != "confidence" or row["unseen"] == "0"  # the others have none
        ]
        assert agree(*zip(*pairs, strict=True)) >= AGREE, column


@pytest.mark.parametrize("rows", ["images", "bytes", "table"])
def test_the_estimator_predicts_its_own_labels(rows):
    rng = np.random.default_rng(1)
    groups = np.arange(90) % 3
    X = {
        "images": rng.normal(size=(90, 8, 8)) + groups[:, None, None] * 4 - 7,
        "bytes": (rng.integers(0, 50, (90, 3, 8, 8)) + groups[:, None, None, None] * 90).astype(np.uint8),
        "table": rng.normal(size=(90, 5)) * 1e4 + groups[:, None] * 9e4,
    }[rows]
    model = DeepSpectralClustering(3, settings=FAST).fit(X)
    assert agree(model.predict(X), model.labels_) >= AGREE
    assert model.unseen(X).sum() <= 2  # one of 90 is beyond each limit
    far = np.full((5, *X.shape[1:]), float(X.max()) * 5 + 100)
    assert model.distances(far).min() > np.median(model.distances(X))


def test_rows_standardised_by_themselves_are_refused_and_not_misread(trained):
    run, path = trained["rows.npy"]
    loaded = load_run(run.folder)
    other = path.with_name("other.npy")
    np.save(other, np.load(path)[:40] * 3 + 100)
    with pytest.raises(InputError, match="standardised by its own values"):
        loaded.assign(open_dataset(other))
    assert len(loaded.assign(open_dataset(other, like=run.dataset)).labels) == 40


def test_a_row_s_answer_does_not_depend_on_its_block(trained):
    run, path = trained["colour.npz"]
    loaded = load_run(run.folder)
    assigner = loaded.assigner
    dataset = open_dataset(path, like=run.dataset)
    at_once = assigner.frame(dataset)
    parts = pd.concat([assigner.frame(block) for block in split_into_blocks(dataset, 7)], ignore_index=True)
    for column in ("id", "cluster", "label", "matched_label", "unseen"):
        assert (at_once[column] == parts[column]).all()
    for column in ("confidence", "distance", *labels.MAP_COLUMNS):
        assert np.allclose(at_once[column], parts[column], rtol=1e-3, atol=1e-3, equal_nan=True)


def test_what_is_like_nothing_seen_is_flagged_and_kept_to_be_looked_at(trained):
    run, path = trained["colour.npz"]
    loaded = load_run(run.folder)
    images = np.load(path)["x"][:40].copy()
    images[5:9] = np.random.default_rng(0).choice([0, 255], (4, 10, 8, 3))
    np.save(path.with_name("odd.npy"), images)
    told = []
    with open_stream(path.with_name("odd.npy"), run.dataset, block=16) as stream:
        found = assigning.assign_all(
            loaded.assigner, stream, out := io.BytesIO(), lambda *step: told.append(step)
        )
    assert {"5", "6", "7", "8"} <= set(found.farthest["id"][found.farthest["unseen"] == 1])
    rows = pd.read_csv(io.BytesIO(out.getvalue()))
    assert found.unseen == rows["unseen"].sum() == len(found.farthest)
    assert len(rows) == 40
    assert (rows["confidence"].isna() == (rows["unseen"] == 1)).all()
    strange = found.novelty.score(found.farthest["distance"], found.farthest["error"])
    assert (np.diff(strange) <= 0).all()
    assert (strange > 1).all()
    for row, picture in zip(found.farthest.itertuples(), found.farthest_values, strict=True):
        assert np.allclose(picture, images[int(row.id)].transpose(2, 0, 1) / 255)
    assert told == [(16, 40), (32, 40), (40, 40)]
    assert found.sizes.sum() == found.confidences.sum() + found.unseen == found.samples == 40


def test_columns_keep_the_contract_and_the_match_of_the_run_stands_after_it(trained):
    run, path = trained["colour.npz"]
    loaded = load_run(run.folder)
    labelled = loaded.assign_frame(open_dataset(path, like=run.dataset))
    assert list(labelled)[:9] == [
        "id",
        "cluster",
        "confidence",
        "label",
        "matched_label",
        *labels.MAP_COLUMNS,
    ]
    bare = loaded.assign_frame(open_dataset(path, like=run.dataset, label_column=""))
    assert list(bare)[:7] == ["id", "cluster", "confidence", *labels.MAP_COLUMNS]
    assert list(bare)[7:] == ["matched_label", "distance", "error", "unseen"]
    matched = metrics.match(loaded.labels_true, loaded.labels)
    assert bare["matched_label"].tolist() == [matched.get(cluster) for cluster in bare["cluster"]]
    assert labelled["matched_label"].tolist() == bare["matched_label"].tolist()


def test_the_accuracy_over_blocks_is_that_of_all(trained):
    run, path = trained["colour.npz"]
    loaded = load_run(run.folder)
    with open_stream(path, run.dataset, block=11) as stream:
        found = assigning.assign_all(loaded.assigner, stream, io.BytesIO())
    assert found.acc == pytest.approx(loaded.summary["acc"], abs=0.01)


def test_a_stop_leaves_what_is_written(trained):
    run, path = trained["rows.npy"]
    calls = iter([False, False, True])
    with open_stream(path, run.dataset, block=10) as stream:
        found = assigning.assign_all(
            load_run(run.folder).assigner, stream, out := io.BytesIO(), stop=lambda: next(calls)
        )
    assert (found.stopped, found.samples) == (True, 20)
    assert len(out.getvalue().splitlines()) == 21


def test_a_model_in_a_zip_assigns_as_the_run_does(trained, tmp_path):
    run, path = trained["colour.npz"]
    with open(tmp_path / "model.zip", "wb") as out:
        export.write(run, *export.choose(run, "model.zip", "model"), out)
    packed = load_run(tmp_path / "model.zip")
    assert (
        packed.assign(open_dataset(path, like=packed.run.dataset)).labels == load_run(run.folder).labels
    ).all()


def test_nothing_to_assign_is_one_sentence(trained):
    run, _ = trained["rows.npy"]
    with pytest.raises(InputError, match=r"^nothing holds no samples: .*\.$"):
        assigning.assign_all(load_run(run.folder).assigner, Stream("nothing", 0, iter(())), io.BytesIO())


def test_many_samples_take_the_memory_of_a_block(trained):
    import tracemalloc

    run, path = trained["deep.npy"]
    one = open_dataset(path, like=run.dataset)
    loaded = load_run(run.folder)
    loaded.fitted.novelty  # noqa: B018 - what is kept once is not counted below

    class Nowhere(io.RawIOBase):
        def write(self, content):
            return len(content)

    def peak(times):
        tracemalloc.start()
        assigning.assign_all(loaded.assigner, Stream("many", None, (one for _ in range(times))), Nowhere())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)
    assert peak(40) < peak(10) * 1.3  # a little is kept per file


@pytest.mark.parametrize("form", ["rows", "pixels", "table"])
def test_a_sample_that_is_not_finite_keeps_its_row_and_the_others_are_done(
    trained, at_home, tmp_path, form, capsys
):
    """Their answers are those that they get without it, block by block and at once."""
    name = {"rows": "rows.npy", "pixels": "deep.npy", "table": "table.csv"}[form]
    run, path = trained[name]
    if form == "table":
        good = pd.read_csv(path).head(30)
        bad = good.copy()
        bad["b"] = bad["b"].astype(float)
        bad.loc[[3, 17], "b"] = [np.inf, -np.inf]
        good.to_csv(tmp_path / "good.csv", index=False)
        bad.to_csv(tmp_path / "bad.csv", index=False)
    else:
        good = np.load(path)[:30].astype(np.float32)
        bad = good.copy()
        bad[3].flat[0], bad[17].flat[1] = np.nan, np.inf
        np.save(tmp_path / "good.npy", good)
        np.save(tmp_path / "bad.npy", bad)
    suffix = name[-4:]
    frames = {}
    for which in ("good", "bad"):
        out = io.BytesIO()
        with open_stream(tmp_path / f"{which}{suffix}", run.dataset, block=10) as stream:
            found = assigning.assign_all(load_run(run.folder).assigner, stream, out)
        frames[which] = pd.read_csv(io.BytesIO(out.getvalue()), dtype={"id": str})
    expected, rows = frames["good"], frames["bad"]
    assert len(rows) == 30
    assert rows["cluster"].isna().to_numpy().nonzero()[0].tolist() == [3, 17]
    kept = ~rows["cluster"].isna()
    assert (rows["id"] == expected["id"]).all()
    assert (rows["cluster"][kept] == expected["cluster"][kept]).mean() >= AGREE
    assert rows.loc[~kept, ["confidence", "latent_x", "distance"]].isna().all(axis=None)
    assert [name for name, _ in stream.skipped] == rows["id"][~kept].tolist()
    assert all("infinite" in reason or "NaN" in reason for _, reason in stream.skipped)
    assert (found.samples, found.unassigned, found.sizes.sum()) == (30, 2, 28)
    assert (
        main(["assign", run.id, str(tmp_path / f"bad{suffix}"), "--out", str(tmp_path / "out.csv"), "--json"])
        == 0
    )
    assert '"unassigned": 2' in capsys.readouterr().out


def test_values_beyond_what_the_model_can_take_are_named(trained, tmp_path):
    run, path = trained["rows.npy"]
    rows = np.load(path)[:8].copy()
    rows[5, 0] = 1e38
    np.save(tmp_path / "new.npy", rows)
    with open_stream(tmp_path / "new.npy", run.dataset) as stream:
        found = assigning.assign_all(load_run(run.folder).assigner, stream, io.BytesIO())
    assert found.samples == 8
    assert [name for name, _ in stream.skipped] == (["5"] if found.unassigned else [])


def test_where_no_sample_is_finite_one_sentence_says_so(trained, at_home, tmp_path, capsys):
    run, path = trained["deep.npy"]
    np.save(tmp_path / "bad.npy", np.full((4, *np.load(path).shape[1:]), np.nan, np.float32))
    assert main(["assign", run.id, str(tmp_path / "bad.npy"), "--out", str(tmp_path / "out.csv")]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "'0'" in said
    assert "diverged" not in said


def test_values_unlike_those_of_training_are_said_to_a_script_too(trained):
    run, path = trained["deep.npy"]
    loaded, images = load_run(run.folder), np.load(path)
    with pytest.warns(UserWarning, match="Rescale them"):
        loaded.assign(images // 64)
    rescaled = open_dataset(path, like=run.dataset, rescale=True)
    assert agree(loaded.assign(rescaled).labels, loaded.assign(images).labels) >= AGREE
    bad = images.astype(np.float32)
    bad[7, 0, 0] = np.nan
    with pytest.raises(InputError, match="row 7"):
        loaded.assign(bad)
