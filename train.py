"""Train a model: python train.py model=simple_net trainer.max_epochs=20"""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from trainhouse import checked, is_requeued_job, script


@script("train", trains=True)
def main(config: DictConfig) -> float:
    """Check, build, train, report; returns the best monitored value, which a sweep compares."""
    settings = checked(config, "train")

    from trainhouse import resume, summarise_training, train

    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    resumes = settings.resume or is_requeued_job(folder)
    result = resume(folder, settings, list(hydra_config.overrides.task)) if resumes else train(settings, folder)
    summarise_training(result)
    return result.best_value


if __name__ == "__main__":
    main()
