"""Which processes and graphics cards a run gets. There are no cards here: their number is set by the tests."""

import pytest

from dsc_core.config import Config
from dsc_core.training import launch


@pytest.fixture
def cards(monkeypatch):
    """Sets the number of graphics cards."""

    def set_number(number):
        monkeypatch.setattr(launch, "card_count", lambda: number)

    return set_number


def test_without_torchrun_a_process_is_the_first_and_only_one(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "4")  # which other launchers set as well
    assert (launch.is_distributed(), launch.first()) == (False, True)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("RANK", "1")
    assert (launch.is_distributed(), launch.first()) == (True, False)
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert (launch.is_distributed(), launch.first()) == (False, True)


def test_a_process_started_from_torchrun_does_not_inherit_its_variables():
    variables = {
        "RANK": "0",
        "WORLD_SIZE": "2",
        "TORCHELASTIC_MAX_RESTARTS": "0",
        "OMP_NUM_THREADS": "1",
        "HOME": "/h",
    }
    assert launch.without_torchrun({**variables, "TORCHELASTIC_RUN_ID": "x"}) == {"HOME": "/h"}
    assert launch.without_torchrun(variables) == variables


def test_several_processes_are_started_by_torchrun():
    single = ["python", "-m", "dsc_core.runs.worker", "RUN"]
    assert launch.command(single, 1) == single
    several = launch.command(single, 3)
    assert several[:3] == ["python", "-m", "torch.distributed.run"]
    assert several[several.index("--nproc-per-node") + 1] == "3"
    assert several[-4:] == ["-m", "--", "dsc_core.runs.worker", "RUN"]
    assert launch.command(["python", "other.py", "RUN"], 2)[-3:] == ["--", "other.py", "RUN"]


@pytest.mark.parametrize(
    ("number", "device", "requested", "processes", "slots"),
    [
        (0, "auto", 1, 1, 1),
        (0, "auto", 0, 1, 1),
        (0, "cpu", 3, 3, 1),
        (4, "auto", 1, 1, 1),
        (4, "auto", 0, 4, 1),
        (4, "cuda", 2, 2, 2),
        (4, "cpu", 0, 1, 1),
        (4, "cpu", 2, 2, 1),
        (2, "auto", 3, 3, 3),
    ],
)
def test_the_number_of_processes_follows_from_cards_and_settings(
    cards, number, device, requested, processes, slots
):
    cards(number)
    config = Config(device=device, processes=requested)
    count = launch.process_count(config, launch.choose_cards(config, []))
    assert (count, launch.slots(config)) == (processes, slots)


def test_without_cards_a_run_has_one_process(cards, monkeypatch):
    cards(0)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before, now = Config(processes=1), Config()
    assert now.processes == 0
    for taken, waiting in (([], 0), ([0], 3)):
        assert launch.choose_cards(now, taken, waiting) == launch.choose_cards(before, taken, waiting) == []
    assert launch.process_count(now, []) == launch.process_count(before, []) == 1
    assert launch.environment(now, []) == launch.environment(before, [])
    assert "OMP_NUM_THREADS" not in launch.environment(now, [])


@pytest.mark.parametrize(
    ("device", "requested", "taken", "waiting", "given"),
    [
        ("auto", 1, [], 0, [0]),
        ("auto", 1, [0], 0, [1]),
        ("auto", 1, [0, 1, 2], 0, [3]),
        ("cuda", 1, [0, 1, 2, 3, 0], 0, [1]),
        ("auto", 2, [0], 0, [1, 2]),
        ("auto", 2, [1, 2], 0, [0, 3]),
        ("auto", 2, [], 5, [0, 1]),
        ("cpu", 2, [], 0, []),
        ("auto", 5, [], 0, []),
        # With the number left open: the free cards, less one per waiting run.
        ("auto", 0, [], 0, [0, 1, 2, 3]),
        ("auto", 0, [], 1, [0, 1, 2]),
        ("auto", 0, [], 9, [0]),
        ("auto", 0, [2], 0, [0, 1, 3]),
        ("auto", 0, [2, 2, 0], 1, [1]),
        ("auto", 0, [0, 1, 2, 3, 0], 0, [1]),
        ("cuda", 0, [7], 0, [0, 1, 2, 3]),
        ("cpu", 0, [], 0, []),
    ],
)
def test_a_run_gets_the_least_used_cards(cards, device, requested, taken, waiting, given):
    cards(4)
    assert launch.choose_cards(Config(device=device, processes=requested), taken, waiting) == given


def test_no_more_cards_than_a_batch_has_samples(cards):
    cards(16)
    assert len(launch.choose_cards(Config(batch=8), [])) == 8


def test_cards_are_named_as_the_environment_names_them(cards, monkeypatch):
    cards(3)
    assert launch.card_names({}) == ["0", "1", "2"]
    cards(2)
    assert launch.card_names({"CUDA_VISIBLE_DEVICES": "5, GPU-8f"}) == ["5", "GPU-8f"]
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    environment = launch.environment(Config(), [1])
    assert environment["CUDA_VISIBLE_DEVICES"] == "1"
    assert "OMP_NUM_THREADS" not in environment
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-8f")
    assert launch.environment(Config(), [1])["CUDA_VISIBLE_DEVICES"] == "GPU-8f"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    environment = launch.environment(Config(device="cpu", processes=2), [])
    assert "CUDA_VISIBLE_DEVICES" not in environment
    assert int(environment["OMP_NUM_THREADS"]) >= 1


def test_a_run_on_one_card_starts_the_next_on_any_of_them(monkeypatch):
    """The process that ends a run starts the next one, whose cards are not limited by its own CUDA_VISIBLE_DEVICES."""
    launch.card_count.cache_clear()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv(launch.ALL_CARDS, "0,1,2,3")
    first = launch.environment(Config(), [2])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", first["CUDA_VISIBLE_DEVICES"])
    monkeypatch.setenv(launch.ALL_CARDS, first[launch.ALL_CARDS])
    assert launch.card_count() == 4
    assert launch.choose_cards(Config(processes=1), [0, 1]) == [2]
    assert launch.choose_cards(Config(), [0, 1]) == [2, 3]
    assert launch.environment(Config(), [3])["CUDA_VISIBLE_DEVICES"] == "3"
    assert launch.environment(Config(processes=0), [0, 1, 2, 3])["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"
    launch.card_count.cache_clear()


def test_without_a_card_in_the_machine_pytorch_is_not_loaded(monkeypatch):
    launch.card_count.cache_clear()
    monkeypatch.delenv(launch.ALL_CARDS, raising=False)
    monkeypatch.setattr(launch.Path, "glob", lambda path, pattern: iter(()))
    monkeypatch.setattr(launch.shutil, "which", lambda name: None)
    monkeypatch.setitem(__import__("sys").modules, "torch", None)  # importing it would fail
    assert launch.card_count() == 0
    launch.card_count.cache_clear()
