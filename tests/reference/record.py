#!/usr/bin/env python3
"""Records conversations of the reference for tests that run without it: fixtures/transcript-*.json.

    tests/reference/record.py [CLASS.TEST ...]

Relays keep every byte of both directions between programs and stations. All keys are made for the recording and stand in
it, except for those of our own programs, which do not give theirs away. tests/reference_transcripts_test.cc reads what
comes out.
"""
import base64
import json
import os
import re
import time

import frames_test
from bridge_test import configuration, wait_for_log
from contents import CONTENTS, filled, lost
from harness import HERE, Recorder, Redis, ReferenceStation, ReferenceTest, frames, kind, main
from ours import OurClient, OurStation
from scenarios import Conversation
from station_test import link_to


def readable(data):
    """The bytes in turns: base64 of what is no text, and the text of messages as it is."""
    return [part.decode() if index % 2 else base64.b64encode(part).decode()
            for index, part in enumerate(re.split(rb'(\{"[ -~\n]+\})', data))]


def joined(chunks):
    """What one side sent without a word of the other in between, as one: the side, then readable()."""
    out = []
    for _, side, _, data in chunks:
        if out and out[-1][0] == side:
            out[-1][1] += data
        else:
            out.append([side, data])
    return [[side, *readable(data)] for side, data in out]


def known_to(client, identifier):
    """What a client has learnt of somebody, out of its database."""
    def read(name):
        with open(os.path.join(client.folder, "public", identifier, name), encoding="utf-8") as file:
            return json.load(file)
    documents = read("documents.js")
    return {"id": identifier, "meta": read("meta.js"),
            "visa": (documents["documents"] if isinstance(documents, dict) else documents)[-1]}


def read_in(content):
    """Without what stands in the connections already: messages in forwards, and of receipts the envelopes that they repeat."""
    out = {key: value for key, value in content.items() if key not in ("secrets", "forward", "envelope")}
    if content.get("command") == "receipt" and isinstance(content.get("origin"), dict):
        out = {key: out[key] for key in ("type", "sn", "time", "command", "text") if key in out}
        out["origin"] = {key: content["origin"][key] for key in ("sn", "signature") if key in content["origin"]}
    return out


def introduced(relay, side):
    """Meta and visa of who speaks on that side, as they were shown with the log-in: of our own programs."""
    for number in sorted({chunk[0] for chunk in relay.chunks}):
        data = b"".join(data for at, who, _, data in relay.chunks if (at, who) == (number, side))
        for _, _, _, body in frames(data):
            for line in body.splitlines():
                message = json.loads(line) if line.startswith(b"{") else {}
                if "meta" in message and "visa" in message:
                    return {"id": message["sender"], "meta": message["meta"], "visa": message["visa"]}
    raise AssertionError("nobody was introduced")



class Recording(ReferenceTest):
    """relays: by the name of the connection, which is that of a person, or begins with it and a comma."""

    def setUp(self):
        self.relays = {}
        self.formed = []  # a group, and a client of the reference that is in it
        self.begin_time = time.time()

    def relay(self, name, station):
        self.relays[name] = Recorder(type(self), station)
        return self.relays[name]

    def station_account(self, station):
        with open(os.path.join(station.folder, "station.json"), encoding="utf-8") as file:
            return json.load(file)

    def save(self, name, about, accounts, clients):
        time.sleep(0.5)
        connections = {}
        for person, relay in self.relays.items():
            for number in sorted({chunk[0] for chunk in relay.chunks}):
                key = person if number == 0 else f"{person}, {number}"
                connections[key] = joined([chunk for chunk in relay.chunks if chunk[0] == number])
        transcript = {
            "about": about + "; C is from who dialled, S from the station; keys are for this recording only",
            "begin": self.begin_time, "end": time.time(), "accounts": accounts, "connections": connections,
            # what each client read in the messages that came, commands too, by their signatures
            "arrived": {person: {event["envelope"]["signature"]: read_in(event["content"]) for event in client.events
                                 if event["event"] == "arrived"}
                        for person, client in clients.items()},
            # who is in each group, as its members say at the end
            "groups": {group: client.do("members", group=group)["members"] for group, client in self.formed},
        }
        os.makedirs(os.path.join(HERE, "fixtures"), exist_ok=True)
        with open(os.path.join(HERE, "fixtures", f"transcript-{name}.json"), "w", encoding="utf-8") as file:
            json.dump(transcript, file, indent=0)
            file.write("\n")

    def contents(self, sender, receiver):
        for content in CONTENTS.values():
            content = filled(content, sender.id)
            sn = sender.send(receiver.id, content)["sn"]
            receiver.arrival(lambda it: it.get("sn") == sn and kind(it) == content["type"], "a content", sender.id)

    def groups(self, alice, bob):
        """A small one, and one of seventeen, which is encrypted once for all."""
        silent = [alice.do("new_account", name=f"silent {number}")["account"] for number in range(15)]
        for one in (alice, bob):
            one.do("learn", accounts=silent)
        for others in ([], silent):
            members = [alice.id, bob.id, *(one["id"] for one in others)]
            group = alice.create_group(members)
            bob.joins(group, members)
            self.formed.append((group, bob))
            for sender, receiver in ((alice, bob), (bob, alice)):
                text = f"to all {len(members)}"
                sender.send_group(group, {"type": 1, "text": text})
                receiver.got_text(text, sender.id)

    def second_device(self, bob, station, own_key):
        """Of 2026 with a key of its own where the writer may know two; else both have the same one, as before 2026."""
        relay = self.relay("pad", station)
        if not own_key or bob.generation == "2025":
            return self.reference_client(bob.generation, "bob", relay, process="pad", account=bob.account)
        return self.reference_client("2026", "bob", relay, process="pad", terminal="pad",
                                     identity=bob.account["identity_private_key"], meta=bob.account["meta"])

    def converse(self, alice, bob, station, first):
        """What the tests of both worlds do, once: contents, forward, groups, receipts, waiting, coming back, two devices."""
        Conversation.acquaint(alice, bob)
        for sender, receiver in ((alice, bob), (bob, alice)):
            self.contents(sender, receiver)
            inner = sender.pack(receiver.id, {"type": 1, "text": "inside of an envelope"})
            sender.send(receiver.id, {"type": 255, "secrets": [inner["message"]]})
            receiver.got_text("inside of an envelope", sender.id)
        self.groups(alice, bob)
        sent = bob.text(alice.id, "and back")
        alice.got_text("and back", bob.id)
        bob.got_receipt("Message received.", alice.id, sent)
        alice.do("login")
        bob.do("report", title="offline")
        bob.do("report", title="online")
        bob.got_receipt("Online received.")
        # He goes, is written to, comes back by another connection, and has a second device from then on.
        bob.disconnect()
        for number in range(3):
            alice.text(bob.id, f"for later {number}")
        time.sleep(0.5)
        bob.connect(self.relay("bob, again", station))
        for number in range(3):
            bob.got_text(f"for later {number}", alice.id)
        pad = self.second_device(bob, station, first == "2026")
        if pad.account != bob.account:
            alice.do("learn", accounts=[{**bob.account, "visas": [bob.account["visa"], pad.account["visa"]]}])
        alice.text(bob.id, "for both of you")
        bob.got_text("for both of you", alice.id)
        pad.got_text("for both of you", alice.id)
        pad.text(alice.id, "from the pad")
        alice.got_text("from the pad", bob.id)
        for one in (alice, bob, pad):
            one.be_quiet()
        return pad

    def record(self, at, first, second):
        """at: the generation of the station, or "ours"."""
        station = OurStation(type(self)) if at == "ours" else ReferenceStation(type(self), at, Redis(type(self)))
        alice = self.reference_client(first, "alice", self.relay("alice", station))
        bob = self.reference_client(second, "bob", self.relay("bob", station))
        pad = self.converse(alice, bob, station, first)
        account = introduced(self.relays["alice"], "S") if at == "ours" else self.station_account(station)
        self.save(f"{first}-{second}-at-{at}",
                  f"alice is a client of {first}, bob one of {second}, the station is {'ours' if at == 'ours' else 'of ' + at}",
                  {"alice": alice.account, "bob": bob.account, "pad": pad.account, "station": account},
                  {"alice": alice, "bob": bob, "pad": pad})

    def test_2025_2025_at_2025(self):
        self.record("2025", "2025", "2025")

    def test_2026_2026_at_2026(self):
        self.record("2026", "2026", "2026")

    def test_2025_2026_at_2026(self):
        self.record("2026", "2025", "2026")

    def test_2026_2025_at_2025(self):
        self.record("2025", "2026", "2025")

    def test_2025_2026_at_ours(self):
        self.record("ours", "2025", "2026")

    def test_2026_2025_at_ours(self):
        self.record("ours", "2026", "2025")

    def test_2025_2025_at_ours(self):
        self.record("ours", "2025", "2025")

    def test_2026_2026_at_ours(self):
        self.record("ours", "2026", "2026")

    def dim(self, year, at):
        """dim is alice, at a station of the reference, or at ours, which knows her by 8800 and 8801."""
        station = OurStation(type(self)) if at == "ours" else ReferenceStation(type(self), at, Redis(type(self)))
        bob = self.reference_client(year, "bob", self.relay("bob", station))
        alice = OurClient(type(self), "alice")
        alice.join(station.link() if at == "ours" else link_to(self.relay("alice", station), station.id), "alice")
        alice.send(bob.id, "I am dim")
        bob.got_text("I am dim", alice.id)
        for content in CONTENTS.values():
            content = filled(content, bob.id)
            alice.run("send", bob.id, "--content", json.dumps(content))
            bob.arrival(lambda it: kind(it) == kind(content) and not lost(content, it), "a content", alice.id)
            sn = bob.send(alice.id, content)["sn"]
            alice.listen(lambda one: one["peer"] == bob.id and (kind(content) == 1 and one["text"] == content["text"]
                                                                or one.get("content", {}).get("sn") == sn), "a content")
        bob.text(alice.id, "an answer")
        got = alice.got_text("an answer", bob.id)
        alice.run("forward", got["guid"][-8:], bob.id, "--title", "what you said")
        bob.arrival(lambda it: it.get("title") == "what you said", "the record", alice.id)
        alice.run("send", bob.id, "that is so", "--reply-to", got["guid"][-8:])
        bob.arrival(lambda it: kind(it) == 55 and it.get("text") == "that is so", "the quote", alice.id)
        bob.disconnect()
        alice.send(bob.id, "for later")
        bob.connect(self.relay("bob, again", station))
        bob.got_text("for later", alice.id)
        group = [one for one in alice.run("group", "create", "ours", bob.id) if one["event"] == "group"][0]["id"]
        bob.joins(group, [alice.id, bob.id])
        self.formed.append((group, bob))
        alice.send(group, "to the group")
        bob.got_text("to the group", alice.id)
        bob.send_group(group, {"type": 1, "text": "of the group"})
        alice.got_text("of the group", group)
        accounts, clients = {"bob": bob.account}, {"bob": bob}
        if at == "ours":
            pad = alice.add_device(type(self), "pad")
            pad.send(bob.id, "from the pad")
            bob.got_text("from the pad", alice.id)
            bob.text(alice.id, "for both of you")
            for one in (pad,) if year == "2025" else (pad, alice):  # 2025 knows one device, the newest
                one.has(bob.id, "for both of you")
        else:
            # Stations of the reference take no further device of dim (docs/dimchat.md): two of the other then.
            pad = self.second_device(bob, station, True)
            alice.run("verify", bob.id)  # asks for his visas
            pad.text(alice.id, "from the pad")
            alice.got_text("from the pad", bob.id)
            alice.send(bob.id, "for both of you")
            for one in (bob, pad):
                one.got_text("for both of you", alice.id)
            pad.be_quiet()
            accounts["pad"], clients["pad"] = pad.account, pad
        bob.be_quiet()
        account = introduced(self.relays["bob"], "S") if at == "ours" else self.station_account(station)
        self.save(f"dim-{year}-at-{at}",
                  f"alice is dim, bob a client of {year}, the station is {'ours' if at == 'ours' else 'of ' + at}",
                  {"alice": known_to(bob, alice.id), "station": account, **accounts}, clients)

    def cut(self, year):
        """bob's connection ends in the midst of what alice writes to him, and he comes back by another one."""
        station = OurStation(type(self))
        alice = self.reference_client(year, "alice", self.relay("alice", station))
        bob = self.reference_client(year, "bob", self.relay("bob", station))
        Conversation.acquaint(alice, bob)
        for one in (alice, bob):
            one.be_quiet()  # not within a frame: gateway_test.py says why
        before = bob.log_ins()
        texts = [f"number {number}" for number in range(40)]
        for text in texts:
            if text == texts[10]:
                bob.got_text(texts[5], alice.id)
                self.relays["bob"].cut()
            alice.text(bob.id, text)
        bob.logs_in_again(before)
        for text in texts[10:]:
            bob.got_text(text, alice.id)
        sent = bob.text(alice.id, "here again")
        alice.got_text("here again", bob.id)
        bob.got_receipt("Message received.", alice.id, sent)
        for one in (alice, bob):
            one.be_quiet()
        self.save(f"cut-{year}-at-ours", f"alice and bob are clients of {year}, the station is ours, bob's connection is cut once",
                  {"alice": alice.account, "bob": bob.account, "station": introduced(self.relays["alice"], "S")},
                  {"alice": alice, "bob": bob})

    def test_cut_2026_at_ours(self):
        self.cut("2026")

    def test_dim_2025_at_2025(self):
        self.dim("2025", "2025")

    def test_dim_2026_at_2026(self):
        self.dim("2026", "2026")

    def test_dim_2025_at_ours(self):
        self.dim("2025", "ours")

    def test_dim_2026_at_ours(self):
        self.dim("2026", "ours")

    messages, log_in, give = frames_test.Frames.messages, frames_test.Frames.log_in, frames_test.Frames.send

    def framed(self, framing, year):
        """bob speaks another framing than MTP, which clients of the reference do not; what is in the frames is theirs."""
        self.station = OurStation(type(self))
        self.alice = alice = self.reference_client(year, "alice", self.relay("alice", self.station))
        bob = self.reference_client(year, "bob")
        wire = self.connected(framing, "bob", bob)
        alice.do("learn", accounts=[bob.account])
        bob.do("learn", accounts=[alice.account])
        for content in CONTENTS.values():
            sn = self.give(wire, bob, filled(content, bob.id))
            alice.arrival(lambda it: it.get("sn") == sn and kind(it) == content["type"], "a content", bob.id)
            sn = alice.send(bob.id, filled(content, alice.id))["sn"]
            self.messages(wire, bob, lambda it: it.get("sn") == sn and kind(it) == content["type"], "a content")
        text = {"type": 1, "text": "inside of an envelope"}
        self.give(wire, bob, {"type": 255, "secrets": [bob.do("pack", to=alice.id, content=text)["message"]]})
        alice.got_text(text["text"], bob.id)
        inner = alice.pack(bob.id, text)["message"]
        alice.send(bob.id, {"type": 255, "secrets": [inner]})
        self.messages(wire, bob, lambda it: any(one.get("signature") == inner["signature"] for one in it.get("secrets", ())),
                      "the forward")
        self.framed_groups(wire, alice, bob)
        # A second device: in 2026 with a key of its own.
        own_key = {} if year == "2025" else {"terminal": "pad", "identity": bob.account["identity_private_key"],
                                             "meta": bob.account["meta"]}
        second = self.reference_client(year, "bob", process="pad", account=None if own_key else bob.account, **own_key)
        pad = self.connected(framing, "pad", second)
        second.do("learn", accounts=[alice.account])
        if own_key:
            alice.do("learn", accounts=[{**bob.account, "visas": [bob.account["visa"], second.account["visa"]]}])
        alice.text(bob.id, "for both of you")
        for device, account in ((wire, bob), (pad, second)):
            self.messages(device, account, lambda it: it.get("text") == "for both of you", "the text for both")
        self.give(pad, second, {"type": 1, "text": "from the pad"})
        alice.got_text("from the pad", bob.id)
        pad.close()
        wire.close()
        sent = alice.text(bob.id, "while you were away")
        alice.got_receipt("Message cached.", self.station.id, sent)
        wire = self.connected(framing, "bob, again", bob)
        self.messages(wire, bob, lambda it: it.get("text") == "while you were away", "what has waited")
        alice.be_quiet()
        name = framing.__name__
        self.save(f"{name.lower()}-{year}-at-ours",
                  f"alice is a client of {year}, bob one of {year} over {name}, the station is ours",
                  {"alice": alice.account, "bob": bob.account, "pad": second.account,
                   "station": introduced(self.relays["alice"], "S")},
                  {"alice": alice})

    def framed_groups(self, wire, alice, bob):
        """A small one and one of seventeen, as Frames.talk has them."""
        silent = [alice.do("new_account", name=f"silent {number}")["account"] for number in range(15)]
        for one in (alice, bob):
            one.do("learn", accounts=silent)
        for others in ([], silent):
            members = [alice.id, bob.id, *(one["id"] for one in others)]
            group = alice.create_group(members)
            self.messages(wire, bob, lambda it: set(bob.do("members", group=group)["members"]) == set(members),
                          "the members of the group", obeys=True)
            self.formed.append((group, bob))
            text = f"to all {len(members)}"
            alice.send_group(group, {"type": 1, "text": text})
            self.messages(wire, bob, lambda it: it.get("text") == text and kind(it) == 1, "the text to the group")
            packed = bob.do("pack", to=alice.id, content={"type": 1, "text": text, "group": group})["message"]
            wire.send(json.dumps({**packed, "group": group} if others else packed))
            alice.got_text(text, bob.id)

    def connected(self, framing, name, bob):
        wire = framing(self.relay(name, self.station))
        self.addCleanup(wire.close)
        if framing is frames_test.WebSocket:
            got, expected = wire.upgrade()
            self.assertEqual(got, expected)
        self.log_in(wire, bob)
        return wire

    def test_mars_2025_at_ours(self):
        self.framed(frames_test.Mars, "2025")

    def test_mars_2026_at_ours(self):
        self.framed(frames_test.Mars, "2026")

    def test_websocket_2025_at_ours(self):
        self.framed(frames_test.WebSocket, "2025")

    def test_websocket_2026_at_ours(self):
        self.framed(frames_test.WebSocket, "2026")

    def bridge(self, year):
        """alice is at ours, bob at a station of the reference that ours has dialled: what runs between the stations."""
        station = ReferenceStation(type(self), year, Redis(type(self)))
        relay = self.relay("station", station)
        relay.id = station.id
        ours = OurStation(type(self), "--config", configuration(self.folder, [relay]))
        wait_for_log(ours, "event=neighbour-up", 1)
        station.process.kill()  # bridge_test.py says why
        station.process.wait()
        station.again()
        wait_for_log(ours, "event=neighbour-up", 2)
        alice = self.reference_client(year, "alice", ours)
        bob = self.reference_client(year, "bob", station)
        for one in (alice, bob):
            one.do("login")
            one.be_quiet()
        Conversation.acquaint(alice, bob)
        self.contents(alice, bob)
        self.contents(bob, alice)
        sent = alice.text(bob.id, "is this delivered?")
        bob.got_text("is this delivered?", alice.id)
        alice.got_receipt("Message received.", bob.id, sent)
        self.save(f"bridge-{year}", f"alice is at our station, bob at one of {year}, their clients are of {year}",
                  {"alice": alice.account, "bob": bob.account, "station": self.station_account(station),
                   "ours": introduced(relay, "C")}, {"alice": alice, "bob": bob})

    def test_bridge_2025(self):
        self.bridge("2025")

    def test_bridge_2026(self):
        self.bridge("2026")


if __name__ == "__main__":
    main()
