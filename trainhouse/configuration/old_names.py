"""What older versions of the project called things: their checkpoints, run folders and configurations stay readable."""

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from trainhouse.configuration import schema

# Modules that have moved from the user's package into the library.
MOVED = {
    "src.data.array_file": "trainhouse.arrays.array_file",
    "src.data.batches": "trainhouse.arrays.batches",
    "src.data.blocks": "trainhouse.arrays.blocks",
    "src.data.csv": "trainhouse.arrays.csv",
    "src.data.datamodule": "trainhouse.arrays.datamodule",
    "src.data.fingerprint": "trainhouse.arrays.fingerprint",
    "src.data.labels": "trainhouse.arrays.labels",
    "src.data.npy": "trainhouse.arrays.npy",
    "src.data.npz": "trainhouse.arrays.npz",
    "src.data.order": "trainhouse.arrays.order",
    "src.data.raw_rows": "trainhouse.arrays.raw_rows",
    "src.data.residence": "trainhouse.arrays.placement",
    "src.data.row_preprocessing": "trainhouse.arrays.row_preprocessing",
    "src.data.spec": "trainhouse.arrays.spec",
    "src.data.split": "trainhouse.arrays.split",
    "src.data.table": "trainhouse.arrays.read_table",
    "src.evaluation.evaluate": "trainhouse.predicting.evaluate_split",
    "src.evaluation.figures": "trainhouse.reports.run_figures",
    "src.evaluation.names": "trainhouse.reports.names",
    "src.evaluation.predict": "trainhouse.predicting.predict",
    "src.evaluation.promotion": "trainhouse.reports.promotion",
    "src.evaluation.report": "trainhouse.reports.metrics_text",
    "src.evaluation.run_table": "trainhouse.reports.ranking",
    "src.evaluation.task": "trainhouse.predicting.task",
    "src.evaluation.writers": "trainhouse.reports.writers",
    "src.sweeps.composing": "trainhouse.fast.composing",
    "src.sweeps.example_space": "trainhouse.sweeps.example_space",
    "src.sweeps.figures": "trainhouse.sweeps.sweep_figures",
    "src.sweeps.folder": "trainhouse.sweeps.folder",
    "src.sweeps.grid": "trainhouse.sweeps.grid",
    "src.sweeps.importance": "trainhouse.sweeps.importance",
    "src.sweeps.job": "trainhouse.sweeps.job",
    "src.sweeps.parallel_coordinates": "trainhouse.sweeps.parallel_coordinates",
    "src.sweeps.plan": "trainhouse.sweeps.plan",
    "src.sweeps.progress": "trainhouse.sweeps.progress",
    "src.sweeps.repeats": "trainhouse.sweeps.repeats",
    "src.sweeps.results": "trainhouse.sweeps.result_files",
    "src.sweeps.run": "trainhouse.sweeps.run_sweep",
    "src.sweeps.search": "trainhouse.sweeps.search",
    "src.sweeps.settings": "trainhouse.sweeps.settings",
    "src.sweeps.space": "trainhouse.sweeps.space",
    "src.sweeps.study": "trainhouse.sweeps.study",
    "src.sweeps.style": "trainhouse.sweeps.style",
    "src.sweeps.summary": "trainhouse.sweeps.summary_text",
    "src.training.attributes": "trainhouse.resuming.attributes",
    "src.training.build": "trainhouse.training.build",
    "src.training.build_data": "trainhouse.training.build_data",
    "src.training.build_module": "trainhouse.training.build_module",
    "src.training.callbacks": "trainhouse.training.callbacks",
    "src.training.checkpoint": "trainhouse.checkpoints.checkpoint",
    "src.training.checks": "trainhouse.training.checks",
    "src.training.compiling": "trainhouse.training.compiling",
    "src.training.created_below": "trainhouse.runs.created_below",
    "src.training.csv_logger": "trainhouse.runs.csv_logger",
    "src.training.data_card": "trainhouse.training.data_card",
    "src.training.digest": "trainhouse.resuming.digest",
    "src.training.ensemble": "trainhouse.predicting.ensemble",
    "src.training.evaluation": "trainhouse.predicting.evaluate_checkpoint",
    "src.training.exact_loaders": "trainhouse.resuming.exact_loaders",
    "src.training.exact_resume": "trainhouse.resuming.exact_resume",
    "src.training.files_read": "trainhouse.training.files_read",
    "src.training.fine_tuning": "trainhouse.checkpoints.fine_tuning",
    "src.training.inference": "trainhouse.predicting.inference",
    "src.training.lean_loop": "trainhouse.fast.lean_loop",
    "src.training.lean_step": "trainhouse.fast.lean_step",
    "src.training.loggers": "trainhouse.runs.loggers",
    "src.training.loops": "trainhouse.resuming.loops",
    "src.training.model_checkpoints": "trainhouse.checkpoints.model_checkpoints",
    "src.training.monitoring": "trainhouse.training.monitoring",
    "src.training.non_finite": "trainhouse.training.non_finite",
    "src.training.own_evaluation": "trainhouse.predicting.own_evaluation",
    "src.training.plain": "trainhouse.checkpoints.plain",
    "src.training.preflight": "trainhouse.training.preflight",
    "src.training.provenance": "trainhouse.runs.provenance",
    "src.training.pruning": "trainhouse.training.pruning",
    "src.training.rehearsal": "trainhouse.training.check_jobs",
    "src.training.result": "trainhouse.training.training_result",
    "src.training.resume": "trainhouse.training.resume",
    "src.training.run": "trainhouse.training.train",
    "src.training.schedule_span": "trainhouse.training.schedule_span",
    "src.training.seeding": "trainhouse.resuming.seeding",
    "src.training.signals": "trainhouse.training.signals",
    "src.training.threads": "trainhouse.training.threads",
    "src.training.unread": "trainhouse.training.unread",
    "src.utils.best_of_sweep": "trainhouse.runs.best_of_sweep",
    "src.utils.compose_errors": "trainhouse.launching.compose_errors",
    "src.utils.config": "trainhouse.configuration.config",
    "src.utils.cores": "trainhouse.machine.cores",
    "src.utils.create": "trainhouse.configuration.create",
    "src.utils.entry": "trainhouse.launching.entry",
    "src.utils.errors": "trainhouse.configuration.errors",
    "src.utils.files": "trainhouse.machine.files",
    "src.utils.foreign_config": "trainhouse.launching.foreign_config",
    "src.utils.locks": "trainhouse.machine.locks",
    "src.utils.logging": "trainhouse.launching.logging",
    "src.utils.named_in_conf": "trainhouse.configuration.named_in_conf",
    "src.utils.older_versions": "trainhouse.configuration.older_versions",
    "src.utils.quick_hydra": "trainhouse.fast.quick_hydra",
    "src.utils.read_by": "trainhouse.configuration.read_by",
    "src.utils.run_folder": "trainhouse.runs.run_folder",
    "src.utils.schema": "trainhouse.configuration.schema",
    "src.utils.signature": "trainhouse.configuration.signature",
    "src.utils.sweep_worker": "trainhouse.machine.sweep_worker",
    "src.utils.table": "trainhouse.reports.aligned_table",
    "src.utils.targets": "trainhouse.configuration.targets",
}


def current_name(name: str) -> str:
    """Return today's name of what an older file calls `name`, as ``src.data.csv.read_csv``.

    Whoever builds from a file has to build what this returns, for that is what was checked. A file of the user's own
    in an old place goes first, if it has what is named.
    """
    parts = name.split(".")
    module, inner = ".".join(parts[:3]), parts[3:]
    if module not in MOVED or (inner and _has_own(module, inner[0])):
        return name
    return ".".join([MOVED[module], *inner])


def with_current_names(node: Any) -> Any:
    """Return a copy of a part of a configuration in which every `_target_` has today's name."""
    if isinstance(node, dict):
        return {
            key: current_name(item) if key == "_target_" and isinstance(item, str) else with_current_names(item)
            for key, item in node.items()
        }
    return [with_current_names(item) for item in node] if isinstance(node, list) else node


def let_hydra_find(node: Any) -> None:
    """Let Hydra build what a checked part of an older run's configuration names: it reads the file by itself."""
    for name in _targets(node):
        module = name.rpartition(".")[0]
        if current_name(name) != name:
            sys.modules.setdefault(module, import_module(MOVED[module]))


def _has_own(module: str, attribute: str) -> bool:
    path = schema.CONF.parent / f"{module.replace('.', '/')}.py"
    return path.is_file() and re.search(rf"\b{re.escape(attribute)}\b", path.read_text(encoding="utf-8")) is not None


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("_target_"), str):
            yield node["_target_"]
        for item in node.values():
            yield from _targets(item)
    elif isinstance(node, list):
        for item in node:
            yield from _targets(item)
