"""Starts a new run with the weights of another: whatever fits is taken over, the rest is said."""

import logging

from src.training.checkpoint import Checkpoint
from src.training.module import Module
from src.utils.errors import UserError

_log = logging.getLogger(__name__)


def initialise(module: Module, checkpoint: Checkpoint) -> None:
    """Give `module` the checkpoint's weights where name and shape agree; name those that start anew.

    What is fitted to data (standardisation, the scale of targets) stays that of the new data; embeddings of
    categories come along if the columns are the same. Raises `UserError` if no weight of the network fits.
    """
    new = {name: value for name, value in module.state_dict().items() if name.startswith("network.")}
    if checkpoint.spec.columns == module.spec.columns:
        learned = {name for name, _ in module.preprocessing.named_parameters(prefix="preprocessing")}
        new |= {name: value for name, value in module.state_dict().items() if name in learned}
    old = checkpoint.state_dict
    if bad := [name for name, value in old.items() if value.is_floating_point() and not value.isfinite().all()]:
        raise UserError(f"init_from: {checkpoint.path}: {bad[0]} holds values that are not finite")
    fitting = {name: old[name] for name, value in new.items() if name in old and old[name].shape == value.shape}
    trained = {name for name, _ in module.named_parameters()}
    if not trained & fitting.keys():
        raise UserError(
            f"init_from: no weight of {checkpoint.path} fits this network; "
            f"it was made by {checkpoint.config['model'].get('_target_')}, are model= and its sizes the same?"
        )
    module.load_state_dict(fitting, strict=False)
    _log.info("weights from %s (epoch %d)", checkpoint.path, checkpoint.epoch)
    for name in sorted(trained & new.keys() - fitting.keys()):
        was = f"is {tuple(old[name].shape)} there" if name in old else "is not there"
        _log.info("        %s %s starts anew: it %s", name, tuple(new[name].shape), was)
    for name in sorted(name for name in old if name.startswith("network.") and name not in new):
        _log.info("        %s of the checkpoint is not used", name)
    if module.spec.classes != checkpoint.spec.classes and module.spec.outputs == checkpoint.spec.outputs:
        _log.info("        the classes have other names there: the last layer starts from the old ones")
