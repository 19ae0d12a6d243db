"""Groups as people use them in the terminal: found, write, take in, put out, leave, lead."""
import harness
from harness import of


class Groups(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station()

    def people(self, *names):
        return [self.person(name, self.at.link()) for name in names]

    def hears(self, person, wanted, what):
        """The next message that is wanted; what comes before it is shown and gone."""
        for _ in range(20):
            for one in of(person.run("listen", "--once", "--timeout", "2", code=None), "message"):
                if wanted(one):
                    return one
        raise AssertionError(f"{person.name} does not hear {what}")

    def hears_text(self, person, text):
        return self.hears(person, lambda one: one["text"] == text, text)

    def members(self, person, group):
        return {one["id"]: one["role"] for one in of(person.run("group", "members", group), "member")}

    def test_F11_F12_N1_F17_F24_a_group_is_founded_written_to_changed_searched_and_told_to_its_members(self):
        alice, bobby, carol = self.people("alice", "bobby", "carol")
        group = of(alice.run("group", "create", "friends", "bobby", "carol"), "group")[0]
        self.assertEqual((group["name"], group["role"], group["members"], group["alias"]),
                         ("friends", "owner", 3, "friends"))
        sent = of(alice.run("send", "friends", "hello all"), "message")[0]
        self.assertEqual((sent["state"], sent["peer"]), ("sent", group["id"]))
        for one in (bobby, carol):
            came = self.hears(one, lambda it: it["type"] == "group", "that they are in")
            self.assertEqual((came["peer"], came["sender"]), (group["id"], alice.id()))
            for name in ("you", "alice (0x", ("carol" if one is bobby else "bobby") + " (0x"):
                self.assertIn(name, came["words"])
            got = self.hears_text(one, "hello all")
            self.assertEqual((got["peer"], got["sender"], got["label"]),
                             (group["id"], alice.id(), "secure, old protocol"))
            self.assertEqual(got["sender_name"].split(" ")[0], "~alice", "she is no contact")
        alice.run("listen", "--timeout", "2", code=None)
        self.assertEqual([one["state"] for one in of(alice.run("history", "friends"), "message") if one["text"]], ["read"])
        # A name that somebody else has chosen stands for a group only where a group is asked for.
        bobby.run("send", "friends", "to whom?", code=6)
        bobby.run("send", "group:friends", "thank you")
        self.assertEqual(self.hears_text(alice, "thank you")["sender"], bobby.id())
        self.assertEqual(self.hears_text(carol, "thank you")["sender"], bobby.id())
        self.assertEqual([one["text"] for one in of(carol.run("history", group["id"]), "message") if one["type"] == "text"],
                         ["hello all", "thank you"])
        # F17: groups are searched like people.
        for called in (group["id"], "group:friends"):
            found = of(carol.run("search", called, "HELLO"), "message")
            self.assertEqual([(one["text"], one["sender"]) for one in found], [("hello all", alice.id())])
        self.assertEqual(of(bobby.run("group", "list"), "group")[0]["role"], "member")
        # F11, F12, N1: each member's home does what the author says, and says that it has.
        wrong, back, gone = (of(alice.run("send", "friends", text), "message")[0]["guid"] for text in ("frist", "back", "a canary"))
        for one in (bobby, carol):
            self.hears_text(one, "a canary")
        alice.run("edit", "friends", wrong[-8:], "first")
        alice.run("remove", "friends", back[-8:], "--yes")
        self.assertEqual(of(alice.run("destroy", "friends", gone[-8:], "--yes", "--wait", "0"), "erased")[0]["of"], 3)
        for one in (bobby, carol):
            changes = []
            for _ in range(20):
                changes += of(one.run("listen", "--timeout", "2", code=3), "message_change")
                if len(changes) == 3:
                    break
            self.assertEqual([(it["change"], it["peer"], it["sender"]) for it in changes],
                             [(what, group["id"], alice.id()) for what in ("edit", "remove", "destroy")])
        self.assertEqual(of(alice.run("destroy", "friends", gone[-8:], "--yes", "--wait", "60"), "erased")[0]["erased"], 3)
        for one in (alice, bobby, carol):
            said = [(it["text"], it.get("removed", False)) for it in of(one.run("history", group["id"]), "message") if it["type"] == "text"]
            self.assertEqual(said, [("hello all", False), ("thank you", False), ("first", False), ("", True)])
            self.assertNotIn("canary", str(one.run("search", group["id"], "canary")))
        bobby.run("edit", group["id"], wrong[-8:], "worse", code=1)
        # F24: threads.
        root = of(alice.run("send", "friends", "roses or tulips?"), "message")[0]["guid"]
        heard = self.hears_text(bobby, "roses or tulips?")["guid"]
        self.hears_text(carol, "roses or tulips?")
        bobby.run("send", "group:friends", "roses", "--thread", heard[-8:])
        self.assertEqual(self.hears_text(alice, "roses")["thread"], root)
        self.hears_text(carol, "roses")
        for one in (alice, carol):
            thread = of(one.run("thread", group["id"], of(one.run("history", group["id"]), "message")[-1]["guid"]), "message")
            self.assertEqual([(it["text"], it.get("answers")) for it in thread], [("roses or tulips?", 1), ("roses", None)])
        text = alice.run("history", "friends", as_json=False)
        self.assertIn("bobby in friends: thank you", text)

    def test_a27_a28_who_is_put_out_reads_nothing_newer(self):
        alice, bobby, carol = self.people("alice", "bobby", "carol")
        group = of(alice.run("group", "create", "circle", "bobby", "carol"), "group")[0]["id"]
        alice.run("send", "circle", "everybody")
        for one in (bobby, carol):
            self.hears_text(one, "everybody")
        self.at.stop()
        alice.run("send", "circle", "written before, not sent yet", "--timeout", "0", code=None)
        alice.run("group", "expel", "circle", "carol")
        self.at.start()
        alice.run("status")
        alice.run("send", "circle", "without carol")
        self.hears_text(bobby, "without carol")
        gone = self.hears(carol, lambda one: "went out" in one.get("words", ""), "that she is out")
        self.assertEqual(gone["peer"], group)
        carol.run("listen", "--timeout", "2", code=None)
        self.assertEqual([one["text"] for one in of(carol.run("history", group), "message") if one["text"]], ["everybody"])
        carol.run("send", group, "am I in?", code=1)
        self.assertEqual(self.members(bobby, group), {alice.id(): "owner", bobby.id(): "member"})
        # What she says all the same is not shown to the others.
        self.assertEqual(of(carol.run("group", "list"), "group")[0]["role"], "none")

    def test_members_lead_leave_ask_and_are_asked_for(self):
        alice, bobby, carol, david = self.people("alice", "bobby", "carol", "david")
        group = of(alice.run("group", "create", "choir", "bobby", "carol"), "group")[0]["id"]
        self.hears(bobby, lambda one: one["type"] == "group", "that he is in")
        self.hears(carol, lambda one: one["type"] == "group", "that she is in")
        # A member's invitation is a request; so is who asks by themselves.
        carol.run("group", "invite", group, "david")
        asked = self.hears(alice, lambda one: "asks" in one.get("words", ""), "that david shall come in")
        self.assertEqual(asked["peer"], group)
        self.assertEqual(self.members(alice, "choir")[david.id()], "asking")
        alice.run("group", "promote", "choir", "bobby")
        self.hears(bobby, lambda one: "leads now" in one.get("words", ""), "that he leads")
        self.assertEqual(self.members(bobby, "choir")[bobby.id()], "administrator")
        bobby.run("group", "invite", "choir", "david")
        self.hears(david, lambda one: one["type"] == "group", "that he is in")
        came = self.hears(alice, lambda one: "came in" in one.get("words", ""), "that david is in")
        self.assertIn("david (0x", came["words"])
        self.assertEqual(self.members(alice, "choir")[david.id()], "member")
        alice.run("group", "expel", "choir", "bobby", code=1)  # an administrator
        alice.run("group", "rename", "choir", "singers")
        self.hears(carol, lambda one: "singers" in one.get("words", ""), "the new name")
        carol.run("group", "leave", group)
        self.hears(alice, lambda one: "went out" in one.get("words", ""), "that carol is gone")
        carol.run("group", "join", group, "alice")
        self.hears(alice, lambda one: "asks" in one.get("words", ""), "that carol asks")
        alice.run("group", "demote", "choir", "bobby")
        self.hears(bobby, lambda one: "leads no longer" in one.get("words", ""), "that he leads no longer")
        bobby.run("group", "expel", group, "david", code=1)
        alice.run("group", "leave", "choir", code=1)

    def test_a_large_group_is_encrypted_once_for_all(self):
        alice, bobby, carol = self.people("alice", "bobby", "carol")
        others = self.people(*(f"other{number:02}" for number in range(14)))
        names = ["bobby", "carol", *(one.name for one in others)]
        group = of(alice.run("group", "create", "everybody", *names), "group")[0]
        self.assertEqual(group["members"], 17)
        self.assertEqual(of(alice.run("send", "everybody", "to all of you", "--timeout", "60"), "message")[0]["state"], "sent")
        for one in (bobby, carol, others[13]):
            got = self.hears_text(one, "to all of you")
            self.assertEqual((got["peer"], got["label"]), (group["id"], "secure, old protocol"))
        bobby.run("send", "group:everybody", "and back", "--timeout", "60")
        self.assertEqual(self.hears_text(alice, "and back")["sender"], bobby.id())


if __name__ == "__main__":
    harness.main()
