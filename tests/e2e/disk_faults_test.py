"""R3 on the real program: libfiu lets one call in so many to the disk fail. The station says so or ends, and what it has
acknowledged is there."""
import json
import os
import subprocess
import sys
import uuid

import harness

ROOT = os.path.join(os.path.dirname(__file__), "../..")
sys.path.insert(0, os.path.join(ROOT, "conformance"))
from peer import letters  # noqa: E402
from peer.connection import Broken, Closed, Late, TlsRefused  # noqa: E402
from peer.identity import Account  # noqa: E402
from peer.login import LoginFailed, Session  # noqa: E402
from peer.login import Station as Address  # noqa: E402

CUT = (Broken, Closed, Late, TlsRefused, LoginFailed, ConnectionError, OSError)
LIBRARIES = ["/usr/lib/fiu/fiu_run_preload.so", "/usr/lib/fiu/fiu_posix_preload.so"]
IO_ERROR, NO_SPACE = 5, 28
DISK_FAILED, DISK_FULL = 70, 74  # exit codes, docs/operator.md

with open(os.path.join(ROOT, "vectors/accounts.json"), encoding="utf-8") as accounts:
    ACCOUNTS = {name: Account.from_vector(value) for name, value in json.load(accounts).items() if name in ("alice", "bob")}
VISA_KEY = json.loads(ACCOUNTS["bob"].visa["data"])["key"]["data"]


class DiskFaults(harness.EndToEnd):
    def failing(self, point, errno, share):
        return {"LD_PRELOAD": " ".join(LIBRARIES),
                "FIU_ENABLE": f"enable_random name={point},probability={share},failinfo={errno}"}

    def write_until_something_fails(self, station, letter, acked):
        address = Address(self.id, "::1", station.base)
        try:
            with Session(address, ACCOUNTS["alice"]) as session:
                for _ in range(38):  # what the quota lets through at once
                    guid = uuid.uuid4().hex
                    answer = session.text.ask("CREATE", letter, {"type": "message", "target": ACCOUNTS["bob"].id, "guid": guid})
                    if answer.code in (201, 202):
                        acked.append(guid)
                    elif answer.code == 500:  # it ends, or could not read something
                        try:
                            station.process.wait(5)
                        except subprocess.TimeoutExpired:
                            return
                    else:
                        self.assertEqual(answer.code, 506, answer)
        except CUT:
            pass

    def received(self, station, wanted):
        """GUIDs that Bob gets, until all of `wanted` have come; none twice."""
        got = []
        with Session(Address(self.id, "::1", station.base), ACCOUNTS["bob"], after=0) as session:
            while not set(wanted) <= set(got):
                got.append(session.text.next_push()["guid"])
        self.assertEqual(len(got), len(set(got)), "one came twice")
        return got

    def test_R3_what_was_acknowledged_is_there_whichever_call_to_the_disk_fails(self):
        self.assertTrue(all(map(os.path.exists, LIBRARIES)), "libfiu is not installed: ./dev deps test")
        station = self.station()
        self.id = json.loads(station.dimd("id", "--json"))["id"]
        for name in ACCOUNTS:
            with Session(Address(self.id, "::1", station.base), ACCOUNTS[name]):
                pass  # known from now on
        letter = json.dumps(letters.seal(ACCOUNTS["alice"], ACCOUNTS["bob"].id, VISA_KEY, "a letter")).encode()
        acked, ended = [], 0
        for point, errno, share in (("io/rw/pwrite", IO_ERROR, 0.02), ("io/rw/pwrite", NO_SPACE, 0.02), ("io/sync/fdatasync", IO_ERROR, 0.02),
                                    ("io/rw/pread", IO_ERROR, 0.02), ("io/rw/ftruncate", IO_ERROR, 0.2)):
            # The true cause: neither damage nor, of a disk that has room, a full one.
            codes = (DISK_FULL, DISK_FAILED) if errno == NO_SPACE else (DISK_FAILED,)
            for _ in range(3):
                station.stop()
                station.environment = self.failing("posix/" + point, errno, share)
                try:
                    station.start()
                except AssertionError:  # it did not come up
                    self.assertIn(station.process.wait(30), codes, station.log_text()[-1000:])
                else:
                    self.write_until_something_fails(station, letter, acked)
                if station.process.poll() is not None:
                    ended += 1
                    self.assertIn(station.process.returncode, codes, station.log_text()[-1000:])
                else:
                    station.kill()
                station.environment = {}
                station.start()
                self.assertLessEqual(set(acked), set(self.received(station, acked)), point)
        self.assertGreater(ended, 3, "hardly any fault met the station")
        self.assertGreater(len(acked), 100)


if __name__ == "__main__":
    harness.main()
