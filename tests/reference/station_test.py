#!/usr/bin/env python3
"""dim at stations of the reference, with clients of the reference."""
import time

from harness import Failed, Recorder, Redis, ReferenceStation, ReferenceTest, main
from ours import OurClient
from with_dim import TwoKeys, WithDim


def link_to(station, identifier):
    return f"dimchat://{station.host}:{station.port}?station={identifier}"


class World(WithDim):
    between_us = "secure, old protocol"
    ordered = False  # stations of the reference give what waited in no order

    @classmethod
    def prepare(cls):
        cls.station = ReferenceStation(cls, cls.year, Redis(cls))
        cls.recorder = Recorder(cls, cls.station)

    @classmethod
    def home(cls, name):
        client = OurClient(cls, name)
        client.join(link_to(cls.recorder, cls.station.id), name)
        return client

    def test_a_cut_loses_nothing_and_doubles_nothing(self):
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

    def test_no_further_device_is_signed_for_such_a_station(self):
        """docs/dimchat.md says why; the home goes on as before."""
        with self.assertRaisesRegex(Failed, "NOT_IMPLEMENTED"):
            self.dora.add_device(type(self), "pad")
        self.assertEqual(self.dora.send(self.bob.id, "still one device")["state"], "sent")
        self.bob.got_text("still one device", self.dora.id)

    def test_who_is_unknown_is_said_so(self):
        stranger = self.home("stranger").id
        mistyped = stranger[:-1] + ("0" if stranger[-1] != "0" else "1")  # its check code is wrong
        # A station of 2026 says nothing of a name that it does not know.
        unknown = "NOT_FOUND" if self.year == "2025" else "E_UNREACHABLE"
        for who, told in ((mistyped, "NOT_FOUND"), ("no.such.name", unknown)):
            said = self.dora.run("send", who, "nobody there", code=6)
            self.assertEqual([one["code"] for one in said if one["event"] == "error"], [told], said)
        self.assertEqual([one["id"] for one in self.dora.run("verify", self.bob.id)], [self.bob.id])


class Station2025(World, ReferenceTest):
    year = "2025"


class Station2026(TwoKeys, World, ReferenceTest):
    year = "2026"
    apart = False


if __name__ == "__main__":
    main()
