"""Keys that files in conf/ of earlier versions lack, word for word as they are added."""

# What a command chooses from by default, in the order of the list.
GROUPS = {"train.yaml": {"sweep": "grid", "launcher": "basic"}}

_SWEEP = """\
# Of the trials of a sweep (-m): what they are compared by, and the folder of a sweep to resume.
sweep:
  metric: ${monitor}  # a metric of the best epoch, whatever a run logs; a search may have a list of them
  mode: ${mode}  # min: smaller is better; max: larger is better
  resume: null  # the same command with the sweep's folder runs only what is missing or failed
"""
_INIT_PREFIX = """\
# Of a plain file of weights that init_from names: what goes in front of its names, as "backbone.".
init_prefix: null
"""
_RANK_TIMEOUT = """\
# Of several processes: seconds for which one waits for another before the run ends; null leaves it to the strategy.
rank_timeout: null
"""
_OPTIMIZER_GROUPS = """\
# Other values for some of the weights, by their names, * for any characters: {layers.1.*: {lr: 1e-4}}.
groups: null
"""
_COMPILE = """\
# Compile the network with torch.compile: a minute or two at the start, faster steps after it; for long runs.
compile: false
"""
_MODULE = """\
# The LightningModule around a plain network (torch.nn.Module). A LightningModule as model= is used as it is.
module:
  _target_: src.training.module.Module
"""
_FOLDS = """\
# Cross-validation: all rows but the test split's are cut into `folds` parts; data.fold=0 validates on the first of
# them.
fold: null
"""
_PREPROCESSING = """\
# The network's first layer: fitted on the training rows, saved with the weights.
preprocessing:
  _target_: src.data.preprocessing.Preprocessing
"""
_CHANNEL_AXIS = """\
# The axis of a row along which columns, features or channels have a mean and a deviation each. by_dtype is what was
# done before there was the key; auto goes by the shape.
channel_axis: by_dtype
"""
_OUTPUTS = """\
# Where all runs go.
outputs: outputs
"""
_FIGURES = """\
# What is drawn into figures/: true, false, or a list of their names.
figures: true
"""
_FREEZE = """\
# Weights that keep their values, by their names, * for any characters: [layers.1.*].
freeze: []
"""
_TOLD_TO_LOGGERS = {
    "tags": "tags: []  # for loggers that have them: labels of the run\n",
    "notes": "notes: null  # and a few words on it\n",
    "log_gradients": "log_gradients: false  # the norm of gradients and the distribution of weights, in the loggers\n",
}
_OVERWRITE = """\
# Write over what is there already.
overwrite: false
"""
_KEYS: dict[str, dict[str, str]] = {
    "train.yaml": {
        "outputs": _OUTPUTS,
        "sweep": _SWEEP,
        "init_prefix": _INIT_PREFIX,
        "rank_timeout": _RANK_TIMEOUT,
        "freeze": _FREEZE,
        "compile": _COMPILE,
        "figures": _FIGURES,
        **_TOLD_TO_LOGGERS,
        "module": _MODULE,
    },
    "eval.yaml": {"outputs": _OUTPUTS, "figures": _FIGURES, "overwrite": _OVERWRITE},
    "select_best_model.yaml": {"outputs": _OUTPUTS},
    "infer.yaml": {
        "outputs": _OUTPUTS,
        "overwrite": _OVERWRITE,
        "data": "# Arguments of your own LightningDataModule to replace, as data.predict_dir=new/.\ndata: {}\n",
    },
    **{f"optimizer/{name}.yaml": {"groups": _OPTIMIZER_GROUPS} for name in ("adam", "adamw", "sgd")},
    "data/array_defaults.yaml": {
        "fold": _FOLDS,
        "folds": "folds: 5  # parts of a cross-validation\n",
        "shuffle": "shuffle: rows  # rows, or blocks: for a disk that is slow at single rows\n",
        "block_rows": "block_rows: 256  # rows of a block\n",
        "window_blocks": "window_blocks: 64  # blocks of a window, within which rows are shuffled\n",
        "in_memory": "in_memory: auto  # copy the rows into memory first: true, false or auto\n",
        "device_resident": "device_resident: false  # keep the rows on the accelerator: true, false or auto\n",
        "preprocessing": _PREPROCESSING,
    },
}
# Of the files that name one of the library's own readers.
OF_READERS = {
    "channel_axis": _CHANNEL_AXIS,
}
# Of those of them that read any file, which they name as ???; what each key means says docs/data.md.
OF_TABLES = {
    "columns": "# What columns are: {zip: category, age: number, note: drop}.\ncolumns: null\n",
    "na_values": "na_values: null  # more words that stand for a missing value\n",
    "min_category_rows": "min_category_rows: 1  # categories of fewer training rows are one\n",
    "val_file": "val_file: null  # a table of validation rows\n",
    "test_file": "test_file: null  # a table of test rows\n",
    "split_column": "split_column: null  # says which split a row is of\n",
    "group_column": "group_column: null  # rows of one group are in one split\n",
    "time_column": "time_column: null  # the past trains, the future tests\n",
    "weight_column": "weight_column: null  # what a row counts in the loss and the metrics\n",
    "id_columns": "id_columns: []  # carried into predictions\n",
    "keep_columns": "keep_columns: []  # the column of group or time, to be a feature too\n",
    "separator": "separator: null  # of columns; null recognises it\n",
    "decimal": "decimal: null  # the decimal mark; null recognises it\n",
    "thousands": "thousands: null  # the separator of thousands; null recognises it where it is certain\n",
    "encoding": "encoding: null  # of text; null recognises it\n",
    "skip_rows": "skip_rows: 0  # lines above the header\n",
    "sheet": "sheet: null  # of a workbook\n",
    "keep_index": "keep_index: false  # use columns that number the rows too\n",
    "unlabelled": "unlabelled: error  # a row without a label: an error, or drop\n",
}
OF_ARRAYS = {
    **{name: f"{name}: null\n" for name in ("splits", "groups", "times", "weights")},
    **{f"{split}_{name}": f"{split}_{name}: null\n" for split in ("val", "test") for name in ("groups", "weights")},
    **{name: OF_TABLES[name] for name in ("keep_index", "unlabelled")},
}
# A file that earlier versions have under its older name only.
FILES = {"data/table.yaml": ("data/csv.yaml", "# data=csv by its newer name.\ndefaults:\n  - csv\n  - _self_\n")}


def added_keys(file: str) -> dict[str, str]:
    """Return the keys of a file below conf/, each with its lines."""
    return _KEYS.get(file, {})
