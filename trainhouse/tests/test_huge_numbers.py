"""Numbers too large for float32 end in one line, without a warning of numpy before it."""

import numpy as np
import pytest

from trainhouse.tests.common import run_script


@pytest.mark.parametrize("kind", ["npy", "csv"])
def test_a_number_too_large_is_refused_in_one_line(tmp_path, kind):
    random = np.random.RandomState(0)
    x, y = random.standard_normal((60, 2)) * 1e39, random.randint(0, 2, 60)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    lines = [f"{a!r},{b!r},{label}" for (a, b), label in zip(x.tolist(), y, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    files = ["data.features=x.npy", "data.labels=y.npy"] if kind == "npy" else ["data.file=t.csv", "data.target=y"]
    done = run_script("train.py", f"data={kind}", *files, "trainer=cpu", "trainer.max_epochs=1", cwd=tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "warning" not in done.stdout + done.stderr
    assert "row 0, column" in done.stderr
    assert "too large for float32; scale the column down" in done.stderr
