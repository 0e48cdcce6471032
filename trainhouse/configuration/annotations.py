"""The annotations that keys of the library have in common; constructors may use them too."""

import re
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval, MinLen, Predicate, doc

from trainhouse.configuration.errors import is_slip

Text = Annotated[str, MinLen(1)]
Seed = Annotated[int, Interval(ge=0, le=2**32 - 1)]
Whole = Annotated[int, Ge(0)]
Count = Annotated[int, Ge(1)]
Number = Annotated[float, Ge(0)]
Positive = Annotated[float, Gt(0)]
File = Annotated[str, MinLen(1), doc("a string: the name of a file, as rows.csv")]
Auto = bool | Literal["auto"]
Figures = bool | list[str]
Node = dict[str, Any]


def _is_folder_name(value: str) -> bool:
    return value not in ("", ".", "..") and not set(value) & set("/\\=:,")


def is_split(value: list[float]) -> bool:
    """Whether three fractions are those of training, validation and test."""
    return len(value) == 3 and all(0 <= part <= 1 for part in value) and value[0] > 0 and abs(sum(value) - 1) < 1e-6


Split = Annotated[
    list[float],
    Predicate(is_split),
    doc("three fractions [train, val, test] that sum to 1, the first above 0"),
]


def _is_batch_limit(value: float) -> bool:
    return value >= 0 if isinstance(value, int) else 0 <= value <= 1


def _is_time(value: Any) -> bool:
    if isinstance(value, dict):
        parts = list(value.values())
        return all(type(part) in (int, float) and part >= 0 for part in parts) and any(parts)
    return re.fullmatch(r"\d+(:\d\d){3}", value) is not None and any(int(part) for part in value.split(":"))


BatchLimit = Annotated[
    float, Predicate(_is_batch_limit), doc("a whole number of batches from 0 up, or a fraction of them up to 1.0")
]
Time = Annotated[str | Node, Predicate(_is_time), doc('days:hours:minutes:seconds in quotes, as "00:12:00:00"')]

_ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps", "tpu")
_OF_PACKAGES = ("hpu", "xpu", "npu", "ipu")  # which are each a letter away from one of those


def _is_accelerator(value: Any) -> bool:
    """A name that is not Lightning's may be one that a package has registered, unless it is nearly Lightning's."""
    if not isinstance(value, str) or value in (*_ACCELERATORS, *_OF_PACKAGES):
        return True
    return not any(is_slip(value, name) for name in _ACCELERATORS)


def _is_devices(value: Any) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"auto|-?\d+(, *\d+)*,?", value) is not None


Epochs = Annotated[
    Annotated[int, Predicate(lambda value: value == -1 or value > 0)] | Literal["auto"] | None,
    doc("a whole number above 0, -1 for no end, auto, or null"),
]
Accelerator = Annotated[Any, Predicate(_is_accelerator), doc(f"one of {', '.join(_ACCELERATORS)}")]
Devices = Annotated[Any, Predicate(_is_devices), doc("a number, a list of numbers as [0,1], or auto")]

Compile = (
    bool
    | Annotated[
        Node,
        Predicate(lambda value: {"mode", "dynamic", "fullgraph", "backend"} >= value.keys() != set()),
        doc("options of torch.compile, as {mode: reduce-overhead, dynamic: true} (mode, dynamic, fullgraph, backend)"),
    ]
)

# Marks what a command does with a run, and is no part of it: checked settings have no such key.
OF_COMMAND_LINE = "of the command line"
Outputs = Annotated[Text, OF_COMMAND_LINE]
FolderName = Annotated[str, Predicate(_is_folder_name), doc("a folder name without / \\ = , or :")]
