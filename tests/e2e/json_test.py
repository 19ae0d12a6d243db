"""`dim --json` prints what docs/cli-json.md says, whatever the verb."""
import json
import os
import time

import harness
from harness import DOCUMENTED, SEEN, of


class Json(harness.EndToEnd):
    def listen_for(self, person, event):
        """What `listen` prints of that kind, however slow the machine is."""
        for _ in range(15):
            if got := of(person.run("listen", "--timeout", "2", code=None), event):
                return got
        raise AssertionError(f"{person.name} sees no {event}")

    def listen_until(self, person, wanted):
        for _ in range(15):
            for one in of(person.run("listen", "--once", "--timeout", "2", code=None), "message"):
                if wanted(one):
                    return one
        raise AssertionError(f"{person.name} waited in vain")

    def run_hub_verbs(self, station, alice, bobby):
        """Each verb of public hubs, so that what it prints is checked."""
        alice.run("hub", "create", "gardeners")
        alice.run("channel", "create", "gardeners", "general")
        alice.run("category", "create", "gardeners", "plants")
        alice.run("category", "edit", "gardeners", "plants", "--position", "1")
        alice.run("role", "create", "gardeners", "keeper", "moderate")
        invite = of(alice.run("hub", "invite", "gardeners"), "invite")[0]
        asking = of(alice.run("hub", "invite", "gardeners", "--approval"), "invite")[0]
        bobby.run("hub", "join", invite["link"])
        carol = self.person("carol")
        for one, name, link in ((carol, "carol", invite["link"]), (self.person("david"), "david", asking["link"])):
            one.run("join", link, "--name", name)
        for verb in ("show", "members", "invites", "requests"):
            alice.run("hub", verb, "gardeners")
        alice.run("hub", "refuse", "gardeners", "david")
        alice.run("role", "give", "gardeners", "keeper", "bobby")
        text = of(alice.run("post", "gardeners/general", "hello"), "post")[0]["guid"]
        self.assertEqual(self.listen_for(bobby, "post")[0]["guid"], text)
        alice.run("edit", "gardeners/general", text, "hello all")
        bobby.run("react", "gardeners/general", text, "👍")
        bobby.run("pin", "gardeners/general", text)
        bobby.run("pin", "gardeners/general")
        bobby.run("history", "gardeners/general", "--message", text)
        bobby.run("history", "gardeners/general")
        bobby.run("search", "gardeners", "hello")
        alice.run("post", "gardeners/general", "@bobby: in a thread", "--thread", text, "--expires", "1h")
        picture = os.path.join(self.folder, "broken.png")
        with open(picture, "wb") as broken:
            broken.write(b"no picture")
        alice.run("post", "gardeners/general", "--file", picture)
        bobby.run("thread", "gardeners/general", text)
        carol.run("report", "gardeners/general", text, "not nice")
        alice.run("reports", "gardeners")
        alice.run("reports", "gardeners", "--close", text[-8:])
        bobby.run("notify", "gardeners/general", "mentions")
        bobby.run("unread")
        bobby.run("read", "gardeners/general")
        bobby.run("remove", "gardeners/general", text, "--yes")
        alice.run("delete", "gardeners/general", text, "--yes")
        alice.run("destroy", "gardeners/general", text, "--yes", "--wait", "0")
        for verb in ("mute", "ban"):
            alice.run(verb, "gardeners", "carol")
            if verb == "mute":
                self.assertEqual(of(carol.run("post", "gardeners/general", "may I?", code=1), "post_refused")[0]["text"], "may I?")
            alice.run(verb, "gardeners")
            alice.run(verb, "gardeners", "carol", "--lift")
        alice.run("kick", "gardeners", "bobby")
        alice.run("hub", "audit", "gardeners")
        for verb, name in (("role", "keeper"), ("category", "plants")):
            alice.run(verb, "delete", "gardeners", name, "--yes")
        alice.run("channel", "destroy", "gardeners/general", "--yes", "--wait", "0")
        alice.run("hub", "destroy", "gardeners", "--yes", "--wait", "0")

    def test_every_verb_prints_what_is_documented_and_every_object_is_seen(self):
        verbs = harness.verbs_of("dim")
        self.assertIn("send", verbs)
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        short = self.person("bob")
        self.assertIn("notice", of(short.run("join", station.link(), "--name", "bob"), "joined")[0])
        alice.run("id")
        self.person("nobody").run("import", "--from-dimples", self.folder, code=1)
        alice.run("contacts", "bobby", "--alias", "Bob")
        short.run("send", "bobby", "I am new")
        self.listen_for(bobby, "message")
        bobby.run("requests")
        bobby.run("accept", short.id())
        bobby.run("block", short.id())
        sent = of(alice.run("send", "bobby", "one"), "message")[0]
        alice.run("verify", "bobby", "--confirm")
        alice.run("chat", "bobby", stdin="two\n")
        got = self.listen_for(bobby, "message")
        self.assertEqual(got[0]["guid"], sent["guid"])
        bobby.run("react", "alice", sent["guid"], "👍")
        bobby.run("pin", "alice", sent["guid"])
        bobby.run("pin", "alice")
        bobby.run("send", "alice", "in a thread", "--thread", sent["guid"])
        bobby.run("thread", "alice", sent["guid"])
        alice.run("search", "bobby", "one")
        bobby.run("forward", sent["guid"], "alice")
        self.listen_for(alice, "state")
        alice.run("group", "create", "choir", "bobby")
        alice.run("group", "members", "choir")
        with open(os.path.join(self.folder, "notes.txt"), "wb") as file:
            file.write(b"some notes")
        alice.run("send", "bobby", "--file", file.name)
        self.assertIn("content", self.listen_until(bobby, lambda one: one["type"] == "file"))
        bobby.run("save", "alice", self.folder)
        picture = os.path.join(self.folder, "none.png")
        with open(picture, "wb") as none:
            none.write(b"no picture")
        alice.run("send", "bobby", "--file", picture)
        alice.run("upload", picture, "--to", "bobby")
        with open(picture, "wb") as one:
            one.write(harness.png(8, 8))
        sent = of(alice.run("send", "bobby", "--file", picture), "message")[0]
        self.listen_until(bobby, lambda one: one["guid"] == sent["guid"])
        bobby.run("preview", "alice", code=None)
        alice.run("upload", file.name, "--to", "bobby")
        link = of(alice.run("upload", file.name), "uploaded")[0]["link"]
        bobby.run("download", link, os.path.join(self.folder, "copy"))
        alice.run("upload", "--delete", of(alice.run("upload", "--list"), "uploaded")[0]["guid"])
        alice.run("history", "bobby")
        for verb, more in (("edit", ("better",)), ("remove", ("--yes",)), ("delete", ("--yes",)), ("destroy", ("--yes",))):
            alice.run(verb, "bobby", of(alice.run("send", "bobby", verb), "message")[0]["guid"], *more)
        alice.run("draft", "bobby", "Dear")
        self.assertFalse(of(alice.run("stream", "bobby", code=3), "stream")[0]["open"])
        asked = of(self.person("tablet").run("device", "join", "tablet", stdin="\n", code=2), "device_request")[0]
        alice.run("device", "add", asked["request"], "--yes", "--history")
        alice.run("device", "list")
        alice.run("device", "remove", "tablet", "--yes")
        self.run_hub_verbs(station, alice, bobby)
        alice.run("tui", code=2)  # a screen is nothing for programs
        alice.run("status")
        alice.run("send", "nobody_here", "lost", code=6)
        station.stop()
        self.assertIn("reason", of(alice.run("status", code=4), "status")[0])
        self.assertEqual({verb for verb, _ in SEEN}, set(verbs), "every verb has been run")
        for name, event in DOCUMENTED.items():
            for verb in event.verbs:
                # These need somebody else at the same time: below.
                if (verb, name) not in {("chat", "state"), ("chat", "presence"), ("listen", "presence"), ("chat", "typing"),
                                           # hub_test.py; the last one: client/hub_follow_test.cc
                                           ("listen", "hub_change"), ("listen", "hub_left"), ("listen", "post_change"),
                                           ("listen", "unread"), ("chat", "post"), ("chat", "post_change"),
                                           ("chat", "hub_left"), ("listen", "hub_trouble"), ("chat", "hub_trouble"),
                                           # hub_history_test.py; in chat it is the same line
                                           ("listen", "hub_history"), ("chat", "hub_history"),
                                           # conversation_test.py; in chat it is the same line
                                           ("listen", "message_change"), ("chat", "message_change"),
                                           # stream_test.py
                                           ("stream", "stream_joined"), ("stream", "stream_left"), ("stream", "stream_stats"),
                                           ("stream", "stream_ended"), ("listen", "stream_ring"),
                                           # keys_test.py; in chat it is the same line
                                           ("listen", "alarm"), ("chat", "alarm"), ("history", "alarm"),
                                           # device_test.py; in chat it is the same line
                                           ("listen", "contact_device"), ("chat", "contact_device"),
                                           ("history", "contact_device"),
                                           # cli/output_test.cc, client/messenger_native_test.cc
                                           ("listen", "contact_secrecy"), ("chat", "contact_secrecy"),
                                           ("history", "contact_secrecy"),
                                           # files_test.py; not where no program can give up its rights
                                           ("preview", "preview"),
                                           # tests/reference/import_test.py
                                           ("import", "imported")}:
                    self.assertIn((verb, name), SEEN)
            # cli/output_test.cc: these programs have the station's clock, and all offer N1
            if name in ("clock", "contact_secrecy"):
                continue
            self.assertTrue(event.verbs or any(seen == name for _, seen in SEEN), name)

    def test_chat_tells_how_far_own_messages_got(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        listener = bobby.start("listen", "--timeout", "20")
        chat = alice.start("chat", "bobby")
        try:
            chat.stdin.write("hello\n")
            chat.stdin.flush()
            states = []
            while "read" not in states:
                object = harness.checked(chat.stdout.readline(), "chat")
                if object["event"] == "state":
                    states.append(object["state"])
            self.assertEqual(states, ["sent", "delivered", "read"])
        finally:
            for process in (chat, listener):
                process.kill()
                process.communicate()

    def test_F10_presence_and_typing_are_told_to_those_one_has_written_to_and_can_be_switched_off(self):
        station = self.station()
        alice = self.person("alice", station.link())
        bobby = self.person("bobby", station.link())
        alice.run("send", "bobby", "hello")
        bobby.run("listen", "--once", "--timeout", "5")
        bobby.run("send", "alice", "hello too")

        def until(process, verb, event):
            while True:
                object = harness.checked(process.stdout.readline(), verb)
                if object["event"] == event:
                    return object

        alice_id, bobby_id = alice.id(), bobby.id()
        listener = bobby.start("listen", "--timeout", "60")
        chats = []
        try:
            until(listener, "listen", "connected")
            chats.append(alice.start("chat", "bobby"))
            self.assertEqual(until(listener, "listen", "presence"),
                             {"event": "presence", "peer": alice_id, "state": "online"})
            listener.kill()
            chats.append(bobby.start("chat", "alice"))
            self.assertEqual(until(chats[0], "chat", "presence"),
                             {"event": "presence", "peer": bobby_id, "state": "online"})
            chats[1].stdin.write("half a line")
            chats[1].stdin.flush()
            self.assertEqual(until(chats[0], "chat", "typing"), {"event": "typing", "peer": bobby_id, "state": "on"})
            chats[1].stdin.write(", and its end\n")
            chats[1].stdin.flush()
            self.assertEqual(until(chats[0], "chat", "typing")["state"], "off")
            self.assertEqual(until(chats[0], "chat", "message")["text"], "half a line, and its end")
            chats[1].stdin.close()
            chats[1].stdin = None  # communicate() would write to it
            self.assertEqual(until(chats[0], "chat", "presence")["state"], "offline")

            quiet = bobby.start("chat", "alice", "--no-presence", "--no-typing")
            chats.append(quiet)
            quiet.stdin.write("noth")
            quiet.stdin.flush()
            time.sleep(1)
            quiet.stdin.write("ing but this\n")
            quiet.stdin.flush()
            line = harness.checked(chats[0].stdout.readline(), "chat")
            while line["event"] == "state":
                line = harness.checked(chats[0].stdout.readline(), "chat")
            self.assertEqual((line["event"], line.get("text")), ("message", "nothing but this"))
        finally:
            for process in (*chats, listener):
                process.kill()
                process.communicate()

    def test_dimd_objects_are_json_too(self):
        station = self.station()
        identity = json.loads(station.dimd("id", "--json"))
        self.assertEqual(set(identity), {"id", "fingerprint", "meta", "pins"})
        invite = json.loads(station.dimd("invite", "--host", "::1", "--json"))
        self.assertEqual(set(invite), {"link", "id", "host", "port"})
        self.assertEqual(invite["id"], identity["id"])


if __name__ == "__main__":
    harness.main()
