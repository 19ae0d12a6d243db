"""What only the two ends may know is nowhere at the station: not on its disk, not in its log, not in its memory."""
import base64
import json
import os
import re
import secrets
import sys
import uuid

from cryptography.hazmat.primitives.asymmetric import rsa

import harness
from harness import of

ROOT = os.path.join(os.path.dirname(__file__), "../..")
sys.path.insert(0, os.path.join(ROOT, "conformance"))
from peer import dimchat, letters  # noqa: E402
from peer.identity import Account  # noqa: E402
from peer.login import Session  # noqa: E402
from peer.login import Station as Address  # noqa: E402

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


def three_people(make=Account):
    """Three accounts made with `make`; they share the key that decrypts, which takes a while to make."""
    key = rsa.generate_private_key(65537, 2048)
    return [make(key, name) for name in ("alice", "bob", "carol")]


def forms_of(key):
    """A key as it might lie somewhere: its bytes, and the base64 in which it stands in the object that is encrypted."""
    return key, base64.b64encode(key), key.hex().encode()


class Secrets(harness.EndToEnd):
    def holds_none_of(self, station, needles, wire):
        """Looks for `needles` in the memory of a station, which is then stopped, on its disk and in its log; `wire` is what
        it must have."""
        seen_wire = False
        for region in memory_of(station.process.pid):
            for needle in needles:
                self.assertFalse(needle in region, f"the station's memory holds {needle[:40]}")
            seen_wire = seen_wire or wire in region
        self.assertTrue(seen_wire, "the memory image was not really read")
        station.stop()
        stored = b""
        for folder, _, names in os.walk(station.data):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    stored += file.read() + b"|"
        with open(station.log.name, "rb") as log:
            said = log.read()
        for needle in needles:
            self.assertFalse(needle in stored, f"the station's folder holds {needle[:40]}")
            self.assertFalse(needle in said, f"the station's log holds {needle[:40]}")
        self.assertTrue(b"SQLite format 3" in stored and wire in stored, "the station's folder was not really read")

    def test_A06_station_never_holds_the_key_of_a_message(self):
        """Messages sealed under known keys, one for who is there and one for who is away."""
        station = self.station()
        address = Address(json.loads(station.dimd("id", "--json"))["id"], "::1", station.base)
        alice, bob, carol = three_people()
        needles = [CANARY.encode()]
        with Session(address, carol):
            pass  # known, and away
        with Session(address, alice) as sender, Session(address, bob) as there:
            for receiver, code in ((bob, 201), (carol, 202)):
                key = secrets.token_bytes(32)
                message = letters.seal(alice, receiver.id, json.loads(receiver.visa["data"])["key"]["data"], CANARY, key=key)
                answer = sender.text.ask("CREATE", json.dumps(message).encode(), {
                    "type": "message", "target": receiver.id, "guid": uuid.uuid4().hex})
                self.assertEqual(answer.code, code)
                needles += forms_of(key)
            push = there.text.next_push()
            self.assertEqual(letters.open_letter(bob, json.loads(push.content), alice.id, alice.meta["key"]["data"])["text"],
                             CANARY)
            self.holds_none_of(station, needles, message["data"][:200].encode())

    def test_A06_gateway_never_holds_the_key_of_a_message(self):
        port = harness.free_port_base()
        station = self.station("--dimchat", f"127.0.0.1:{port}")
        alice, bob, carol = three_people(dimchat.Account)
        needles = [CANARY.encode()]
        with dimchat.Client(("127.0.0.1", port), carol) as away:
            away.log_in()
        with dimchat.Client(("127.0.0.1", port), alice) as sender, dimchat.Client(("127.0.0.1", port), bob) as there:
            sender.log_in()
            there.log_in()
            for receiver in (bob, carol):
                key = secrets.token_bytes(32)
                message = dimchat.private(alice, receiver.id, json.loads(receiver.visa["data"])["key"]["data"],
                                          dimchat.text(CANARY), key)
                sender.send(message)
                self.assertIn(sender.content()[1]["text"], ("Message delivered.", "Message cached."))
                needles += forms_of(key)
            self.assertEqual(there.content()[1]["text"], CANARY)
            self.holds_none_of(station, needles, message["data"][:60].encode())

    def test_station_never_holds_plaintext(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        listener = bobby.start("listen", "--timeout", "20")
        listener.stdout.readline()
        for i in range(20):
            alice.run("send", "bobby", f"{CANARY} {i}")
        self.holds_none_of(station, [CANARY.encode()], alice.id().encode())
        listener.kill()
        listener.communicate()

    def test_F43_A29_station_never_holds_a_file_of_a_private_hub_nor_its_name_or_key(self):
        station = self.station()
        alice, bobby = (self.person(name, station.link()) for name in ("alice", "bobby"))
        alice.run("hub", "create", "cellar", "--private")
        alice.run("channel", "create", "cellar", "den")
        bobby.run("hub", "join", of(alice.run("hub", "invite", "cellar"), "invite")[0]["link"])
        alice.run("hub", "approve", "cellar", bobby.id())
        path = os.path.join(self.folder, CANARY + ".png")
        picture = harness.png(64, 48, (b"tEXt", b"Place\0" + CANARY.encode()))
        with open(path, "wb") as file:
            file.write(picture)
        posted = of(alice.run("post", "cellar/den", "--file", path), "post")[0]["files"]
        to = os.path.join(self.folder, "copy")
        bobby.run("download", "cellar/den", to)
        with open(to, "rb") as file:
            self.assertEqual(file.read(), picture)
        needles = [CANARY.encode(), picture[8:60]]
        text = re.search("key=([^;]*);", posted[0]["link"]).group(1)
        needles += [text.encode(), *forms_of(base64.urlsafe_b64decode(text + "="))]
        self.holds_none_of(station, needles, alice.id().encode())

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
