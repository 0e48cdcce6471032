"""Evaluate a trained model: python eval.py ckpt_path=<checkpoint, run folder or sweep folder>"""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from trainhouse.configuration.config import checked
from trainhouse.launching.entry import script


@script("eval", open_groups=("data",))
def main(config: DictConfig) -> None:
    """Check, rebuild model and data from the checkpoint, evaluate, report."""
    plain = checked(config, "eval")

    from trainhouse.predicting.ensemble import is_own, load_members
    from trainhouse.predicting.evaluate_checkpoint import evaluate_checkpoint, report_evaluation
    from trainhouse.predicting.own_evaluation import evaluate_own

    members = load_members(plain["ckpt_path"])
    folder = Path(HydraConfig.get().runtime.output_dir)
    if is_own(members[0]):
        evaluate_own(members[0], plain, folder)
        return
    evaluation, split = evaluate_checkpoint(members, plain, folder)
    report_evaluation(evaluation, members, split, folder)


if __name__ == "__main__":
    main()
