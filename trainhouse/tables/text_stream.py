"""The text of a file as UTF-8, a block at a time, whatever it is packed and encoded in.

Up to the first character beyond ASCII all encodings that are told apart here are the same: it decides, however far
behind in the file it is.
"""

import codecs
import io
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from trainhouse.configuration.errors import UserError

_PACKED = {".gz": "gzip", ".zst": "zstd"}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_PROGRAMS = {
    b"\x1f\x8b": "packed with gzip: call it .csv.gz",
    b"\x28\xb5\x2f\xfd": "packed with zstd: call it .csv.zst",
    b"BZh91AY&SY": "packed with bzip2: unpack it",
    b"\xfd7zXZ": "packed with xz: unpack it",
    b"7z\xbc\xaf": "a 7z archive: unpack it",
    b"Rar!\x1a": "a RAR archive: unpack it",
    b"PK\x03\x04": "a zip archive or a workbook: unpack it, or call it .xlsx",
    b"\xd0\xcf\x11\xe0": "a workbook of old Excel: save it as .xlsx",
    b"PAR1\x15": "parquet: call it .parquet",
    b"ARROW1\0\0": "Arrow: call it .feather",
    b"\x93NUMPY": "an array of numpy: call it .npy, for data=npy",
    b"SQLite format 3\0": "a database of SQLite: export the table as CSV",
    b"\x89HDF": "HDF5: write the table as CSV or parquet",
    b"$FL2": "of SPSS: save it as CSV",
    b"<stata_dta>": "of Stata: save it as CSV",
    b"X\n\0\0\0": "of R: write it with write.csv",
    b"RDX3\n": "of R: write it with write.csv",
    **{b"\x80%c" % version: "a pickle: write it with to_csv or to_parquet" for version in (2, 3, 4, 5)},
    b"%PDF-": "a PDF document: export its table as CSV",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF89a": "a GIF picture",
    b"\x7fELF": "a program",
    b"version https://git-lfs": "a pointer of Git LFS: fetch the file with git lfs pull",
}
_TAR = b"ustar", 257  # and where it stands
_OF_NO_TEXT = bytes({*range(32)} - {*b"\t\n\v\f\r\x1a\x1b\x01\x02\x1c\x1d\x1e\x1f"})
_WESTERN = "cp1252"  # Latin-1 with Windows' quotes and dashes in places that Latin-1 leaves empty
# What no Western text has: three letters beyond ASCII in a row, a capital one within a word, a sign between letters,
# a currency before or behind one, a fraction behind one.
_LETTERS, _SMALL = "\xc0-\xff\u0160\u0161\u017d\u017e\u0152\u0153\u0178", "a-z\xdf-\xff"
_CAPITALS = "\xc0-\xde\u0160\u017d\u0152\u0178"
_SIGNS = "\xa1-\xa6\xa8\xac\xae-\xb1\xb4-\xb6\xb8-\xbe\xd7\xf7\u0192\u2020\u2021\u2030"
_CURRENCIES, _FRACTIONS = "\xa2-\xa6", "\xbc-\xbe"
_ODD = re.compile(
    f"[{_LETTERS}]{{3}}|[{_SMALL}][{_CAPITALS}]|[A-Za-z][{_SIGNS}][a-z]|[{_CURRENCIES}][{_LETTERS}]|"
    f"[{_SMALL}][{_CURRENCIES}{_FRACTIONS}]"
)
_WORD = re.compile(r"[^\W\d_]{0,20}[^\x00-\x7f]\w{0,20}")
_FEW_CONTROL, _MOST_CONTROL = 8, 0.01  # bytes, and their share, of none: in a text that has slips
_BLOCK = 2**20


def in_shell(path: Path, command: str) -> str:
    """Return a command of a shell for the text of a file, which may be packed."""
    name = shlex.quote(str(path))
    packed = _PACKED.get(path.suffix.lower())
    return f"{packed} -dc {name} | {command}" if packed else f"{command} {name}"


def unpacked(path: Path) -> IO[bytes]:
    """Open a file; one that ends in .gz or .zst is unpacked as it is read."""
    if path.suffix.lower() in _PACKED:
        return pa.input_stream(str(path), compression=_PACKED[path.suffix.lower()])  # type: ignore[no-any-return]
    return open(path, "rb", buffering=0)


class TextStream(io.RawIOBase):
    """A file's text, in UTF-8. Raises `UserError` for what is no text, or in an encoding that isn't certain."""

    def __init__(self, path: Path, source: str, encoding: str | None = None, is_hint: bool = False) -> None:
        """`source` names the key and the file for messages; the `encoding` is recognised if there is none.

        One that `is_hint` is taken only for text that is not UTF-8.
        """
        self.path, self.source = path, source
        self.encoding = None if is_hint else encoding
        self._hint = encoding if is_hint else None
        self.quotes = 0
        self.word = ""
        """One with a letter that another encoding has not, if the encoding was only likely."""
        self._file = unpacked(path)
        try:
            self._start = self._file.read(4096)
        except (pa.ArrowException, OSError) as error:
            _refuse_not_packed(path, source)
            raise error
        if what := _other_than_text(bytes(self._start)):
            raise UserError(f"{source} is no text, but {what}")
        if self.encoding is None:
            self.encoding = next((name for mark, name in _MARKS.items() if self._start.startswith(mark)), None)
        if self.encoding is None:
            self.encoding = _without_mark(self._start)
        self._decoder = _decoder(self.encoding or "utf-8", source)
        self._is_plain = True
        self._held = b""

    def readable(self) -> bool:
        """Whether it can be read, as pyarrow asks."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, more or less as many as asked for; none at the end."""
        while True:
            wanted = _BLOCK if size is None or size < 0 else size
            start, self._start = bytes(self._start[:wanted]), self._start[wanted:]
            block = start + bytes(self._file.read(wanted - len(start)))
            text = self._as_utf8(block)
            if b"\0" in text:
                _refuse_bytes(block, self.source)
                line = self._line_of(lambda block: block.find(b"\0"))
                raise UserError(f"{self.source}: line {line} has a NUL byte, which no text has")
            self.quotes += text.count(b'"')
            if text or not block:
                return text

    def _as_utf8(self, block: bytes) -> bytes:
        if self.encoding not in (None, "utf-8", "utf-8-sig"):
            try:
                return str(self._decoder.decode(block, final=not block)).encode("utf-8", "surrogatepass")
            except UnicodeError as error:
                raise UserError(f"{self.source} is no text in {self.encoding}; set data.encoding ({error})") from error
        if self._is_plain and not self._held and block.isascii() and self.encoding != "utf-8-sig":
            return block
        try:
            text = str(self._decoder.decode(block, final=not block)).encode()
        except UnicodeDecodeError as error:
            block = self._held + block
            if self.encoding is not None or not self._is_plain or not block[: error.start].isascii():
                known = "is read as UTF-8 (data.encoding)" if self.encoding else "is UTF-8 before"
                line = self._line_of(_first_wrong)
                raise UserError(
                    f"{self.source}: line {line} is no text in UTF-8, but the file {known}; save all of it in one "
                    "encoding"
                ) from error
            self.encoding = self._hint or _single_byte(block, self.source)
            if not self._hint:
                self.word = next((found[0] for found in _WORD.finditer(block.decode(self.encoding))), "")
            self._decoder, self._held = _decoder(self.encoding, self.source), b""
            return str(self._decoder.decode(block, final=not block)).encode()
        self._held = self._decoder.getstate()[0]
        self._is_plain = self._is_plain and text.isascii()
        return text

    def _line_of(self, place_in: Callable[[bytes], int]) -> int:
        """The number of the first line with what a function finds the place of in a block of bytes, or -1."""
        line, held = 1, b""
        with unpacked(self.path) as file:
            while block := bytes(file.read(_BLOCK)):
                *lines, rest = (held + block).split(b"\n")
                whole = b"\n".join([*lines, b""])
                if (place := place_in(whole)) >= 0:
                    return line + whole[:place].count(b"\n")
                line, held = line + len(lines), rest
        return line


def _refuse_not_packed(path: Path, source: str) -> None:
    """Raise `UserError` if a file that should be packed by its name is text as it is."""
    with open(path, "rb") as file:
        start = file.read(4096)
    if _PACKED.get(path.suffix.lower()) and start.isascii() and start.translate(None, _OF_NO_TEXT) == start:
        raise UserError(f"{source} is not packed, though its name says so; call it {path.stem}")


def _other_than_text(start: bytes) -> str:
    """What a file is by its first bytes, and what to do; "" if it may be text."""
    if start[_TAR[1] :].startswith(_TAR[0]):
        return "a tar archive: unpack it"
    return next((what for mark, what in _PROGRAMS.items() if start.startswith(mark)), "")


def _refuse_bytes(block: bytes, source: str) -> None:
    """Raise `UserError` if many bytes are of no text that has one for each character."""
    if len(block) - len(block.translate(None, _OF_NO_TEXT)) > max(_FEW_CONTROL, _MOST_CONTROL * len(block)):
        raise UserError(
            f"{source} is no text, by its bytes; save its table as CSV or parquet (text in utf-16 or utf-32 without a "
            "mark needs data.encoding)"
        )


def _first_wrong(block: bytes) -> int:
    try:
        block.decode()
    except UnicodeDecodeError as error:
        return error.start
    return -1


def _decoder(encoding: str, source: str) -> Any:
    try:
        return codecs.getincrementaldecoder(encoding)()
    except LookupError:
        raise UserError(
            f"data.encoding: there is no encoding '{encoding}' ({source}); expected one as utf-8, utf-16 or cp1252"
        ) from None


def _without_mark(start: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of a line in ASCII is 0."""
    even, odd = start[0:200:2], start[1:200:2]
    if len(start) >= 4 and even and odd:
        if not any(odd) and all(even):
            return "utf-16-le"
        if not any(even) and all(odd):
            return "utf-16-be"
    return None


def _single_byte(block: bytes, source: str) -> str:
    """The encoding of a text that is not UTF-8. Raises `UserError` unless it reads as a Western language."""
    try:
        text = block.decode(_WESTERN)
    except UnicodeDecodeError:
        text = ""
    odd = _ODD.search(text) if text else None
    if text and not odd:
        return _WESTERN
    _refuse_bytes(block, source)
    raise UserError(
        f"{source} is no text in UTF-8, and in which encoding it is isn't certain; save it as UTF-8, or set "
        "data.encoding, as cp1252 (Western), cp1250 (Central European), cp1251 (Cyrillic), gbk or shift_jis"
    )
