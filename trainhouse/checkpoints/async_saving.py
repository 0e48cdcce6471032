"""Lightning's writing of checkpoints in a thread, without removing one before that in its place is written."""

from typing import Any

from lightning.pytorch.plugins import AsyncCheckpointIO


class AsyncInOrder(AsyncCheckpointIO):
    """Removes a checkpoint when those saved before are written: a process that is killed leaves one of the two.

    Lightning's own removes at once, while what replaces the file is still in memory.
    """

    def remove_checkpoint(self, path: Any) -> None:
        """Wait for what is being written, then remove it. Raises what a write has failed with, and removes nothing."""
        self.teardown()  # the next save begins a thread again
        super().remove_checkpoint(path)
