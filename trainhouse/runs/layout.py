"""What is in the folder of a run or a sweep, by name."""

CONFIG = "config.yaml"
MARK = ".hydra"  # Hydra's record: made first, by one process only, and so the mark that the folder is taken
METRICS = "metrics.json"
HISTORY = "logs/metrics.csv"
EVENTS = "*tfevents*"  # TensorBoard's, by which it knows them too
COLUMNS = "data_columns.csv"
LOG = "logs/training.log"
FIGURES = "figures"
SPLIT_TABLE = "splits.csv"
SPLIT_ARRAY = "splits.npz"
CHECKPOINTS = "checkpoints"
BEST_MODEL = "checkpoints/best_model.ckpt"
LAST_CHECKPOINT = "checkpoints/last.ckpt"
RUNS = "outputs"
# Of a sweep.
MULTIRUN = "multirun.yaml"
SWEEP = "sweep.json"
SWEEP_LOG = "logs/sweep.log"
