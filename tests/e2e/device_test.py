"""Two devices of one person: linked by two lines, both read and write, one is removed."""
import base64
import json
import os
import time

import harness
from harness import of


class Devices(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station()
        self.alice = self.person("alice", self.at.link())
        self.bobby = self.person("bobby", self.at.link())

    def link(self, name, *options):
        """A new home that is a device of Alice's."""
        new = harness.Person(self.folder, "alice-" + name)
        process = new.start("device", "join", name)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        request = harness.checked(process.stdout.readline(), "device")
        grant = of(self.alice.run("device", "add", request["request"], "--yes", *options), "device_grant")[0]
        self.assertEqual((grant["name"], grant["number"]), (name, request["number"]))
        out, errors = process.communicate(grant["grant"] + "\n", timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        self.assertEqual([harness.checked(line, "device")["name"] for line in out.splitlines()], [name])
        return new

    def hears(self, person, *texts):
        """The next texts that come to somebody, in order."""
        found = []
        while len(found) < len(texts):
            found += [one["text"] for one in of(person.run("listen", "--once", "--timeout", "90", timeout=120), "message")
                      if one["text"]]
        self.assertEqual(found, list(texts))

    def devices(self, person):
        return {one["name"]: (one["current"], one["removed"]) for one in of(person.run("device", "list"), "device")}

    def test_F07_F13_F24_both_devices_read_write_and_answer_and_a_removed_one_neither(self):
        self.alice.run("send", "bobby", "from the first")
        self.hears(self.bobby, "from the first")
        laptop = self.link("laptop", "--history")
        self.assertEqual(laptop.id(), self.alice.id())
        self.assertEqual(self.devices(self.alice), {"": (True, False), "laptop": (False, False)})
        self.assertEqual(self.devices(laptop), {"": (False, False), "laptop": (True, False)})
        # Bobby has been told of the laptop before he hears this.
        self.alice.run("send", "bobby", "I have a laptop")
        self.hears(self.bobby, "I have a laptop")
        told = of(self.bobby.run("history", "alice"), "contact_device")
        self.assertEqual([(one["peer"], one["device"]) for one in told], [(self.alice.id(), "laptop")])
        self.bobby.run("send", "alice", "to both")
        self.hears(self.alice, "to both")
        self.hears(laptop, "to both")
        said = [(one["direction"], one["text"]) for one in of(laptop.run("history", "bobby"), "message")]
        self.assertEqual(said, [("out", "from the first"), ("out", "I have a laptop"), ("in", "to both")])
        # F13: what one device answers with the other has too.
        both = of(self.bobby.run("history", "alice"), "message")[-1]["guid"]
        laptop.run("react", "bobby", both[-8:], "👍")
        self.bobby.run("react", "alice", both[-8:], "🎉")
        for one in (self.alice, laptop, self.bobby):
            one.run("listen", "--timeout", "2", code=3)
        for one in (self.alice, laptop):
            self.assertEqual(of(one.run("history", "bobby"), "message")[-1]["reactions"], {"👍": 1, "🎉": 1})
        # F24: and so are threads and pins, whichever of the three sets and takes them.
        laptop.run("pin", "bobby", both[-8:])
        self.alice.run("send", "bobby", "in a thread", "--thread", both[-8:])
        self.hears(self.bobby, "in a thread")
        for one in (self.alice, laptop):
            one.run("listen", "--timeout", "2", code=3)
        for one, peer in ((self.alice, "bobby"), (laptop, "bobby"), (self.bobby, "alice")):
            self.assertEqual([it["text"] for it in of(one.run("pin", peer), "message")], ["to both"])
            self.assertEqual([it["text"] for it in of(one.run("thread", peer, both[-8:]), "message")], ["to both", "in a thread"])
        self.bobby.run("pin", "alice", both[-8:], "--off")
        for one in (self.alice, laptop):
            one.run("listen", "--timeout", "2", code=3)
            self.assertEqual(of(one.run("pin", "bobby"), "message"), [])
        laptop.run("send", "bobby", "from the laptop")
        got = of(self.bobby.run("listen", "--once", "--timeout", "90", timeout=120), "message")
        self.assertEqual([(one["text"], one["peer"], one["label"], one.get("missing"), one.get("forked")) for one in got],
                         [("from the laptop", self.alice.id(), "secure", None, None)])
        self.bobby.run("send", "alice", "I see")
        self.hears(self.alice, "I see")
        # What the laptop wrote came to the first device too, and how far it got.
        said = {one["text"]: (one["direction"], one.get("state")) for one in of(self.alice.run("history", "bobby"), "message")}
        self.assertEqual(said["from the laptop"][0], "out")
        self.assertIn(said["from the laptop"][1], ("delivered", "read"))
        # Somebody whom nobody has told learns of it from the message itself.
        carol = self.person("carol", self.at.link())
        laptop.run("send", "carol", "do you know me?")
        self.hears(carol, "do you know me?")
        laptop.run("send", "carol", "and after a restart?")
        self.hears(carol, "and after a restart?")

        gone = of(self.alice.run("device", "remove", "laptop", "--yes"), "device")[0]
        self.assertEqual((gone["name"], gone["removed"]), ("laptop", True))
        self.assertEqual(self.devices(self.alice)["laptop"], (False, True))
        self.alice.run("send", "bobby", "it was stolen")
        self.hears(self.bobby, "it was stolen")
        self.bobby.run("send", "alice", "to the first alone")
        self.hears(self.alice, "to the first alone")
        laptop.run("device", "list", code=1)
        self.alice.run("device", "remove", "laptop", "--yes", code=6)

    def counts(self, person):
        """What is unread, by who or where it is."""
        return {one.get("peer") or one["channel"]: one["unread"] for one in of(person.run("unread"), "unread")}

    def both_count(self, one, other, wanted):
        """Each of the two says so: at once what it has done itself, the other when its program hears of it."""
        until = time.monotonic() + 60
        while (counted := (self.counts(one), self.counts(other))) != (wanted, wanted):
            self.assertLess(time.monotonic(), until, (counted, wanted))

    def test_F18_what_is_unread_is_the_same_number_on_both_devices(self):
        laptop = self.link("laptop")
        self.alice.run("send", "bobby", "I have a laptop")
        self.hears(self.bobby, "I have a laptop")
        hub = of(self.alice.run("hub", "create", "gardeners"), "hub")[0]["hub"]
        channel = of(self.alice.run("channel", "create", "gardeners", "general"), "channel")[0]["guid"]
        self.bobby.run("hub", "join", of(self.alice.run("hub", "invite", hub), "invite")[0]["link"])
        bobby = self.bobby.id()
        for number in range(1, 5):
            self.bobby.run("send", "alice", f"message {number}")
            self.bobby.run("post", "gardeners/general", f"post {number}")
        self.both_count(self.alice, laptop, {bobby: 4, channel: 4})
        # Read on the first, then on the other.
        self.alice.run("listen", "--once", "--no-hubs", "--timeout", "60")
        self.alice.run("read", "gardeners/general", "--upto", "1")
        self.both_count(self.alice, laptop, {bobby: 3, channel: 3})
        laptop.run("listen", "--once", "--no-hubs", "--timeout", "60")
        laptop.run("read", "gardeners/general", "--upto", "3")
        self.both_count(self.alice, laptop, {bobby: 2, channel: 1})
        self.bobby.run("send", "alice", "one more")
        self.both_count(self.alice, laptop, {bobby: 3, channel: 1})
        self.assertEqual([one["unread"] for one in of(laptop.run("unread", "bobby"), "unread")], [3])
        self.assertEqual([one["channel"] for one in of(laptop.run("unread", "gardeners"), "unread")], [channel])
        # All of it, on the other one; what is left is nothing on both.
        laptop.run("listen", "--timeout", "3")
        self.both_count(self.alice, laptop, {channel: 0})
        self.assertEqual([one["unread"] for one in of(self.alice.run("unread", "bobby"), "unread")], [0])
        self.at.kill()
        self.assertEqual([one["unread"] for one in of(self.alice.run("unread", "bobby", code=4), "unread")], [0])

    def test_F07_only_where_the_identity_was_made_devices_and_groups_are_changed(self):
        laptop = self.link("laptop")
        third = harness.Person(self.folder, "third")
        request = of(third.run("device", "join", "third", stdin="not this\n", code=2), "device_request")[0]["request"]
        laptop.run("device", "add", request, "--yes", code=1)
        laptop.run("device", "remove", "laptop", "--yes", code=1)
        laptop.run("group", "create", "friends", "bobby", code=1)
        self.alice.run("device", "add", request, code=2)  # nobody to ask
        self.alice.run("device", "add", "dim-device-request:x", "--yes", code=2)
        self.alice.run("device", "join", "other", code=1)
        taken = of(third.run("device", "join", "laptop", stdin="\n", code=2), "device_request")[0]["request"]
        self.alice.run("device", "add", taken, "--yes", code=1)
        self.assertEqual(self.devices(self.alice), {"": (True, False), "laptop": (False, False)})

    def test_F07_a_station_that_was_put_into_the_answer_on_its_way_is_not_taken(self):
        """Nobody has signed the link: with one to a station of the reference the new device would log in there."""
        new = harness.Person(self.folder, "alice-laptop")
        process = new.start("device", "join", "laptop")
        self.addCleanup(lambda: (process.kill(), process.wait()))
        request = harness.checked(process.stdout.readline(), "device")
        grant = of(self.alice.run("device", "add", request["request"], "--yes"), "device_grant")[0]["grant"]
        prefix, text = grant.split(":")
        said = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        said["station"] = "dimchat://[::1]:9394?station=" + said["station"].split("?")[0].removeprefix("dim:station:")
        changed = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
        out, errors = process.communicate(f"{prefix}:{changed}\n", timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        error = harness.checked(out.splitlines()[-1], "device")
        self.assertEqual((error["event"], error["code"]), ("error", "NOT_IMPLEMENTED"))
        self.assertFalse(os.path.exists(os.path.join(new.home, "key")))

    def test_F07_groups_of_the_first_device_are_on_the_others_when_somebody_writes_there(self):
        self.alice.run("group", "create", "friends", "bobby")
        self.alice.run("send", "bobby", "welcome")
        laptop = self.link("laptop")
        self.alice.run("send", "group:friends", "hello")
        self.hears(self.bobby, "welcome", "hello")
        self.bobby.run("send", "group:friends", "to all")
        self.hears(self.alice, "to all")
        listener = laptop.start("listen", "--timeout", "110")  # it asks Bobby what group that is
        self.addCleanup(lambda: (listener.kill(), listener.communicate()))
        answering = self.bobby.start("listen", "--timeout", "120")
        self.addCleanup(lambda: (answering.kill(), answering.communicate()))
        for line in listener.stdout:
            one = harness.checked(line, "listen")
            if one["event"] == "message" and one["text"] == "to all":
                return
        self.fail("the laptop never showed it")



if __name__ == "__main__":
    harness.main()
