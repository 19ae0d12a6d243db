"""Runs conformance/check.py as a stranger would: as a program, against a station that it knows by its invitation."""
import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from keeper import Keeper

ROOT = Path(__file__).resolve().parent.parent.parent
CHECK = ROOT / "conformance/check.py"


def check(*arguments, timeout=600):
    return subprocess.run([sys.executable, str(CHECK), *arguments], capture_output=True, text=True, timeout=timeout, check=False)


def report_of(done):
    """claim id -> its row of a --json report."""
    try:
        return {row["id"]: row for row in json.loads(done.stdout)["claims"]}
    except (ValueError, KeyError):
        raise AssertionError(f"check.py ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}") from None


def told(rows):
    return "\n".join(f"{row['id']} {row['outcome']}: {detail['text']} ({detail['section']})" for row in rows
                     for detail in row["details"])


class StationTest(unittest.TestCase):
    def keeper(self, program="dimd"):
        folder = tempfile.mkdtemp(prefix="dim-conformance-")
        keeper = Keeper(folder, program)

        def clean_up():
            keeper.end()
            shutil.rmtree(folder, ignore_errors=True)
        self.addCleanup(clean_up)
        return keeper.start()


def occurring():
    """code -> name of what responses.md says that a station of this edition sends: its last column names a place."""
    page = (ROOT / "docs/protocol/responses.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d{3}) \| (\w+) \| [^|]* \| *([^| ]*) *\|$", page, re.M)
    return {int(code): name for code, name, seen in rows if seen}


def sections():
    """`docs/protocol/PAGE section N` of every numbered heading."""
    return {f"docs/protocol/{page.name} section {number}" for page in (ROOT / "docs/protocol").glob("*.md")
            for number in re.findall(r"^###? (\d+(?:\.\d+)?)\.? ", page.read_text(encoding="utf-8"), re.M)}
