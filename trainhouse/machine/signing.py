"""Tells what this user's account has written from what came from elsewhere: a signature by a key that stays here.

It says who wrote a thing, not that it is harmless; a key that is lost costs no more than typing some paths.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainhouse.configuration.schema import CONF
from trainhouse.configuration.settings import Train
from trainhouse.machine.writes import is_foreign, unrefused

_BYTES = 32


def sign(value: Any) -> str | None:
    """Return a signature of plain data as hexadecimal digits; None where no key can be kept."""
    text, key = _canonical(value), _key()
    return None if text is None or key is None else _digest(key, text)


def is_signed(value: Any, signature: object) -> bool:
    """Whether this user's account has signed `value` so."""
    text = _canonical(value)
    if text is None or not isinstance(signature, str) or not signature.isascii():
        return False
    key = _known_key()
    return key is not None and hmac.compare_digest(_digest(key, text), signature)


def signatures(settings: Train) -> dict[str, str]:
    """Return the signature of a run's configuration, and that of its `data` alone.

    There is none where no key can be kept, and none of what somebody else has configured.
    """
    if is_foreign():
        return {}
    signed = {"config": sign(settings.plain), "data": sign(settings.data.plain)}
    return {part: signature for part, signature in signed.items() if signature}


def _digest(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _canonical(value: Any) -> str | None:
    """Return the one text for all that is equal to `value`, whatever the order of its keys."""
    try:
        return json.dumps(_sortable(value), sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return None


def _sortable(value: Any) -> Any:
    """Return plain data in which keys that can't be sorted, numbers beside strings, are strings as JSON has them."""
    if isinstance(value, (list, tuple)):
        return [_sortable(one) for one in value]
    if not isinstance(value, dict):
        return value
    mixed = len({type(key) for key in value}) > 1
    new = {json.dumps(key) if mixed and not isinstance(key, str) else key: _sortable(one) for key, one in value.items()}
    if len(new) < len(value):
        raise ValueError("two keys are the same in JSON")
    return new


def _home() -> Path | None:
    """Where the key is kept, with the user's state; None without a home."""
    state = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    with suppress(RuntimeError):
        return (Path(state) if state else Path.home() / ".local" / "state") / "trainhouse" / "key"
    return None


def _project() -> Path:
    """Where it is kept while the home takes none: in the project's folder, where git doesn't see it."""
    return CONF.parent / ".trainhouse-key"


def _read(place: Path | None) -> bytes | None:
    with suppress(OSError):
        key = place.read_bytes() if place else b""
        return key if len(key) == _BYTES else None
    return None


def _read_in_project() -> bytes | None:
    """Return the key in the project's folder, if it is this account's: a folder may be shared."""
    with suppress(OSError):
        if hasattr(os, "getuid") and _project().stat().st_uid != os.getuid():
            return None
    return _read(_project())


def _known_key() -> bytes | None:
    """Return the key, if there is one.

    That in the project's folder may have come with the project: it counts only while the home's can't be read or made.
    """
    if key := _read(_home()):
        return key
    return _key() if _read_in_project() else None


def _key() -> bytes | None:
    """Return the key, made at the first time; None if there is no place for one."""
    places: list[tuple[Path | None, Callable[[], bytes | None]]] = [
        (_home(), lambda: _read(_home())),
        (_project(), _read_in_project),
    ]
    for place, read in places:
        if key := read():
            return key
        if place is not None:
            with suppress(OSError), unrefused():
                _make(place)
        if key := read():  # unless what is there is no key
            return key
    return None


def _make(place: Path) -> None:
    """Make a key, unless another process is faster: a name is given to a whole file, and only where there is none."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = place.with_name(f"{place.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
        with suppress(FileExistsError):
            os.link(partial, place)
    except OSError:
        if place.exists():
            return
        partial.replace(place)  # a file system without links
    finally:
        partial.unlink(missing_ok=True)
