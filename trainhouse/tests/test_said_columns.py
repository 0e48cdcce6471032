"""What a user says that columns are goes before what their cells look like; what can't be is named."""

import numpy as np
import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.launching.not_parsed import not_parsed
from trainhouse.tables.kinds import Kinds
from trainhouse.tables.raw_rows import read_raw_rows
from trainhouse.tables.read_table import read_table

HEADER = "id,zip,size (cm),note,y\n"
TABLE = HEADER + "".join(f"{row},0{row % 3}123,{row % 4 + 1}.0,{'x' * row},{row % 2}\n" for row in range(40))


@pytest.fixture
def read(tmp_path):
    def from_text(columns, text=TABLE, **arguments):
        (tmp_path / "t.csv").write_text(text)
        return read_table(str(tmp_path / "t.csv"), "y", str(tmp_path / "processed"), columns=columns, **arguments)

    return from_text


def test_columns_are_what_is_said_in_training_evaluation_and_inference(read, tmp_path):
    said = {"id": "number", "zip": "category", "category": ["size (cm)"], "drop": ["note"]}
    data = read(said)
    assert data.spec.columns == ("id", "zip", "size (cm)")  # `id` counts the rows, and would be left out
    assert data.spec.categories == {"zip": ("00123", "01123", "02123"), "size (cm)": ("1.0", "2.0", "3.0", "4.0")}
    assert data.rows.x[4].tolist() == [4, 1, 0]
    np.testing.assert_array_equal(read(None, like=data.spec).rows.x, data.rows.x)
    np.testing.assert_array_equal(next(iter(read_raw_rows(tmp_path / "t.csv", data.spec, 64)[1])), data.rows.x)


def test_names_that_yaml_takes_for_numbers_are_names(read):
    data = read({3: "category", 1.5: "drop"}, "3,1.5,y\n" + "7,8,0\n9,8,1\n" * 5)
    assert data.spec.categories == {"3": ("7", "9")}


def test_large_whole_numbers_are_not_rounded_because_they_are_said_to_be_numbers(read):
    rows = "".join(f"{2**53 + 1 + row % 4},{row % 2}\n" for row in range(9))
    with pytest.raises(UserError, match="column id"):
        read({"id": "number"}, f"id,y\n{rows}")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"zpi": "category"}, r"^data\.columns: .*t\.csv has no column 'zpi'; did you mean 'zip'\?"),
        ({"zip": "categroy"}, r"^data\.columns: zip: expected one of number, category, date, drop.*mean 'category'"),
        ({"categroy": ["zip"]}, r"^data\.columns: zip: expected one of number, category, .*did you mean 'category'"),
        ({"zip": {"dat": "%Y"}}, r"^data\.columns: zip: a date may have a format, as {date: \"%d/%m/%Y\"}, got"),
        ({"zip": "number", "drop": ["zip"]}, r"^data\.columns: column 'zip' is named twice"),
        ({"y": "category"}, r"^data\.columns: column 'y' is the target; data\.task says"),
        ({"note": "number"}, r"t\.csv: 39 problems:\n  column note: row 1 is 'x'; write a number"),
        (
            {"zip": "category"},
            r"column note has 39 different texts in 40 rows.*drop=\[note\], or .*zip: category, note: c",
        ),
    ],
)
def test_what_can_not_be_is_named(read, columns, message):
    with pytest.raises(UserError, match=message):
        read(columns)


def test_a_column_in_two_keys_is_named(read):
    with pytest.raises(UserError, match=r"^data\.columns: column 'zip' is in data\.drop too"):
        read({"zip": "category"}, drop=["zip", "note"])


def test_all_columns_of_free_text_are_named_with_the_one_command_that_leaves_them_out(read):
    rows = "".join(f"n{row},m {row},{row % 5},{row % 2}\n" for row in range(200))
    text = "name,ticket no,b,y\n" + rows
    with pytest.raises(
        UserError, match=r"2 columns .* \(name 200, ticket no 200\); 'data.id_columns=.*; leave them out with (.*)$"
    ) as error:
        read(None, text, drop=["b"])
    assert str(error.value).endswith("""'data.drop=["b", "name", "ticket no"]'""")


@pytest.mark.parametrize(
    ("said", "name", "kind", "written", "typed"),
    [
        ({}, "day", "date", "%d/%m/%Y", """'data.columns={day: {date: "%d/%m/%Y"}}'"""),
        ({"a": "drop"}, "zip", "category", "", "'data.columns={a: drop, zip: category}'"),
        ({"a": "drop"}, "a (b)", "drop", "", """'data.columns={drop: ["a", "a (b)"]}'"""),
        ({}, "Tag ä", "date", "%Y", """'data.columns={date: [{name: "Tag ä", format: "%Y"}]}'"""),
    ],
)
def test_what_is_to_be_typed_says_what_is_meant(said, name, kind, written, typed):
    from hydra.core.override_parser.overrides_parser import OverridesParser

    known = Kinds.asked(said)
    assert known.typed(name, kind, written) == typed
    value = OverridesParser.create().parse_override(typed.strip("'")).value()
    plain = Kinds.asked(_unquoted(value))
    assert plain.of == {**said, name: kind}
    assert plain.formats == ({name: written} if written else {})


def _unquoted(value):
    if isinstance(value, dict):
        return {str(key): _unquoted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_unquoted(one) for one in value]
    return getattr(value, "text", value)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ('{"my col": number}', "'data.columns={my col: number}'"),
        ("{height (cm): number, b: drop}", r"'data.columns={height \(cm\): number, b: drop}'"),
        ("{a=b: number}", r"'data.columns={a\=b: number}'"),
        ('{"größe": number, b: drop}', """'data.columns={number: ["größe"], drop: [b]}'"""),
        ('{"a[0]": {date: "%H:%M"}}', r"""'data.columns={a\[0\]: {date: "%H:%M"}}'"""),
    ],
)
def test_names_that_hydra_can_not_read_come_with_what_to_type(typed, hint):
    override = f"data.columns={typed}"
    assert not_parsed(override, [override], "train", str).endswith(f" {hint}")
