"""Forward secret messages between two people who use dim: from the first on, over restarts, with two devices, and after
one of them has gone back to a backup."""
import shutil

import harness
from harness import of


class Native(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station()
        self.alice = self.person("alice", self.at.link())
        self.bobby = self.person("bobby", self.at.link())

    def hears(self, person):
        """What comes to somebody next, with its label; a cause where it cannot be read."""
        for one in of(person.run("listen", "--once", "--timeout", "90", timeout=120), "message"):
            return one["text"] or one.get("cause", "")[:4], one["label"]
        raise AssertionError(f"{person.name} waited in vain")

    def hears_at_last(self, person, text, meanwhile):
        """Others may come before it: what the station has kept of before, and what cannot be read."""
        heard = []
        while not heard or heard[-1] != (text, "secure"):
            meanwhile.run("listen", "--once", "--timeout", "3", code=None)
            heard.append(self.hears(person))
            self.assertLess(len(heard), 12, heard)

    def said(self, person, who):
        return [(one["direction"], one["text"], one.get("label")) for one in of(person.run("history", who), "message")]

    def test_A03_two_people_and_their_station_begin_anew_and_it_stays_forward_secret(self):
        self.assertFalse(of(self.alice.run("verify", "bobby"), "verify")[0]["forward_secret"])
        self.alice.run("send", "bobby", "one")
        self.assertEqual(self.hears(self.bobby), ("one", "secure"))
        self.bobby.run("send", "alice", "two")
        self.at.stop()
        self.at.start()
        self.assertEqual(self.hears(self.alice), ("two", "secure"))
        self.alice.run("send", "bobby", "three")
        self.assertEqual(self.hears(self.bobby), ("three", "secure"))
        self.assertEqual(self.said(self.alice, "bobby"),
                         [("out", "one", "secure"), ("in", "two", "secure"), ("out", "three", "secure")])
        self.assertTrue(of(self.alice.run("verify", "bobby"), "verify")[0]["forward_secret"])
        self.assertIn("What you write to each other is forward secret.",
                      self.alice.run("verify", "bobby", as_json=False))
        # Ticks come the same way.
        self.alice.run("listen", "--once", "--timeout", "2", code=None)
        states = {one["text"]: one["state"] for one in of(self.alice.run("history", "bobby"), "message") if "state" in one}
        self.assertEqual(states, {"one": "read", "three": "read"})

    def test_A03_F07_with_two_devices(self):
        self.alice.run("send", "bobby", "one")
        self.assertEqual(self.hears(self.bobby), ("one", "secure"))
        laptop = harness.Person(self.folder, "alice-laptop")
        process = laptop.start("device", "join", "laptop")
        self.addCleanup(lambda: (process.kill(), process.wait()))
        request = harness.checked(process.stdout.readline(), "device")
        grant = of(self.alice.run("device", "add", request["request"], "--yes"), "device_grant")[0]
        process.communicate(grant["grant"] + "\n", timeout=60)
        self.assertEqual(process.returncode, 0)
        self.alice.run("send", "bobby", "I have a laptop")
        self.assertEqual(self.hears(self.bobby), ("I have a laptop", "secure"))
        self.bobby.run("send", "alice", "to both")
        self.assertEqual(self.hears(self.alice), ("to both", "secure"))
        self.assertEqual(self.hears(laptop), ("to both", "secure"))
        laptop.run("send", "bobby", "from the laptop")
        self.assertEqual(self.hears(self.bobby), ("from the laptop", "secure"))

    def test_A03_a_home_that_went_back_to_a_backup_gets_what_it_could_not_read(self):
        self.alice.run("send", "bobby", "one")
        self.assertEqual(self.hears(self.bobby), ("one", "secure"))
        self.bobby.run("send", "alice", "two")
        self.assertEqual(self.hears(self.alice), ("two", "secure"))
        shutil.copytree(self.bobby.home, self.bobby.home + "-backup")
        for text in ("three", "four"):
            self.alice.run("send", "bobby", text)
            self.assertEqual(self.hears(self.bobby), (text, "secure"))
            self.bobby.run("send", "alice", "read " + text)
            self.assertEqual(self.hears(self.alice), ("read " + text, "secure"))
        shutil.rmtree(self.bobby.home)
        shutil.move(self.bobby.home + "-backup", self.bobby.home)
        # Its keys of then do not open what is sealed now; Alice's program says it again when it hears of that.
        self.alice.run("send", "bobby", "five")
        self.hears_at_last(self.bobby, "five", meanwhile=self.alice)
        self.assertIn(("in", "five", "secure"), self.said(self.bobby, "alice"))
        self.bobby.run("send", "alice", "and on")
        self.assertEqual(self.hears(self.alice), ("and on", "secure"))
        self.alice.run("send", "bobby", "and on and on")
        self.hears_at_last(self.bobby, "and on and on", meanwhile=self.alice)


if __name__ == "__main__":
    harness.main()
