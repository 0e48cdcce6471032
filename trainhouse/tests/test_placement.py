"""Where rows are makes no difference to a batch: in a file, in memory, on a device."""

import re

import numpy as np
import pytest
import torch

from trainhouse.arrays import placement
from trainhouse.arrays.array_file import open_array
from trainhouse.arrays.batches import Batches, DeviceBatches
from trainhouse.arrays.datamodule import DataModule
from trainhouse.arrays.placement import OnDevice, free_memory, in_file, in_memory, on_device
from trainhouse.arrays.spec import Dataset, Rows
from trainhouse.configuration.errors import UserError
from trainhouse.tests.tiny import CLASSES, TARGETS, tiny_data, tiny_module, tiny_trainer

CPU = torch.device("cpu")


def mapped(path, x: np.ndarray, y: np.ndarray | None = None) -> Rows:
    np.save(path / "x.npy", x)
    return Rows(open_array(path / "x.npy", "data.features"), np.arange(len(x)) % 3 if y is None else y)


def values(order: str = "C") -> np.ndarray:
    return np.array(np.random.RandomState(0).standard_normal((90, 4)), order=order)


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_in_memory_are_those_of_the_file_in_one_piece(tmp_path, order):
    rows = mapped(tmp_path, values(order))
    held = in_memory(rows, True, "x.npy")
    assert (in_file(rows.x), in_file(held.x)) == (True, False)
    assert held.x.flags.c_contiguous
    assert held.x.dtype == rows.x.dtype
    np.testing.assert_array_equal(held.x, rows.x)


@pytest.mark.parametrize(
    ("choice", "order", "free", "moved"),
    [
        (False, "F", 10**9, False),
        ("auto", "C", 10**9, False),
        ("auto", "F", 10**9, True),
        ("auto", "F", 4 * 90 * 4 * 8 - 4, False),
        ("auto", "F", None, False),
        (True, "C", 90 * 4 * 8, True),
        (True, "C", None, True),
    ],
)
def test_rows_are_moved_if_asked_for_or_if_it_pays_and_they_fit(monkeypatch, tmp_path, choice, order, free, moved):
    monkeypatch.setattr(placement, "free_memory", lambda: free)
    assert in_file(in_memory(mapped(tmp_path, values(order)), choice, "x.npy").x) is not moved


def test_more_rows_than_memory_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(placement, "free_memory", lambda: 2**20)
    with pytest.raises(UserError, match=r"^data\.in_memory: x\.npy takes 2 MiB, but 1 MiB are free; set it to false$"):
        in_memory(mapped(tmp_path, np.zeros((2**18, 1))), True, "x.npy")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8_000_000 * 1024),
        ({"memory.max": "max\n", "memory.stat": "anon 1\n"}, 8_000_000 * 1024),
        ({"memory.max": "5000\n", "memory.stat": "anon 2000\nfile 9999\n"}, 3000),
        ({"memory.max": "5000\n", "memory.stat": "anon 6000\n"}, 0),
        ({"memory.max": "5000\n"}, 8_000_000 * 1024),
        ({"memory/memory.limit_in_bytes": "700", "memory/memory.stat": "cache 5\nrss 7\ntotal_rss 300\n"}, 400),
        ({"memory/memory.limit_in_bytes": f"{2**63 - 4096}", "memory/memory.stat": "total_rss 3\n"}, 8_000_000 * 1024),
    ],
)
def test_free_memory_is_the_machines_or_what_the_container_leaves(tmp_path, files, expected):
    (tmp_path / "memory").mkdir()
    (tmp_path / "meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable:    8000000 kB\n")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert free_memory(tmp_path / "meminfo", tmp_path) == expected


def test_free_memory_is_not_known_everywhere(tmp_path):
    assert free_memory(tmp_path / "nothing", tmp_path) is None


@pytest.mark.parametrize("blocks", [None, (8, 3)])
@pytest.mark.parametrize("batch_size", [1, 7])
@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8", "int32"])
def test_batches_gathered_on_a_device_are_the_same(tmp_path, dtype, batch_size, blocks):
    rows = mapped(tmp_path, (values() * 50).astype(dtype))
    batches = Batches(rows, np.arange(0, 90, 1), batch_size, 0, blocks=blocks)
    gathered = DeviceBatches(batches, OnDevice(rows, CPU))
    assert len(gathered) == len(batches)
    for batches.cursor.batch in (0, 5):  # from where the cursor stands, more than one chunk of row numbers
        pairs = list(zip(gathered, batches, strict=True))
        assert pairs
        for got, expected in pairs:
            for one, other in zip(got, expected, strict=True):
                assert one.dtype == other.dtype
                assert torch.equal(one, other)


def test_a_batch_from_the_device_may_be_written_to(tmp_path):
    held = OnDevice(mapped(tmp_path, values()), CPU)
    held[torch.arange(3)][0].zero_()
    assert held.x[:3].all()


@pytest.mark.parametrize("spec", [CLASSES, TARGETS], ids=["classes", "targets"])
def test_training_from_a_device_gives_the_same_weights_and_moves_no_batch(monkeypatch, tmp_path, spec):
    moved = []

    def fit(resident: bool) -> dict[str, torch.Tensor]:
        data = tiny_data(spec)
        module = tiny_module(data)
        if resident:
            data.device_resident = True
            monkeypatch.setattr("trainhouse.arrays.datamodule.on_device", lambda rows, *_: OnDevice(rows, CPU))
            given = data.transfer_batch_to_device

            def transfer(batch, device, index):
                arrived = given(batch, device, index)
                moved.extend(one is not other for one, other in zip(arrived, batch, strict=True))
                return arrived

            monkeypatch.setattr(data, "transfer_batch_to_device", transfer)
        tiny_trainer(tmp_path, max_epochs=2).fit(module, data)
        assert len(data._on_device) == resident, "once for all splits"
        return module.state_dict()

    plain, resident = fit(False), fit(True)
    assert all(torch.equal(plain[name], resident[name]) for name in plain)
    assert moved
    assert not any(moved)


@pytest.mark.parametrize("choice", [True, False, "auto"])
def test_on_the_cpu_rows_are_there_already(choice):
    assert on_device(Rows(values(), np.arange(90)), choice, CPU, "x.npy") is None


@pytest.mark.parametrize(
    ("choice", "free", "moved"),
    [(False, 10**9, False), ("auto", 4 * 720 * 2, False), ("auto", 4 * 720 * 3 + 4, True), (True, 90 * 24, True)],
)
def test_rows_go_to_the_device_if_asked_for_or_if_they_fit(monkeypatch, choice, free, moved):
    """The numbers are float32 there, the labels int64."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, free))
    monkeypatch.setattr(placement, "OnDevice", lambda *_: "moved")
    rows = Rows(values(), np.arange(90))
    assert on_device(rows, choice, torch.device("cuda", 0), "x.npy") == ("moved" if moved else None)


def test_more_rows_than_the_device_holds_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2**20, 2**30))
    expected = "data.device_resident: x.npy takes 2 MiB, but 1 MiB are free on cuda:0; set it to false"
    with pytest.raises(UserError, match=f"^{re.escape(expected)}$"):
        on_device(Rows(np.zeros((2**18, 1)), np.zeros(2**17)), True, torch.device("cuda", 0), "x.npy")


@pytest.mark.parametrize(("choice", "message"), [(True, "data.num_workers=0"), ("auto", None), (False, None)])
def test_workers_and_rows_on_a_device_exclude_each_other(choice, message):
    dataset = Dataset(CLASSES, Rows(values(), np.arange(90) % 3), "rows")
    if message is None:
        assert DataModule(dataset, 4, 2, None, 0, 0, device_resident=choice).device_resident is False
    else:
        with pytest.raises(UserError, match=rf"^data\.device_resident: .*{message}"):
            DataModule(dataset, 4, 2, None, 0, 0, device_resident=choice)
