"""Two people on a fresh station: from nothing to conversations, by the commands of the README."""
import json
import os
import subprocess
import time

import harness
from harness import of


class Conversation(harness.EndToEnd):
    def test_F28_F64_first_message_is_read_within_five_seconds(self):
        station = self.station()
        begin = time.monotonic()
        link = station.link()
        alice = self.person("alice", link)
        bobby = self.person("bobby", link)
        sent = of(alice.run("send", "bobby", "hello Bobby, grüße 你好 😀"), "message")
        read = of(bobby.run("listen", "--once", "--timeout", "10"), "message")
        took = time.monotonic() - begin
        self.assertEqual(sent[0]["state"], "sent")
        self.assertEqual(read[0]["text"], "hello Bobby, grüße 你好 😀")
        self.assertEqual(read[0]["peer"], alice.id())
        self.assertEqual(read[0]["label"], "secure")
        self.assertEqual(read[0]["direction"], "in")
        self.assertLess(took, 5 * harness.SLOWER)

    def test_F01_joining_takes_less_than_two_seconds_and_needs_the_station_for_the_name_only(self):
        station = self.station()
        link = station.link()
        took = []
        for name in ("alice", "bobby", "carol"):
            begin = time.monotonic()
            self.person(name, link)
            took.append(time.monotonic() - begin)
        # The best of three: what is measured is the program, not how busy the machine is.
        self.assertLess(min(took), 2 * harness.SLOWER)
        station.stop()
        dave = self.person("david")
        self.assertIn("error", {one["event"] for one in dave.run("join", link, "--name", "david", code=4)})
        identity = dave.id()
        station.start()
        joined = of(dave.run("join", link, "--name", "david"), "joined")[0]
        self.assertEqual((joined["id"], joined["registered"]), (identity, "david"))

    def test_R4_R5_P32_offline_messages_come_once_in_order_and_on_no_other_port_anything_listens(self):
        station = self.station()
        self.assertEqual({port - station.base for port in station.ports()}, {0, 1, 2, 3, 4}, "8805 to 8809 above all (P32)")
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        for i in range(10):
            alice.run("send", "bobby", f"number {i}")
        got = of(bobby.run("listen", "--timeout", "2"), "message")
        self.assertEqual([message["text"] for message in got], [f"number {i}" for i in range(10)])
        bobby.run("listen", "--timeout", "1", code=3)

    def test_listen_once_leaves_the_next_message_for_the_next_time(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        for i in range(3):
            alice.run("send", "bobby", f"number {i}")
        for i in range(3):
            got = of(bobby.run("listen", "--once", "--timeout", "5"), "message")
            self.assertEqual([message["text"] for message in got], [f"number {i}"])
        bobby.run("listen", "--once", "--timeout", "1", code=3)

    def test_F09_ticks_go_from_sent_to_delivered_to_read(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        alice.run("send", "bobby", "tick?")
        states = lambda: [entry["state"] for entry in of(alice.run("history", "bobby"), "message")]
        self.assertEqual(states(), ["sent"])
        bobby.run("listen", "--once", "--timeout", "5")
        # Bobby's program has it before he reads it: two receipts.
        told = []
        for _ in range(30):
            told += [one["state"] for one in of(alice.run("listen", "--timeout", "2", code=3), "state")]
            if "read" in told:
                break
        self.assertEqual(told, ["delivered", "read"])
        self.assertEqual(states(), ["read"])

    def test_F19_N10_who_is_new_is_accepted_or_blocked(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        carol = self.person("carol", station.link())
        bobby.run("send", "alice", "hello from bobby")
        carol.run("send", "alice", "buy this")
        self.listen_all(alice, 2)
        new = {entry["text"]: entry for entry in of(alice.run("requests"), "request")}
        self.assertEqual(set(new), {"hello from bobby", "buy this"})
        # Whoever is new may call themselves like a contact, and does not look like one.
        for name, entry in (("bobby", new["hello from bobby"]), ("carol", new["buy this"])):
            self.assertEqual(entry["name"], f"~{name} ({entry['id'].partition('@')[2][:8] or entry['id'][:8]}…)")
        accepted = of(alice.run("accept", new["hello from bobby"]["id"]), "contact")[0]
        self.assertEqual((accepted["stranger"], accepted["name"]), (False, new["hello from bobby"]["name"][1:]))
        self.assertTrue(of(alice.run("block", new["buy this"]["id"]), "contact")[0]["refused"])
        self.assertEqual(of(alice.run("requests"), "request"), [])
        carol.run("send", "alice", "buy this now")
        alice.run("contacts", "bobby", "--mute")
        bobby.run("send", "alice", "seen when it comes")
        self.assertEqual(of(alice.run("listen", "--timeout", "2", code=3), "message"), [])
        self.assertEqual(of(alice.run("history", "bobby"), "message")[-1]["text"], "seen when it comes")
        self.assertEqual(len(of(alice.run("history", new["buy this"]["id"]), "message")), 1)
        self.assertEqual(of(carol.run("history", "alice"), "message")[-1]["state"], "sent", "nobody is told")
        alice.run("block", new["buy this"]["id"], "--off")
        carol.run("send", "alice", "sorry")
        self.assertEqual([entry["text"] for entry in self.listen_all(alice, 1)], ["sorry"])

    def listen_all(self, person, count):
        """The next `count` messages; each says that its sender is new."""
        got = []
        while len(got) < count:
            got += of(person.run("listen", "--once", "--timeout", "60"), "message")
        self.assertTrue(all(entry["stranger"] for entry in got))
        return got

    def test_F11_F12_N1_C12_what_is_written_is_edited_taken_back_deleted_and_destroyed(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        canaries = ["canary of the edit", "canary taken back", "canary deleted", "canary destroyed"]
        edited, removed, deleted, destroyed = (of(alice.run("send", "bobby", text), "message")[0]["guid"] for text in canaries)
        for _ in canaries:
            self.assertEqual(len(of(bobby.run("listen", "--once", "--timeout", "60"), "message")), 1)
        alice.run("edit", "bobby", edited[-8:], "better")
        alice.run("remove", "bobby", removed[-8:], code=2)  # no terminal to ask at
        asked = subprocess.run(alice.command("destroy", "bobby", destroyed[-8:], as_json=False),
                               capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        for word in ("DESTROY ends", "REMOVE only", "DELETE leaves"):
            self.assertIn(word, asked.stderr)
        alice.run("remove", "bobby", removed[-8:], "--yes")
        alice.run("delete", "bobby", deleted[-8:], "--yes")
        first = of(alice.run("destroy", "bobby", destroyed[-8:], "--yes"), "erased")[0]
        self.assertEqual((first["erased"], first["of"]), (1, 2))
        changes = []
        for _ in range(30):
            changes += of(bobby.run("listen", "--timeout", "2", code=3), "message_change")
            if len(changes) >= 4:
                break
        self.assertEqual([one["change"] for one in changes], ["edit", "remove", "delete", "destroy"])
        bobby.run("delete", "alice", edited[-8:], "--yes", code=1)  # it is not his
        for person, peer in ((alice, "bobby"), (bobby, "alice")):
            kept = of(person.run("history", peer), "message")
            self.assertEqual([(one["text"], one.get("removed", False)) for one in kept], [("better", False), ("", True)])
            earlier = of(person.run("history", peer, "--message", edited[-8:]), "revision")
            self.assertEqual([one["text"] for one in earlier], [canaries[0]])
        until = time.monotonic() + 60
        while True:
            done = of(alice.run("destroy", "bobby", destroyed[-8:], "--yes", "--wait", "1"), "erased")[0]
            if done["erased"] == 2 or time.monotonic() > until:
                self.assertEqual((done["erased"], done["of"]), (2, 2))
                break

    def test_F13_messages_are_answered_with_symbols_by_both_and_that_is_taken_back(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        asked = of(alice.run("send", "bobby", "roses?"), "message")[0]["guid"]
        self.assertEqual(len(of(bobby.run("listen", "--once", "--timeout", "60"), "message")), 1)
        said = of(bobby.run("react", "alice", asked[-8:], "🌹"), "message_change")[0]
        self.assertEqual((said["change"], said["mine"], said["symbols"]), ("react", True, ["🌹"]))
        bobby.run("react", "alice", asked[-8:], "👀")
        self.assertEqual(self.reactions(alice, "bobby", 2), [("react", False, ["🌹"]), ("react", False, ["🌹", "👀"])])
        alice.run("react", "bobby", asked[-8:], "🌹")
        self.assertEqual(self.reactions(bobby, "alice", 1), [("react", False, ["🌹"])])
        for person, peer in ((alice, "bobby"), (bobby, "alice")):
            self.assertEqual(of(person.run("history", peer), "message")[0]["reactions"], {"🌹": 2, "👀": 1})
        self.assertIn("roses?  🌹 2  👀 1", subprocess.run(bobby.command("history", "alice", as_json=False),
                                                          capture_output=True, text=True, timeout=60).stdout)
        bobby.run("react", "alice", asked[-8:], "🌹", "--off")
        self.assertEqual(self.reactions(alice, "bobby", 1), [("react", False, ["👀"])])
        for person, peer in ((alice, "bobby"), (bobby, "alice")):
            self.assertEqual(of(person.run("history", peer), "message")[0]["reactions"], {"🌹": 1, "👀": 1})
            self.assertEqual(len(of(person.run("history", peer), "message")), 1)
        for wrong in ("two words", "x" * 33, ""):
            bobby.run("react", "alice", asked[-8:], wrong, code=2)
        self.assertEqual(of(bobby.run("status"), "status")[0]["unread"], 0)

    def reactions(self, person, peer, count):
        """The next `count` that somebody hears of, from `peer`."""
        got, until = [], time.monotonic() + 60
        while len(got) < count and time.monotonic() < until:
            heard = of(person.run("listen", "--timeout", "1", code=3), "message_change")
            self.assertTrue(all(one["peer_name"] == peer for one in heard))
            got += [(one["change"], one["mine"], one["symbols"]) for one in heard]
        return got

    def test_F24_both_speak_in_threads_about_messages_of_either(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        root = of(alice.run("send", "bobby", "roses or tulips?"), "message")[0]["guid"]
        alice.run("send", "bobby", "and the fence is broken")
        for _ in range(2):
            self.assertEqual(len(of(bobby.run("listen", "--once", "--timeout", "60"), "message")), 1)
        roses = of(bobby.run("send", "alice", "roses", "--thread", root[-8:]), "message")[0]
        self.assertEqual(roses["thread"], root)
        heard = of(alice.run("listen", "--once", "--timeout", "60"), "message")[0]
        self.assertEqual((heard["text"], heard["thread"]), ("roses", root))
        # Whoever names an answer means the thread that it stands in; an answer, and not a text only.
        quoted = of(alice.run("send", "bobby", "red ones?", "--thread", roses["guid"][-8:], "--reply-to", roses["guid"][-8:]), "message")[0]
        self.assertEqual((quoted["type"], quoted["thread"]), ("quote", root))
        self.assertEqual(of(bobby.run("listen", "--once", "--timeout", "60"), "message")[0]["thread"], root)
        for person, peer in ((alice, "bobby"), (bobby, "alice")):
            for digits in (root, roses["guid"]):
                got = of(person.run("thread", peer, digits[-8:]), "message")
                self.assertEqual([one["text"] for one in got], ["roses or tulips?", "roses", "red ones?"])
                self.assertEqual((got[0]["answers"], "thread" in got[0]), (2, False))
            page = person.run("thread", peer, root, "--limit", "1")
            self.assertEqual([one["text"] for one in of(page, "message")], ["roses or tulips?", "red ones?"])
            older = person.run("thread", peer, root, "--before", str(of(page, "page")[0]["next"]))
            self.assertEqual([one["text"] for one in of(older, "message")], ["roses or tulips?", "roses"])
            self.assertEqual(len(of(person.run("history", peer), "message")), 4)
        plain = subprocess.run(bobby.command("thread", "alice", root[-8:], "--ids", as_json=False), capture_output=True, text=True, timeout=60).stdout
        self.assertIn("roses or tulips?  [2 in its thread]", plain)
        self.assertIn(f"roses  [thread #{root[-6:]}]", plain)
        # What is taken back stands in it no longer, and without its root it is still there.
        bobby.run("remove", "alice", roses["guid"][-8:], "--yes")
        alice.run("listen", "--timeout", "2", code=3)
        alice.run("delete", "bobby", root[-8:], "--yes")
        bobby.run("listen", "--timeout", "2", code=3)
        for person, peer in ((alice, "bobby"), (bobby, "alice")):
            self.assertEqual([one["text"] for one in of(person.run("thread", peer, quoted["guid"][-8:]), "message")], ["red ones?"])
        for wrong in (["thread", "bobby", ""], ["thread", "bobby", quoted["guid"], "--before", "1", "--after", "1"]):
            alice.run(*wrong, code=2 if "--after" in wrong else 1)
        alice.run("send", "bobby", "lost", "--thread", "ffffffff", code=1)

    def test_N10_a_message_is_pinned_for_both_by_either_of_them_and_by_no_stranger(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        hers = of(alice.run("send", "bobby", "the key is under the mat"), "message")[0]["guid"]
        self.assertEqual(len(of(bobby.run("listen", "--once", "--timeout", "60"), "message")), 1)
        alice.run("pin", "bobby", hers[-8:])
        bobby.run("listen", "--timeout", "2", code=3)
        self.assertEqual(self.pinned(bobby, "alice"), [], "he has not accepted her yet")
        his = of(bobby.run("send", "alice", "Roses Street 4"), "message")[0]["guid"]
        self.assertEqual(len(of(alice.run("listen", "--once", "--timeout", "60"), "message")), 1)
        said = of(bobby.run("pin", "alice", his[-8:]), "message_change")[0]
        self.assertEqual((said["change"], said["mine"], said["pinned"]), ("pin", True, True))
        self.assertEqual(self.pins_heard(alice, "bobby", 1), [("in", False, True)])
        alice.run("pin", "bobby", hers[-8:], "--off")
        alice.run("pin", "bobby", hers[-8:])
        self.assertEqual(self.pins_heard(bobby, "alice", 2), [("in", False, False), ("in", False, True)])
        for person, peer in ((alice, "bobby"), (bobby, "alice")):
            self.assertEqual(self.pinned(person, peer), ["Roses Street 4", "the key is under the mat"])
            self.assertEqual([one.get("pinned") for one in of(person.run("history", peer), "message")], [True, True])
        self.assertIn("Roses Street 4  [pinned]", subprocess.run(alice.command("pin", "bobby", as_json=False),
                                                                 capture_output=True, text=True, timeout=60).stdout)
        # Either takes it away, and what is gone is pinned no longer.
        alice.run("pin", "bobby", his[-8:], "--off")
        self.assertEqual(self.pins_heard(bobby, "alice", 1), [("out", False, False)])
        alice.run("destroy", "bobby", hers[-8:], "--yes", "--wait", "0")
        bobby.run("listen", "--timeout", "2", code=3)
        for person, peer in ((alice, "bobby"), (bobby, "alice")):
            self.assertEqual(self.pinned(person, peer), [])
        self.assertEqual(of(alice.run("status"), "status")[0]["unread"], 0)
        alice.run("pin", "bobby", "ffffffff", code=1)

    def pinned(self, person, peer):
        return [one["text"] for one in of(person.run("pin", peer), "message")]

    def pins_heard(self, person, peer, count):
        """The next `count` that somebody hears of, from `peer`."""
        got, until = [], time.monotonic() + 60
        while len(got) < count and time.monotonic() < until:
            heard = of(person.run("listen", "--timeout", "1", code=3), "message_change")
            self.assertTrue(all((one["peer_name"], one["change"]) == (peer, "pin") for one in heard))
            got += [(one["direction"], one["mine"], one["pinned"]) for one in heard]
        return got

    def test_F17_what_was_said_with_somebody_is_searched_in_their_home_alone(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        said = ["Red ROSES and tulips", "我们明天去北京", "Röses, again", "nothing of the kind"]
        for text in said:
            alice.run("send", "bobby", text)
        hers = of(alice.run("send", "bobby", "--file", __file__), "message")[0]["guid"]
        station.kill()  # nobody else is asked
        for words, found in (("roses", [said[2], said[0]]), ("ROSES red", said[:1]), ("rose", []), ("北京", said[1:2]),
                             ("京北", []), ("conversation_test", [""])):
            got = alice.run("search", "bobby", words)
            self.assertEqual([one["text"] for one in of(got, "message")], found, words)
            self.assertEqual(of(got, "page")[0]["count"], len(found))
        page = alice.run("search", "bobby", "roses", "--limit", "1")
        older = alice.run("search", "bobby", "roses", "--limit", "1", "--before", str(of(page, "page")[0]["next"]))
        self.assertEqual([[one["text"] for one in of(it, "message")] for it in (page, older)], [said[2:3], said[:1]])
        self.assertNotIn("next", of(older, "page")[0])
        alice.run("search", "bobby", "   ", code=2)
        self.assertEqual(of(alice.run("search", "bobby", "conversation_test"), "message")[0]["guid"], hers, "a file by its name")
        station.start()
        heard = 0
        while heard < len(said) + 1:
            heard += len(of(bobby.run("listen", "--once", "--timeout", "60"), "message"))
        alice.run("remove", "bobby", of(alice.run("search", "bobby", "red"), "message")[0]["guid"], "--yes")
        bobby.run("listen", "--timeout", "2", code=3)
        for person, peer in ((alice, "bobby"), (bobby, "alice")):
            self.assertEqual([one["text"] for one in of(person.run("search", peer, "roses"), "message")], said[2:3])

    def test_what_was_said_with_somebody_is_read_page_by_page_in_both_directions(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        for number in range(1, 8):
            alice.run("send", "bobby", str(number))
        for person, peer in ((alice, "bobby"), (bobby, "alice")):
            while len(of(person.run("history", peer), "message")) < 7:
                person.run("listen", "--once", "--timeout", "60")
            page = person.run("history", peer, "--limit", "3")
            self.assertEqual([one["text"] for one in of(page, "message")], ["5", "6", "7"])
            page = person.run("history", peer, "--limit", "3", "--before", str(of(page, "page")[0]["next"]))
            self.assertEqual([one["text"] for one in of(page, "message")], ["2", "3", "4"])
            page = person.run("history", peer, "--limit", "3", "--before", str(of(page, "page")[0]["next"]))
            self.assertEqual([one["text"] for one in of(page, "message")], ["1"])
            self.assertNotIn("next", of(page, "page")[0])
            page = person.run("history", peer, "--limit", "4", "--after", "0")
            self.assertEqual([one["text"] for one in of(page, "message")], ["1", "2", "3", "4"])
            page = person.run("history", peer, "--limit", "4", "--after", str(of(page, "page")[0]["next"]))
            self.assertEqual([one["text"] for one in of(page, "message")], ["5", "6", "7"])
            self.assertNotIn("next", of(page, "page")[0])
            person.run("history", peer, "--before", "1", "--after", "1", code=2)

    def test_F65_outbox_keeps_what_is_written_while_the_station_is_away(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        bobby_id = bobby.id()
        station.stop()
        for i in range(3):
            sent = of(alice.run("send", bobby_id, f"later {i}", "--timeout", "1"), "message")
            self.assertEqual(sent[0]["state"], "queued")
        alice.run("status", code=4)
        station.start()
        status = of(alice.run("status"), "status")[0]
        self.assertEqual(status["waiting"], 0)
        got = of(bobby.run("listen", "--timeout", "2"), "message")
        self.assertEqual([message["text"] for message in got], ["later 0", "later 1", "later 2"])
        self.assertEqual([entry["state"] for entry in of(alice.run("history", bobby_id), "message")], ["sent"] * 3)

    def test_R1_killed_station_has_every_acknowledged_message(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        for i in range(5):
            alice.run("send", "bobby", f"kept {i}")
            station.kill()
            station.start()
        got = of(bobby.run("listen", "--timeout", "2"), "message")
        self.assertEqual([message["text"] for message in got], [f"kept {i}" for i in range(5)])

    def test_live_listener_gets_messages_and_survives_a_restart_of_the_station(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        listener = bobby.start("listen", "--timeout", "30")
        try:
            while json.loads(listener.stdout.readline())["event"] != "connected":
                pass
            alice.run("send", "bobby", "live")
            self.assertEqual(json.loads(listener.stdout.readline())["text"], "live")
            station.kill()
            station.start()
            alice.run("send", "bobby", "after the restart")
            while True:
                line = json.loads(listener.stdout.readline())
                if line["event"] == "message":
                    break
            self.assertEqual(line["text"], "after the restart")
        finally:
            listener.kill()
            listener.communicate()

    def test_chat_is_lines_in_and_lines_out(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        bobby.run("send", "alice", "are you there?")
        output = alice.run("chat", "bobby", stdin="yes\nI am\n")
        self.assertIn("are you there?", [message["text"] for message in of(output, "message")])
        got = of(bobby.run("listen", "--timeout", "2"), "message")
        self.assertEqual([message["text"] for message in got], ["yes", "I am"])

    def test_text_may_come_from_standard_input_with_any_lines(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        text = 'first\n"""\n\nversion: dim/2023\noperation: DESTROY\n\u2028end'
        alice.run("send", "bobby", "-", stdin=text)
        got = of(bobby.run("listen", "--once", "--timeout", "5"), "message")
        self.assertEqual(got[0]["text"], text)

    def test_F36_verify_shows_both_the_same_number_and_words(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        one = of(alice.run("verify", "bobby"), "verify")[0]
        two = of(bobby.run("verify", alice.id()), "verify")[0]
        self.assertEqual(one["number"], two["number"])
        self.assertEqual(one["words"], two["words"])
        self.assertEqual(len(one["number"].replace(" ", "")), 60)
        self.assertFalse(one["verified"])
        self.assertTrue(of(alice.run("verify", "bobby", "--confirm"), "verify")[0]["verified"])
        self.assertTrue(of(alice.run("contacts"), "contact")[0]["verified"])

    def test_who_may_be_an_id_a_link_a_name_or_an_alias(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        alice.run("contacts", "bobby", "--alias", "Bob")
        for who in (bobby.id(), "dim:user:" + bobby.id(), "bobby", "Bob"):
            alice.run("send", who, "to " + who)
        got = of(bobby.run("listen", "--timeout", "2"), "message")
        self.assertEqual(len(got), 4)
        alice.run("send", "nobody_here", "lost?", code=6)

    def test_names_that_cannot_be_registered_do_not_stop_a_join(self):
        station = self.station()
        bob = self.person("bob")
        joined = of(bob.run("join", station.link(), "--name", "Bob"), "joined")[0]
        self.assertEqual(joined["registered"], "")
        self.assertIn("5 to 32", joined["notice"])
        first = self.person("carol", station.link())
        second = self.person("other")
        taken = of(second.run("join", station.link(), "--name", "carol"), "joined")[0]
        self.assertEqual(taken["registered"], "")
        self.assertNotEqual(first.id(), second.id())

    def test_A43_locked_home_opens_with_its_passphrase_only(self):
        station = self.station()
        good = os.path.join(self.folder, "good")
        bad = os.path.join(self.folder, "bad")
        for path, text in ((good, "correct horse\n"), (bad, "wrong horse\n")):
            with open(path, "w") as file:
                file.write(text)
        dora = self.person("dora1")
        dora.run("--passphrase-file", good, "join", station.link(), "--name", "dora1", "--lock")
        dora.run("--passphrase-file", good, "id")
        dora.run("--passphrase-file", bad, "id", code=7)
        done = subprocess.run(dora.command("id"), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              start_new_session=True, timeout=30)
        self.assertEqual(done.returncode, 7)

    def test_A43_readable_key_file_is_refused(self):
        station = self.station()
        alice = self.person("alice", station.link())
        os.chmod(os.path.join(alice.home, "key"), 0o644)
        alice.run("id", code=7)


class Refusals(harness.EndToEnd):
    def test_S18_another_station_at_a_known_address_stops_the_client(self):
        station = self.station()
        alice = self.person("alice", station.link())
        station.stop()
        os.rename(station.data, station.data + ".old")
        station.start()
        errors = of(alice.run("status", code=5), "error") + of(alice.run("send", alice.id(), "x", code=5), "error")
        self.assertTrue(all(error["code"] == "E_STATION_CHANGED" for error in errors) and errors)

    def test_usage_errors_say_so(self):
        eve = self.person("eve")
        eve.run("id", code=7)
        eve.run("join", "http://example.org", "--name", "eve", code=2)
        eve.run("send", code=2)
        eve.run("nonsense", code=2)


if __name__ == "__main__":
    harness.main()
