#!/usr/bin/env python3
"""dim and clients of the reference with each other, through our station: one logs in on 8800, the other on 9394."""
from contents import CONTENTS, filled
from harness import ReferenceTest, kind, main
from ours import OurClient, OurStation

OLD_PROTOCOL = "old protocol, addressee not proven"  # what the reference signs does not name the receiver


class World:
    year = None

    @classmethod
    def begin(cls):
        cls.station = OurStation(cls)
        cls.bob = cls.reference_client(cls.year, "bob", cls.station)
        cls.dora = OurClient(cls, "dora")
        cls.dora.join(cls.station.link(), "dora")

    def test_text_arrives_both_ways_with_receipts_and_a_true_label(self):
        self.dora.send(self.bob.id, "from dim")
        self.bob.got_text("from dim", self.dora.id)
        sent = self.bob.text(self.dora.id, "from the reference")
        got = self.dora.got_text("from the reference", self.bob.id)
        self.assertEqual(got["label"], OLD_PROTOCOL)
        self.bob.arrival(lambda it: it.get("command") == "receipt"
                         and (it.get("origin") or {}).get("signature") == sent["message"]["signature"],
                         "a receipt of dim", self.dora.id)
        # The receipt of the reference names the message by its signature alone.
        self.dora.run("listen", "--timeout", "2", code=None)
        self.assertIn(self.dora.state(self.bob.id, "from dim"), ("delivered", "read"))

    def test_messages_wait_for_either_side(self):
        self.dora.send(self.bob.id, "hello first")
        self.bob.got_text("hello first")
        self.bob.disconnect()
        for number in range(3):
            self.assertEqual(self.dora.send(self.bob.id, f"for later {number}")["state"], "sent")
        self.bob.connect(self.station)
        for number in range(3):
            self.bob.got_text(f"for later {number}", self.dora.id)
        for number in range(3):
            self.bob.text(self.dora.id, f"for you later {number}")
            self.bob.got_receipt("Message cached.", self.station.id)
        for number in range(3):
            self.dora.got_text(f"for you later {number}", self.bob.id)

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


class Dim2025(World, ReferenceTest):
    year = "2025"


class Dim2026(World, ReferenceTest):
    year = "2026"


if __name__ == "__main__":
    main()
