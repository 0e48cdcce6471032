"""What a constructor reads is noticed, but for code and what the libraries bring."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from trainhouse.training.files_read import files_read


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vocabulary.json").write_text("[1]")
    (tmp_path / "helper.py").write_text("x = 1")
    np.save(tmp_path / "vectors.npy", np.zeros(3))
    torch.save({"w": torch.zeros(1)}, tmp_path / "backbone.pt")
    return tmp_path


def test_files_are_noticed_however_they_are_opened(working_folder: Path) -> None:
    with files_read() as read:
        with open("vocabulary.json") as file:
            json.load(file)
        np.load(Path("vectors.npy"), mmap_mode="r")
        torch.load(working_folder / "backbone.pt", weights_only=True)
    assert read == {str(working_folder / name) for name in ("vocabulary.json", "vectors.npy", "backbone.pt")}


def test_by_its_descriptor_a_file_is_noticed_too(working_folder: Path) -> None:
    with files_read() as read:
        os.close(os.open("vocabulary.json", os.O_RDONLY))
    assert read == {str(working_folder / "vocabulary.json")}


def test_code_libraries_and_what_is_written_are_left_out(working_folder: Path) -> None:
    with files_read() as read:
        (working_folder / "helper.py").read_text()
        Path(torch.__file__).read_bytes()
        (working_folder / "log.txt").write_text("x")
        with open("vocabulary.json", "a") as file:
            file.write(" ")
    assert read == set()


def test_only_the_block_is_listened_to_and_each_one_hears_for_itself(working_folder: Path) -> None:
    with files_read() as outer:
        with files_read() as inner:
            Path("vocabulary.json").read_text()
        np.load("vectors.npy")
    torch.load("backbone.pt", weights_only=True)
    assert inner == {str(working_folder / "vocabulary.json")}
    assert outer == inner | {str(working_folder / "vectors.npy")}


def test_listening_ends_with_an_error_too(working_folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), files_read() as read:
        _ = 1 / 0
    Path("vocabulary.json").read_text()
    assert read == set()
