"""Which files a table is in: one, those of a folder, or those that a pattern names, in the order of their names."""

import hashlib
from glob import has_magic
from pathlib import Path

import numpy as np

from trainhouse.arrays.hash_cache import hash_of
from trainhouse.configuration.errors import UserError
from trainhouse.machine.files import sha256

_TEXT = (".csv", ".tsv", ".txt", ".tab")
_KINDS = {
    **dict.fromkeys(_TEXT, "text"),
    ".parquet": "parquet",
    ".feather": "arrow",
    ".arrow": "arrow",
    ".jsonl": "json",
    ".ndjson": "json",
    ".xlsx": "excel",
    ".xls": "excel",
}
DIGITS = 12  # of the name for the content of a table, in what the folder of its arrays is called
_LARGE = 64 * 2**20  # bytes
_MAY_BE_PACKED = ("text", "json")
_PACKED = (".gz", ".zst")
ENDINGS = (".csv", ".tsv", ".txt", ".parquet", ".feather", ".arrow", ".jsonl", ".ndjson", ".xlsx")
"""As they are said; text may be packed, as .csv.gz or .csv.zst."""


def kind_of(path: Path) -> str:
    """Return of which kind a file is by its ending, "" if it is no table's."""
    name = path.name.lower()
    is_packed = name.endswith(_PACKED)
    name = name.rpartition(".")[0] if is_packed else name
    kind = next((kind for ending, kind in _KINDS.items() if name.endswith(ending)), "")
    return "" if is_packed and kind not in _MAY_BE_PACKED else kind


def is_several(path: Path) -> bool:
    """Whether a path names a folder, or is a pattern."""
    return path.is_dir() or (has_magic(str(path)) and not path.exists())


def files_of(path: Path, key: str) -> list[Path]:
    """Return the files of a table, sorted by name. Raises `UserError` if there is none, or they can't be one."""
    expected = f"expected {', '.join(ENDINGS)} (text also as .csv.gz or .csv.zst)"
    if not is_several(path):
        refuse_missing(path, key)
        if not kind_of(path):
            is_packed = path.suffix.lower() in (".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz")
            way = "unpack it" if is_packed else expected
            way = "write an object in each line, and call it .jsonl" if path.suffix.lower() == ".json" else way
            raise UserError(f"{key}: {path} is {'an archive' if is_packed else 'no table by its name'}; {way}")
        return [path]
    root = Path(path.anchor)
    found = sorted(path.iterdir() if path.is_dir() else root.glob(str(path.relative_to(root))))
    files = [file for file in found if file.is_file() and kind_of(file) and not file.name.startswith((".", "_"))]
    if not files:
        what = "has no table in it" if path.is_dir() else f"names no file (relative paths start at {Path.cwd()})"
        raise UserError(f"{key}: {path} {what}; {expected}")
    if len(kinds := dict.fromkeys(map(kind_of, files))) > 1:
        some = ", ".join(next(file.name for file in files if kind_of(file) == kind) for kind in kinds)
        raise UserError(f"{key}: {path} has files of several kinds ({some}); name those of one, as {path / '*.csv'}")
    for file in files:
        refuse_missing(file, key)
    return files


def content_digest(files: list[Path]) -> str:
    """Return a name for the content of files, in their order; that of one file is its SHA-256."""
    digests = [_sha256(file) for file in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()


def _sha256(file: Path) -> str:
    """Return the SHA-256 of a file; one that is large is read for it once."""
    if file.stat().st_size < _LARGE:
        return sha256(file)
    return hash_of(np.asarray(np.memmap(file, np.uint8, mode="r")), lambda: sha256(file), "sha256")


def folder_of(path: Path) -> str:
    """Return what the folder of the converted arrays of a table is called."""
    return "".join("_" if sign in "*?[]" else sign for sign in path.name.partition(".")[0])


def refuse_missing(path: Path, key: str) -> None:
    """Raise `UserError` if there is no file at `path`, or nothing in it."""
    if not path.is_file():
        raise UserError(f"{key}: {path} does not exist (relative paths start at {Path.cwd()})")
    if path.stat().st_size == 0:
        raise UserError(f"{key}: {path} is empty (0 bytes)")
