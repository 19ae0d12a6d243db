#!/usr/bin/env python3
"""Records conversations of the reference for tests that run without it: fixtures/transcript-*.json.

    tests/reference/record.py

Two clients talk through a station of the reference; a relay in between keeps every byte of both directions. All keys
are made for the recording and stand in it. tests/reference_transcripts_test.cc reads what comes out.
"""
import base64
import json
import os
import sys
import time

from contents import CONTENTS, filled
from harness import HERE, Recorder, ReferenceStation, ReferenceTest, kind, main
from scenarios import Conversation


def joined(chunks):
    """What one side sent without a word of the other in between, as one."""
    out = []
    for _, side, _, data in chunks:
        if out and out[-1][0] == side:
            out[-1][1] += data
        else:
            out.append([side, data])
    return out


class Recording(ReferenceTest):
    def record(self, stations, first, second):
        station = ReferenceStation(type(self), stations)
        relays = {name: Recorder(type(self), station) for name in ("alice", "bob")}
        begin = time.time()
        alice = self.reference_client(first, "alice", relays["alice"])
        bob = self.reference_client(second, "bob", relays["bob"])
        Conversation.acquaint(alice, bob)
        for content in CONTENTS.values():
            content = filled(content, alice.id)
            sn = alice.send(bob.id, content)["sn"]
            bob.arrival(lambda it: it.get("sn") == sn and kind(it) == content["type"], "a content", alice.id)
        inner = alice.pack(bob.id, {"type": 1, "text": "inside of an envelope"})
        alice.send(bob.id, {"type": 255, "secrets": [inner["message"]]})
        bob.got_text("inside of an envelope", alice.id)
        group = alice.create_group([alice.id, bob.id])
        bob.joins(group, [alice.id, bob.id])
        alice.send_group(group, {"type": 1, "text": "to the group"})
        bob.got_text("to the group", alice.id)
        sent = bob.text(alice.id, "and back")
        alice.got_text("and back", bob.id)
        bob.got_receipt("Message received.", alice.id, sent)
        alice.do("login")
        bob.do("report", title="offline")
        bob.do("report", title="online")
        bob.got_receipt("Online received.")
        time.sleep(0.5)
        with open(os.path.join(station.folder, "station.json"), encoding="utf-8") as file:
            accounts = {"alice": alice.account, "bob": bob.account, "station": json.load(file)}
        transcript = {
            "about": f"alice is a client of {first}, bob one of {second}, the station is of {stations}; "
                     "C is from the client, S from the station; keys are for this recording only",
            "begin": begin, "end": time.time(), "accounts": accounts,
            "connections": {name: [[side, base64.b64encode(data).decode()] for side, data in joined(relay.chunks)]
                            for name, relay in relays.items()},
            # what each client read in the messages that came, commands left out, by their signatures
            "arrived": {client.person: {event["envelope"]["signature"]: event["content"] for event in client.events
                                        if event["event"] == "arrived" and kind(event["content"]) not in (136, 137)}
                        for client in (alice, bob)},
        }
        name = f"transcript-{first}-{second}-at-{stations}.json"
        os.makedirs(os.path.join(HERE, "fixtures"), exist_ok=True)
        with open(os.path.join(HERE, "fixtures", name), "w", encoding="utf-8") as file:
            json.dump(transcript, file, indent=0)
            file.write("\n")

    def test_of_2025(self):
        self.record("2025", "2025", "2025")

    def test_of_2026(self):
        self.record("2026", "2026", "2026")

    def test_between_them(self):
        self.record("2026", "2025", "2026")


if __name__ == "__main__":
    main()
