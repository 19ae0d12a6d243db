#!/usr/bin/env python3
"""dim at stations of the reference, with clients of the reference."""
import time

from contents import CONTENTS, filled
from harness import Recorder, Redis, ReferenceStation, ReferenceTest, kind, main
from ours import OurClient

OLD_PROTOCOL = "old protocol, addressee not proven"  # what the reference signs does not name the receiver
BOUND = "secure, old protocol"


def link_to(station, identifier):
    return f"dimchat://{station.host}:{station.port}?station={identifier}"


class World:
    year = None

    @classmethod
    def begin(cls):
        cls.station = ReferenceStation(cls, cls.year, Redis(cls))
        cls.recorder = Recorder(cls, cls.station)
        cls.bob = cls.reference_client(cls.year, "bob", cls.station)
        cls.dora = cls.home("dora")

    @classmethod
    def home(cls, name):
        client = OurClient(cls, name)
        client.join(link_to(cls.recorder, cls.station.id), name)
        return client

    def test_text_arrives_both_ways_with_receipts_and_a_true_label(self):
        self.assertEqual(self.dora.send(self.bob.id, "from dim")["state"], "sent")
        self.bob.got_text("from dim", self.dora.id)
        sent = self.bob.text(self.dora.id, "from the reference")
        got = self.dora.got_text("from the reference", self.bob.id)
        self.assertEqual(got["label"], OLD_PROTOCOL)
        self.bob.got_receipt("Message received.", self.dora.id, sent)
        self.dora.run("listen", "--timeout", "3", code=None)
        self.assertEqual(self.dora.state(self.bob.id, "from dim"), "delivered")

    def test_messages_wait_for_either_side(self):
        self.dora.send(self.bob.id, "hello first")
        self.bob.got_text("hello first")
        self.bob.disconnect()
        for number in range(3):
            self.assertEqual(self.dora.send(self.bob.id, f"for later {number}")["state"], "sent")
        self.bob.connect(self.station)
        for number in range(3):
            self.bob.got_text(f"for later {number}", self.dora.id)
        wanted = {f"for you later {number}" for number in range(3)}
        for text in wanted:
            self.bob.text(self.dora.id, text)
        got = set()  # stations of the reference give what waited in no order
        while wanted - got:
            got.add(self.dora.listen(lambda one: one["text"] in wanted - got, f"{wanted - got}")["text"])
        texts = [one["text"] for one in self.dora.run("history", self.bob.id) if one["event"] == "message"]
        for text in wanted:
            self.assertEqual(texts.count(text), 1, texts)

    def test_every_content_of_the_reference_is_recognised(self):
        self.dora.send(self.bob.id, "send me everything")
        self.bob.got_text("send me everything")
        for name, content in CONTENTS.items():
            with self.subTest(content=name):
                self.bob.send(self.dora.id, filled(content, self.bob.id))
                got = self.dora.listen(lambda one: one["peer"] == self.bob.id, f"the {name}", 15)
                self.assertNotEqual(got["type"], "", got)
                self.assertEqual(got["type"] == "text", kind(content) == 1, got)
                self.assertEqual(got["label"], OLD_PROTOCOL)

    def test_a_group_of_the_reference_talks_with_us(self):
        erin = self.home("erin")
        self.bob.text(self.dora.id, "hello Dora")
        self.dora.got_text("hello Dora", self.bob.id)
        self.bob.text(erin.id, "hello Erin")
        erin.got_text("hello Erin", self.bob.id)
        group = self.bob.create_group([self.bob.id, self.dora.id, erin.id])
        self.bob.send_group(group, {"type": 1, "text": "welcome to the group"})
        for one in (self.dora, erin):
            got = one.got_text("welcome to the group", group)
            self.assertEqual(got["sender"], self.bob.id)
        self.assertEqual(self.dora.send(group, "thank you")["state"], "sent")
        event = self.bob.got_text("thank you", self.dora.id)
        self.assertEqual(event["content"].get("group"), group)
        self.assertEqual(erin.got_text("thank you", group)["sender"], self.dora.id)
        texts = [one["text"] for one in self.dora.run("history", group) if one["event"] == "message"]
        self.assertEqual(texts, ["welcome to the group", "thank you"])

    def test_two_of_us_know_that_the_addressee_is_proven_and_the_message_read(self):
        erin = self.home("erin")
        self.dora.send(erin.id, "one of us?")
        self.assertEqual(erin.got_text("one of us?", self.dora.id)["label"], BOUND)
        self.dora.run("listen", "--timeout", "3", code=None)
        self.assertEqual(self.dora.state(erin.id, "one of us?"), "read")

    def test_a_cut_loses_nothing_and_doubles_nothing(self):
        self.dora.send(self.bob.id, "before the cut")
        self.bob.got_text("before the cut")
        self.recorder.stop()
        try:
            for number in range(3):
                one = self.dora.run("send", self.bob.id, f"cut {number}", "--timeout", "1", code=None)
                self.assertEqual([it["state"] for it in one if it["event"] == "message"], ["queued"])
        finally:
            port = self.recorder.port
            type(self).recorder = Recorder(type(self), self.station, port)
        self.dora.run("status")
        for number in range(3):
            self.bob.got_text(f"cut {number}", self.dora.id)
        time.sleep(1)
        self.assertEqual([text for text in self.bob.texts() if text.startswith("cut ")],
                         [f"cut {number}" for number in range(3)])

    def test_a18_another_station_at_the_address_gets_no_signature(self):
        other = ReferenceStation(type(self), "2025" if self.year == "2026" else "2026")
        client = OurClient(type(self), "fred")
        client.run("join", link_to(other, self.station.id), "--name", "fred", code=5)

    def test_who_is_unknown_is_said_so(self):
        stranger = self.home("stranger").id
        self.dora.run("send", stranger[:-1] + ("0" if stranger[-1] != "0" else "1"), "nobody there", code=None)
        self.dora.run("send", "no.such.name", "nobody there", code=6)
        self.dora.run("verify", self.bob.id)


class Station2025(World, ReferenceTest):
    year = "2025"


class Station2026(World, ReferenceTest):
    year = "2026"


if __name__ == "__main__":
    main()
