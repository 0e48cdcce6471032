"""Numbers as people and spreadsheets write them: decimal commas, separators of thousands, %, currencies, (5) for -5.

To a program they are texts. Which number is meant is asked for, not guessed: 3,504 is two of them.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from trainhouse.arrays.texts import is_number

_MARKS = "[%‰$€£¥₹₽₩₺₴₪₫฿¢]|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|BRL|SEK|NOK|DKK|PLN|CZK|HUF|kr|zł|Kč|Ft|R[$]"
_SPACES, _APOSTROPHE = " \u00a0\u2009\u202f", "\u2019"
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)(?P<before>(?:{_MARKS})?)[{_SPACES}]?(?P<other_sign>[+-]?)"
    rf"(?P<core>[\d.,'{_APOSTROPHE}{_SPACES}]*\d[.,]?(?:[eE][+-]?\d+)?)[{_SPACES}]?(?P<after>(?:{_MARKS})?)",
    re.ASCII,
)
_GROUPED = re.compile(
    rf"\d{{1,3}}(?:(?P<by>[.,'{_APOSTROPHE}{_SPACES}])\d{{3}})(?:(?P=by)\d{{3}})*(?P<rest>[.,]\d*)?", re.ASCII
)
_INDIAN = re.compile(r"\d{1,2}(?:,\d\d)+,\d{3}(?:\.\d*)?", re.ASCII)  # 12,34,567
_FOR_EXCEL = re.compile(r'="(.*)"')  # which keeps a cell as it is written
_COMMA = re.compile(r"\d*,\d*(?:[eE][+-]?\d+)?", re.ASCII)
_IN_BRACKETS = re.compile(r"\(([^-+()]+)\)")  # negative, in accounts
_SIGN_APART = re.compile(r"(?P<before>[+-]) +(?P<number>\d.*)|(?P<other>\d[^-+ ]*) ?(?P<behind>[+-])")
_OLD_EXPONENT = re.compile(r"(\d*\.\d*)[dD]([+-]?\d+)", re.ASCII)  # of Fortran
_MINUS = "\u2212\u2013\uff0d"
_DOUBTFUL = re.compile(r"[1-9]\d{0,2},\d{3}", re.ASCII)


class _Written(NamedTuple):
    """What a cell has that a plain number has not."""

    plain: str
    marks: tuple[str, ...] = ()
    has_decimal_comma: bool = False
    has_thousands: bool = False
    is_doubtful: bool = False
    """Whether its comma may be either."""

    @property
    def way(self) -> str:
        what = ["decimal points"] * self.has_decimal_comma + ["no separators of thousands"] * self.has_thousands
        what += [f"no {mark}" for mark in self.marks]
        return f"write {', '.join(what)} ({self.plain})" if what else f"write {self.plain}"


def is_written_number(text: str) -> bool:
    """Whether a string that is no number for a program is one for its reader."""
    return _read(text) is not None


def how_to_write(text: str, texts: Iterable[str]) -> str:
    """Return what to do about such a string; the `texts` of its column say what its comma is, if anything does."""
    found = _read(text)
    assert found is not None
    if not found.is_doubtful:
        return found.way
    texts = list(texts)
    others = [one for one in map(_read, texts) if one and not one.is_doubtful]
    is_decimal = any(one.has_decimal_comma for one in others)
    is_thousands = any(one.has_thousands for one in others) or any("." in one and is_number(one) for one in texts)
    point, whole = found.plain, found.plain.replace(".", "")
    if is_decimal and not is_thousands:
        return found._replace(has_decimal_comma=True).way
    if is_thousands and not is_decimal:
        return found._replace(has_thousands=True, plain=whole).way
    marks = f", without {' and '.join(found.marks)}" if found.marks else ""
    return (
        f"three digits behind the comma may be thousands or decimals: write {whole} or {point}, whichever is meant"
        f"{marks}"
    )


def _plain(text: str) -> str:
    """A text with signs, digits and exponents as a program writes them."""
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)
        text = f"-{text[1:]}" if text[:1] in _MINUS and text[1:] else text
    text = _FOR_EXCEL.sub(r"\1", text)
    text = re.sub(r"(?<=\d)_(?=\d)", "", text.strip("'"))  # as spreadsheets mark text, and programs group digits
    if apart := _SIGN_APART.fullmatch(text):
        text = (apart["before"] or apart["behind"]) + (apart["number"] or apart["other"])
    text = _IN_BRACKETS.sub(r"-\1", text) if _IN_BRACKETS.fullmatch(text) else text
    return _OLD_EXPONENT.sub(r"\1e\2", text) if _OLD_EXPONENT.fullmatch(text) else text


def _read(text: str) -> _Written | None:
    text = text.strip()
    plain = _plain(text)
    parts = _NUMBER.fullmatch(plain)
    if not parts or (parts["sign"] and parts["other_sign"]) or (parts["before"] and parts["after"]):
        return None
    marks = tuple(mark for mark in (parts["before"], parts["after"]) if mark)
    sign, core = (parts["sign"] or parts["other_sign"]).replace("+", ""), parts["core"]
    if is_number(core):
        return _Written(sign + core, marks) if marks or plain != text else None
    if _DOUBTFUL.fullmatch(core):
        return _Written(sign + core.replace(",", "."), marks, is_doubtful=True)
    if _COMMA.fullmatch(core):
        return _Written(sign + core.replace(",", "."), marks, has_decimal_comma=True)
    if _INDIAN.fullmatch(core):
        return _Written(sign + core.replace(",", ""), marks, has_thousands=True)
    grouped = _GROUPED.fullmatch(core)
    if not grouped or (grouped["rest"] or "").startswith(grouped["by"]):
        return None
    if grouped["by"] in _SPACES and not grouped["rest"] and not marks:
        return None  # a postal code, say
    if grouped["by"] == "." and core.count(".") > 2 and not grouped["rest"] and not marks:
        return None  # an address, say
    rest = grouped["rest"] or ""
    whole = core.removesuffix(rest).replace(grouped["by"], "")
    return _Written(sign + whole + rest.replace(",", "."), marks, rest.startswith(","), has_thousands=True)
