"""Public hubs as people use them in the terminal: three of them, one station, real TLS."""
import json
import pathlib
import subprocess
import threading
import time

import harness
from harness import of


class Hubs(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station()

    def people(self, *names):
        return [self.person(name, self.at.link()) for name in names]

    def gather(self):
        """Alice's hub with a channel, Bobby and Carol in it."""
        alice, bobby, carol = self.people("alice", "bobby", "carol")
        self.hub = of(alice.run("hub", "create", "gardeners", "--topic", "what grows"), "hub")[0]["hub"]
        alice.run("channel", "create", "gardeners", "general")
        link = of(alice.run("hub", "invite", "gardeners"), "invite")[0]["link"]
        for one in (bobby, carol):
            self.assertEqual(of(one.run("hub", "join", link), "hub")[0]["hub"], self.hub)
        return alice, bobby, carol

    def post(self, person, text, *more, where="gardeners/general"):
        return of(person.run("post", where, text, *more), "post")[0]

    def texts(self, objects):
        return [one["text"] for one in of(objects, "post")]

    def unread(self, person, channel="general"):
        return {one.get("channel_name"): one["unread"] for one in of(person.run("unread"), "unread")}[channel]

    def listen(self, person):
        """A listener that is connected."""
        process = person.start("listen", "--timeout", "60")
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        self.until(process, "connected")
        return process

    def until(self, process, event, wanted=lambda one: True):
        return harness.until(process, event, wanted=wanted)

    def test_F20_F22_a_hub_is_founded_and_joined_by_link_with_and_without_approval(self):
        alice, bobby, carol = self.gather()
        shown = bobby.run("hub", "show", "gardeners")
        self.assertEqual((of(shown, "hub")[0]["topic"], of(shown, "hub")[0]["members"], of(shown, "hub")[0]["public"]),
                         ("what grows", 3, True))
        self.assertEqual([one["name"] for one in of(shown, "channel")], ["general"])
        alice.run("category", "create", "gardeners", "plants")
        rose = of(alice.run("channel", "create", "gardeners", "roses", "--category", "plants", "--kind", "announcement"), "channel")[0]
        self.assertEqual((rose["category"], rose["kind"]), ("plants", "announcement"))
        alice.run("channel", "edit", "gardeners/roses", "--name", "lilies", "--topic", "white")
        self.assertEqual({one["name"]: one["topic"] for one in of(bobby.run("channel", "list", "gardeners"), "channel")},
                         {"general": "", "lilies": "white"})
        bobby.run("post", "gardeners/lilies", "may I?", code=1)
        people = {one["name"].split(" ")[0]: one["owner"] for one in of(alice.run("hub", "members", "gardeners"), "hub_member")}
        self.assertEqual(people, {"alice": True, "~bobby": False, "~carol": False}, "members are no contacts")
        # With approval, from a home that does not exist yet: account, station and hub in one step (F06).
        link = of(alice.run("hub", "invite", "gardeners", "--approval", "--uses", "2", "--for", "7d"), "invite")[0]
        self.assertEqual((link["uses"], link["approval"]), (2, True))
        david = harness.Person(self.folder, "david")
        joined = david.run("join", link["link"], "--name", "david")
        self.assertEqual(of(joined, "hub_change")[0]["object"], "request")
        self.assertEqual(of(david.run("hub", "list"), "hub"), [])
        asking = of(alice.run("hub", "requests", "gardeners"), "hub_request")
        self.assertEqual([one["id"] for one in asking], [david.id()])
        alice.run("hub", "approve", "gardeners", david.id())
        self.assertEqual(of(david.run("hub", "list"), "hub")[0]["hub"], self.hub)
        self.assertEqual(len(of(alice.run("hub", "invites", "gardeners"), "invite")), 2)
        alice.run("hub", "uninvite", "gardeners", link["guid"])
        eve = self.person("eve_1", self.at.link())
        self.assertEqual(of(eve.run("hub", "join", link["link"], code=1), "error")[0]["code"], "GONE")
        eve.run("hub", "show", "gardeners", code=6)
        david.run("hub", "leave", "gardeners")
        alice.run("category", "delete", "gardeners", "plants", code=2)  # no terminal to ask at
        alice.run("category", "delete", "gardeners", "plants", "--yes")
        self.assertEqual([one["name"] for one in of(bobby.run("channel", "list", "gardeners"), "channel")], ["general"])
        alice.run("hub", "transfer", "gardeners", "bobby", "--yes")
        alice.run("hub", "delete", "gardeners", "--yes", code=1)
        bobby.run("hub", "delete", "gardeners", "--yes")
        self.assertEqual(of(alice.run("hub", "list"), "hub"), [])

    def test_F11_F12_F13_F14_posts_are_answered_reacted_to_edited_removed_and_deleted(self):
        alice, bobby, carol = self.gather()
        listener = self.listen(carol)
        question = self.post(bobby, "Where do the roses go?")
        self.assertEqual((question["state"], question["cursor"]), ("shown", 1))
        heard = self.until(listener, "post")
        self.assertEqual((heard["text"], heard["author"]), ("Where do the roses go?", bobby.id()))
        answer = self.post(alice, "Into the sun.", "--reply-to", question["guid"][-6:])
        self.assertEqual(answer["reply_to"], question["guid"])
        bobby.run("edit", "gardeners/general", question["guid"][-8:], "Where do the red roses go?")
        self.assertEqual(self.until(listener, "post_change")["text"], "Where do the red roses go?")
        alice.run("react", "gardeners/general", question["guid"], "🌹")
        carol.run("react", "gardeners/general", question["guid"], "🌹")
        self.assertEqual(self.until(listener, "post_change")["symbol"], "🌹")
        alice.run("pin", "gardeners/general", question["guid"])
        self.assertEqual(self.texts(bobby.run("pin", "gardeners/general")), ["Where do the red roses go?"])
        alice.run("channel", "create", "gardeners", "news")
        self.assertEqual(self.until(listener, "hub_change")["object"], "channel")
        self.post(alice, "in the new channel", where="gardeners/news")
        self.assertEqual(self.until(listener, "post", lambda one: one["channel_name"] == "news")["text"], "in the new channel")
        page = carol.run("history", "gardeners/general")
        self.assertEqual(self.texts(page), ["Where do the red roses go?", "Into the sun."])
        self.assertEqual(of(page, "post")[0]["reactions"], {"🌹": 2})
        earlier = bobby.run("history", "gardeners/general", "--message", question["guid"])
        self.assertEqual([one["text"] for one in of(earlier, "revision")], ["Where do the roses go?"])
        carol.run("react", "gardeners/general", question["guid"], "🌹", "--off")
        bobby.run("remove", "gardeners/general", question["guid"], code=2)
        bobby.run("edit", "gardeners/general", answer["guid"], "mine", code=1)
        alice.run("remove", "gardeners/general", question["guid"], "--yes")  # another's: hidden
        self.assertEqual(of(carol.run("history", "gardeners/general"), "post")[0]["state"], "hidden")
        alice.run("remove", "gardeners/general", question["guid"], "--undo")
        self.assertEqual(self.texts(carol.run("history", "gardeners/general"))[0], "Where do the red roses go?")
        bobby.run("remove", "gardeners/general", question["guid"], "--yes")  # one's own: gone
        alice.run("delete", "gardeners/general", answer["guid"], "--yes")
        self.assertEqual([one["state"] for one in of(carol.run("history", "gardeners/general"), "post")], ["removed", "deleted"])
        text = subprocess.run(bobby.command("remove", "gardeners/general", question["guid"], as_json=False),
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        self.assertIn("REMOVE takes your message back", text.stderr)

    def test_F15_F16_F18_F24_threads_mentions_and_what_disappears(self):
        alice, bobby, carol = self.gather()
        root = self.post(alice, "Which soil?")
        clay = self.post(bobby, "Clay, @alice.", "--thread", root["guid"])
        self.assertEqual((clay["thread"], clay["mentions"]), (root["guid"], [alice.id()]))
        self.post(alice, "not about soil")
        sand = self.post(alice, "@bobby @nobody: sand", "--thread", clay["guid"][-8:])  # by what stands in it
        self.assertEqual((sand["thread"], sand["mentions"]), (root["guid"], [bobby.id()]))
        shown = carol.run("thread", "gardeners/general", root["guid"][-8:])
        self.assertEqual(self.texts(shown), ["Which soil?", "Clay, @alice.", "@bobby @nobody: sand"])
        self.assertEqual((of(shown, "post")[0]["answers"], of(shown, "post")[0]["answered"]), (2, 4))
        page = carol.run("thread", "gardeners/general", root["guid"], "--limit", "1", "--after", "0")
        self.assertEqual(self.texts(page), ["Which soil?", "Clay, @alice."])
        page = carol.run("thread", "gardeners/general", root["guid"], "--after", str(of(page, "page")[0]["next"]))
        self.assertEqual(self.texts(page)[1:], ["@bobby @nobody: sand"])
        unread = of(bobby.run("unread"), "unread")[0]
        self.assertEqual((unread["unread"], unread["mentions"], unread["level"]), (3, 1, "all"))
        self.assertEqual(of(bobby.run("notify", "gardeners/general", "none"), "unread")[0]["level"], "none")
        self.assertEqual(of(bobby.run("notify", "gardeners/general"), "unread")[0]["level"], "none")
        # Only who moderates tells everyone; the text of what was refused is not lost.
        self.assertEqual(of(bobby.run("post", "gardeners/general", "@everyone!", code=1), "post_refused")[0]["text"], "@everyone!")
        self.post(alice, "@everyone: rain")
        self.assertEqual(self.listen_once(carol, "@everyone: rain")["for_me"], True)
        short = self.post(alice, "gone soon", "--expires", "3s")
        self.assertIn("expires", short)
        deadline = time.monotonic() + 60
        while "gone soon" in self.texts(carol.run("history", "gardeners/general")):
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(of(alice.run("channel", "edit", "gardeners/general", "--retention", "30", "--yes"), "channel")[0]["retention"], 30)
        alice.run("channel", "edit", "gardeners/general", "--retention", "7", code=2)  # it asks first
        bobby.run("channel", "edit", "gardeners/general", "--retention", "1", "--yes", code=1)

    def test_F72_a_message_is_reported_with_what_it_said_to_those_who_moderate(self):
        alice, bobby, carol = self.gather()
        spam = self.post(bobby, "buy my pills")
        carol.run("report", "gardeners/general", spam["guid"][-8:], "spam")
        bobby.run("edit", "gardeners/general", spam["guid"], "nothing")
        bobby.run("delete", "gardeners/general", spam["guid"], "--yes")
        report = of(alice.run("reports", "gardeners"), "report")[0]
        self.assertEqual((report["text"], report["why"], report["by"], report["author"]),
                         ("buy my pills", "spam", carol.id(), bobby.id()))
        bobby.run("reports", "gardeners", code=1)
        alice.run("reports", "gardeners/general", "--close", spam["guid"][-8:])
        self.assertEqual(of(alice.run("reports", "gardeners"), "report"), [])

    def listen_once(self, person, text):
        """What is told of the message with this text, which waits."""
        listener = self.listen(person)
        return self.until(listener, "post", lambda one: one["text"] == text)

    def test_F75_N1_C12_R20_destroyed_at_the_station_and_erased_by_those_who_are_there(self):
        alice, bobby, carol = self.gather()
        listener = self.listen(carol)
        canary = "a canary that nobody shall find again"
        told = self.post(bobby, canary)
        self.until(listener, "post")
        bobby.run("edit", "gardeners/general", told["guid"], canary + ", better")
        self.until(listener, "post_change")
        bobby.run("destroy", "gardeners/general", told["guid"], code=2)  # no terminal to ask at
        carol.run("destroy", "gardeners/general", told["guid"], "--yes", code=1)
        text = subprocess.run(bobby.command("destroy", "gardeners/general", told["guid"], as_json=False),
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        for word in ("DESTROY overwrites", "REMOVE only", "DELETE leaves"):
            self.assertIn(word, text.stderr)
        self.assertEqual(self.texts(carol.run("history", "gardeners/general")), [canary + ", better"])
        # Carol's program is there and Alice's is not.
        done = bobby.run("destroy", "gardeners/general", told["guid"][-8:], "--yes", "--wait", "2")
        self.assertEqual(of(done, "post_change")[0]["state"], "destroyed")
        gone = self.until(listener, "post_change")
        self.assertEqual((gone["change"], gone["state"], gone["guid"]), ("DESTROY", "destroyed", told["guid"]))
        self.receipts(bobby, told["guid"], {bobby.id(), carol.id()})
        bobby.run("history", "gardeners/general", "--message", told["guid"], code=1)
        self.assertEqual(of(bobby.run("search", "gardeners", "canary"), "post"), [])
        # She hears of it when she is there next; the station was killed in between.
        self.at.kill()
        self.at.start()
        self.receipts(bobby, told["guid"], {alice.id(), bobby.id(), carol.id()}, lambda: alice.run("listen", "--timeout", "3", code=None))
        # The channel, and then the hub, by their owner.
        channel = of(alice.run("channel", "list", "gardeners"), "channel")[0]["guid"]
        self.post(bobby, canary)
        bobby.run("channel", "destroy", "gardeners/general", "--yes", code=1)
        alice.run("channel", "destroy", "gardeners/general", code=2)
        asked = subprocess.run(alice.command("hub", "destroy", "gardeners", as_json=False),
                               capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        for word in ("DESTROY overwrites the hub gardeners", "DELETE ends it", "no way back"):
            self.assertIn(word, asked.stderr)
        done = alice.run("channel", "destroy", "gardeners/general", "--yes")
        self.assertEqual(of(done, "hub_change")[0]["change"], "DESTROY")
        self.all_erase(("channel", "destroy", channel), alice, bobby, carol)
        hub = of(alice.run("hub", "list"), "hub")[0]["hub"]
        alice.run("hub", "destroy", "gardeners", "--yes")
        self.assertEqual(of(bobby.run("hub", "list"), "hub"), [])
        self.all_erase(("hub", "destroy", hub), alice, bobby, carol)
        self.at.stop()
        for path in pathlib.Path(self.at.data).rglob("*"):
            if path.is_file():
                self.assertNotIn(b"gardeners", path.read_bytes(), path)
        folders = [self.at.data, *(person.home for person in (alice, bobby, carol))]
        for folder in folders:
            for path in pathlib.Path(folder).rglob("*"):
                if path.is_file():
                    self.assertNotIn(canary.encode(), path.read_bytes(), path)

    def all_erase(self, command, owner, *others):
        """Until everybody has said that they have erased a channel or hub."""
        until = time.monotonic() + 60
        while True:
            for person in others:
                person.run("listen", "--timeout", "1", code=None)
            erased = of(owner.run(*command, "--yes"), "erased")[0]
            if erased["erased"] == erased["of"] or time.monotonic() > until:
                self.assertEqual((set(erased["by"]), erased["of"]), ({owner.id(), *(one.id() for one in others)}, 3))
                return

    def receipts(self, person, guid, wanted, meanwhile=lambda: None):
        """Asks until these have said that they have erased it."""
        until = time.monotonic() + 60
        while True:
            meanwhile()
            erased = of(person.run("destroy", "gardeners/general", guid, "--yes", "--wait", "1"), "erased")[0]
            if set(erased["by"]) == wanted or time.monotonic() > until:
                self.assertEqual((set(erased["by"]), erased["erased"], erased["of"]), (wanted, len(wanted), 3))
                return

    def test_F17_F18_R1_pages_search_and_unread_outlive_a_kill_of_the_station(self):
        alice, bobby, carol = self.gather()
        self.assertEqual(self.unread(bobby), 0)
        for number in range(1, 8):
            self.post(alice, f"number {number}")
        self.post(alice, "今天天气很好")
        self.post(alice, "天上的气球")
        self.assertEqual((self.unread(bobby), self.unread(alice)), (9, 0))
        bobby.run("read", "gardeners/general", "--upto", "4")
        self.assertEqual(self.unread(bobby), 5)
        self.at.kill()
        queued = of(carol.run("post", "gardeners/general", "written while it was away", "--timeout", "2"), "post")[0]
        self.assertEqual(queued["state"], "queued")
        self.at.start()
        self.assertEqual(self.unread(bobby), 5, "the same after a restart")
        self.assertEqual(of(carol.run("status"), "status")[0]["waiting"], 0)
        self.assertEqual(self.unread(bobby), 6)
        self.assertEqual([one["guid"] for one in of(bobby.run("search", "gardeners", "away"), "post")], [queued["guid"]])
        # Pages in both directions.
        page = bobby.run("history", "gardeners/general", "--limit", "4")
        self.assertEqual(self.texts(page), ["number 7", "今天天气很好", "天上的气球", "written while it was away"])
        older = bobby.run("history", "gardeners/general", "--limit", "4", "--before", str(of(page, "page")[0]["next"]))
        self.assertEqual(self.texts(older), ["number 3", "number 4", "number 5", "number 6"])
        newer = bobby.run("history", "gardeners/general", "--limit", "2", "--after", "2")
        self.assertEqual((self.texts(newer), of(newer, "page")[0]["next"]), (["number 3", "number 4"], 4))
        # A Chinese word of two characters; a word must be a word.
        self.assertEqual(self.texts(bobby.run("search", "gardeners", "天气")), ["今天天气很好"])
        self.assertEqual(self.texts(bobby.run("search", "gardeners/general", "NUMBER 3")), ["number 3"])
        self.assertEqual(self.texts(bobby.run("search", "gardeners", "numb")), [])
        self.person("eve_1", self.at.link()).run("search", "gardeners", "number", code=6)
        # Listening tells what was missed, once, and then it is read on all devices.
        told = self.texts(bobby.run("listen", "--timeout", "3"))
        self.assertEqual(told, ["number 5", "number 6", "number 7", "今天天气很好", "天上的气球", "written while it was away"])
        self.assertEqual(self.unread(bobby), 0)
        self.assertEqual(self.texts(bobby.run("listen", "--timeout", "1", code=3)), [])

    def test_F21_roles_let_people_do_things_in_the_hub_or_in_one_channel(self):
        alice, bobby, carol = self.gather()
        text = self.post(carol, "a text")
        bobby.run("remove", "gardeners/general", text["guid"], "--yes", code=1)
        role = of(alice.run("role", "create", "gardeners", "keeper", "moderate", "ban", "--rank", "5"), "role")[0]
        self.assertEqual((role["permissions"], role["rank"]), (["moderate", "ban"], 5))
        given = of(alice.run("role", "give", "gardeners", "keeper", "bobby"), "hub_member")[0]
        self.assertEqual(given["roles"], ["keeper"])
        bobby.run("remove", "gardeners/general", text["guid"], "--yes")
        bobby.run("mute", "gardeners", "carol", "--for", "1h", "--reason", "loud")
        self.assertEqual(of(alice.run("mute", "gardeners"), "penalty")[0]["id"], carol.id())
        self.assertEqual(of(carol.run("post", "gardeners/general", "may I?", code=1), "error")[0]["code"], "FORBIDDEN")
        bobby.run("mute", "gardeners", "carol", "--lift")
        self.post(carol, "thank you")
        bobby.run("ban", "gardeners", "alice", code=1)  # the owner stands above
        alice.run("role", "take", "gardeners", "keeper", "bobby")
        bobby.run("mute", "gardeners", "carol", code=1)
        alice.run("role", "edit", "gardeners", "keeper", "--name", "writer", "--permissions", "read")
        self.assertEqual(of(alice.run("role", "list", "gardeners"), "role")[0]["name"], "writer")
        alice.run("channel", "deny", "gardeners/general", "everyone", "write")
        bobby.run("post", "gardeners/general", "no", code=1)
        alice.run("role", "give", "gardeners", "writer", "bobby")
        rules = of(alice.run("channel", "allow", "gardeners/general", "writer", "write"), "channel")[0]["overrides"]
        self.assertEqual(len(rules), 2)
        self.post(bobby, "yes")
        alice.run("channel", "reset", "gardeners/general", "everyone", "write")
        self.post(carol, "everybody again")
        alice.run("role", "delete", "gardeners", "writer", "--yes")

    def test_F23_F69_F70_N9_a_ban_shuts_the_banned_out_at_once(self):
        alice, bobby, carol = self.gather()
        listener = self.listen(bobby)
        self.post(carol, "are you there?")
        self.until(listener, "post")
        heard = []
        reader = threading.Thread(target=lambda: heard.extend(iter(lambda: self.line(listener), None)))
        reader.start()
        before = time.monotonic()
        alice.run("ban", "gardeners", "bobby", "--reason", "spam")
        self.post(carol, "he is gone")
        deadline = time.monotonic() + 10
        while not [one for _, one in heard if one["event"] == "hub_left"] and time.monotonic() < deadline:
            time.sleep(0.02)
        listener.kill()
        reader.join()
        told = [one for _, one in heard]
        self.assertTrue(of(told, "hub_left"), told)
        self.assertEqual(of(told, "post"), [], "nothing comes behind a ban")
        self.assertLess(next(at for at, one in heard if one["event"] == "hub_left") - before, 5 * harness.SLOWER)
        bobby.run("history", "gardeners/general", code=6)
        bobby.run("post", self.hub + "/general", "let me in", code=6)
        self.assertEqual(of(alice.run("ban", "gardeners"), "penalty")[0]["reason"], "spam")
        link = of(alice.run("hub", "invite", "gardeners"), "invite")[0]["link"]
        self.assertEqual(of(bobby.run("hub", "join", link, code=1), "error")[0]["code"], "FORBIDDEN")
        self.assertEqual(of(bobby.run("send", "carol", "we can still talk"), "message")[0]["state"], "sent")
        alice.run("ban", "gardeners", "bobby", "--lift")
        bobby.run("hub", "join", link)
        alice.run("kick", "gardeners", "bobby")
        self.assertEqual(of(bobby.run("hub", "list"), "hub"), [])
        bobby.run("hub", "join", link)
        alice.run("mute", "gardeners", "bobby", "--for", "30m")
        bobby.run("post", self.hub + "/general", "may I?", code=1)
        # Whoever comes in reads what was said before.
        self.assertEqual(self.texts(bobby.run("history", "gardeners/general")), ["are you there?", "he is gone"])
        alice.run("mute", "gardeners", "bobby", "--lift")
        self.post(bobby, "thank you")

    def line(self, process):
        text = process.stdout.readline()
        return (time.monotonic(), harness.checked(text, "listen")) if text else None

    def test_F10_a_channel_is_talked_in_line_by_line_and_other_channels_wait(self):
        alice, bobby, carol = self.gather()
        alice.run("channel", "create", "gardeners", "news")
        self.post(alice, "before")
        chats = [one.start("chat", "gardeners/general") for one in (bobby, carol)]
        for chat in chats:
            self.addCleanup(lambda process=chat: (process.kill(), process.communicate()))

        def until(chat, event, wanted=lambda one: True):
            return harness.until(chat, event, "chat", wanted)

        for chat in chats:
            self.assertEqual(until(chat, "post")["text"], "before")
        self.post(alice, "elsewhere", where="gardeners/news")
        chats[0].stdin.write("half a")
        chats[0].stdin.flush()
        self.assertEqual(until(chats[1], "typing")["peer"], bobby.id())
        chats[0].stdin.write(" line\n")
        chats[0].stdin.flush()
        self.assertEqual(until(chats[0], "post")["direction"], "out")
        heard = until(chats[1], "post")
        self.assertEqual((heard["text"], heard["channel_name"]), ("half a line", "general"))
        bobby.run("react", "gardeners/general", heard["guid"], "👍")
        self.assertEqual(until(chats[1], "post_change")["symbol"], "👍")
        # The station goes and comes back: what was typed meanwhile arrives once.
        self.at.kill()
        chats[0].stdin.write("while it was away\n")
        chats[0].stdin.flush()
        time.sleep(0.5)
        self.at.start()
        self.assertEqual(until(chats[1], "post")["text"], "while it was away")
        for chat in chats:
            chat.stdin.close()
            chat.stdin = None
            self.assertEqual(chat.wait(30), 0)
        self.assertEqual((self.unread(carol), self.unread(carol, "news")), (0, 1))
        self.assertEqual(self.texts(carol.run("listen", "--timeout", "2")), ["elsewhere"], "what chat has not told waits")
        text = subprocess.run(carol.command("chat", "gardeners/general", as_json=False), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60)
        self.assertEqual(text.returncode, 0, text.stderr)
        self.assertIn("public hub: the station can read this", text.stderr)
        self.assertRegex(text.stdout, r"~bobby \(0x[0-9A-Fa-f]{6}…\) in gardeners/general: half a line  👍 1\n")

    def test_A27_A29_a_private_hub_is_founded_written_in_both_ways_and_rekeyed_when_somebody_is_kicked(self):
        alice, bobby, carol = self.people("alice", "bobby", "carol")
        hub = of(alice.run("hub", "create", "cellar", "--private"), "hub")[0]
        self.assertEqual((hub["kind"], hub["public"]), ("private", False))
        alice.run("channel", "create", "cellar", "den")
        link = of(alice.run("hub", "invite", "cellar", "--uses", "5"), "invite")[0]["link"]
        for one in (bobby, carol):
            self.assertEqual(of(one.run("hub", "join", link), "hub_change")[0]["object"], "request")
            alice.run("hub", "approve", "cellar", one.id())
        listener = self.listen(bobby)
        first = self.post(alice, "the key is under the pot", where="cellar/den")
        self.assertEqual(self.until(listener, "post")["text"], "the key is under the pot")
        bobby.run("edit", "cellar/den", self.post(bobby, "which pot", where="cellar/den")["guid"], "which pot?")
        everything = ["the key is under the pot", "which pot?"]
        for one in (alice, bobby, carol):
            self.assertEqual(self.texts(one.run("history", "cellar/den")), everything)
        alice.run("kick", "cellar", "carol")
        reads = {one["id"]: one["reads"] for one in of(alice.run("hub", "members", "cellar"), "hub_member")}
        self.assertEqual(reads, {alice.id(): True, bobby.id(): True})
        secret = self.post(alice, "it is the blue one", where="cellar/den")
        self.assertEqual(self.until(listener, "post", lambda one: one["guid"] == secret["guid"])["text"], "it is the blue one")
        # In again, and let in again: what was written meanwhile stays closed, and what she had opened is there.
        carol.run("hub", "list")
        carol.run("hub", "join", link)
        alice.run("hub", "approve", "cellar", carol.id())
        self.assertEqual(self.texts(carol.run("search", "cellar", "Key pot")), everything[:1])
        self.post(bobby, "welcome back", where="cellar/den")
        page = of(carol.run("history", "cellar/den"), "post")
        self.assertEqual([one["text"] for one in page], [*everything, "", "welcome back"])
        self.assertIn("no key for you", page[2]["unreadable"])
        refused = bobby.run("report", "cellar/den", first["guid"], "why", code=None)
        self.assertEqual(of(refused, "error")[0]["code"], "METHOD_NOT_ALLOWED")
        for asked in (refused, bobby.run("reports", "cellar", code=None)):
            self.assertIn("would read", json.dumps(of(asked, "error")[0]), "refused before the station is asked")
        text = subprocess.run(bobby.command("hub", "show", "cellar", as_json=False), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60)
        self.assertIn("private, end-to-end encrypted", text.stdout)
        self.assertIn("private hub: end-to-end encrypted, the station cannot read this", text.stderr)
        # Put out once more: what she has opened stays, until she leaves.
        alice.run("kick", "cellar", "carol")
        carol.run("hub", "leave", hub["hub"], code=None)
        carol.run("hub", "join", link)
        alice.run("hub", "approve", "cellar", carol.id())
        self.assertEqual(self.texts(carol.run("search", "cellar", "Key pot", code=None)), [])
        # The station's folder, log and all, holds none of it.
        for file in pathlib.Path(self.at.data).rglob("*"):
            if file.is_file():
                self.assertNotIn(b"under the pot", file.read_bytes(), file)

    def test_F17_A29_a_private_hub_is_searched_in_what_the_home_has_opened(self):
        alice, bobby = self.people("alice", "bobby")
        alice.run("hub", "create", "cellar", "--private")
        for channel in ("den", "attic"):
            alice.run("channel", "create", "cellar", channel)
        link = of(alice.run("hub", "invite", "cellar"), "invite")[0]["link"]
        bobby.run("hub", "join", link)
        alice.run("hub", "approve", "cellar", bobby.id())
        said = ["The KEY is under the pot", "今天天气很好", "Röses by the pot"]
        for text in said:
            self.post(alice, text, where="cellar/den")
        self.post(alice, "another key", where="cellar/attic")
        self.assertEqual(self.texts(bobby.run("search", "cellar", "key")), [], "it has opened nothing yet")
        for channel in ("den", "attic"):
            bobby.run("history", "cellar/" + channel)
        for person in (alice, bobby):
            person.run("history", "cellar/den")
            person.run("history", "cellar/attic")
            for words, found in (("key pot", said[:1]), ("天气", said[1:2]), ("气天", []), ("roses", said[2:]), ("po", []),
                                 ("pot", [said[2], said[0]])):
                self.assertEqual(self.texts(person.run("search", "cellar/den", words)), found, words)
            self.assertEqual(self.texts(person.run("search", "cellar", "key")), ["another key", said[0]])
        page = bobby.run("search", "cellar", "key", "--limit", "1")
        self.assertEqual(self.texts(page), ["another key"])
        older = bobby.run("search", "cellar", "key", "--limit", "1", "--before", str(of(page, "page")[0]["next"]))
        self.assertEqual(self.texts(older), said[:1])

    def test_F15_listen_tells_what_somebody_wants_to_be_told_and_the_rest_stays_unread(self):
        alice, bobby, carol = self.gather()
        bobby.run("notify", "gardeners/general", "mentions")
        self.post(alice, "not for anybody")
        self.post(alice, "@bobby: for you")
        self.assertEqual(self.texts(bobby.run("listen", "--timeout", "3")), ["@bobby: for you"])
        counted = of(bobby.run("unread", "gardeners"), "unread")[0]
        self.assertEqual((counted["unread"], counted["mentions"], counted["level"]), (2, 1, "mentions"))
        listener = self.listen(bobby)
        # While it listens: nothing, then all.
        bobby.run("notify", "gardeners/general", "none")
        self.post(alice, "@bobby: you do not want to know")
        bobby.run("notify", "gardeners/general", "all")
        self.post(alice, "that is all")
        self.assertEqual(self.until(listener, "post")["text"], "that is all")
        self.assertEqual(self.unread(bobby), 4, "what nobody has seen is not read, nor what came behind it")
        bobby.run("read", "gardeners/general")
        self.post(alice, "and from now on")
        self.assertEqual(self.until(listener, "post")["text"], "and from now on")
        until = time.monotonic() + 60
        while self.unread(bobby) != 0:
            self.assertLess(time.monotonic(), until)
        # Others are told as before.
        self.assertEqual(len(self.texts(carol.run("listen", "--timeout", "3"))), 5)

    def test_people_are_told_that_the_station_can_read_it(self):
        alice, bobby, carol = self.gather()
        for arguments in (("hub", "show", "gardeners"), ("post", "gardeners/general", "hello")):
            done = subprocess.run(bobby.command(*arguments, as_json=False), capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("public hub: the station can read this", done.stderr)
        self.assertRegex(done.stdout, r"you in gardeners/general: hello  #[0-9a-f]{6}\n")


if __name__ == "__main__":
    harness.main()
