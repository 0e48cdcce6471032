"""Random changes to training rows: bounded, repeatable, and none outside training."""

import pytest
import torch

from src.data.augmentation import Augmentation

IMAGES = torch.rand(64, 1, 9, 9, generator=torch.Generator().manual_seed(0))
ALL = {"shift": 2.0, "rotate": 30.0, "scale": 0.2, "noise": 0.1}


def dots(size: int = 21) -> torch.Tensor:
    """Images of a blob five pixels right of the middle, whose place can be measured."""
    place = torch.arange(size) - size // 2
    y, x = torch.meshgrid(place, place, indexing="ij")
    blob = torch.exp(-((x - 5.0) ** 2 + y**2) / 2)
    return blob.expand(200, 1, size, size).clone()


def centres(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return x and y of each image's centre of mass, in pixels from the middle."""
    mass = images.sum(dim=(1, 2, 3))
    height, width = images.shape[-2:]
    x = (images.sum(dim=(1, 2)) * (torch.arange(width) - width // 2)).sum(dim=1) / mass
    y = (images.sum(dim=(1, 3)) * (torch.arange(height) - height // 2)).sum(dim=1) / mass
    return x, y


@pytest.mark.parametrize("amounts", [ALL, {"shift": 1.0}, {"noise": 1.0}])
def test_nothing_changes_outside_training(amounts):
    assert Augmentation(**amounts).eval()(IMAGES) is IMAGES


def test_nothing_changes_without_an_amount():
    assert torch.equal(Augmentation()(IMAGES), IMAGES)


@pytest.mark.parametrize("rows", [IMAGES, IMAGES.squeeze(1), IMAGES.expand(-1, 3, -1, -1)])
def test_the_generator_alone_decides_the_changes(rows):
    augmentation = Augmentation(**ALL)
    changed = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        changed.append(augmentation(rows))
    assert changed[0].shape == rows.shape
    assert torch.equal(changed[0], changed[1])
    assert not torch.equal(changed[0], changed[2])
    assert not torch.equal(changed[0], rows)


def test_images_of_one_batch_change_each_in_its_own_way_and_their_channels_together():
    torch.manual_seed(0)
    same = IMAGES[:1].expand(8, 3, -1, -1)
    changed = Augmentation(shift=2.0, rotate=30.0)(same)
    assert len(changed[:, 0].unique(dim=0)) == 8
    assert torch.equal(changed[:, 0], changed[:, 2])


@pytest.mark.parametrize(
    ("amount", "bound"),
    [({"shift": 3.0}, 3.0), ({"rotate": 40.0}, 40.0), ({"scale": 0.3}, 0.3)],
    ids=["pixels", "degrees", "fraction"],
)
def test_an_amount_is_the_bound_of_an_even_draw_in_both_directions(amount, bound):
    torch.manual_seed(0)
    x, y = centres(Augmentation(**amount)(dots()))
    if "shift" in amount:
        drawn = torch.cat([x - 5, y])
    elif "rotate" in amount:
        drawn = torch.rad2deg(torch.atan2(y, x))
    else:
        drawn = torch.hypot(x, y) / 5 - 1
    assert drawn.abs().max() <= bound * 1.03 + 1e-3
    assert drawn.max() > 0.85 * bound
    assert drawn.min() < -0.85 * bound
    assert abs(drawn.mean()) < 0.2 * bound


def test_images_that_are_not_square_turn_without_being_sheared():
    wide = torch.nn.functional.pad(dots(), (10, 10))
    torch.manual_seed(0)
    x, y = centres(Augmentation(rotate=90.0)(wide))
    torch.testing.assert_close(torch.hypot(x, y), torch.full((200,), 5.0), atol=0.2, rtol=0)


def test_noise_has_the_deviation_that_was_asked_for():
    torch.manual_seed(0)
    added = Augmentation(noise=0.5)(torch.zeros(1000, 20))
    assert abs(added.mean()) < 0.02
    assert added.std() == pytest.approx(0.5, rel=0.05)


def test_plain_rows_are_not_moved():
    rows = torch.rand(8, 5)
    assert torch.equal(Augmentation(shift=3.0, rotate=90.0, scale=0.5)(rows), rows)
