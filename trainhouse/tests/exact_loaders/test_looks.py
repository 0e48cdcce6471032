"""A loader that can be resumed looks like the user's own, which it leaves as it is."""

import inspect

import pytest
import torch
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    get_worker_info,
)

from trainhouse.resuming.exact_loaders import exact
from trainhouse.resuming.passes import Passes
from trainhouse.tests.exact_loaders.loaders import LOADERS, ROWS, Augmented
from trainhouse.tests.exact_loaders.trained import Run

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch forks a process with threads


@pytest.mark.parametrize("name", LOADERS)
def test_it_looks_like_what_it_stands_for(name: str) -> None:
    loader = LOADERS[name]()
    front = Run(loader).loader
    if isinstance(loader, DataLoader):
        assert isinstance(front, type(loader))
        assert type(front).__name__ == type(loader).__name__
        assert front.dataset is loader.dataset
        assert front.sampler is loader.sampler
        assert front.batch_sampler is loader.batch_sampler
        assert front.collate_fn is loader.collate_fn
    if hasattr(loader, "batch_size"):
        assert front.batch_size == loader.batch_size
    has_length = not isinstance(getattr(loader, "dataset", None), IterableDataset)
    if has_length:
        assert len(front) == len(loader)
    else:
        with pytest.raises(TypeError):
            len(front)


class Placed(list[int]):
    """Batches that know their place."""

    def state_dict(self) -> dict[str, int]:
        return {"place": 3}

    def load_state_dict(self, state_dict: dict[str, int]) -> None: ...


def test_a_state_is_found_as_python_finds_it_from_3_12_on() -> None:
    front, without = (exact(kind([1]), Passes(kind([1]), (0, "train"), rank=0)) for kind in (Placed, list))
    for name in ("state_dict", "load_state_dict"):
        assert callable(inspect.getattr_static(front, name))
        assert not hasattr(without, name)
    assert front.state_dict() == {"place": 3}


def test_whatever_is_asked_of_the_data_set_or_set_on_it_is_the_users() -> None:
    class Asked(Augmented):
        scale = 1

        def __getitem__(self, index: int) -> Tensor:
            return torch.tensor(index * self.scale)

    loader = DataLoader(Asked(), 4, worker_init_fn=_scale, num_workers=1)
    batches = list(exact(loader, Passes(loader, (0, "val", 0), rank=0)))
    assert torch.cat(batches).tolist() == [10 * index for index in range(ROWS)]
    assert loader.dataset.scale == 1


def _scale(worker_id: int) -> None:
    worker = get_worker_info()
    assert worker is not None
    assert isinstance(worker.dataset.scale, int)
    worker.dataset.scale = 10


def test_the_users_loader_keeps_its_data_set_and_sampler() -> None:
    loader = LOADERS["shuffled"]()
    dataset, sampler = loader.dataset, loader.batch_sampler
    Run(loader).train(1)
    assert loader.dataset is dataset
    assert loader.batch_sampler is sampler
    assert sorted(batch[0, 0].item() for batch in loader) != []
