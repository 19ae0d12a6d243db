"""What only the two ends may know is nowhere at the station: not on its disk, not in its log, not in its memory."""
import os
import re

import harness
from harness import of

CANARY = "canary-7f3d9b2e-the-quick-brown-fox"


def regions_of(pid):
    """(begin, end) of what a process can read, without a sanitiser's shadow: that is terabytes, and no byte of the program's."""
    with open(f"/proc/{pid}/smaps") as maps:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line)
            if match:
                begin, end = (int(part, 16) for part in match.groups()[:2])
                readable = match.group(3).startswith("r") and "[vvar" not in line and "[vsyscall" not in line
            elif line.startswith("VmFlags:") and readable:
                shadow = "dd" in line.split() and end - begin >= 1 << 27  # left out of core dumps, and huge
                if not shadow:
                    yield begin, end


def memory_of(pid, piece=1 << 24, overlap=1 << 10):
    """Every readable byte of a process, in pieces that overlap, so that nothing hides on a border."""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for begin, end in regions_of(pid):
            for at in range(begin, end, piece):
                try:
                    memory.seek(at)
                    yield memory.read(min(end, at + piece + overlap) - at)
                except (OSError, ValueError, OverflowError):
                    continue


class Secrets(harness.EndToEnd):
    def test_station_never_holds_plaintext(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        listener = bobby.start("listen", "--timeout", "20")
        listener.stdout.readline()
        for i in range(20):
            alice.run("send", "bobby", f"{CANARY} {i}")
        needle = CANARY.encode()
        wire = b"dim/2023"
        seen_wire = False
        for region in memory_of(station.process.pid):
            self.assertNotIn(needle, region, "the station's memory holds plain text")
            seen_wire = seen_wire or wire in region
        self.assertTrue(seen_wire, "the memory image was not really read")
        listener.kill()
        listener.communicate()
        station.stop()
        self.assertNotIn(CANARY, station.log_text())
        files = 0
        for folder, _, names in os.walk(station.data):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(needle, file.read(), name)
                files += 1
        self.assertGreater(files, 0)

    def test_A43_home_holds_no_plaintext(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        alice.run("send", "bobby", CANARY)
        got = of(bobby.run("listen", "--once", "--timeout", "5"), "message")
        self.assertEqual(got[0]["text"], CANARY)
        needles = (CANARY.encode(), b"PRIVATE KEY", alice.id().encode(), bobby.id().encode())
        for person in (alice, bobby):
            for name in os.listdir(person.home):
                path = os.path.join(person.home, name)
                with open(path, "rb") as file:
                    content = file.read()
                for needle in needles:
                    self.assertNotIn(needle, content, name)
                self.assertEqual(os.stat(path).st_mode & 0o077, 0, name + " can be read by others")

    def test_A38_log_holds_no_ids_of_people_beside_times_nor_tokens(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        alice.run("send", "bobby", CANARY)
        bobby.run("listen", "--once", "--timeout", "5")
        station.stop()
        for line in station.log_text().splitlines():
            self.assertFalse(alice.id() in line and bobby.id() in line, "the log tells who talks to whom: " + line)
            self.assertNotRegex(line, r"(?i)(token|resume|proof|secret)\S*[ =:]+[A-Za-z0-9+/]{20,}")


if __name__ == "__main__":
    harness.main()
