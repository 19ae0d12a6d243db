#!/usr/bin/env python3
"""Our gateway over its three framings, byte by byte, with sockets of our own.

What is inside of the frames is sealed and opened by the reference (a driver without a connection of its own), and each
of these people talks with alice: a client of the reference of either generation, or dim.
"""
import base64
import hashlib
import json
import os
import re
import socket
import struct
import time

from contents import CONTENTS, filled, lost
from harness import SECONDS, Failed, ReferenceTest, kind, main
from ours import OurClient, OurStation

STATION = "station@anywhere"


class Wire:
    """A TCP connection that reads exactly what is asked for, within the time."""

    def __init__(self, station):
        self.socket = socket.create_connection((station.host, station.port), timeout=SECONDS)
        self.buffer = b""

    def write(self, data):
        self.socket.sendall(data)

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise Failed("the station closed the connection")
        self.buffer += data

    def read(self, size):
        while len(self.buffer) < size:
            self.more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def read_until(self, end):
        while end not in self.buffer:
            self.more()
        return self.read(self.buffer.index(end) + len(end))

    def close(self):
        self.socket.close()


class Mtp(Wire):
    number = 0x1122334455667700

    def frame(self, kind, number, body, words=4):
        return b"DIM" + bytes([words << 4 | kind]) + struct.pack(">QI", number, len(body)) + body

    def send(self, text):
        Mtp.number += 1
        self.write(self.frame(2, Mtp.number, text.encode()))
        return Mtp.number

    def frame_in(self):
        head = self.read(4)
        if head[:3] != b"DIM" or head[3] >> 4 != 4:
            raise Failed(f"no frame of four words: {head!r}")
        number, size = struct.unpack(">QI", self.read(12))
        return head[3] & 15, number, self.read(size)

    def receive(self):
        """The next message; what came must be acknowledged with the same number."""
        while True:
            kind, number, body = self.frame_in()
            if kind == 2:
                self.write(self.frame(3, number, b"OK"))
                return body.decode()
            if (kind, body) != (3, b"OK"):
                raise Failed(f"neither a message nor its acknowledgement: {kind} {body!r}")


class Mars(Wire):
    number = 100

    @staticmethod
    def frame(command, number, body):
        return struct.pack(">IIIII", 20, 200, command, number, len(body)) + body

    def send(self, text):
        Mars.number += 1
        self.write(self.frame(3, Mars.number, text.encode()))

    def frame_in(self):
        length, version, command, number, size = struct.unpack(">IIIII", self.read(20))
        if (length, version) != (20, 200):
            raise Failed(f"header of {length} bytes, version {version}")
        return command, number, self.read(size)

    def receive(self):
        while True:
            command, number, body = self.frame_in()
            if command == 6:
                continue  # our acknowledgement, a NOOP, comes back as it was
            if (command, number) != (10001, 0):
                raise Failed(f"command {command}, seq {number} instead of a push")
            match = re.fullmatch(rb"Mars SN:([A-Za-z0-9+/]{6}==)\n(.*)", body, re.DOTALL)
            if not match:
                raise Failed(f"no line Mars SN: {body[:60]!r}")
            if match.group(2):
                # A push waits for a frame with the same number.
                self.write(self.frame(6, struct.unpack(">I", base64.b64decode(match.group(1)))[0], b""))
                return match.group(2).decode()


class WebSocket(Wire):
    GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    def upgrade(self):
        key = base64.b64encode(os.urandom(16))
        self.write(b"GET /any/path HTTP/1.1\r\nHost: station\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n")
        accept = base64.b64encode(hashlib.sha1(key + self.GUID).digest())
        return self.read_until(b"\r\n\r\n"), (
            b"HTTP/1.1 101 Switching Protocol\r\nServer: DIM-Station\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"WebSocket-Protocol: DIMP\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")

    @staticmethod
    def frame(first, body, mask=None):
        size = len(body)
        bit = 128 if mask else 0
        if size < 126:
            head = bytes([first, bit | size])
        elif size < 65536:
            head = bytes([first, bit | 126]) + struct.pack(">H", size)
        else:
            head = bytes([first, bit | 127]) + struct.pack(">Q", size)
        if mask:
            body = bytes(value ^ mask[index % 4] for index, value in enumerate(body))
        return head + (mask or b"") + body

    def send(self, text):
        self.write(self.frame(0x81, text.encode(), os.urandom(4)))

    def frame_in(self):
        first, size = self.read(2)
        if size & 128:
            raise Failed("a frame of the station is masked")
        if size == 126:
            size = struct.unpack(">H", self.read(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.read(8))[0]
        return first, self.read(size)

    def receive(self):
        first, body = self.frame_in()
        if first != 0x81:
            raise Failed(f"a frame that begins with {first:#x} instead of one whole text")
        return body.decode()


class Frames:
    """People of ours behind sockets, and alice. The classes that use it set peer, her generation."""
    peer = None

    @classmethod
    def begin(cls):
        cls.station = OurStation(cls)
        cls.alice = cls.reference_client(cls.peer, "alice", cls.station)
        # Accounts that never log in: a group of them is large.
        silent = [cls.alice.do("new_account", name=f"silent {index}")["account"] for index in range(15)]
        cls.alice.do("learn", accounts=silent)
        cls.silent = [one["id"] for one in silent]

    def messages(self, wire, crypt, wanted, what, obeys=False):
        """Reads until a content comes for which wanted holds; obeys: and does what commands of groups say meanwhile."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for line in wire.receive().split("\n"):
                message = json.loads(line)
                content = crypt.do("open", message=message)["content"]
                if obeys and content and kind(content) in (137, 255):
                    crypt.do("process", message=message)
                if content and wanted(content):
                    self.envelope = message
                    return content
        raise Failed("waited in vain for " + what)

    def text(self, wire, crypt, text):
        return self.messages(wire, crypt, lambda it: it.get("text") == text and kind(it) == 1, f"the text {text!r}")

    def log_in(self, wire, crypt):
        """The four steps of the handshake."""
        attach = {"meta": crypt.account["meta"], "visa": crypt.account["visa"]}
        hello = {"type": 136, "command": "handshake", "title": "Hello world!", "group": "stations@everywhere"}
        wire.send(json.dumps(crypt.do("pack", to=STATION, content=hello, attach=attach)["message"]))
        question = self.messages(wire, crypt, lambda it: it.get("title") == "DIM?", "DIM?")
        self.assertRegex(question["session"], "^[0-9a-f]{64}$")
        again = {"type": 136, "command": "handshake", "title": "Hello world!", "session": question["session"]}
        wire.send(json.dumps(crypt.do("pack", to=self.station.id, content=again)["message"]))
        welcome = self.messages(wire, crypt, lambda it: it.get("title") == "DIM!", "DIM!")
        self.assertEqual(welcome["session"], question["session"])

    def send(self, wire, crypt, content):
        packed = crypt.do("pack", to=self.alice.id, content=content)
        wire.send(json.dumps(packed["message"]))
        return packed["instant"]["content"]["sn"]

    def acquaint(self, wire, crypt):
        """Before they talk: alice and who is behind the socket have each other's keys."""
        crypt.do("learn", accounts=[self.alice.account])
        self.alice.do("learn", accounts=[crypt.account])

    # ---- what alice does, which dim does otherwise

    def write(self, crypt, text):
        return self.alice.text(crypt.id, text)

    def gets(self, crypt, text):
        self.alice.got_text(text, crypt.id)

    def write_to_who_is_away(self, crypt, text):
        self.alice.got_receipt("Message cached.", self.station.id, self.write(crypt, text))

    def talk(self, wire, crypt, name):
        """A text each way with its receipts, every content, forwarded secrets, a small group and a large one."""
        self.greet(wire, crypt, name)
        self.exchange(wire, crypt)
        self.forward(wire, crypt, name)
        self.small_group(wire, crypt)
        self.large_group(wire, crypt)

    def greet(self, wire, crypt, name):
        self.send(wire, crypt, {"type": 1, "text": "by " + name})
        self.gets(crypt, "by " + name)
        self.messages(wire, crypt, lambda it: it.get("text") == "Message delivered.", "the station's receipt")
        self.messages(wire, crypt, lambda it: it.get("text") == "Message received.", "alice's receipt")
        self.write(crypt, "to " + name)
        self.text(wire, crypt, "to " + name)

    def exchange(self, wire, crypt):
        sent = {self.send(wire, crypt, filled(content, crypt.id)): filled(content, crypt.id) for content in CONTENTS.values()}
        for sn, content in sent.items():
            got = self.alice.arrival(lambda it: it.get("sn") == sn and kind(it) == kind(content), f"{content}", crypt.id)["content"]
            self.assertEqual(lost(content, got), "", got)
        # The next of any of them, as long as one is left: what answers them comes between.
        sent = {self.alice.send(crypt.id, filled(content, self.alice.id))["sn"]: filled(content, self.alice.id)
                for content in CONTENTS.values()}
        self.expect(wire, crypt, sent)

    def expect(self, wire, crypt, sent):
        """Each of these contents comes, in any order; sent: by their numbers."""
        while sent:
            got = self.messages(wire, crypt, lambda it: it.get("sn") in sent and kind(it) == kind(sent[it["sn"]]), f"{sent}")
            self.assertEqual(lost(sent.pop(got["sn"]), got), "", got)

    def forward(self, wire, crypt, name):
        """Two at once, each way."""
        texts = [f"inside {number}, by {name}" for number in range(2)]
        inner = [crypt.do("pack", to=self.alice.id, content={"type": 1, "text": text})["message"] for text in texts]
        self.send(wire, crypt, {"type": 255, "secrets": inner})
        for text in texts:
            self.gets(crypt, text)
        texts = [f"inside {number}, to {name}" for number in range(2)]
        inner = [self.alice.pack(crypt.id, {"type": 1, "text": text})["message"] for text in texts]
        self.alice.send(crypt.id, {"type": 255, "secrets": inner})
        self.opens(wire, crypt, inner, texts)

    def opens(self, wire, crypt, inner, texts):
        """A forward comes with these messages in it, which can be opened and say this."""
        signatures = [one["signature"] for one in inner]
        got = self.messages(wire, crypt, lambda it: [one["signature"] for one in it.get("secrets", ())] == signatures,
                            "the forward")
        self.assertEqual([crypt.do("open", message=one)["content"]["text"] for one in got["secrets"]], texts)

    def small_group(self, wire, crypt):
        group = self.alice.create_group([self.alice.id, crypt.id])
        self.alice.send_group(group, {"type": 1, "text": "to the group"})
        self.assertEqual(self.text(wire, crypt, "to the group")["group"], group)
        self.send(wire, crypt, {"type": 1, "text": "of the group", "group": group})
        self.assertEqual(self.alice.got_text("of the group", crypt.id)["content"]["group"], group)

    def large_group(self, wire, crypt):
        """From 16 members on it is encrypted once for all, and the envelope names the group."""
        everybody = [self.alice.id, crypt.id, *self.silent]
        large = self.alice.create_group(everybody)
        # Who does not know the members cannot open it, and the reference sends texts before the commands that are waiting.
        self.come_in(wire, crypt, large, everybody)
        self.alice.send_group(large, {"type": 1, "text": "to seventeen"})
        got = self.text(wire, crypt, "to seventeen")
        self.assertEqual((got["group"], self.envelope["group"]), (large, large))
        packed = crypt.do("pack", to=self.alice.id, content={"type": 1, "text": "of seventeen", "group": large})["message"]
        wire.send(json.dumps({**packed, "group": large}))
        event = self.alice.got_text("of seventeen", crypt.id)
        self.assertEqual((event["content"]["group"], event["envelope"]["group"]), (large, large))

    def come_in(self, wire, crypt, group, members):
        self.messages(wire, crypt, lambda it: set(crypt.do("members", group=group)["members"]) == set(members),
                      "the members of the group", obeys=True)

    def connected(self, kind):
        wire = kind(self.station)
        self.addCleanup(wire.close)
        if kind is WebSocket:
            got, expected = wire.upgrade()
            self.assertEqual(got, expected)
        return wire

    def come_back(self, kind, year):
        """All of it, at two devices, then away, written to, and there again on another connection."""
        name = f"{kind.__name__}-{year}"
        crypt = self.reference_client(year, name)
        wire = self.connected(kind)
        self.log_in(wire, crypt)
        self.acquaint(wire, crypt)
        self.talk(wire, crypt, name)
        pad = self.connected(kind)
        self.log_in(pad, crypt)
        self.write(crypt, "to both of " + name)
        for one in (wire, pad):
            self.text(one, crypt, "to both of " + name)
        self.send(pad, crypt, {"type": 1, "text": "by the other of " + name})
        self.gets(crypt, "by the other of " + name)
        pad.close()
        wire.close()
        self.write_to_who_is_away(crypt, "while you were away")
        wire = self.connected(kind)
        self.log_in(wire, crypt)
        self.text(wire, crypt, "while you were away")

    def two_keys(self, kind):
        """A person with two devices and a key for each, both behind sockets: {terminal: (device, socket)}."""
        name = f"{kind.__name__}-two"
        phone = self.reference_client("2026", name, process=name + "-phone", terminal="phone")
        pad = self.reference_client("2026", name, process=name + "-pad", terminal="pad",
                                    identity=phone.account["identity_private_key"], meta=phone.account["meta"])
        devices = {}
        for terminal, device in (("phone", phone), ("pad", pad)):
            devices[terminal] = device, self.connected(kind)
            self.log_in(devices[terminal][1], device)
            self.learn_alice(devices[terminal][1], device)
        return devices

    def both_write(self, devices, name):
        for terminal, (device, wire) in devices.items():
            self.send(wire, device, {"type": 1, "text": f"by the {terminal} of {name}"})
            self.gets(device, f"by the {terminal} of {name}")

    def learn_alice(self, wire, crypt):
        crypt.do("learn", accounts=[self.alice.account])

    def test_Mars_2025_log_in_every_content_and_coming_back(self):
        self.come_back(Mars, "2025")

    def test_Mars_2026_log_in_every_content_and_coming_back(self):
        self.come_back(Mars, "2026")

    def test_WebSocket_2025_log_in_every_content_and_coming_back(self):
        self.come_back(WebSocket, "2025")

    def test_WebSocket_2026_log_in_every_content_and_coming_back(self):
        self.come_back(WebSocket, "2026")


class TwoKeys:
    """With an alice who knows of both devices of somebody."""

    def each_has_its_own(self, kind):
        devices = self.two_keys(kind)
        person = devices["phone"][0].id
        sealed = set()
        self.write(devices["phone"][0], "sealed for two")
        for terminal, (device, wire) in devices.items():
            self.text(wire, device, "sealed for two")
            self.assertEqual(list(self.envelope["keys"]), [f"{person}/{terminal}"])
            sealed.update(self.envelope["keys"].values())
        self.assertEqual(len(sealed), 2)
        self.both_write(devices, kind.__name__)
        # Each has its own place in the inbox.
        device, wire = devices["pad"]
        wire.close()
        self.write(device, "while the pad was away")
        self.text(devices["phone"][1], devices["phone"][0], "while the pad was away")
        wire = self.connected(kind)
        self.log_in(wire, device)
        self.text(wire, device, "while the pad was away")

    def test_Mars_two_devices_with_a_key_each(self):
        self.each_has_its_own(Mars)

    def test_WebSocket_two_devices_with_a_key_each(self):
        self.each_has_its_own(WebSocket)


class Frames2025(Frames, ReferenceTest):
    peer = "2025"

    def test_MTP_2025_log_in_every_content_and_coming_back(self):
        self.come_back(Mtp, "2025")

    def test_MTP_2026_log_in_every_content_and_coming_back(self):
        self.come_back(Mtp, "2026")

    def newest(self, kind):
        """Senders of 2025 know one visa of somebody, the newest; they hear both devices."""
        devices = self.two_keys(kind)
        person = devices["pad"][0]
        self.write(person, "for the newest")
        self.text(devices["pad"][1], person, "for the newest")
        self.both_write(devices, kind.__name__)

    def test_Mars_of_two_devices_with_a_key_each_the_newest_reads(self):
        self.newest(Mars)

    def test_WebSocket_of_two_devices_with_a_key_each_the_newest_reads(self):
        self.newest(WebSocket)

    def test_MTP_answers_are_exact(self):
        wire = self.connected(Mtp)
        number = 0x0102030405060708
        for sent, expected in ((wire.frame(0, number, b"PING"), wire.frame(1, number, b"PONG")),
                               (wire.frame(0, number, b"NOOP"), wire.frame(1, number, b"OK")),
                               (wire.frame(2, number, b"NOOP"), wire.frame(3, number, b"OK")),
                               (wire.frame(2, number, b"PING"), wire.frame(3, number, b"OK")),
                               # without a number, in the short header: the answer has none either
                               (b"DIM\x20\x00\x00\x00\x04PING", b"DIM\x21\x00\x00\x00\x04PONG")):
            with self.subTest(sent=sent):
                wire.write(sent)
                self.assertEqual(wire.read(len(expected)), expected)

    def test_MTP_fragments_in_any_order_are_one_message(self):
        wire = self.connected(Mtp)
        crypt = self.reference_client("2025", "pieces")
        attach = {"meta": crypt.account["meta"], "visa": crypt.account["visa"]}
        hello = {"type": 136, "command": "handshake", "title": "Hello world!", "group": "stations@everywhere"}
        text = json.dumps(crypt.do("pack", to=STATION, content=hello, attach=attach)["message"]).encode()
        parts = [text[begin:begin + 512] for begin in range(0, len(text), 512)]
        for index in reversed(range(len(parts))):
            wire.write(b"DIM\x6a" + struct.pack(">QIII", 77, len(parts), index, len(parts[index])) + parts[index])
        acknowledged, answer = set(), None
        while answer is None or len(acknowledged) < len(parts):
            head = wire.read(4)
            if head == b"DIM\x42":
                number, size = struct.unpack(">QI", wire.read(12))
                answer = crypt.do("open", message=json.loads(wire.read(size)))["content"]
                continue
            self.assertEqual(head, b"DIM\x63")
            number, pages, index, size = struct.unpack(">QIII", wire.read(20))
            self.assertEqual((number, pages, size, wire.read(size)), (77, len(parts), 2, b"OK"))
            acknowledged.add(index)
        self.assertEqual(acknowledged, set(range(len(parts))))
        self.assertEqual(answer["title"], "DIM?")

    def test_MTP_a_frame_that_comes_byte_by_byte_is_a_frame(self):
        wire = self.connected(Mtp)
        for value in wire.frame(0, 5, b"PING"):
            wire.write(bytes([value]))
            time.sleep(0.005)
        expected = wire.frame(1, 5, b"PONG")
        self.assertEqual(wire.read(len(expected)), expected)

    def test_Mars_answers_are_exact(self):
        wire = self.connected(Mars)
        for sent, expected in ((wire.frame(6, 7, b""), wire.frame(6, 7, b"")),
                               (wire.frame(6, 8, b"NOOP"), wire.frame(6, 8, b"NOOP")),
                               (wire.frame(3, 9, b"PING"), wire.frame(3, 9, b"PONG"))):
            with self.subTest(sent=sent):
                wire.write(sent)
                self.assertEqual(wire.read(len(expected)), expected)

    def test_WebSocket_answers_are_exact(self):
        wire = self.connected(WebSocket)
        for mask in (None, b"\x01\x02\x03\x04"):
            wire.write(wire.frame(0x81, b"PING", mask))
            self.assertEqual(wire.read(6), b"\x81\x04PONG")
        # Three fragments: the reference cuts after the second.
        wire.write(wire.frame(0x01, b"P", b"abcd") + wire.frame(0x00, b"IN", b"abcd") + wire.frame(0x80, b"G", b"abcd"))
        self.assertEqual(wire.read(6), b"\x81\x04PONG")


class Frames2026(TwoKeys, Frames, ReferenceTest):
    peer = "2026"


class FramesDim(TwoKeys, Frames, ReferenceTest):
    """Alice is a home of dim: she logs in on 8800 and knows what her station tells her."""

    @classmethod
    def begin(cls):
        cls.station = OurStation(cls)
        cls.alice = OurClient(cls, "alice")
        cls.alice.join(cls.station.link(), "alice")
        carol = cls.carol = cls.reference_client("2026", "carol")
        silent = [carol.do("new_account", name=f"silent {index}")["account"] for index in range(15)]
        cls.silent = [one["id"] for one in silent]

    def acquaint(self, wire, crypt):
        self.learn_alice(wire, crypt)

    def learn_alice(self, wire, crypt):
        """They ask the station, over their own connection."""
        query = {"type": 136, "command": "documents", "did": self.alice.id}
        wire.send(json.dumps(crypt.do("pack", to=self.station.id, content=query)["message"]))
        got = self.messages(wire, crypt, lambda it: it.get("did") == self.alice.id and it.get("documents"), "alice's documents")
        crypt.do("learn", accounts=[{"id": self.alice.id, "meta": got["meta"], "visas": got["documents"]}])

    def write(self, crypt, text):
        self.assertEqual(self.alice.send(crypt.id, text)["state"], "sent")

    def gets(self, crypt, text):
        self.alice.got_text(text, crypt.id)

    def write_to_who_is_away(self, crypt, text):
        self.write(crypt, text)

    def greet(self, wire, crypt, name):
        self.send(wire, crypt, {"type": 1, "text": "by " + name})
        self.gets(crypt, "by " + name)
        got = self.messages(wire, crypt, lambda it: it.get("command") == "receipt" and it.get("text") == "Message received.",
                            "dim's receipt")
        self.assertTrue(got["origin"]["signature"])
        self.write(crypt, "to " + name)
        self.text(wire, crypt, "to " + name)
        origin = {key: self.envelope[key] for key in ("sender", "receiver", "time", "signature")}
        self.send(wire, crypt, {"type": 136, "command": "receipt", "text": "Message received.", "origin": origin})
        self.alice.reaches(crypt.id, "to " + name, "delivered")

    def exchange(self, wire, crypt):
        sent = {self.send(wire, crypt, filled(content, crypt.id)): filled(content, crypt.id) for content in CONTENTS.values()}
        self.alice.gets_all(sent, crypt.id)
        for content in CONTENTS.values():
            content = filled(content, self.alice.id)
            self.alice.run("send", crypt.id, "--content", json.dumps(content))
            self.messages(wire, crypt, lambda it: kind(it) == kind(content) and not lost(content, it), f"{content}")

    def forward(self, wire, crypt, name):
        """Two at once, each way; what dim forwards is what somebody else has sealed for the receiver."""
        texts = [f"inside {number}, by {name}" for number in range(2)]
        inner = [crypt.do("pack", to=self.alice.id, content={"type": 1, "text": text})["message"] for text in texts]
        self.send(wire, crypt, {"type": 255, "secrets": inner})
        for text in texts:
            self.gets(crypt, text)
        for one, other in ((self.carol, crypt), (crypt, self.carol)):
            one.do("learn", accounts=[other.account])
        texts = [f"inside {number}, of carol to {name}" for number in range(2)]
        inner = [self.carol.pack(crypt.id, {"type": 1, "text": text})["message"] for text in texts]
        self.alice.run("send", crypt.id, "--content", json.dumps({"type": 255, "secrets": inner}))
        self.opens(wire, crypt, inner, texts)

    def small_group(self, wire, crypt):
        group = self.found(wire, crypt, "small " + crypt.name, [crypt.id])
        self.alice.send(group, "to the group")
        self.assertEqual(self.text(wire, crypt, "to the group")["group"], group)
        self.send(wire, crypt, {"type": 1, "text": "of the group", "group": group})
        self.assertEqual(self.alice.got_text("of the group", group)["sender"], crypt.id)

    def large_group(self, wire, crypt):
        large = self.found(wire, crypt, "large " + crypt.name, [crypt.id, *self.silent])
        self.alice.run("send", large, "to seventeen", "--timeout", "300", timeout=320)
        got = self.text(wire, crypt, "to seventeen")
        self.assertEqual((got["group"], self.envelope["group"]), (large, large))
        packed = crypt.do("pack", to=self.alice.id, content={"type": 1, "text": "of seventeen", "group": large})["message"]
        wire.send(json.dumps({**packed, "group": large}))
        self.assertEqual(self.alice.got_text("of seventeen", large)["sender"], crypt.id)

    def found(self, wire, crypt, name, members):
        said = self.alice.run("group", "create", name, *members, timeout=320)
        group = [one for one in said if one["event"] == "group"][0]["id"]
        self.come_in(wire, crypt, group, [self.alice.id, *members])
        return group


if __name__ == "__main__":
    main()
