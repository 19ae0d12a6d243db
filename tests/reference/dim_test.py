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
