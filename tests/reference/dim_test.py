#!/usr/bin/env python3
"""dim and clients of the reference with each other, through our station: one logs in on 8800, the other on 9394."""
import signal

from harness import ReferenceTest, main
from ours import OurClient, OurStation
from with_dim import WithDim


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


class Dim2026(World, ReferenceTest):
    year = "2026"


if __name__ == "__main__":
    main()
