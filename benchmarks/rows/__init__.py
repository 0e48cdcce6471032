"""All rows, in the order of the table."""

from benchmarks.measuring import Row
from benchmarks.rows import checkpoints, memory, order, prediction, side_by_side, startup, step_costs, sweeps, training

ROWS: list[Row] = [
    training.train_perceptron,
    training.train_perceptron_wall,
    training.train_cnn,
    training.train_cnn_wall,
    training.train_fake,
    training.train_fake_wall,
    prediction.evaluate,
    prediction.evaluate_without_file,
    prediction.infer_npy,
    prediction.infer_csv,
    prediction.infer_parquet,
    startup.first_step,
    startup.help,
    startup.cfg_job,
    startup.config_error,
    order.epoch_start_1e9,
    order.epoch_start_1e9_memory,
    memory.memory_infer,
    memory.memory_infer_own,
    memory.memory_train,
    memory.memory_train_own,
    checkpoints.checkpoint_save,
    checkpoints.checkpoint_load,
    step_costs.guard,
    step_costs.preflight,
    side_by_side.two_at_once,
    sweeps.sweep_search,
    sweeps.sweep_grid,
    sweeps.sweep_memory,
    sweeps.sweep_parallel,
]
