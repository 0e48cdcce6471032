"""Draw README's picture again: what a terminal shows of a run. From the project's folder: python .ci/picture.py"""

import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "pictures" / "run.svg"
COMMAND = ["train.py", "data=digits", "model=cnn", "optimizer.lr=0.003", "trainer.max_epochs=6"]
COLUMNS = 92
_LIGHT, _DARK, _GREEN = (222, 224, 230), (30, 32, 38), (120, 200, 130)
_THEME = TerminalTheme(_DARK, _LIGHT, [_DARK, _LIGHT, _GREEN, *[_LIGHT] * 5])
# rich's own, without a font from elsewhere and without buttons of a window.
_SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<title>What a terminal shows of a run</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
{lines}
</defs>
<rect width="{width}" height="{height}" rx="8" fill="#1e2026"/>
<g transform="translate({terminal_x}, 24)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def shown() -> list[str]:
    """Run the command in an empty folder, and return the lines that stay on a terminal."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data").symlink_to(ROOT / "data")
        leader, follower = pty.openpty()
        env = {**os.environ, "COLUMNS": str(COLUMNS), "NO_COLOR": "1", "TRAINHOUSE_PROJECT": "."}  # paths as in a clone
        command = [sys.executable, ROOT / COMMAND[0], *COMMAND[1:]]
        process = subprocess.Popen(command, stdout=follower, cwd=folder, env=env)
        os.close(follower)
        output = b""
        while True:
            try:
                output += os.read(leader, 65536) or b""
            except OSError:  # the other end is closed
                break
        assert process.wait() == 0, output
    lines = output.decode().replace("\r\n", "\n").rstrip().split("\n")
    lines = [re.sub(r"\S*python\S* \S*?(\w+\.py)", r"python \1", line) for line in lines]  # as it was typed
    return re.sub(r"\nnote    threads.*?\n", "", "\n".join(lines)).split("\n")  # another training on this machine


if __name__ == "__main__":
    text = (
        Text()
        .append("$ ", style="green")
        .append(f"python {' '.join(COMMAND)}\n", style="bold")
        .append("\n".join(shown()))
    )
    text.highlight_words(["(best)"], style="green")
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), color_system="truecolor")  # noqa: SIM115
    console.print(text, soft_wrap=True, highlight=False)
    svg = console.export_svg(theme=_THEME, code_format=_SVG, unique_id="run")
    svg = re.sub(r' clip-path="url\(#run-line-\d+\)"|<clipPath id="run-line.*?</clipPath>', "", svg, flags=re.DOTALL)
    svg = re.sub(r"<text [^>]*>\s*</text>", "", svg)  # ends of lines
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text("\n".join(line.strip() for line in svg.split("\n") if line.strip()) + "\n", encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size:,} bytes")
