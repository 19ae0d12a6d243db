#!/usr/bin/env python3
"""The drivers themselves: clients of the reference with each other, through stations of the reference.

What fails here is no fault of ours, or one of these drivers; the tests of our programs build on it.
"""
import unittest

from harness import Redis, ReferenceStation, ReferenceTest, main
from scenarios import Conversation


class World(Conversation):
    stations = clients = None

    @classmethod
    def begin(cls):
        cls.station = ReferenceStation(cls, cls.stations, Redis(cls))
        first, second = cls.clients
        cls.alice = cls.reference_client(first, "alice", cls.station)
        cls.bob = cls.reference_client(second, "bob", cls.station)
        cls.acquaint(cls.alice, cls.bob)

    @classmethod
    def make(cls, name, **options):
        return cls.reference_client(cls.clients[1], name, cls.station, **options)


class Reference2025(World, ReferenceTest):
    stations, clients = "2025", ("2025", "2025")


class Reference2026(World, ReferenceTest):
    stations, clients = "2026", ("2026", "2026")


    def test_two_devices_with_a_key_each_both_get_what_is_sent(self):
        phone = self.make("frida", process="frida-phone", terminal="phone")
        identity, meta = phone.account["identity_private_key"], phone.account["meta"]
        pad = self.make("frida", process="frida-pad", terminal="pad", identity=identity, meta=meta)
        # Stations of the reference tell only the newest visa of a person, so that the sender has to be told both.
        self.alice.do("learn", accounts=[{**phone.account, "visas": [phone.account["visa"], pad.account["visa"]]}])
        self.alice.text(phone.id, "for two keys")
        phone.got_text("for two keys", self.alice.id)
        pad.got_text("for two keys", self.alice.id)


class Reference2025WithBothClients(World, ReferenceTest):
    stations, clients = "2025", ("2025", "2026")


class Reference2026WithBothClients(World, ReferenceTest):
    stations, clients = "2026", ("2026", "2025")


if __name__ == "__main__":
    main()
