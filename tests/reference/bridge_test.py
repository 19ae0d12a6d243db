#!/usr/bin/env python3
"""Unmodified stations of the reference as neighbours of ours. Ours dials two at once, one of each generation, and logs in, as
a station of the reference lets its neighbours do; they need no configuration for it. And one dials ours, with the program
that the reference has for that."""
import os
import time

from contents import CONTENTS, filled, lost
from harness import SECONDS, Failed, Redis, ReferenceEdge, ReferenceStation, ReferenceTest, free_port, kind, main
from ours import OurClient, OurStation


def configuration(folder, neighbours):
    """A file for dimd with these stations of the reference as neighbours."""
    path = os.path.join(folder, "dimd.toml")
    with open(path, "w", encoding="utf-8") as file:
        for station in neighbours:
            file.write(f'[[neighbour]]\nid = "{station.id}"\naddress = "{station.host}:{station.port}"\n')
    return path


def said(program, word):
    with open(program.log, encoding="utf-8", errors="replace") as file:
        return file.read().count(word)


def wait_for_log(program, word, count):
    deadline = time.monotonic() + SECONDS
    while True:
        if said(program, word) >= count:
            return
        if time.monotonic() > deadline:
            raise Failed(f"{program.name} does not say {word} {count} times")
        time.sleep(0.1)


class Bridge:
    """What people do with each other across stations."""

    def converse(self, one, other):
        one.text(other.id, f"from {one.person} to {other.person}")
        other.got_text(f"from {one.person} to {other.person}", one.id)
        sent = other.text(one.id, f"from {other.person} to {one.person}")
        one.got_text(f"from {other.person} to {one.person}", other.id)
        other.got_receipt("Message received.", one.id, sent)

    def exchange(self, one, other):
        """Every content, both ways."""
        for sender, receiver in ((one, other), (other, one)):
            sent = {}
            for content in CONTENTS.values():
                content = filled(content, sender.id)
                sent[sender.send(receiver.id, content)["sn"]] = content
            for sn, content in sent.items():
                got = receiver.arrival(lambda it: it.get("sn") == sn and kind(it) == kind(content), f"{content}", sender.id)
                self.assertEqual(lost(content, got["content"]), "", got)

    @classmethod
    def comes(cls, client, station):
        """Somebody is at this station now, and the stations get to know."""
        client.connect(station)
        client.do("login")  # which they say by themselves every 300 s
        client.be_quiet()

    def roam(self, roamer, station, friends):
        """From the station where they are to this one, where everybody reaches them, wherever they are themselves."""
        roamer.disconnect()
        self.comes(roamer, station)
        for friend in friends:
            friend.text(roamer.id, f"are you at {station.name} now?")
            roamer.got_text(f"are you at {station.name} now?", friend.id)
            roamer.text(friend.id, f"I am at {station.name}")
            friend.got_text(f"I am at {station.name}", roamer.id)


class World(Bridge):
    years = None  # of the two neighbours

    @classmethod
    def begin(cls):
        cls.north = ReferenceStation(cls, cls.years[0], Redis(cls))
        cls.south = ReferenceStation(cls, cls.years[1], Redis(cls))
        cls.ours = OurStation(cls, "--config", configuration(cls.folder, [cls.north, cls.south]))
        wait_for_log(cls.ours, "event=neighbour-up", 2)
        # A station of the reference looks every 128 s which stations are logged in, first when it asks who we are, and until
        # then broadcasts to none. When it meets us for the second time it need not ask.
        for one in (cls.north, cls.south):
            one.process.kill()
            one.process.wait()
            one.again()
        wait_for_log(cls.ours, "event=neighbour-up", 4)
        cls.bob = cls.reference_client(cls.years[0], "bob", cls.ours)
        cls.anna = cls.reference_client(cls.years[0], "anna", cls.north)
        cls.erik = cls.reference_client(cls.years[1], "erik", cls.south)
        cls.dora = OurClient(cls, "dora")
        cls.dora.join(f"dimchat://{cls.ours.host}:{cls.ours.port}?station={cls.ours.id}", "dora")
        cls.nora = OurClient(cls, "nora")
        cls.nora.join(cls.ours.link(), "nora")
        for one in (cls.bob, cls.anna, cls.erik):
            one.do("login")
            one.be_quiet()

    def test_clients_of_the_reference_at_theirs_and_at_ours_talk(self):
        self.converse(self.bob, self.anna)
        self.converse(self.erik, self.bob)

    def test_every_content_crosses_the_bridge_whole(self):
        self.exchange(self.bob, self.anna)
        self.exchange(self.bob, self.erik)

    def test_who_roams_is_reached_where_they_are(self):
        roamer = self.reference_client(self.years[0], "roamer", self.north)
        roamer.do("login")
        self.converse(self.bob, roamer)
        self.roam(roamer, self.ours, (self.anna, self.bob, self.erik))
        self.roam(roamer, self.north, (self.anna, self.bob))
        self.roam(roamer, self.ours, (self.anna, self.bob))

    def test_dim_at_ours_talks_with_a_client_at_theirs(self):
        self.assertEqual(self.dora.send(self.anna.id, "from dim")["state"], "sent")
        self.anna.got_text("from dim", self.dora.id)
        self.anna.text(self.dora.id, "to dim")
        self.dora.got_text("to dim", self.anna.id)

    def test_a_user_of_dim_2023_writes_to_a_client_at_theirs(self):
        self.assertEqual(self.nora.send(self.erik.id, "from 8801")["state"], "sent")
        self.erik.got_text("from 8801", self.nora.id)
        self.erik.text(self.nora.id, "an answer to 8801")
        self.nora.got_text("an answer to 8801", self.erik.id)

    def test_a_client_at_theirs_writes_first_to_a_user_of_dim_2023(self):
        """Nora has written to nobody there: what her station knows of her is all that theirs knows."""
        self.nora.run("listen", "--timeout", "1", code=None)
        self.anna.text(self.nora.id, "who are you?")
        self.nora.got_text("who are you?", self.anna.id)

    def test_a_neighbour_that_was_away_gets_what_waited(self):
        self.converse(self.bob, self.erik)
        downs, ups = (said(self.ours, "event=neighbour-" + word) for word in ("down", "up"))
        self.south.process.kill()
        self.south.process.wait()
        wait_for_log(self.ours, "event=neighbour-down", downs + 1)
        for number in range(3):
            sent = self.bob.text(self.erik.id, f"for later {number}")
            self.bob.got_receipt("Message redirected.", self.ours.id, sent)
        self.south.again()
        wait_for_log(self.ours, "event=neighbour-up", ups + 1)
        self.erik.do("disconnect")
        self.erik.connect(self.south)
        for number in range(3):
            self.erik.got_text(f"for later {number}", self.bob.id)


class Dialled(Bridge):
    """A station of the reference dials ours; ours has it in its list and cannot reach it."""
    year = None

    @classmethod
    def begin(cls):
        cls.theirs = ReferenceStation(cls, cls.year, Redis(cls))
        cls.theirs.port, port = free_port(), cls.theirs.port
        file = configuration(cls.folder, [cls.theirs])  # an address at which nobody answers
        cls.theirs.port = port
        cls.ours = OurStation(cls, "--config", file)
        cls.edge = ReferenceEdge(cls, cls.year, cls.theirs, cls.ours)
        wait_for_log(cls.ours, "event=neighbour-up", 1)
        cls.bob = cls.reference_client(cls.year, "bob")
        cls.anna = cls.reference_client(cls.year, "anna")
        cls.comes(cls.bob, cls.ours)
        cls.comes(cls.anna, cls.theirs)
        cls.dora = OurClient(cls, "dora")
        cls.dora.join(cls.ours.link(), "dora")

    def test_everything_crosses_and_who_roams_is_reached(self):
        self.converse(self.anna, self.bob)
        self.converse(self.bob, self.anna)
        self.exchange(self.anna, self.bob)
        self.assertEqual(self.dora.send(self.anna.id, "from 8801")["state"], "sent")
        self.anna.got_text("from 8801", self.dora.id)
        self.anna.text(self.dora.id, "an answer to 8801")
        self.dora.got_text("an answer to 8801", self.anna.id)
        self.roam(self.anna, self.ours, (self.bob,))
        self.roam(self.anna, self.theirs, (self.bob,))


class BridgeDialledBy2025(Dialled, ReferenceTest):
    year = "2025"


class BridgeDialledBy2026(Dialled, ReferenceTest):
    year = "2026"


class Bridge2025And2026(World, ReferenceTest):
    years = ("2025", "2026")


class Bridge2026And2025(World, ReferenceTest):
    years = ("2026", "2025")


if __name__ == "__main__":
    main()
