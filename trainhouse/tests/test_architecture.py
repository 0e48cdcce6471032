"""Who may import whom is read from the source and held; so are the habits that keep start-up fast."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest
from omegaconf import OmegaConf

import trainhouse
from trainhouse.tests.common import CONF, LIBRARY_CONF, ROOT

SCRIPTS = ("train", "eval", "infer", "select_best_model")
LIBRARY = ROOT / "trainhouse"
# Each room of the library and the rooms it may import, from the bottom up.
MAY_IMPORT: dict[str, set[str]] = {
    "configuration": set(),
    "fast": set(),
    "machine": {"configuration"},
    "arrays": {"configuration", "machine"},
    "tables": {"configuration", "machine", "arrays"},
    "runs": {"configuration", "machine"},
    "reports": {"configuration", "machine", "runs"},
    "figures": {"configuration", "machine", "arrays", "reports"},
    "checkpoints": {"configuration", "machine", "arrays", "runs"},
    "sweeps": {"configuration", "machine", "runs", "reports", "figures"},
    "resuming": {"configuration", "arrays", "checkpoints"},
    "training": {
        "configuration",
        "machine",
        "arrays",
        "tables",
        "runs",
        "reports",
        "figures",
        "checkpoints",
        "sweeps",
        "resuming",
    },
    "predicting": {
        "configuration",
        "machine",
        "arrays",
        "tables",
        "runs",
        "reports",
        "figures",
        "checkpoints",
        "resuming",
        "training",
    },
    "launching": {"configuration", "machine", "runs", "sweeps", "training"},
    "upgrading": {"configuration", "machine", "runs", "checkpoints"},
}
LIBRARY_FILES = [path for room in MAY_IMPORT for path in sorted((LIBRARY / room).glob("*.py"))]
USERS_FILES = sorted((ROOT / "src").rglob("*.py"))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path) -> set[str]:
    """Dotted names of modules; of a package, what is taken from it, if that is a module."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            for inner in (f"{node.module}.{alias.name}" for alias in node.names):
                names.add(inner if (ROOT / f"{inner.replace('.', '/')}.py").is_file() else str(node.module))
    return names


def test_every_room_is_listed() -> None:
    rooms = {path.parent.name for path in LIBRARY.glob("*/*.py")} - {"tests", "benchmarks"}
    assert rooms == set(MAY_IMPORT)


def test_rooms_import_only_rooms_below_them() -> None:
    below: set[str] = set()
    for room, others in MAY_IMPORT.items():
        assert others <= below, f"{room} is listed before {others - below}"
        below.add(room)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_file_of_the_library_imports_its_own_room_and_those_below(room: str) -> None:
    for path in (LIBRARY / room).glob("*.py"):
        for name in imported(path):
            top, *inner = name.split(".")
            assert top != "src", f"{path} imports {name}: the library meets the user's code only through _target_s"
            assert top not in SCRIPTS, f"{path} imports a script"
            if top == "trainhouse" and inner:
                assert inner[0] in MAY_IMPORT[room] | {room}, f"{path} imports {name}"


def test_no_file_of_the_library_imports_itself_through_others() -> None:
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in LIBRARY_FILES}
    graph = {name: imported(path) & {*names.values()} for path, name in names.items()}
    assert len([*TopologicalSorter(graph).static_order()]) == len(graph)


def test_a_file_of_the_users_imports_only_the_face_of_the_library() -> None:
    names = [(shown(path), name) for path in USERS_FILES for name in imported(path)]
    assert [one for one in names if one[1].startswith("trainhouse.") or one[1].partition(".")[0] in SCRIPTS] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_imports_only_the_face_of_the_library(script: str) -> None:
    assert not [name for name in imported(ROOT / f"{script}.py") if name.startswith("trainhouse.")]


def test_a_file_has_one_reason_to_change_and_250_lines_at_most() -> None:
    files = [*LIBRARY.rglob("*.py"), *USERS_FILES]
    assert [shown(path) for path in files if path.read_text().count("\n") > 250] == []


def test_the_face_of_the_library_has_what_it_names_and_loads_nothing_before_it_is_asked() -> None:
    code = (
        "import sys, trainhouse\n"
        "assert not [name for name in sys.modules if name.startswith(('trainhouse.', 'numpy', 'torch'))]\n"
        "print('fine')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "fine\n", done.stderr
    for name, place in trainhouse._PLACES.items():
        assert trainhouse.__getattr__(name) is getattr(import_module(f"trainhouse.{place}"), name)
    with pytest.raises(AttributeError):
        trainhouse.nothing  # noqa: B018


def test_what_hydra_imports_at_every_start_is_light() -> None:
    for path in [*(ROOT / "hydra_plugins").glob("*.py"), LIBRARY / "launching" / "sweepers.py"]:
        tops = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ImportFrom)]
        own = {str(node.module).split(".")[1] for node in tops if str(node.module).startswith("trainhouse.")}
        assert own <= {"configuration", "machine", "runs", "launching"}, path
        assert not any(name.startswith(("torch", "lightning", "optuna")) for name in imported(path)), path


MODELS = sorted(path for path in (ROOT / "src" / "models").glob("*.py") if path.stem != "__init__")


def has_lightning_module(path: Path) -> bool:
    """Whether a file of src/models holds a LightningModule, which says itself how it is trained."""
    return any(
        isinstance(node, ast.ClassDef) and any("LightningModule" in ast.unparse(base) for base in node.bases)
        for node in ast.parse(path.read_text()).body
    )


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_models_know_nothing_of_this_project_and_plain_networks_nothing_but_torch(path: Path) -> None:
    outside = {name.partition(".")[0] for name in imported(path)} - set(sys.stdlib_module_names)
    allowed = {"lightning", "torchmetrics"} if has_lightning_module(path) else set()
    assert outside <= {"torch", "annotated_types", *allowed}, f"{path} imports {outside}"


def test_there_are_models_of_both_kinds() -> None:
    assert {has_lightning_module(path) for path in MODELS} == {True, False}


def bare_settings(path: Path) -> list[str]:
    """Functions of a file that take a configuration as a mapping, under that type's own name or another."""
    text = path.read_text()
    bare = "|".join(["dict", "Mapping", *re.findall(r"^(\w+) = (?:dict|Mapping)\[", text, re.MULTILINE)])
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for one in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
                kind = ast.unparse(one.annotation) if one.annotation else ""
                if re.search("config|settings", one.arg) and re.search(rf"\b({bare})\b", kind):
                    found.append(f"{shown(path)}: {node.name}({one.arg}: {kind})")
    return found


def test_behind_the_door_no_function_takes_a_configuration_as_a_bare_mapping() -> None:
    files = [path for path in LIBRARY_FILES if path.parent.name != "configuration"]
    assert [name for path in files for name in bare_settings(path)] == []


def test_only_create_calls_hydras_instantiate() -> None:
    users = [path.name for path in [*LIBRARY_FILES, *USERS_FILES] if re.search(r"\binstantiate\(", path.read_text())]
    assert users == ["create.py"]


def test_only_the_checkpoint_module_loads_files_with_torch() -> None:
    loaders = [path for path in [*LIBRARY_FILES, *USERS_FILES] if "torch.load(" in path.read_text()]
    assert [path.name for path in loaders] == ["checkpoint.py"]
    assert "weights_only=True" in loaders[0].read_text()


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("flags", [["--help"], ["--cfg", "job"]], ids=["help", "cfg"])
def test_help_and_config_load_neither_torch_nor_lightning(script: str, flags: list[str]) -> None:
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
def test_an_entry_script_is_a_table_of_contents(script: str) -> None:
    assert len((ROOT / f"{script}.py").read_text().splitlines()) <= 45


def test_no_config_file_inherits_deeper_than_its_own_group() -> None:
    for path in (*CONF.glob("**/*.yaml"), *LIBRARY_CONF.glob("**/*.yaml")):
        for entry in OmegaConf.load(path).get("defaults") or []:
            name = entry if isinstance(entry, str) else str(next(iter(entry)))
            in_group = path.parent != CONF
            assert not (in_group and name.startswith("/")), f"{path} reaches into another group"
            if path.parent.name == "experiment":
                assert name.startswith("override "), f"{path}: an experiment overrides, and inherits from no other"
