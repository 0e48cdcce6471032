import pytest

pytest.register_assert_rewrite(f"{__name__}.judging", f"{__name__}.in_process")
