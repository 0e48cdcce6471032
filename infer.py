"""Predict: python infer.py input=rows.csv output=predictions.csv; of your own data: data.predict_dir=... output=..."""

from omegaconf import DictConfig

from trainhouse import checked, script


@script("infer", open_groups=("data",))
def main(config: DictConfig) -> None:
    """Check, rebuild the model from its checkpoint, stream rows through it into a file."""
    settings = checked(config, "infer")

    from trainhouse import infer

    infer(**settings.plain)


if __name__ == "__main__":
    main()
