"""Public sets by name: at hand, fetched once, and the sentence where there is no network."""

import gzip
import hashlib
import io
import json
import threading
from email.message import Message
from urllib.error import HTTPError, URLError

import numpy as np
import pytest

from dsc_core.data import fetchable_names, open_dataset, sample_names
from dsc_core.data.readers import public as public_sets
from dsc_core.errors import InputError

REAL, REAL_FETCH = dict(public_sets.PUBLIC), public_sets._from_openml
RNG = np.random.default_rng(0)
SMALL = {
    "mnist": public_sets.Public(554, 12, 4, (1, 8, 9)),
    "usps": public_sets.Public(41082, 12, 4, (1, 8, 8)),
    "fashion-mnist": public_sets.Public(40996, 12, 4, (1, 8, 8), public_sets.FASHION),
    "cifar10": public_sets.Public(40927, 12, 4, (3, 8, 9), public_sets.CIFAR),
}


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    """An empty workspace, no DSC_DATA, and a network that a test has to bring."""
    monkeypatch.setenv("DSC_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DSC_DATA", raising=False)
    monkeypatch.setattr(public_sets, "_from_openml", no_network)
    for name, known in SMALL.items():
        monkeypatch.setitem(public_sets.PUBLIC, name, known)
    return tmp_path / "home"


def no_network(number, cache):
    raise URLError("[Errno -3] Temporary failure in name resolution")


def openml(monkeypatch, pixels, labels):
    """Let OpenML give this; the list counts how often it was asked, and for what."""
    asked = []

    def answer(number, cache):
        asked.append(number)
        (cache / "download").write_bytes(b"x" * 1000)
        return pixels, labels

    monkeypatch.setattr(public_sets, "_from_openml", answer)
    return asked


def test_the_real_sets_have_the_sizes_that_their_authors_give():
    sizes = {name: (known.train + known.test, known.shape) for name, known in REAL.items()}
    assert sizes == {
        "mnist": (70_000, (1, 28, 28)),
        "fashion-mnist": (70_000, (1, 28, 28)),
        "kmnist": (70_000, (1, 28, 28)),
        "usps": (9_298, (1, 16, 16)),
        "cifar10": (60_000, (3, 32, 32)),
    }
    assert all(known.classes is None or len(set(known.classes)) == 10 for known in REAL.values())


def test_a_set_is_fetched_once_and_then_at_hand(monkeypatch, workspace):
    pixels, labels = RNG.integers(0, 256, (16, 72)).astype(float), np.array(list("0123456789012345"), object)
    asked = openml(monkeypatch, pixels, labels)
    assert "mnist" in fetchable_names()
    assert "mnist" not in sample_names()
    first, second = open_dataset("mnist"), open_dataset("mnist")
    assert asked == [554]
    assert np.array_equal(first.samples.reshape(16, 72), pixels)
    assert first.samples.dtype == np.uint8
    assert first.shape == (1, 8, 9)
    assert first.labels.tolist() == [int(label) for label in labels]
    assert np.array_equal(second.samples, first.samples)
    assert "mnist" in sample_names()
    assert "mnist" not in fetchable_names()
    assert [path.name for path in (workspace / "public").iterdir()] == ["mnist.npz"]


def test_the_data_folder_comes_before_the_network(monkeypatch, tmp_path):
    asked = openml(monkeypatch, np.zeros((16, 72)), np.zeros(16))
    monkeypatch.setenv("DSC_DATA", str(tmp_path))
    parts = {"x_train": RNG.integers(0, 256, (6, 8, 9), dtype=np.uint8), "y_train": np.arange(6)}
    np.savez(tmp_path / "mnist.npz", **parts, x_test=parts["x_train"][:4], y_test=np.arange(4))
    assert len(open_dataset("mnist")) == 10
    assert asked == []


def test_rows_of_cifar_are_planes_of_red_green_and_blue(monkeypatch):
    colours = RNG.integers(0, 256, (16, 3, 8, 9), dtype=np.uint8)
    openml(monkeypatch, colours.reshape(16, -1), np.arange(16) % 10)
    dataset = open_dataset("cifar10")
    assert np.array_equal(dataset.samples, colours)
    assert dataset.labels[:3].tolist() == ["airplane", "automobile", "bird"]


def test_the_test_part_alone_comes_from_the_same_file(monkeypatch):
    asked = openml(monkeypatch, RNG.integers(0, 256, (16, 64)), np.arange(16) % 10)
    whole, part = open_dataset("fashion-mnist"), open_dataset("fashion-mnist-test")
    assert asked == [40996]
    assert np.array_equal(part.samples, whole.samples[12:])
    assert part.labels[0] == "Pullover"


def test_decimals_and_labels_from_one_become_bytes_and_labels_from_zero(monkeypatch):
    """USPS on OpenML: -1 to 1, classes 1 to 10."""
    levels = RNG.integers(0, 256, (16, 64))
    levels[0, :2] = 0, 255
    openml(monkeypatch, levels / 127.5 - 1, np.array([str(1 + i % 10) for i in range(16)], object))
    dataset = open_dataset("usps")
    assert np.array_equal(dataset.samples.reshape(16, 64), levels)
    assert dataset.labels.tolist() == [i % 10 for i in range(16)]


@pytest.mark.parametrize(
    "name", ["mnist", "usps", "fashion-mnist", "fashion-mnist-test", "kmnist", "cifar10"]
)
def test_without_a_network_one_sentence_says_where_to_put_the_file(name, workspace):
    with pytest.raises(InputError) as caught:
        open_dataset(name)
    file = name.removesuffix("-test")
    assert f"put the file {file}.npz" in str(caught.value)
    assert "DSC_DATA" in str(caught.value)
    assert "name resolution" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list((workspace / "public").iterdir()) == []


@pytest.mark.parametrize(
    ("pixels", "labels"),
    [
        (np.zeros((15, 72)), np.zeros(15)),
        (np.zeros((16, 71)), np.zeros(16)),
        (np.zeros((16, 72)), ["a"] * 16),
    ],
)
def test_another_set_under_the_same_number_is_refused(monkeypatch, workspace, pixels, labels):
    openml(monkeypatch, pixels, np.array(labels))
    with pytest.raises(InputError, match="another data set"):
        open_dataset("mnist")
    assert list((workspace / "public").iterdir()) == []


def test_progress_tells_the_bytes_and_can_end_the_waiting(monkeypatch, workspace):
    go_on, told = threading.Event(), []

    def slow(number, cache):
        (cache / "download").write_bytes(b"x" * 1000)
        go_on.wait(20)
        return np.zeros((16, 72)), np.zeros(16)

    def progress(done, total):
        told.append((done, total))
        if done:
            raise KeyError

    monkeypatch.setattr(public_sets, "_from_openml", slow)
    with pytest.raises(KeyError):
        open_dataset("mnist", progress=progress)
    go_on.set()
    assert told[-1] == (1000, 0)
    assert not (workspace / "public" / "mnist.npz").exists()


# What scikit-learn makes of OpenML's answers, up to the network ---------------------------------------------


class Answer(io.BytesIO):
    """What urlopen returns."""

    def __init__(self, body: bytes, encoding: str = ""):
        super().__init__(gzip.compress(body) if encoding == "gzip" else body)
        self.headers = Message()
        self.headers["Content-Encoding"] = encoding

    def info(self):
        return self.headers


class Server:
    """OpenML as seen through urlopen: a set's description, its features, its qualities and its ARFF file."""

    API = "https://www.openml.org/api/v1/json/data/"

    def __init__(self, number, columns, rows, sparse=False, target="class"):
        kind = {name: "nominal" if values else "numeric" for name, values in columns.items()}
        self.arff = "\n".join(
            [
                "% a comment",
                "@RELATION a_set",
                *(
                    f"@ATTRIBUTE {name} {'{' + ','.join(v) + '}' if v else 'REAL'}"
                    for name, v in columns.items()
                ),
                "@DATA",
                *(self.written(row, columns, sparse) for row in rows),
                "",
            ]
        ).encode()
        self.file = f"https://api.openml.org/data/v1/download/{number + 7}/a_set.arff"
        description = {
            "id": str(number),
            "name": "a_set",
            "version": "1",
            "status": "active",
            "description": "Images.",
            "format": "Sparse_ARFF" if sparse else "ARFF",
            "url": self.file,
            "default_target_attribute": target,
            "md5_checksum": hashlib.md5(self.arff).hexdigest(),
        }
        features = [
            {
                "index": str(place),
                "name": name,
                "data_type": kind[name],
                "number_of_missing_values": "0",
                "is_target": str(name == target).lower(),
                "is_ignore": "false",
                "is_row_identifier": "false",
            }
            for place, name in enumerate(columns)
        ]
        quality = [{"name": "NumberOfInstances", "value": f"{len(rows)}.0"}]
        self.answers = {
            f"{self.API}{number}": {"data_set_description": description},
            f"{self.API}features/{number}": {"data_features": {"feature": features}},
            f"{self.API}qualities/{number}": {"data_qualities": {"quality": quality}},
        }
        self.asked = []

    @staticmethod
    def written(row, columns, sparse):
        if not sparse:
            return ",".join(map(str, row))
        # of a nominal attribute the first value is left out, as zeros are
        lacking = [values[0] if values else "0" for values in columns.values()]
        told = (f"{place} {value}" for place, value in enumerate(row) if str(value) != lacking[place])
        return "{" + ",".join(told) + "}"

    def __call__(self, request):
        url = request.full_url
        self.asked.append(url)
        if url == self.file:
            return Answer(self.arff, "gzip")
        if url in self.answers:
            return Answer(json.dumps(self.answers[url]).encode())
        raise HTTPError(url, 412, "Precondition Failed", Message(), io.BytesIO(b"{}"))


@pytest.fixture
def serve(monkeypatch):
    """serve(server): let the network be that server."""

    def put(server):
        monkeypatch.setattr(public_sets, "_from_openml", REAL_FETCH)
        monkeypatch.setattr("sklearn.datasets._openml.urlopen", server)
        return server

    return put


def pixel_columns(count):
    return {f"pixel{place}": None for place in range(1, count + 1)}


NAMED = {"class": [str(label) for label in range(10)]}


def test_openml_s_answers_become_a_data_set_that_is_asked_for_once(serve, workspace):
    pixels = RNG.integers(0, 256, (16, 72))
    pixels[0, :2] = 0, 255
    # some programs write classes in quotes
    rows = [
        [*row, f"'{place % 10}'" if place % 3 else place % 10] for place, row in enumerate(pixels.tolist())
    ]
    server = serve(Server(554, pixel_columns(72) | NAMED, rows))
    told = []
    dataset = open_dataset("mnist", progress=lambda done, total: told.append((done, total)))
    assert np.array_equal(dataset.samples.reshape(16, 72), pixels)
    assert dataset.samples.dtype == np.uint8
    assert dataset.labels.tolist() == [place % 10 for place in range(16)]
    assert dataset.ids[:2].tolist() == ["0", "1"]
    assert sorted(server.asked) == sorted([*server.answers, server.file])
    assert all(total == 0 for _, total in told)
    assert np.array_equal(open_dataset("mnist").samples, dataset.samples)
    assert len(server.asked) == 4
    assert [path.name for path in (workspace / "public").iterdir()] == ["mnist.npz"]


@pytest.mark.parametrize("sparse", [False, True])
def test_usps_has_its_label_first_decimals_and_classes_from_one(serve, sparse):
    levels = RNG.integers(0, 256, (16, 64))
    levels[0, :2] = 0, 255
    classes = {"int0": [str(label) for label in range(1, 11)]}
    columns = classes | {f"double{place}": None for place in range(1, 65)}
    rows = [[1 + place % 10, *(row / 127.5 - 1)] for place, row in enumerate(levels)]
    serve(Server(41082, columns, rows, sparse=sparse, target="int0"))
    dataset = open_dataset("usps")
    assert np.array_equal(dataset.samples.reshape(16, 64), levels)
    assert dataset.labels.tolist() == [place % 10 for place in range(16)]


def test_the_names_of_cifar_s_and_fashion_s_classes_come_by_their_numbers(serve):
    colours = RNG.integers(0, 256, (16, 3, 8, 9))
    colours[0, 0, 0, :2] = 0, 255
    rows = [[*row.ravel().tolist(), place % 10] for place, row in enumerate(colours)]
    serve(Server(40927, {f"a{place}": None for place in range(216)} | NAMED, rows))
    dataset = open_dataset("cifar10")
    assert np.array_equal(dataset.samples, colours)
    assert dataset.labels[:3].tolist() == ["airplane", "automobile", "bird"]
    serve(Server(40996, pixel_columns(64) | NAMED, [[*row[:64], row[-1]] for row in rows]))
    part = open_dataset("fashion-mnist-test")
    assert len(part) == 4
    assert part.labels.tolist() == ["Pullover", "Dress", "Coat", "Sandal"]


@pytest.mark.parametrize("broken", ["number", "file", "length", "answer"])
def test_what_openml_says_wrongly_is_one_sentence_and_leaves_nothing(serve, workspace, broken):
    rows = [[0] * 71 + [255, place % 10] for place in range(16)]
    server = serve(Server(555 if broken == "number" else 554, pixel_columns(72) | NAMED, rows))
    if broken == "file":
        server.arff = server.arff[:-40]
    if broken == "length":
        serve(Server(554, pixel_columns(72) | NAMED, rows[:15]))
    if broken == "answer":
        server.answers = {url: {} for url in server.answers}
    with pytest.raises(InputError) as caught:
        open_dataset("mnist")
    assert "put the file mnist.npz" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list((workspace / "public").iterdir()) == []
