"""The network's first layer, for data that comes as arrays and tables: this is the file to change it in.

It is fitted on the training split alone, saved and exported with the weights, and takes rows as they are stored.
"""

from torch import Tensor

from trainhouse import RowPreprocessing


class Preprocessing(RowPreprocessing):
    """Standardises numbers, fills in missing ones, spreads categories out; images come out channels first.

    To add to it, change `forward`, and `output_shape` with it; what it learns from the data goes into `fit`.
    """

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of one row after preprocessing: what a network takes."""
        return super().output_shape

    def forward(self, x: Tensor) -> Tensor:
        """Map stored rows (B, *input_shape) to float rows (B, *output_shape)."""
        return super().forward(x)
