"""R20: what was destroyed is nowhere at the station any more, behind the answer: not in a file of its folder, not in its log,
and not in the memory of the program that goes on running. Nor are the keys that it was stored under."""
import ctypes
import ctypes.util
import hashlib
import json
import os
import secrets
import struct
import uuid

import harness
from crowd import Crowd, ask, make
from harness import of
from secrets_test import memory_of

from peer.packets import b64  # in reach through crowd

BLOCK = 65536
SODIUM = ctypes.CDLL(ctypes.util.find_library("sodium"))


def canary(name):
    """A word that stands nowhere else, and so short that no buffer has room for half of it only."""
    return f"{name}{secrets.token_hex(12)}"


def opened(key, box, binding):
    """The plain text of an XChaCha20-Poly1305 box (nonce, cipher text, tag); None when it does not open."""
    nonce, cipher = box[:24], box[24:]
    out, size = ctypes.create_string_buffer(len(cipher)), ctypes.c_ulonglong()
    failed = SODIUM.crypto_aead_xchacha20poly1305_ietf_decrypt(
        out, ctypes.byref(size), None, cipher, ctypes.c_ulonglong(len(cipher)), binding, ctypes.c_ulonglong(len(binding)), nonce, key)
    return None if failed else out.raw[:size.value]


def keys_in(folder):
    """Every key in the key files of a station (sqlite/key_slots.h)."""
    found = set()
    for name in os.listdir(folder):
        if "-keys" not in name and "-words" not in name:
            continue
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        if data[:8] != b"DIMKEYS1":
            continue
        number, epoch = struct.unpack("<q", data[8:16])[0], data[16:48]
        for slot in range(1, (len(data) - 4096) // 72 + 1):
            at = 4096 + (slot - 1) * 72
            found.add(opened(epoch, data[at:at + 72], struct.pack("<qq", number, slot)))
    return found - {None}


class Destroyed(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station()
        self.crowd = Crowd(self.at)
        self.addCleanup(self.crowd.close)
        self.alice, self.bob = self.crowd.alice, self.crowd.member(after=0)

    def files(self):
        """path -> bytes, of the station's folder and its log."""
        out = {}
        for folder, _, names in os.walk(self.at.data):
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.isfile(path):
                    continue  # a socket
                with open(path, "rb") as file:
                    out[os.path.relpath(path, self.at.data)] = file.read()
        with open(self.at.log.name, "rb") as file:
            out["the log"] = file.read()
        return out

    def places_of(self, needles, memory_too=True):
        """Where the station has which of `needles` (name -> bytes), as lines."""
        found = set()
        for path, data in self.files().items():
            found |= {f"{name} in {path}" for name, needle in needles.items() if needle in data}
        if memory_too:
            for region in memory_of(self.at.process.pid):
                found |= {f"{name} in memory" for name, needle in needles.items() if needle in region}
        return found

    def holds_none_of(self, needles, witness):
        """`witness`: something that is there, so that the search is one."""
        there = self.places_of({"the witness": witness})
        self.assertEqual({"the witness in memory"} & there, {"the witness in memory"})
        # Without a sanitiser, which keeps what was freed for a while.
        self.assertEqual(sorted(self.places_of(needles, harness.SLOWER == 1)), [])

    def done(self, answer, code=204):
        self.assertEqual(answer.code, code, str(answer))
        return answer

    def post(self, text, channel=None, **fields):
        guid = uuid.uuid4().hex
        self.done(ask(self.alice, "CREATE", "message", channel or self.crowd.channel, text.encode(), guid=guid, **fields), 201)
        return guid

    def read_by_all(self, channel, *words):
        """Both read the channel, and search it."""
        for who in (self.alice, self.bob):
            self.done(ask(who, "GET", "message", channel), 200)
            for word in words:
                self.done(ask(who, "GET", "message", channel, search=word), 200)
                self.assertTrue(any(word.encode() in (push.content or b"") for push in who.text.pushes))
            who.text.pushes = []

    def test_R20_N1_a_message_of_a_channel_is_in_no_file_and_not_in_memory(self):
        before = keys_in(self.at.data)
        words = {name: canary(name) for name in ("first", "second", "report", "reason")}
        stays = canary("stays")
        self.post(stays)
        guid = self.post(f"What was {words['first']} said")
        self.done(ask(self.bob, "CREATE", "report", guid, f"{words['reason']} is why".encode()), 201)
        self.done(ask(self.alice, "GET", "report", self.crowd.channel), 200)
        self.done(ask(self.alice, "EDIT", "message", guid, f"Now {words['second']} stands here".encode(), revision="1"), 200)
        self.done(ask(self.alice, "GET", "message", guid, history="yes"), 200)
        self.read_by_all(self.crowd.channel, words["second"])
        needles = {name: word.encode() for name, word in words.items()}
        keys = keys_in(self.at.data) - before
        self.assertGreaterEqual(len(keys), 2, "the key files were not really read")
        self.done(ask(self.alice, "DESTROY", "message", guid))
        gone = keys - keys_in(self.at.data)
        self.assertGreaterEqual(len(gone), 1, "no key is gone")
        needles |= {f"key {number}": key for number, key in enumerate(gone)}
        self.holds_none_of(needles, self.crowd.hub.encode())
        self.read_by_all(self.crowd.channel, stays)

    def test_R20_a_channel_with_its_name_and_all_in_it_is_in_no_file_and_not_in_memory(self):
        words = {name: canary(name) for name in ("name", "topic", "text", "later", "private")}
        channel = make(self.alice, "channel", self.crowd.hub, {"name": words["name"], "topic": words["topic"]})
        for number in range(20):
            self.post(f"{words['text']} {number}", channel)
        self.done(ask(self.alice, "EDIT", "channel", channel, {"topic": words["later"]}), 200)
        self.done(ask(self.alice, "GET", "channel", self.crowd.hub), 200)
        self.done(ask(self.bob, "GET", "hub", self.crowd.hub), 200)
        self.done(ask(self.alice, "GET", "audit", self.crowd.hub), 200)
        self.read_by_all(channel, words["text"])
        self.done(ask(self.alice, "DESTROY", "channel", channel))
        self.holds_none_of({name: word.encode() for name, word in words.items()}, self.crowd.hub.encode())

    def test_R20_N14_a_file_is_in_no_file_and_not_in_memory(self):
        word = canary("file").encode()
        data = (word + b" ") * (3 * BLOCK // (len(word) + 1)) + os.urandom(100)
        lane = self.crowd.lane(self.alice)
        guid, digest = uuid.uuid4().hex, "sha256-" + b64(hashlib.sha256(data).digest())
        size = {"type": "media", "guid": guid, "size": str(len(data))}
        self.done(lane.ask("CREATE", fields=size), 202)
        for first in range(0, len(data), BLOCK):
            piece = data[first:first + BLOCK]
            self.done(lane.ask("CREATE", piece, {"type": "media", "target": guid, "range": f"{first}-{first + len(piece) - 1}"}), 202)
        self.done(lane.ask("CREATE", fields={**size, "digest": digest}), 201)
        self.assertEqual(self.done(lane.ask("GET", fields={"type": "media", "target": guid}), 200).content, data)
        self.assertTrue(self.places_of({"it": word}, memory_too=False), "no file of the station has it")
        self.done(lane.ask("DESTROY", fields={"type": "media", "target": guid}))
        self.holds_none_of({"the file": word}, self.crowd.hub.encode())

    def test_R20_F75_a_message_between_two_people_leaves_nothing_at_the_station(self):
        alice, bobby = self.person("alice", self.at.link()), self.person("bobby", self.at.link())
        word = canary("letter")
        sent = of(alice.run("send", "bobby", f"Only {word} for you"), "message")[0]
        self.assertEqual(of(bobby.run("listen", "--once", "--timeout", "20"), "message")[0]["text"], f"Only {word} for you")
        alice.run("destroy", "bobby", sent["guid"], "--yes")
        bobby.run("listen", "--timeout", "3", code=3)  # takes it in
        self.holds_none_of({"the text": word.encode()}, self.crowd.hub.encode())
        for person in (alice, bobby):
            self.assertNotIn(word, json.dumps(person.run("history", "bobby" if person is alice else "alice")))
            for name in os.listdir(person.home):
                with open(os.path.join(person.home, name), "rb") as file:
                    self.assertFalse(word.encode() in file.read(), f"{name} of {person.home}")


if __name__ == "__main__":
    harness.main()
