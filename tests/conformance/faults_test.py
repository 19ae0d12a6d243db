"""The suite finds deliberate defects: dimd-faulty has one of them at a time, and the claim it belongs to fails."""
import concurrent.futures
import re
import shutil
import tempfile
import unittest
from pathlib import Path

from keeper import Keeper, harness
from running import ROOT, check, report_of, told

KEEPER = Path(__file__).resolve().parent / "keeper.py"

# Defect (dim/base/fault.h) -> the claim that must find it, and a word of what it must say.
FAULTS = {
    "checksum-unchecked": ("P23", "wrong"),
    "checksum-missing": ("P24", "401"),
    "header-case": ("P11", "x-Mine"),
    "key-twice": ("P10", "twice"),
    "content-limit": ("P20", "65537"),
    "header-lines": ("P15", "65 lines"),
    "empty-lines": ("P01", "17 empty lines"),
    "fence-searched": ("P22", "99"),
    "wrong-code": ("T10", "501"),
    "wrong-lane": ("P32", "417"),
    "priority-ignored": ("T18", "priority high"),
    "open-id": ("P27", "open"),
    "retry-after": ("L02", "retry-after"),
    "notice-echo": ("T13", "sender"),
    "cursor-unknown": ("T06", "401"),
    "sender-unchecked": ("T05", "402"),
    "guid-reuse": ("P36", "other content"),
    "duplicate-accepted": ("P36", "repetition"),
    "online-202": ("T01", "201"),
    "pushes-swapped": ("O01", "cursors"),
    "page-off-by-one": ("O04", "cursors"),
    "after-off-by-one": ("O03", "after 2"),
    "inbox-dropped": ("O06", "one device"),
    "early-ack": ("O08", "nothing came"),
    "login-unbound": ("S04", "402"),
    "token-anywhere": ("S12", "another connection"),
    "resume-unbound": ("S14", "another author"),
    "resume-forever": ("S14", "shown again"),
    "sessions-9": ("S15", "ninth"),
    "lane-twice": ("S15", "second connection"),
    "documents-17": ("L01", "17th"),
    "name-taken": ("T09", "another"),
    "ban-keeps-streams": ("B03", "streams is 0"),
    "kick-keeps-streams": ("B10", "put out"),
    "rank-ignored": ("B02", "muting the owner"),
    "mute-ignored": ("B02", "muted"),
    "private-listed": ("B02", "list"),
    "private-pushed": ("B11", "cannot read"),
    "search-anywhere": ("B04", "without the right"),
    "announcement-open": ("B07", "announcement"),
    "hidden-shown": ("B08", "hidden"),
    "approval-skipped": ("B09", "202"),
    "invite-endless": ("B01", "used up"),
    "edit-stale": ("P37", "407"),
    "reply-anywhere": ("B13", "another channel"),
    "thread-anywhere": ("B24", "another channel"),
    "post-pushed-again": ("B11", "repetition"),
    "unread-off-by-one": ("B05", "before reading"),
    "mark-untold": ("B12", "device"),
    "change-untold": ("B14", "nothing came"),
    "roster-gap": ("B28", "leaves one out"),
    "private-plain": ("B29", "plain text"),
    "media-range": ("D01", "other bytes"),
    "media-anybody-deletes": ("D02", "somebody else"),
    "media-unused": ("D07", "another message"),
    "media-of-strangers": ("D08", "a stranger's"),
    "media-shut-out": ("D09", "cannot read"),
    "digest-opens": ("D09", "by its digest"),
    "digest-unchecked": ("M02", "401"),
    "live-rights-stay": ("V03", "nothing came"),
    "live-bad-endless": ("M11", "nothing came"),
    "live-unshaped": ("M12", "bytes of pictures"),
    "destroy-deletes": ("P38", "the same once more"),
    "prekey-again": ("E01", "nobody had before"),
    "prekeys-drained": ("E02", "within a minute"),
    "prekeys-unverified": ("E03", "402"),
    "prekeys-stay": ("E04", "no visa names"),
    "uri-endless": ("K03", "412"),
    "key-strange": ("K04", "flavour"),
    "done-otherwise": ("K05", "NOTIFY ping"),
    "code-endless": ("H20", "once more"),
}


def found(fault):
    """Runs the claim against a station with the defect (none: every claim of the table); what is wrong with the outcome."""
    claims = [FAULTS[fault][0]] if fault else sorted({name for name, _ in FAULTS.values()})
    folder = tempfile.mkdtemp(prefix="dim-fault-")
    keeper = Keeper(folder, "dimd-faulty", environment={"DIM_FAULT": f"DIMFAULT:{fault}"} if fault else {})
    try:
        keeper.start()
        operator = [f"--{verb}=python3 '{KEEPER}' {verb} '{folder}'" for verb in ("crash", "register")]
        done = check(keeper.link(), "--json", "--only", ",".join(claims), *operator)
        rows = report_of(done)
        if not keeper.alive():
            return f"{fault}: the station has crashed: {keeper.log()[-1000:]}"
    finally:
        keeper.end()
        shutil.rmtree(folder, ignore_errors=True)
    said = told(rows.values())
    if not fault:
        return "" if done.returncode == 0 else f"without a defect: {said}"
    claim, word = FAULTS[fault]
    if done.returncode != 1 or rows[claim]["outcome"] != "failed":
        return f"{fault}: {claim} {rows[claim]['outcome']}: {said}"
    return "" if word in said else f"{fault}: {claim} failed for another reason: {said}"


class Faults(unittest.TestCase):
    def test_each_defect_is_found_by_the_claim_it_belongs_to(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            wrong = [text for text in pool.map(found, [None, *FAULTS]) if text]
        self.assertEqual("\n".join(wrong), "")

    def test_the_real_station_has_none_of_them(self):
        def marks(program):
            # The compiler keeps no whole names, but the eight bytes they all begin with.
            data = Path(harness.BIN, program).read_bytes()
            return data.count(b"DIMFAULT") > 0, data.count(b"DIM_FAULT") > 0
        self.assertEqual(marks("dimd-faulty"), (True, True))
        self.assertEqual(marks("dimd"), (False, False))

    def test_each_defect_stands_in_the_sources_once(self):
        written = [name for folder in ("dim", "server", "net", "sqlite") for file in (ROOT / folder).rglob("*.cc")
                   for name in re.findall(r'DIM_FAULT\("([^"]+)"\)', file.read_text(encoding="utf-8"))]
        self.assertEqual(sorted(written), sorted(FAULTS))


if __name__ == "__main__":
    unittest.main()
