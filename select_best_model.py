"""Promote the best run: python select_best_model.py [runs=<folder>] [dry_run=true]"""

from pathlib import Path

from omegaconf import DictConfig

from trainhouse import checked, script


@script("select_best_model")
def main(config: DictConfig) -> None:
    """Check, read the runs, rank them, promote the best one."""
    settings = checked(config, "select_best_model")

    from trainhouse import check_final_model, print_ranking, promote, rank_folder

    check_final_model(Path(settings.final_model))
    ranking = rank_folder(Path(settings.runs), settings.metric, settings.mode, settings.trained_on)
    print_ranking(ranking)
    if not settings.dry_run:
        promote(ranking, Path(settings.final_model), settings.force)


if __name__ == "__main__":
    main()
