#!/usr/bin/env python3
"""dim and clients of the reference with each other, through our station: one logs in on 8800, the other on 9394."""
import signal

from harness import ReferenceTest, main
from ours import OurClient, OurStation
from with_dim import TwoKeys, WithDim


class World(WithDim):
    @classmethod
    def prepare(cls):
        cls.station = OurStation(cls)

    @classmethod
    def home(cls, name):
        client = OurClient(cls, name)
        client.join(cls.station.link(), name)
        return client

    def test_a_station_that_was_killed_loses_nothing_and_doubles_nothing(self):
        self.station.restart(signal.SIGKILL)
        self.dora.send(self.bob.id, "after the restart")
        self.bob.do("wait_running")
        self.bob.got_text("after the restart", self.dora.id, 60)
        self.bob.text(self.dora.id, "I am back")
        self.dora.got_text("I am back", self.bob.id)
        self.assertEqual(self.bob.texts().count("after the restart"), 1)


class Dim2025(World, ReferenceTest):
    year = "2025"

    def test_of_two_devices_of_dim_the_newest_reads_what_a_client_of_2025_sends(self):
        """Senders of 2025 know one visa of somebody, the newest; they hear both devices."""
        hugo = self.home("hugo")
        pad = hugo.add_device(type(self), "pad")
        self.bob.text(hugo.id, "for the newest home")
        pad.has(self.bob.id, "for the newest home")
        for one, text in ((hugo, "from the first"), (pad, "from the pad")):
            one.send(self.bob.id, text)
            self.bob.got_text(text, hugo.id)


    def test_A29_a_group_sends_through_an_assistant_and_dim_says_that_it_can_read(self):
        """As groups of 2025 may: their clients give what they write to a bot, which gives each member a copy."""
        bob, dora, carol = self.bob, self.dora, self.reference_client("2025", "carol", self.station)
        bot = self.reference_client("2025", "assistant", self.station, kind="bot", seed="assistant")
        bot.do("assist")
        for one, other in ((bob, carol), (carol, bob), (bot, bob), (bot, carol), (bot, dora), (carol, dora)):
            one.text(other.id, f"I am {one.name}")
            other.got_text(f"I am {one.name}", one.id)
        dora.send(carol.id, "I am dora")  # who seals for a group has to know the keys of all
        carol.got_text("I am dora", dora.id)
        members = [bob.id, dora.id, carol.id]
        roles = {bob.id: "owner", dora.id: "member", carol.id: "member"}
        group = bob.create_group(members)
        self.knows(dora, group, roles)
        carol.joins(group, members)
        bob.do("set_assistants", group=group, assistants=[bot.id])
        bob.do("reset", group=group, members=members)  # to the assistants alone, which tell the others
        bot.joins(group, members)
        self.knows(dora, group, {**roles, bot.id: "assistant"})
        said = dora.says("group", "members", group).splitlines()
        self.assertEqual([line.endswith("assistant, can read") for line in said], [bot.id in line for line in said], said)

        for writer, reader in ((bob, carol), (carol, bob)):
            text = f"by {writer.name}, through the assistant"
            writer.send_group(group, {"type": 1, "text": text})
            bot.arrival(lambda it: it.get("type") == 255, "a forward", writer.id)
            self.assertEqual(reader.got_text(text, writer.id)["content"]["group"], group)
            self.assertEqual(dora.got_text(text, group)["sender"], writer.id)
        dora.send(group, "dim writes to each member")
        for one in (bob, carol):
            one.got_text("dim writes to each member", dora.id)
        self.assertNotIn("dim writes to each member", bot.texts())
        # An assistant may ask a member for the history; this one has it.
        self.asks(bot, dora, group, newer=False)


class Dim2026(TwoKeys, World, ReferenceTest):
    year = "2026"

    def test_two_devices_of_dim_both_get_what_a_client_of_the_reference_sends(self):
        hugo = self.home("hugo")
        pad = hugo.add_device(type(self), "pad")
        for number in range(2):  # the second is sealed with what the first has taught
            self.bob.text(hugo.id, f"for two homes {number}")
            for one in (hugo, pad):
                one.has(self.bob.id, f"for two homes {number}")
        for one, text in ((hugo, "from the first"), (pad, "from the pad")):
            one.send(self.bob.id, text)
            self.bob.got_text(text, hugo.id)


if __name__ == "__main__":
    main()
