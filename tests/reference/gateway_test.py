#!/usr/bin/env python3
"""Clients of the reference with each other, through our station."""
import signal
import time

from harness import Recorder, ReferenceStation, ReferenceTest, main
from ours import OurStation
from scenarios import Conversation


class World(Conversation):
    clients = None
    ordered = True

    @classmethod
    def begin(cls):
        cls.station = OurStation(cls)
        first, second = cls.clients
        cls.alice = cls.reference_client(first, "alice", cls.station)
        cls.bob = cls.reference_client(second, "bob", cls.station)
        cls.acquaint(cls.alice, cls.bob)

    @classmethod
    def make(cls, name, **options):
        return cls.reference_client(cls.clients[1], name, cls.station, **options)

    def test_who_is_offline_gets_everything_once_and_the_sender_one_receipt_for_each(self):
        self.bob.disconnect()
        sent = [self.alice.text(self.bob.id, f"once {number}") for number in range(3)]
        for one in sent:
            self.alice.got_receipt("Message cached.", self.station.id, one)
        self.bob.connect(self.station)
        for number in range(3):
            self.bob.got_text(f"once {number}")
        time.sleep(1)
        self.assertEqual([text for text in self.bob.texts() if text.startswith("once ")],
                         ["once 0", "once 1", "once 2"])
        for one in sent:
            receipts = [event["content"]["text"] for event in self.alice.events if event["event"] == "arrived"
                        and event["sender"] == self.station.id and event["content"].get("command") == "receipt"
                        and (event["content"].get("origin") or {}).get("signature") == one["message"]["signature"]]
            self.assertEqual(receipts, ["Message cached."])

    def test_R1_what_came_before_a_kill_of_the_station_comes_after_it(self):
        self.bob.disconnect()
        sent = [self.alice.text(self.bob.id, f"survives {number}") for number in range(3)]
        for one in sent:
            self.alice.got_receipt("Message cached.", self.station.id, one)
        self.alice.do("disconnect")
        self.station.restart(signal.SIGKILL)
        self.alice.connect(self.station)
        self.bob.connect(self.station)
        for number in range(3):
            self.bob.got_text(f"survives {number}")

    def test_a_first_message_from_a_stranger_that_waited_arrives_after_log_in(self):
        """Clients of the reference lose about one in three of these at stations of the reference (they ask for the
        stranger's keys before they are ready to ask)."""
        late = self.make("late")
        late.disconnect()
        stranger = self.make("stranger")
        stranger.do("learn", accounts=[late.account])
        stranger.text(late.id, "we have never met")
        stranger.got_receipt("Message cached.", self.station.id)
        late.connect(self.station)
        late.got_text("we have never met", stranger.id)

    def test_a_connection_that_is_cut_comes_back_by_itself_and_nothing_is_lost(self):
        recorder = Recorder(type(self), self.station)
        walker = self.make_through(recorder)
        self.acquaint(self.alice, walker)
        # Not within a frame: a client of 2025 keeps its first half and takes the next connection for the second.
        time.sleep(2)
        recorder.cut()
        self.alice.text(walker.id, "into the gap")
        self.assertTrue(walker.do("wait_running", seconds=90)["running"])
        walker.got_text("into the gap", self.alice.id, seconds=90)
        walker.text(self.alice.id, "here again")
        self.alice.got_text("here again", walker.id)

    @classmethod
    def make_through(cls, recorder):
        return cls.reference_client(cls.clients[1], "walker", recorder)


class Gateway2025(World, ReferenceTest):
    clients = ("2025", "2025")


class Gateway2026(World, ReferenceTest):
    clients = ("2026", "2026")

    def test_two_devices_with_a_key_each_both_get_what_is_sent(self):
        phone = self.make("frida", process="frida-phone", terminal="phone")
        identity, meta = phone.account["identity_private_key"], phone.account["meta"]
        pad = self.make("frida", process="frida-pad", terminal="pad", identity=identity, meta=meta)
        # Whoever asks our station gets the visas of both devices.
        self.alice.text(phone.id, "for two keys")
        phone.got_text("for two keys", self.alice.id)
        pad.got_text("for two keys", self.alice.id)


class GatewayFrom2025To2026(World, ReferenceTest):
    clients = ("2025", "2026")


class GatewayFrom2026To2025(World, ReferenceTest):
    clients = ("2026", "2025")


class Moved:
    """The operator of a reference station moves to ours; people keep their accounts and their clients."""
    year = None

    def test_accounts_of_the_old_station_are_known_at_the_new_one(self):
        old = ReferenceStation(type(self), self.year)
        alice = self.reference_client(self.year, "alice", old)
        bob = self.reference_client(self.year, "bob", old)
        Conversation.acquaint(alice, bob)
        alice.do("login")
        alice.got_receipt("Login received.")
        for client in (alice, bob):
            client.do("disconnect")
        old.stop()

        station = OurStation(type(self), old=old.folder)
        self.assertEqual(station.imported["refused"], [])
        self.assertEqual((station.imported["users"], station.imported["others"]), (2, 1))
        self.assertEqual(station.imported["logins"], 1)
        # Carol asks the new station for the keys of bob, who has never been here.
        carol = self.reference_client(self.year, "carol", station)
        carol.text(bob.id, "do you live here now?")
        carol.got_receipt("Message cached.", station.id)
        bob.connect(station)
        bob.got_text("do you live here now?", carol.id)
        alice.connect(station)
        alice.text(bob.id, "we have moved")
        bob.got_text("we have moved", alice.id)


class MovedFrom2025(Moved, ReferenceTest):
    year = "2025"


class MovedFrom2026(Moved, ReferenceTest):
    year = "2026"


if __name__ == "__main__":
    main()
