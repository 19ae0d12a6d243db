"""Live streams: two programs through a real station, sound from a file that another program could have written."""
import os
import struct
import subprocess
import threading
import time

import harness
from harness import of


def crc(data):
    """RFC 3533: polynomial 0x04c11db7, from 0, not reflected."""
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04c11db7 if value & 0x80000000 else 0)) & 0xffffffff
    return value


def page(body, number, granule=0, flags=0):
    lacing = bytes([255] * (len(body) // 255) + [len(body) % 255])
    head = b"OggS" + struct.pack("<BBqIII", 0, flags, granule, 77, number, 0) + bytes([len(lacing)]) + lacing
    whole = head + body
    return whole[:22] + struct.pack("<I", crc(whole)) + whole[26:]


def opus(packets):
    """Opus in Ogg with these packets of 20 ms, as RFC 7845 has it."""
    out = page(b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48000, 0, 0), 0, flags=2)
    out += page(b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0), 1)
    for number, packet in enumerate(packets):
        out += page(packet, number + 2, 960 * (number + 1))
    return out


def packets_in(data):
    """The packets of an Ogg file without its two headers; every page must have the right checksum."""
    got, at, rest = [], 0, b""
    while at < len(data):
        assert data[at:at + 4] == b"OggS", at
        count = data[at + 26]
        lacing = data[at + 27:at + 27 + count]
        size = 27 + count + sum(lacing)
        whole = data[at:at + size]
        assert crc(whole[:22] + bytes(4) + whole[26:]) == struct.unpack("<I", whole[22:26])[0], "checksum"
        place = at + 27 + count
        for one in lacing:
            rest += data[place:place + one]
            place += one
            if one < 255:
                got.append(rest)
                rest = b""
        at += size
    return got[2:]


SOUND = [b"\xf8" + struct.pack(">I", i) + os.urandom(50) for i in range(100)]  # two seconds


class Streams(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station()
        self.alice, self.bobby = (self.person(name, self.at.link()) for name in ("alice", "bobby"))
        self.sound = os.path.join(self.folder, "talk.opus")
        with open(self.sound, "wb") as file:
            file.write(opus(SOUND))

    def start(self, person, *arguments, lanes=()):
        process = person.start(*lanes, "stream", *arguments)
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        return process

    def until(self, process, event, verb="stream"):
        return harness.until(process, event, verb)

    def end(self, process, code=0):
        """What it has told since."""
        out, error = process.communicate(timeout=60 * harness.SLOWER)
        self.assertEqual(process.returncode, code, out + error)
        return [harness.checked(line, "stream") for line in out.splitlines()]

    def heard(self, path, least=1):
        """The packets of a file, which are some of those that were sent, in order."""
        with open(path, "rb") as file:
            got = packets_in(file.read())
        self.assertEqual([one for one in SOUND if one in set(got)], [one for one in got if one])
        self.assertGreaterEqual(len([one for one in got if one]), least)
        return got

    def test_F50_two_people_hear_each_other_and_the_station_does_not(self):
        ring = self.bobby.start("listen", "--timeout", "60")
        self.addCleanup(lambda: (ring.kill(), ring.communicate()))
        self.until(ring, "connected", "listen")
        self.bobby.run("send", "alice", "call me")  # so that she is no stranger
        alice = self.start(self.alice, "bobby", "--send", self.sound)
        opened = self.until(alice, "stream")
        self.assertFalse(opened["station_hears"])
        rung = self.until(ring, "stream_ring", "listen")
        self.assertEqual((rung["guid"], rung["author"]), (opened["guid"], self.alice.id()))
        self.assertTrue(of(self.bobby.run("stream", "alice"), "stream")[0]["open"])
        file = os.path.join(self.folder, "heard.opus")
        bobby = self.start(self.bobby, "alice", "--receive", file)
        sent = of(self.end(alice), "stream_stats")[-1]
        self.assertEqual((sent["sent"], sent["shaped"]), (len(SOUND), 0))
        told = self.end(bobby)
        stats = of(told, "stream_stats")[-1]
        self.assertEqual((stats["failed"], stats["unknown"]), (0, 0))
        self.assertLessEqual(stats["received"] + stats["lost"], len(SOUND))
        self.assertEqual(len(self.heard(file)), stats["received"])
        self.assertEqual(len(of(told, "stream_left")), 1)
        self.alice.run("stream", "bobby", code=3)  # it ended with the last one

    def test_N8_F50_through_one_port_where_no_other_is_let_through(self):
        wall = harness.Firewall(self.at.base)
        self.addCleanup(wall.close)
        self.bobby.run("join", self.at.link("--port", str(wall.base), "--one-port"), "--name", "bobby")
        self.bobby.run("send", "alice", "call me")
        # Alice's program is told to, his knows it by the link; one speaks, and then the other.
        for speaks, hears, lanes in ((self.alice, self.bobby, ("--one-port",)), (self.bobby, self.alice, ())):
            before = wall.connections
            file = os.path.join(self.folder, f"heard by {hears.name}.opus")
            speaker = self.start(speaks, hears.name, "--send", self.sound, lanes=lanes)
            self.until(speaker, "stream")
            listener = self.start(hears, speaks.name, "--receive", file)
            sent = of(self.end(speaker), "stream_stats")[-1]
            stats = of(self.end(listener), "stream_stats")[-1]
            self.assertEqual((sent["sent"], stats["failed"], stats["unknown"]), (len(SOUND), 0, 0))
            self.assertEqual(len(self.heard(file)), stats["received"])
            self.assertEqual(wall.connections, before + 1, "one connection for all lanes")

    def test_F51_F70_N9_in_a_channel_one_joins_late_and_one_is_banned_while_he_listens(self):
        carol = self.person("carol", self.at.link())
        self.alice.run("hub", "create", "gardeners")
        self.alice.run("hub", "edit", "gardeners", "--everyone", "read", "write")
        self.alice.run("channel", "create", "gardeners", "voice")
        link = of(self.alice.run("hub", "invite", "gardeners"), "invite")[0]["link"]
        for one in (self.bobby, carol):
            one.run("hub", "join", link)
        alice, over = self.speaker("gardeners/voice")
        self.assertTrue(self.until(alice, "stream")["station_hears"], "the hub is public")
        self.bobby.run("stream", "gardeners/voice", "--send", self.sound, code=1)  # he may not speak
        files = {name: os.path.join(self.folder, name + ".raw") for name in ("bobby", "carol")}
        bobby = self.start(self.bobby, "gardeners/voice", "--receive", files["bobby"], "--format", "raw")
        self.until(alice, "stream_joined")
        self.grows(files["bobby"])
        late = self.start(carol, "gardeners/voice", "--receive", files["carol"], "--format", "raw")
        self.grows(files["carol"])
        ban = of(self.alice.run("ban", "gardeners", "bobby"), "hub_change")[0]
        self.assertGreaterEqual(ban["streams"], 2)
        told = self.end(bobby, code=1)
        self.assertEqual(of(told, "stream_ended")[0]["reason"], "forbidden")
        self.grows(files["carol"])
        # He cannot come back, by the name, by the channel's own GUID, through one port or by looking what is open.
        channel = of(self.alice.run("channel", "list", "gardeners"), "channel")[0]["guid"]
        hub = of(self.alice.run("hub", "list"), "hub")[0]["hub"]
        for where in ("gardeners/voice", f"{hub}/{channel}"):
            for words in (("--receive", os.path.join(self.folder, "no"), "--format", "raw"), ("--send", self.sound), ()):
                for lanes in ((), ("--one-port",)):
                    done = subprocess.run(self.bobby.command(*lanes, "stream", where, *words), capture_output=True, text=True,
                                          timeout=60 * harness.SLOWER, stdin=subprocess.DEVNULL)
                    self.assertIn(done.returncode, (1, 6), f"{where} {words} {lanes}: {done.stdout}{done.stderr}")
        self.assertEqual(self.size(os.path.join(self.folder, "no")), 0)
        self.alice.run("stream", "gardeners/voice", "--end")
        self.assertEqual(of(self.end(late), "stream_ended")[0]["reason"], "ended")
        self.assertEqual(self.read_raw(files["carol"]) & set(SOUND), self.read_raw(files["carol"]))
        over.set()

    def test_F51_A27_A29_in_a_private_hub_members_hear_and_nobody_else(self):
        carol = self.person("carol", self.at.link())
        self.alice.run("hub", "create", "cellar", "--private")
        self.alice.run("channel", "create", "cellar", "voice")
        link = of(self.alice.run("hub", "invite", "cellar", "--uses", "5"), "invite")[0]["link"]
        self.bobby.run("hub", "join", link)
        self.alice.run("hub", "approve", "cellar", self.bobby.id())
        alice, over = self.speaker("cellar/voice")
        self.assertFalse(self.until(alice, "stream")["station_hears"])
        self.assertFalse(of(self.bobby.run("stream", "cellar/voice"), "stream")[0]["station_hears"])
        file = os.path.join(self.folder, "bobby.raw")
        bobby = self.start(self.bobby, "cellar/voice", "--receive", file, "--format", "raw")
        self.until(alice, "stream_joined")
        self.grows(file)
        # Let in when the stream was open already: its secret was sealed without her.
        carol.run("hub", "join", link)
        self.alice.run("hub", "approve", "cellar", carol.id())
        files = {name: os.path.join(self.folder, name) for name in ("too-late", "put-out", "the-next")}
        late = carol.run("stream", "cellar/voice", "--receive", files["too-late"], "--format", "raw", code=None)
        self.assertEqual(of(late, "error")[0]["code"], "UNAUTHORISED")
        self.alice.run("kick", "cellar", "bobby")
        told = self.end(bobby, code=1)
        self.assertEqual(of(told, "stream_ended")[0]["reason"], "forbidden")
        self.assertEqual(self.read_raw(file) & set(SOUND), self.read_raw(file))
        again = self.bobby.run("stream", "cellar/voice", "--receive", files["put-out"], "--format", "raw", code=None)
        self.assertEqual(of(again, "stream"), [], "he has joined once more")
        self.alice.run("stream", "cellar/voice", "--end")
        over.set()
        alice.wait(timeout=60 * harness.SLOWER)
        # The next one is for her too.
        alice, over = self.speaker("cellar/voice")
        self.until(alice, "stream")
        late = self.start(carol, "cellar/voice", "--receive", files["the-next"], "--format", "raw")
        self.grows(files["the-next"])
        self.alice.run("stream", "cellar/voice", "--end")
        self.assertEqual(of(self.end(late), "stream_ended")[0]["reason"], "ended")
        self.assertEqual(self.read_raw(files["the-next"]) & set(SOUND), self.read_raw(files["the-next"]))
        over.set()

    def speaker(self, channel):
        """Alice speaks there, as long as the test takes: from a pipe, again and again."""
        alice = self.start(self.alice, channel, "--send", "-", "--format", "raw", "--wait")
        over = threading.Event()
        self.addCleanup(over.set)

        def speak():
            number = 0
            while not over.is_set():
                body = struct.pack(">IIQB", 1, number + 1, number * 20_000, 1) + SOUND[number % len(SOUND)]
                try:
                    alice.stdin.buffer.write(struct.pack(">I", len(body)) + body)
                    alice.stdin.buffer.flush()
                except (OSError, ValueError):
                    return
                number += 1
                time.sleep(0.01)
        threading.Thread(target=speak, daemon=True).start()
        return alice, over

    def read_raw(self, path):
        out, at = set(), 0
        with open(path, "rb") as file:
            data = file.read()
        while at + 4 <= len(data):
            size = struct.unpack(">I", data[at:at + 4])[0]
            out.add(data[at + 21:at + 4 + size])
            at += 4 + size
        return out

    def size(self, path):
        return os.path.getsize(path) if os.path.exists(path) else 0

    def grows(self, path):
        """Something more comes into the file."""
        before = self.size(path)
        deadline = time.monotonic() + 60 * harness.SLOWER
        while self.size(path) <= before:
            self.assertLess(time.monotonic(), deadline, "nothing comes")
            time.sleep(0.05)


if __name__ == "__main__":
    harness.main()
