"""What new members of private hubs read of before: the founder's rule, keys that are handed over, real programs, real TLS."""
import pathlib
import time

import harness
from harness import of


class HubHistory(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station()
        self.alice, self.bobby = (self.person(name, self.at.link()) for name in ("alice", "bobby"))
        self.alice.run("hub", "create", "cellar", "--private")
        for channel in ("den", "attic"):
            self.alice.run("channel", "create", "cellar", channel)
        self.link = of(self.alice.run("hub", "invite", "cellar"), "invite")[0]["link"]
        self.let_in(self.bobby)

    def let_in(self, person):
        person.run("hub", "join", self.link)
        self.alice.run("hub", "approve", "cellar", person.id())

    def post(self, person, text, channel="den", *more):
        return of(person.run("post", "cellar/" + channel, text, *more), "post")[0]["guid"]

    def reads(self, person, channel="den"):
        """What somebody can read of a channel, and who has handed it over."""
        return [(one["text"], one.get("handed_by")) for one in of(person.run("history", "cellar/" + channel), "post")]

    def receives(self, person):
        """Takes in what has come to somebody; nobody is told of keys."""
        self.assertEqual(of(person.run("listen", "--no-hubs", "--timeout", "3", code=None), "message"), [])

    def rule(self, person, channel="den"):
        return {one["name"]: one["history"] for one in of(person.run("channel", "list", "cellar"), "channel")}[channel]

    def test_F23_A29_in_a_private_hub_new_members_read_what_the_founder_has_signed_for_each_channel(self):
        alice, bobby = self.alice, self.bobby
        self.assertEqual(self.rule(alice), "none")
        self.post(alice, "the key is under the pot")
        self.post(bobby, "which pot?")
        self.post(alice, "in the attic", "attic")
        destroyed = self.post(alice, "the combination is 4711")
        brief = self.post(bobby, "for an hour", "den", "--expires", "1h")
        alice.run("destroy", "cellar/den", destroyed, "--yes", "--wait", "0")
        listener = bobby.start("listen", "--timeout", "60")
        self.addCleanup(lambda: (listener.kill(), listener.communicate()))
        harness.until(listener, "connected")
        changed = of(alice.run("channel", "edit", "cellar/den", "--history", "all"), "channel")[0]
        self.assertEqual(changed["history"], "all")
        told = harness.until(listener, "hub_history")
        self.assertEqual((told["channel_name"], told["history"]), ("den", "all"))
        self.assertEqual((self.rule(bobby), self.rule(bobby, "attic")), ("all", "none"))
        # Nobody else signs a rule, and none is signed that there is not.
        self.assertIn("founded", of(bobby.run("channel", "edit", "cellar/den", "--history", "none", code=None), "error")[0]["message"])
        alice.run("channel", "edit", "cellar/den", "--history", "0d", code=2)
        alice.run("hub", "create", "gardeners")
        alice.run("channel", "create", "gardeners", "general", "--history", "all", code=2)

        # Carol is let in by the link, and gets keys while she is away.
        carol = self.person("carol", self.at.link())
        carol.run("hub", "join", self.link)
        self.assertEqual([text for text, _ in self.reads(bobby)], ["the key is under the pot", "which pot?", "", "for an hour"])
        alice.run("hub", "approve", "cellar", carol.id())
        self.post(bobby, "welcome")
        self.receives(carol)
        page = of(carol.run("history", "cellar/den"), "post")
        self.assertEqual([(one["text"], one.get("handed_by"), one["author"]) for one in page], [
            ("the key is under the pot", alice.id(), alice.id()), ("which pot?", alice.id(), bobby.id()),
            ("", None, alice.id()), ("", None, bobby.id()), ("welcome", None, bobby.id())])
        self.assertEqual((page[2]["state"], page[3]["guid"]), ("destroyed", brief))
        self.assertIn("no key for you", page[3]["unreadable"])
        self.assertEqual(self.reads(carol, "attic"), [("", None)])
        self.assertRegex(carol.run("history", "cellar/den", as_json=False), r"which pot\?  \[handed over by ~?alice \(0x[0-9A-Fa-f]{6}…\)\]")
        self.assertEqual([one["text"] for one in of(carol.run("search", "cellar", "pot"), "post")],
                         ["which pot?", "the key is under the pot"])
        # What is destroyed later is gone with its key.
        alice.run("destroy", "cellar/den", page[0]["guid"], "--yes", "--wait", "0")
        carol.run("listen", "--timeout", "2", code=None)
        self.assertEqual(self.reads(carol)[0], ("", None))
        self.assertEqual(of(carol.run("search", "cellar", "key", code=None), "post"), [])

        # A rule is for those who are let in from then on.
        alice.run("channel", "edit", "cellar/attic", "--history", "30d")
        alice.run("channel", "edit", "cellar/den", "--history", "none")
        self.receives(carol)
        self.assertEqual(self.reads(carol, "attic"), [("", None)])
        dave = self.person("dave_1", self.at.link())
        self.let_in(dave)
        self.receives(dave)
        self.assertEqual(self.reads(dave, "attic"), [("in the attic", alice.id())])
        self.assertEqual({text for text, _ in self.reads(dave)}, {""})
        # Put out and in again, under the rule of now.
        alice.run("kick", "cellar", "carol")
        carol.run("hub", "list")
        self.let_in(carol)
        self.receives(carol)
        self.assertEqual(self.reads(carol, "attic"), [("in the attic", alice.id())])
        # The station's folder, log and all, holds none of it.
        for file in pathlib.Path(self.at.data).rglob("*"):
            if file.is_file():
                for text in (b"under the pot", b"in the attic"):
                    self.assertNotIn(text, file.read_bytes(), file)

    def test_F23_R1_what_a_killed_founder_has_not_handed_over_goes_out_with_the_next_command(self):
        self.alice.run("channel", "edit", "cellar/den", "--history", "all")
        self.post(self.alice, "before carol")
        carol = self.person("carol", self.at.link())
        carol.run("hub", "join", self.link)
        approve = self.alice.start("hub", "approve", "cellar", carol.id())
        for line in approve.stdout:  # she is in, by the station's list and by the founder's signature
            if harness.checked(line, "hub")["event"] == "hub_change":
                break
        approve.kill()
        approve.communicate()
        until = time.monotonic() + 90
        while self.reads(carol) != [("before carol", self.alice.id())]:
            self.assertLess(time.monotonic(), until)
            self.alice.run("listen", "--timeout", "3", code=None)
            self.receives(carol)

    def test_F23_F07_a_device_that_is_linked_later_reads_what_its_person_reads(self):
        alice = self.alice
        self.post(alice, "the key is under the pot")
        alice.run("channel", "edit", "cellar/den", "--history", "all")
        carol = self.person("carol", self.at.link())
        self.let_in(carol)
        self.receives(carol)
        self.post(self.bobby, "welcome")
        for person in (alice, carol):
            new = harness.Person(self.folder, "laptop-of-" + person.id()[2:8])
            process = new.start("device", "join", "laptop")
            self.addCleanup(lambda process=process: (process.kill(), process.wait()))
            request = harness.checked(process.stdout.readline(), "device")
            grant = of(person.run("device", "add", request["request"], "--yes", "--history"), "device_grant")[0]
            _, errors = process.communicate(grant["grant"] + "\n", timeout=60)
            self.assertEqual(process.returncode, 0, errors)
            until = time.monotonic() + 60
            wanted = [("the key is under the pot", person.id()), ("welcome", person.id())]
            while self.reads(new) != wanted:
                self.assertLess(time.monotonic(), until, self.reads(new))
                self.receives(person)  # and what waited for its prekeys goes out
                self.receives(new)


if __name__ == "__main__":
    harness.main()
