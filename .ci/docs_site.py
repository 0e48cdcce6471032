"""What mkdocs asks of this project: pages that stand elsewhere than in docs/, and links that are right there too.

All links are written for a forge, which shows the files where they are.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
# Pages of the site that are files outside of docs/.
ELSEWHERE = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md", "changelog.md": "trainhouse/CHANGELOG.md"}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that stand elsewhere."""
    for page, file in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / file).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links to where a page is on the site; what is not on it, as a licence, is named without a link."""
    uri = page.file.src_uri
    folder = posixpath.dirname(ELSEWHERE.get(uri, f"docs/{uri}"))
    pages = {file: page for page, file in ELSEWHERE.items()}

    def on_site(found: re.Match[str]) -> str:
        mark, text, target, place = found[1], found[2], found[3], found[4] or ""
        if "://" in target:
            return found[0]
        file = posixpath.normpath(posixpath.join(folder, target))
        if file in pages or file.startswith("docs/"):
            return f"{mark}[{text}]({pages.get(file, file.removeprefix('docs/'))}{place})"
        return text if (ROOT / file).exists() else found[0]  # mkdocs warns of what is nowhere

    return _LINK.sub(on_site, markdown)
