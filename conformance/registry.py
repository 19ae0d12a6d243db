"""docs/protocol/registry.md, whose tables the suite reads as a stranger would."""
import re
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs/protocol/registry.md"
PORTS = {"control": 8800, "text": 8801, "media": 8802, "audio": 8803, "video": 8804}


def rows(number, cells):
    """The rows of the table in section `number` that have so many cells, without backquotes."""
    section = re.split(r"^## (\d+)\. .*$", PAGE.read_text(encoding="utf-8"), flags=re.M)
    text = dict(zip(section[1::2], section[2::2]))[str(number)]
    found = [[cell.strip().replace("`", "") for cell in line[1:-1].split("|")] for line in text.splitlines()
             if line.startswith("| ") and not line.startswith("| ---")]
    return [row for row in found if len(row) == cells][1:]  # without the head


def operations():
    """(operation, type) -> the ports where it may be asked, the one that 417 names first."""
    out = {}
    for operation, kind, _, lanes, *_ in rows(1, 8):
        if operation != "CONNECT":
            out[operation, kind] = list(PORTS.values()) if lanes == "all" else [PORTS[lane] for lane in lanes.split(", ")]
    return out


def done():
    """(operation, type) -> the codes of an answer that says that it was done; the type of CONNECT is None."""
    out = {}
    for operation, kind, _, _, _, codes, *_ in rows(1, 8):
        out.setdefault((operation, None if kind == "–" else kind), set()).update(map(int, re.findall(r"\d{3}", codes)))
    return out


def keys():
    """key -> where it may stand: letters of R (requests), P (pushes), A (answers)."""
    return {key: where for key, _, where, _, _ in rows(2, 5)}
