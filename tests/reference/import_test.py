#!/usr/bin/env python3
"""An account of a reference client of either generation becomes a home of dim."""
from harness import ReferenceTest, main
from ours import OurClient, OurStation


class World:
    year = None

    @classmethod
    def begin(cls):
        cls.station = OurStation(cls)
        cls.bob = cls.reference_client(cls.year, "bob", cls.station)
        cls.alice = cls.reference_client(cls.year, "alice", cls.station)

    def test_the_account_goes_on_in_dim(self):
        self.alice.text(self.bob.id, "I am alice")
        self.bob.got_text("I am alice", self.alice.id)
        self.alice.do("contacts", ids=[self.bob.id])
        self.alice.disconnect()
        self.bob.text(self.alice.id, "written to the old program")
        self.bob.got_receipt("Message cached.", self.station.id)
        dim = OurClient(type(self), "alice")
        imported = [one for one in dim.run("import", "--from-dimples", self.alice.folder)
                    if one["event"] == "imported"][0]
        self.assertEqual((imported["id"], imported["old_keys"]), (self.alice.id.split("/")[0], 1))
        self.assertEqual(imported["contacts"], 1)
        dim.join(self.station.link(), "alice")
        dim.got_text("written to the old program", self.bob.id)
        dim.send(self.bob.id, "it is still me")
        self.bob.got_text("it is still me", self.alice.id)
        self.bob.text(self.alice.id, "so it is")
        dim.got_text("so it is", self.bob.id)


class Import2025(World, ReferenceTest):
    year = "2025"


class Import2026(World, ReferenceTest):
    year = "2026"


if __name__ == "__main__":
    main()
