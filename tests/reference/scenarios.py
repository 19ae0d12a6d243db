"""What two people do with each other at a station, whoever wrote the clients and the station.

The classes that use this set, for all tests of the class: alice and bob (connected), station, and make(name), which
gives one more person of the kind that bob is.
"""
import time

from contents import CONTENTS, filled, lost
from harness import kind


class Conversation:
    ordered = False  # whether messages that waited must come in the order in which they were sent

    def test_text_arrives_both_ways_and_is_answered_with_receipts(self):
        sent = self.alice.text(self.bob.id, "a first word")
        self.bob.got_text("a first word", self.alice.id)
        self.alice.got_receipt("Message received.", self.bob.id, sent)
        sent = self.bob.text(self.alice.id, "and one back")
        self.alice.got_text("and one back", self.bob.id)
        self.bob.got_receipt("Message received.", self.alice.id, sent)

    def test_the_station_says_that_a_message_was_delivered(self):
        sent = self.alice.text(self.bob.id, "is this delivered?")
        self.bob.got_text("is this delivered?")
        self.alice.got_receipt("Message delivered.", self.station.id, sent)

    def test_every_content_arrives_as_it_was_sent(self):
        for sender, receiver in ((self.alice, self.bob), (self.bob, self.alice)):
            for name, content in CONTENTS.items():
                with self.subTest(content=name, sender=sender.name):
                    content = filled(content, sender.id)
                    sn = sender.send(receiver.id, content)["sn"]
                    got = receiver.arrival(lambda it: it.get("sn") == sn and kind(it) == content["type"],
                                           f"the {name} {sn}", sender.id)["content"]
                    self.assertEqual(lost(content, got), "", got)

    def test_forwarded_secrets_are_opened_by_their_receiver(self):
        for sender, receiver in ((self.alice, self.bob), (self.bob, self.alice)):
            texts = [f"inside of an envelope of {sender.name}, number {number}" for number in range(2)]
            inner = [sender.pack(receiver.id, {"type": 1, "text": text})["message"] for text in texts]
            sender.send(receiver.id, {"type": 255, "secrets": inner})
            receiver.arrival(lambda it: kind(it) == 255 and len(it.get("secrets", ())) == 2, "the forward", sender.id)
            for text in texts:
                receiver.got_text(text, sender.id)

    def test_messages_wait_for_who_is_offline(self):
        self.alice.text(self.bob.id, "before you go")
        self.bob.got_text("before you go")
        self.bob.disconnect()
        texts = [f"while you were away {number}" for number in range(5)]
        for text in texts:
            self.alice.text(self.bob.id, text)
            time.sleep(0.05)
        time.sleep(0.5)
        self.bob.connect(self.station)
        for text in texts:
            self.bob.got_text(text, self.alice.id)
        if self.ordered:
            self.assertEqual([text for text in self.bob.texts() if text in texts], texts)

    def test_two_hundred_messages_in_a_row_arrive_in_order(self):
        texts = [f"row {number}" for number in range(200)]
        for text in texts:
            sent = self.alice.text(self.bob.id, text)
        self.bob.got_text(texts[-1], self.alice.id)
        self.assertEqual([text for text in self.bob.texts() if text.startswith("row ")], texts)
        # Each text is answered twice; the last of all these answers, so that nothing is on its way any more.
        self.alice.got_receipt("Content not support.", self.bob.id, sent)

    def test_a_stranger_is_understood_at_once(self):
        dora = self.make("dora")
        dora.text(self.alice.id, "you do not know me")
        self.alice.got_text("you do not know me", dora.id)
        self.alice.text(dora.id, "now I do")
        dora.got_text("now I do", self.alice.id)

    def test_a_small_group_talks(self):
        carol = self.make("carol")
        members = [self.alice.id, self.bob.id, carol.id]
        self.acquaint(self.alice, self.bob, carol)
        group = self.alice.create_group(members)
        self.bob.joins(group, members)
        carol.joins(group, members)
        for sender, others in ((self.alice, (self.bob, carol)), (self.bob, (self.alice, carol))):
            text = f"to all of you, {sender.name}"
            sender.send_group(group, {"type": 1, "text": text})
            for other in others:
                event = other.got_text(text, sender.id)
                self.assertEqual(event["content"].get("group"), group)

    def test_who_is_in_a_group_and_who_leads_it_changes(self):
        """Every command of groups, each by who may give it, seen by all others."""
        alice, bob, carol = self.alice, self.bob, self.make("carla")
        self.acquaint(alice, bob, carol)
        two, three = [alice.id, bob.id], [alice.id, bob.id, carol.id]
        group = alice.create_group(two)
        bob.joins(group, two)

        carol.command(group, "join", [alice])
        alice.got_command(group, "join", carol.id)
        alice.invite(group, carol)
        bob.joins(group, three)
        carol.joins(group, three)
        alice.do("expel", group=group, members=[carol.id])
        bob.joins(group, two)
        carol.joins(group, two)
        bob.invite(group, carol)  # a request, as he leads nothing
        alice.got_command(group, "invite", bob.id)
        alice.joins(group, two)
        alice.invite(group, carol)
        for one in (bob, carol):
            one.joins(group, three)
        carol.do("quit_group", group=group)
        for one in (alice, bob):
            one.joins(group, two)

        alice.do("set_administrators", group=group, administrators=[bob.id])
        bob.leads(group, [bob.id])
        bob.invite(group, carol)
        alice.joins(group, three)
        carol.joins(group, three)
        carol.leads(group, [bob.id])
        bob.command(group, "resign", [alice, carol])
        for one in (alice, carol):
            one.leads(group, [])
        # Clients of the reference pass over these two and go by the bulletin; they have to come through.
        for name in ("hire", "fire"):
            alice.command(group, name, [bob], administrators=[carol.id])
            content = bob.got_command(group, name, alice.id)["content"]
            self.assertEqual(content["administrators"], [carol.id])

        dave = alice.do("new_account", name="dave")["account"]
        for one in (alice, bob, carol):
            one.do("learn", accounts=[dave])
        alice.do("reset_untold", group=group, members=[*three, dave["id"]])
        bob.do("ask_members", group=group, who=alice.id)
        alice.got_command(group, "query", bob.id)
        bob.joins(group, [*three, dave["id"]])

    def test_a_large_group_talks(self):
        """From 16 members on, the reference encrypts once for all, and names the group outside."""
        carol = self.make("greta")
        self.acquaint(self.alice, self.bob, carol)
        silent = [self.alice.do("new_account", name=f"silent {number}")["account"] for number in range(14)]
        for one in (self.alice, self.bob, carol):
            one.do("learn", accounts=silent)
        members = [self.alice.id, self.bob.id, carol.id, *(one["id"] for one in silent)]
        group = self.alice.create_group(members)
        self.bob.joins(group, members)
        carol.joins(group, members)
        for sender, others in ((self.alice, (self.bob, carol)), (self.bob, (self.alice, carol))):
            text = f"to all seventeen, {sender.name}"
            sender.send_group(group, {"type": 1, "text": text})
            for other in others:
                event = other.got_text(text, sender.id)
                self.assertEqual(event["content"].get("group"), group)
                self.assertEqual(event["envelope"].get("group"), group)

    def test_two_devices_with_one_key_both_get_what_is_sent(self):
        phone = self.make("eve", process="eve-phone")
        pad = self.make("eve", process="eve-pad", account=phone.account)
        self.acquaint(self.alice, phone)
        pad.got_text(f"I am {self.alice.name}", self.alice.id)
        self.alice.text(phone.id, "for both of you")
        phone.got_text("for both of you", self.alice.id)
        pad.got_text("for both of you", self.alice.id)
        pad.text(self.alice.id, "from the pad")
        self.alice.got_text("from the pad", phone.id)

    @classmethod
    def acquaint(cls, *people):
        """Everybody has the keys of everybody: each writes to each."""
        for one in people:
            for other in people:
                if one is not other:
                    one.text(other.id, f"I am {one.name}")
        for one in people:
            for other in people:
                if one is not other:
                    other.got_text(f"I am {one.name}", one.id)
