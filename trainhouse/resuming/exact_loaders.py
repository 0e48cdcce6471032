"""Loaders of any kind that give the same batches after a resume as without one.

A user's DataLoader is served as it is, by a copy that seeds what draws: the sampler, with (seed, "order", epoch), and
the data set before each batch, wherever it is fetched, with (seed, "fetch", epoch, number, rank). So a batch is a
function of its place in the epoch, with any number of workers, persistent ones too, and a resume passes over the
batches that were trained on without fetching them. Iterable data has no places, so its batches are read again up to
the place. A loader with a `state_dict` of its own goes to its state by itself.

Draws in validation, test and prediction depend on the number of the batch alone: every pass is the same.
"""

import copy
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from trainhouse.resuming.passes import Passes, has_state, length_of
from trainhouse.resuming.seeded_data import Delegate


def exact(loader: Any, passes: Passes) -> Any:
    """Return a loader that looks like `loader` in every way, and is iterated by `passes`."""
    if not isinstance(loader, DataLoader):
        kinds = ((_Sized, length_of(loader) is not None), (_Stateful, has_state(loader)))
        bases = (*(kind for kind, fits in kinds if fits), _Front)
        return type("_Front", bases, {"__module__": __name__})(loader, passes)
    front = copy.copy(loader)
    kind: Any = type(loader)  # the only base: with another one beside it the layouts would differ
    changed: dict[str, Any] = {"__module__": __name__, "__iter__": lambda front: iter(front._passes)}
    if passes.has_copy:  # where Lightning looks for persistent workers, to end them when it is done
        changed["_iterator"] = property(
            lambda front: front._passes.kept_iterator,
            lambda front, iterator: setattr(front._passes, "kept_iterator", iterator),
        )
    front.__class__ = type(kind)(kind.__name__, (kind,), changed)
    vars(front)["_passes"] = passes
    if has_state(loader):  # the state is that of the one that is iterated and asked for it
        passes.iterate_by(lambda: type(loader).__iter__(front))
    return front


class _Front(Delegate):
    def __init__(self, loader: Any, passes: Passes) -> None:
        super().__init__(loader)
        object.__setattr__(self, "_passes", passes)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._passes)


class _Sized(Delegate):
    def __len__(self) -> int:
        return len(self._other)


class _Stateful(Delegate):
    """Lightning asks for these of the class: since Python 3.12 a protocol passes over `__getattr__`."""

    def state_dict(self) -> Any:
        return self._other.state_dict()

    def load_state_dict(self, state_dict: Any) -> None:
        self._other.load_state_dict(state_dict)
