"""An address in a file's data is opened only if the user has given it."""

import pytest

from trainhouse.configuration.errors import UserError
from trainhouse.configuration.targets import check_part
from trainhouse.tests.targets.own import check, write


@pytest.mark.parametrize(
    ("node", "key"),
    [
        ({"url": "https://x.org/a.csv"}, "data.url"),
        ({"_target_": "src.own.Data", "files": ["a.csv", "s3://bucket/a.csv"]}, "data.files[1]"),
        (
            {"_target_": "src.own.Data", "rows": {"_target_": "src.own.Rows", "at": "simplecache::s3://b"}},
            "data.rows.at",
        ),
        ({"sizes": {"s3://bucket/a.csv": 3}}, "data.sizes"),
    ],
)
def test_an_address_in_the_data_is_the_users_to_give(conf, node, key):
    typed = key.partition("[")[0]
    with pytest.raises(UserError) as refused:
        check(node, "data")
    message = str(refused.value)
    assert message.startswith(f"best.ckpt: {key} is '")
    assert message.endswith(f", so type its data paths: {typed}=...")
    check_part("data", node, "best.ckpt", own=True)
    for others in (["data.ur", "data.urls", "seed"], [f"{typed}x"], [""]):
        with pytest.raises(UserError, match=r"://"):
            check(node, "data", others)
    check(node, "data", [typed])
    check(node, "data", ["data"])


def test_an_address_that_conf_has_passes(conf):
    write(conf / "data" / "a.yaml", "files: [s3://bucket/a.csv]\n")
    write(conf / "train.yaml", "base: s3://bucket/b.csv\n")
    check({"file": "s3://bucket/a.csv", "other": "s3://bucket/b.csv"}, "data")
    with pytest.raises(UserError, match=r"^best\.ckpt: data\.file is 's3://bucket/a\.csv2'; "):
        check({"file": "s3://bucket/a.csv2"}, "data")


def test_only_the_data_is_searched_for_addresses(conf):
    check({"tracking_uri": "http://localhost:5000"}, "logger")
