"""What the record of a checkpoint says. The file may hold anything, so each part is looked at before it is used."""

from typing import Any

from trainhouse.arrays.seen import SeenRows
from trainhouse.arrays.spec import DataSpec
from trainhouse.arrays.spec_values import is_number
from trainhouse.configuration.older_versions import is_array_data, with_label_place, with_loss_as_part
from trainhouse.configuration.settings import Train
from trainhouse.configuration.views import Part


def shortened(value: Any) -> str:
    """Return for a message a key or a value that may be anything."""
    return f"{value!s:.60}" if isinstance(value, (str, int, float, type(None))) else f"a {type(value).__name__}"


def parts_of(content: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the parts of a checkpoint whose record is at `key`, by the names of the attributes of `Checkpoint`.

    Raises `KeyError` or `TypeError` for what is missing, or is not what this project writes.
    """
    record = content[key]
    parts = {name: record[name] for name in ("config", "provenance", "epoch", "metrics")}
    parts |= {"facts": record.get("facts", {}), "state_dict": content["state_dict"]}
    parts["signatures"] = record.get("signatures", {})
    for name, value in parts.items():
        if not (type(value) is int and value >= 0 if name == "epoch" else isinstance(value, dict)):
            raise TypeError(f"{name} is {shortened(value)}")
    config, origin, metrics = parts["config"], parts["provenance"], parts["metrics"]
    if not all(isinstance(config[group], dict) for group in ("model", "data", "loss")):
        raise TypeError("model, data and loss are not all mappings")
    if type(config["seed"]) is not int or not isinstance(origin["data_fingerprint"], str):
        raise TypeError("seed or data_fingerprint")
    if not all(isinstance(value, float) or is_number(value) for value in metrics.values()):
        raise TypeError("metrics are not all numbers")
    _ = config["model"]["_target_"], config["data"]["_target_"]
    return {**parts, "config": Train(with_loss_as_part(config)), "spec": spec_of(record), "seen": seen_of(record)}


def spec_of(record: dict[str, Any]) -> DataSpec | None:
    """Return the spec of the data, or None where there is none. Raises `KeyError` or `TypeError` as `parts_of` does."""
    spec, data = record["spec"], record["config"]["data"]
    if spec is None:
        return None
    if not isinstance(spec, dict):
        raise TypeError(f"spec is {shortened(spec)}")
    known = DataSpec.from_dict(with_label_place(spec, data))
    if is_array_data(Part(data)):
        known.check_of_arrays()
    return known


def seen_of(record: dict[str, Any]) -> SeenRows | None:
    """Return the rows that were seen, or None where nothing says which. Raises errors as `parts_of` does."""
    seen = record.get("seen_rows")
    return None if seen is None or (isinstance(seen, dict) and not seen) else SeenRows.from_dict(seen)
