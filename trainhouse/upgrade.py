"""After trainhouse/ was replaced by a newer version: what else has to change, and with --write it does.

    python -m trainhouse.upgrade            says what in conf/, src/, tests/ and the scripts has to change
    python -m trainhouse.upgrade --write    changes what can be changed, and says what is left to do by hand

Nothing of yours is lost: a file that git does not have as it is is copied beside itself before it is changed.
"""

import shlex
import sys
from pathlib import Path

try:
    from trainhouse import __version__
    from trainhouse.configuration.printable import printable
    from trainhouse.configuration.schema import CONF
    from trainhouse.machine.terminal import fold, say
    from trainhouse.upgrading.code import is_of_one_house, look_at_code, look_at_dependencies, look_at_scripts
    from trainhouse.upgrading.conf_files import look_at_conf
    from trainhouse.upgrading.findings import Findings
    from trainhouse.upgrading.saved_files import look_at_saved_files
except ModuleNotFoundError as error:  # the environment is that of an earlier version
    requirements = (Path(__file__).parent / "upgrading" / "scripts" / "requirements.txt").read_text(encoding="utf-8")
    sys.exit(
        f"error: {error.name} is not installed; this version needs: pip install {shlex.join(requirements.split())}"
    )

_USAGE = "python -m trainhouse.upgrade [--write]"


def look(root: Path) -> Findings:
    """Return what has to change in the project at `root`."""
    findings = Findings()
    look_at_conf(root, findings)
    look_at_scripts(root, findings)
    look_at_code(root, findings)
    look_at_dependencies(root, findings)
    look_at_saved_files(root, findings)
    return findings


def report(findings: Findings, root: Path, write: bool) -> None:
    """Say what was found; `write` the changes."""
    say(printable(f"trainhouse {__version__}, in {root}\n", lines=True))
    if findings.changes:
        say("changed" if write else "to change (python -m trainhouse.upgrade --write does it)")
    for change in findings.changes:
        copy = change.write(root) if write else None
        for line in change.said:
            say(printable(f"  {change.path.relative_to(root)}: {line}"))
        if copy:
            say(f"    as it was: {copy.relative_to(root)}")
    for title, lines in (("left to do by hand", findings.by_hand), ("good to know", findings.notes)):
        if lines:
            say("\n".join([f"\n{title}", *(printable(f"  {line}") for line in lines)]))
    if not findings.changes and not findings.by_hand:
        say("Nothing has to change.")
    elif write and not findings.by_hand:
        say("\nnext:  python -m pytest")


def main(arguments: list[str]) -> int:
    """Look, report, and write if asked; returns the exit status, 1 where something is left to do by hand."""
    if {"-h", "--help"} & {*arguments}:
        say(__doc__ or _USAGE)
        return 0
    if unknown := [one for one in arguments if one != "--write"]:
        print(f"error: {printable(unknown[0])}: expected {_USAGE}", file=sys.stderr)
        return 1
    root = CONF.parent
    if is_of_one_house(root):
        text = (
            "this project was begun before 1.0.0, when the library was in src/ too: begin with a new clone, copy into "
            "it the files of conf/ and src/ that you have added or changed, outputs/ and checkpoints/, and run this "
            "command there; runs and checkpoints stay readable"
        )
        print(fold(f"error: src: {text}", sys.stderr), file=sys.stderr)
        return 1
    findings = look(root)
    report(findings, root, write="--write" in arguments)
    return 1 if findings.by_hand else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
