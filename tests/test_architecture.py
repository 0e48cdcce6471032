"""Who may import whom is read from the source and held; so are the habits that keep start-up fast."""

import ast
import re
import subprocess
import sys

import pytest
from conftest import CONF, ROOT
from omegaconf import OmegaConf

SCRIPTS = ("train", "eval", "infer", "select_best_model")
# Each room and the rooms it may import; the types in data/spec.py are open to all.
MAY_IMPORT = {
    "utils": set(),
    "data": {"utils"},
    "models": {"utils"},
    "evaluation": {"utils"},
    "training": {"utils", "data", "models", "evaluation", "sweeps"},
    "sweeps": {"utils", "evaluation"},
}
SOURCES = sorted((ROOT / "src").glob("*/*.py"))


def imported(path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_room_imports_only_the_rooms_below_it(path) -> None:
    room = path.parent.name
    for name in imported(path):
        if name.startswith("src.") and name != "src.data.spec":
            assert name.split(".")[1] in MAY_IMPORT[room] | {room}, f"{path} imports {name}"
        assert name.partition(".")[0] not in SCRIPTS, f"{path} imports a script"


def test_the_sweepers_import_little_where_hydra_looks_for_them() -> None:
    for path in (ROOT / "hydra_plugins").glob("*.py"):
        tops = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ImportFrom)]
        own = {node.module for node in tops if node.module and node.module.startswith("src.")}
        assert {name.split(".")[1] for name in own} <= {"utils"}, path
        assert not any(name.startswith(("torch", "lightning", "optuna")) for name in imported(path)), path


MODELS = sorted(path for path in (ROOT / "src" / "models").glob("*.py") if path.stem != "__init__")


def has_lightning_module(path) -> bool:
    """Whether a file of src/models holds a LightningModule, which says itself how it is trained."""
    return any(
        isinstance(node, ast.ClassDef) and any("LightningModule" in ast.unparse(base) for base in node.bases)
        for node in ast.parse(path.read_text()).body
    )


@pytest.mark.parametrize(
    "path", [path for path in MODELS if not has_lightning_module(path)], ids=lambda path: path.name
)
def test_plain_networks_know_nothing_but_torch(path) -> None:
    outside = {name.partition(".")[0] for name in imported(path)} - set(sys.stdlib_module_names)
    assert outside <= {"torch"}, f"{path} imports {outside}"


def test_there_are_models_of_both_kinds() -> None:
    assert {has_lightning_module(path) for path in MODELS} == {True, False}


def test_only_create_calls_hydras_instantiate() -> None:
    users = [path.name for path in SOURCES if re.search(r"\binstantiate\(", path.read_text())]
    assert users == ["create.py"]


def test_only_the_checkpoint_module_loads_files_with_torch() -> None:
    loaders = [path for path in SOURCES if "torch.load(" in path.read_text()]
    assert [path.name for path in loaders] == ["checkpoint.py"]
    assert "weights_only=True" in loaders[0].read_text()


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("flags", [["--help"], ["--cfg", "job"]], ids=["help", "cfg"])
def test_help_and_config_load_neither_torch_nor_lightning(script, flags) -> None:
    code = (
        "import runpy, sys, atexit\n"
        "heavy = ('torch', 'lightning', 'torchmetrics', 'matplotlib', 'pyarrow')\n"
        "atexit.register(lambda: print('LOADED', [name for name in heavy if name in sys.modules]))\n"
        f"sys.argv = ['{script}.py'] + {flags!r}\n"
        f"runpy.run_path('{script}.py', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LOADED []"


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_entry_script_is_a_table_of_contents(script) -> None:
    assert len((ROOT / f"{script}.py").read_text().splitlines()) <= 45


@pytest.mark.parametrize("path", sorted(CONF.glob("**/*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_no_config_file_inherits_deeper_than_its_own_group(path) -> None:
    defaults = OmegaConf.load(path).get("defaults") or []
    for entry in defaults:
        name = entry if isinstance(entry, str) else str(next(iter(entry)))
        in_group = path.parent != CONF
        assert not (in_group and name.startswith("/")), f"{path} reaches into another group"
        if path.parent.name == "experiment":
            assert name.startswith("override "), f"{path}: an experiment overrides, and inherits from no other"
