"""The library that keeps this project's promises. Named here is what ``src/`` and the scripts use; rooms may change.

Nothing is imported before it is asked for, so that a command's ``--help`` loads no torch.
"""

import sys
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainhouse.arrays.array_file import open_array as open_array
    from trainhouse.arrays.batches import Batch as Batch
    from trainhouse.arrays.moments import is_far as is_far
    from trainhouse.arrays.moments import moments_of as moments_of
    from trainhouse.arrays.npy import read_npy as read_npy
    from trainhouse.arrays.precision import KeepsFloat64 as KeepsFloat64
    from trainhouse.arrays.precision import to_numpy as to_numpy
    from trainhouse.arrays.row_preprocessing import RowPreprocessing as RowPreprocessing
    from trainhouse.arrays.spec import Dataset as Dataset
    from trainhouse.arrays.spec import DataSpec as DataSpec
    from trainhouse.arrays.spec import Rows as Rows
    from trainhouse.arrays.spec import TaskName as TaskName
    from trainhouse.checkpoints.writing import AtomicCheckpointIO as AtomicCheckpointIO
    from trainhouse.configuration.bounded import read_json as read_json
    from trainhouse.configuration.config import checked as checked
    from trainhouse.configuration.errors import UserError as UserError
    from trainhouse.figures.confusion_matrix import confusion_matrix as confusion_matrix
    from trainhouse.figures.measured import Measured as Measured
    from trainhouse.figures.regression import predicted_against_true as predicted_against_true
    from trainhouse.figures.style import entitle as entitle
    from trainhouse.figures.style import in_style as in_style
    from trainhouse.figures.style import new_figure as new_figure
    from trainhouse.launching.entry import script as script
    from trainhouse.machine.files import atomic_write as atomic_write
    from trainhouse.machine.files import write_json as write_json
    from trainhouse.predicting.class_measures import confusion_counts as confusion_counts
    from trainhouse.predicting.class_measures import per_class as per_class
    from trainhouse.predicting.ensemble import is_own as is_own
    from trainhouse.predicting.ensemble import load_members as load_members
    from trainhouse.predicting.evaluate_checkpoint import evaluate_checkpoint as evaluate_checkpoint
    from trainhouse.predicting.evaluate_checkpoint import report_evaluation as report_evaluation
    from trainhouse.predicting.inference import infer as infer
    from trainhouse.predicting.own_evaluation import evaluate_own as evaluate_own
    from trainhouse.predicting.predictor import load_predictor as load_predictor
    from trainhouse.predicting.task import Columns as Columns
    from trainhouse.predicting.task import Findings as Findings
    from trainhouse.predicting.task import Task as Task
    from trainhouse.reports.metrics_text import per_class_table as per_class_table
    from trainhouse.reports.promotion import check_final_model as check_final_model
    from trainhouse.reports.promotion import promote as promote
    from trainhouse.reports.ranking import rank_folder as rank_folder
    from trainhouse.reports.run_table import print_ranking as print_ranking
    from trainhouse.reports.writers import class_array as class_array
    from trainhouse.runs.this_job import is_requeued_job as is_requeued_job
    from trainhouse.tables.read_table import read_csv as read_csv
    from trainhouse.tables.read_table import read_table as read_table
    from trainhouse.training.accumulation import weight_in_step as weight_in_step
    from trainhouse.training.closing_lines import summarise_training as summarise_training
    from trainhouse.training.fsdp import FSDP as FSDP
    from trainhouse.training.resume import resume as resume
    from trainhouse.training.row_weights import takes_weights as takes_weights
    from trainhouse.training.schedule_span import spans_the_run as spans_the_run
    from trainhouse.training.train import train as train

__version__ = "1.0.0"

_WITH_TORCH = ("training", "predicting", "arrays")  # rooms

# Each name, and the file that it is in.
_PLACES = {
    "AtomicCheckpointIO": "checkpoints.writing",
    "Batch": "arrays.batches",
    "Columns": "predicting.task",
    "DataSpec": "arrays.spec",
    "Dataset": "arrays.spec",
    "FSDP": "training.fsdp",
    "Findings": "predicting.task",
    "KeepsFloat64": "arrays.precision",
    "Measured": "figures.measured",
    "RowPreprocessing": "arrays.row_preprocessing",
    "Rows": "arrays.spec",
    "Task": "predicting.task",
    "TaskName": "arrays.spec",
    "UserError": "configuration.errors",
    "atomic_write": "machine.files",
    "check_final_model": "reports.promotion",
    "checked": "configuration.config",
    "class_array": "reports.writers",
    "confusion_counts": "predicting.class_measures",
    "confusion_matrix": "figures.confusion_matrix",
    "entitle": "figures.style",
    "evaluate_checkpoint": "predicting.evaluate_checkpoint",
    "evaluate_own": "predicting.own_evaluation",
    "in_style": "figures.style",
    "infer": "predicting.inference",
    "is_far": "arrays.moments",
    "is_own": "predicting.ensemble",
    "is_requeued_job": "runs.this_job",
    "load_members": "predicting.ensemble",
    "load_predictor": "predicting.predictor",
    "moments_of": "arrays.moments",
    "new_figure": "figures.style",
    "open_array": "arrays.array_file",
    "per_class": "predicting.class_measures",
    "per_class_table": "reports.metrics_text",
    "predicted_against_true": "figures.regression",
    "print_ranking": "reports.run_table",
    "promote": "reports.promotion",
    "rank_folder": "reports.ranking",
    "read_csv": "tables.read_table",
    "read_json": "configuration.bounded",
    "read_npy": "arrays.npy",
    "read_table": "tables.read_table",
    "report_evaluation": "predicting.evaluate_checkpoint",
    "resume": "training.resume",
    "script": "launching.entry",
    "spans_the_run": "training.schedule_span",
    "summarise_training": "training.closing_lines",
    "takes_weights": "training.row_weights",
    "to_numpy": "arrays.precision",
    "train": "training.train",
    "weight_in_step": "training.accumulation",
    "write_json": "machine.files",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with _said(_PLACES[name]):
        found = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    if "torch" in sys.modules:
        import_module(f"{__name__}.machine.garbage").search_as_usual()
    return found


def _said(place: str) -> AbstractContextManager[None]:
    """Return what says on a terminal why it stands still: importing torch and Lightning takes seconds."""
    if "torch" in sys.modules or place.partition(".")[0] not in _WITH_TORCH:
        return nullcontext()
    doing: AbstractContextManager[None] = import_module(f"{__name__}.machine.terminal").doing("loading PyTorch")
    return doing


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
