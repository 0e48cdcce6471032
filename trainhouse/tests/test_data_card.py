"""What is known of a user's DataModule: its facts, a name for its content, its rows; all without a stage of its own."""

from collections.abc import Iterator
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, random_split

from trainhouse.arrays.spec import DataSpec
from trainhouse.configuration.errors import UserError
from trainhouse.tests.tiny import CLASSES, tiny_data
from trainhouse.training.data_card import card_of


class Own(L.LightningDataModule):
    """Splits its rows by chance, as most do; remembers how often it was set up."""

    said: Any = None
    name: str | None = None

    def __init__(self, rows: int = 20, shift: float = 0.0) -> None:
        super().__init__()
        self.rows, self.shift, self.stages = rows, shift, []

    def setup(self, stage: str) -> None:
        self.stages.append(stage)
        whole = TensorDataset(torch.arange(self.rows).float() + self.shift)
        self.train, self.val = random_split(whole, [self.rows - 5, 5])

    def train_dataloader(self) -> Any:
        return DataLoader(self.train, batch_size=4, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.val, batch_size=4)


class WithFacts(Own):
    def facts(self) -> Any:
        return self.said


class WithFingerprint(Own):
    def fingerprint(self) -> str:
        return "mine"


def test_the_data_is_asked_after_it_was_set_up_to_train() -> None:
    data = Own()
    card = card_of(data, 0)
    assert data.stages == ["fit"]
    assert (card.name, card.facts, card.spec, card.differs) == ("Own", {}, None, None)
    assert card.rows == {"train": 15, "val": 5}


def test_array_data_says_its_spec_and_its_rows() -> None:
    data = tiny_data(CLASSES)
    card = card_of(data, 0)
    assert card.rows == {"train": 22, "val": 8, "test": 7}
    rows, numbers = data.parts["train"]
    facts = {**CLASSES.to_dict(), "class_counts": [int((rows.y[numbers] == code).sum()) for code in range(3)]}
    assert (card.spec, card.facts, card.name) == (CLASSES, facts, "tiny")


@pytest.mark.parametrize(
    "facts",
    [
        {"classes": 3, "width": 0.5, "names": ["a", "b"], "flag": True, "nothing": None},
        {"table": {"a": [1, 2]}},
        {},
    ],
)
def test_facts_that_are_plain_are_taken(facts: dict[str, Any]) -> None:
    data = WithFacts()
    data.said = facts
    assert card_of(data, 0).facts == facts


def test_shapes_become_lists_as_a_file_has_them() -> None:
    data = WithFacts()
    data.said = {"size": torch.zeros(2, 3).shape, "pair": (1, 2)}
    assert card_of(data, 0).facts == {"size": [2, 3], "pair": [1, 2]}


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (3, r"^data: WithFacts\.facts\(\) returns a int; expected a mapping of names to values$"),
        (None, r"^data: WithFacts\.facts\(\) returns a NoneType; expected a mapping"),
        ({"mean": np.float32(1)}, r"^data: WithFacts\.facts\(\) gives mean as float32; give plain numbers, strings"),
        ({"a": {"b": [np.zeros(2)]}}, r"^data: WithFacts\.facts\(\) gives a\.b\[0\] as ndarray; give plain"),
        ({"net": torch.nn.ReLU()}, r"^data: WithFacts\.facts\(\) gives net as ReLU; give plain"),
    ],
)
def test_facts_that_no_checkpoint_can_hold_are_refused_with_their_place(facts: Any, message: str) -> None:
    data = WithFacts()
    data.said = facts
    with pytest.raises(UserError, match=message):
        card_of(data, 0)


def spec_of(**facts: Any) -> DataSpec | None:
    data = WithFacts()
    data.said = facts
    return card_of(data, 0).spec


def test_facts_of_a_task_that_is_known_amount_to_a_spec() -> None:
    sizes = {"input_shape": [1, 8, 8], "outputs": 2}
    found = spec_of(task="classification", classes=["cat", "dog"], **sizes)
    assert found == DataSpec("classification", (1, 8, 8), "float32", 2, ("cat", "dog"))
    assert spec_of(task="classification", **sizes).classes == ("0", "1")
    assert spec_of(task="classification", classes=2, **sizes).classes == ("0", "1")
    assert spec_of(task="regression", targets=["u", "v"], **sizes).targets == ("u", "v")
    assert spec_of(task="regression", **sizes).targets == ("0", "1")
    assert spec_of(task="regression", input_shape=[4], outputs=1).targets == ("target",)


@pytest.mark.parametrize(
    "facts", [{"task": "generation", "input_shape": [2], "outputs": 2}, {"task": "regression"}, {"outputs": 3}]
)
def test_facts_that_say_less_are_no_spec(facts: dict[str, Any]) -> None:
    assert spec_of(**facts) is None


def test_the_fingerprint_is_of_the_rows_whatever_seed_has_split_them() -> None:
    first, again, seeded = (card_of(Own(), seed).fingerprint for seed in (0, 0, 7))
    assert first == again == seeded
    assert len(first) == 16


@pytest.mark.parametrize("other", [Own(rows=21), Own(shift=1.0), WithFingerprint()], ids=["rows", "values", "own"])
def test_other_content_has_another_fingerprint(other: Own) -> None:
    assert card_of(other, 0).fingerprint != card_of(Own(), 0).fingerprint


def test_a_fingerprint_of_its_own_is_taken() -> None:
    assert card_of(WithFingerprint(rows=21), 0).fingerprint == "mine"


def test_asking_leaves_no_trace_on_the_object() -> None:
    data = Own()
    data.setup("fit")
    before = set(vars(data))
    card_of(data, 0)
    assert {name for name in set(vars(data)) - before if "trainer" not in name} == set()


class Stream(IterableDataset):
    def __iter__(self) -> Iterator[Tensor]:
        yield from torch.arange(4.0)


class Streamed(L.LightningDataModule):
    def train_dataloader(self) -> Any:
        return {"a": DataLoader(Stream()), "b": [DataLoader(TensorDataset(torch.zeros(3)))]}


def test_of_a_stream_no_rows_are_known() -> None:
    card = card_of(Streamed(), 0)
    assert (card.rows, card.differs) == ({}, None)


class Drawn(Dataset):
    """Draws from a generator of its own, which no seed reaches."""

    def __init__(self, of_its_own: bool) -> None:
        self.random = np.random.default_rng(0) if of_its_own else np.random

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Tensor:
        return torch.tensor(self.random.normal())


class Augmented(L.LightningDataModule):
    def __init__(self, of_its_own: bool) -> None:
        super().__init__()
        self.of_its_own = of_its_own

    def train_dataloader(self) -> Any:
        return DataLoader(Drawn(self.of_its_own))


def test_data_that_draws_is_named_if_its_draws_have_a_state_of_their_own() -> None:
    assert card_of(Augmented(of_its_own=False), 0).differs is None
    card = card_of(Augmented(of_its_own=True), 0)
    assert card.differs == "does not give the same row twice (train)"
    assert card.rows == {"train": 6}
    assert card.fingerprint == card_of(Augmented(of_its_own=True), 0).fingerprint
