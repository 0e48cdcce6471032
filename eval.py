"""Evaluate a trained model: python eval.py ckpt_path=<checkpoint, run folder or sweep folder>"""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from trainhouse import checked, script


@script("eval", open_groups=("data",))
def main(config: DictConfig) -> None:
    """Check, rebuild model and data from the checkpoint, evaluate, report."""
    settings = checked(config, "eval")

    from trainhouse import evaluate_checkpoint, evaluate_own, is_own, load_members, report_evaluation

    members = load_members(settings.ckpt_path)
    folder = Path(HydraConfig.get().runtime.output_dir)
    if is_own(members[0]):
        evaluate_own(members[0], settings, folder)
        return
    evaluation, split = evaluate_checkpoint(members, settings, folder)
    report_evaluation(evaluation, members, split, folder)


if __name__ == "__main__":
    main()
