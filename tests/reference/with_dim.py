"""What dim and a client of the reference do with each other, whoever wrote the station between them.

The classes that use this set, for all tests of the class: year, station, bob (a connected client of the reference),
dora (a home of dim), home(name), which gives one more home of dim at that station, and ordered.
"""
import base64
import hashlib
import json
import os
import subprocess
import time

from contents import CONTENTS, PICTURE, filled, lost
from harness import SECONDS, Failed, kind

OLD_PROTOCOL = "old protocol, addressee not proven"  # what the reference signs does not name the receiver


class WithDim:
    year = None
    ordered = True  # whether messages that waited come in the order in which they were sent
    between_us = "secure"  # the label of what two of us write: stations of the reference keep no prekeys

    @classmethod
    def begin(cls):
        cls.prepare()
        cls.bob = cls.reference_client(cls.year, "bob", cls.station)
        cls.dora = cls.home("dora")
        # They know each other: the first message of a stranger costs a look-up, which is a test of its own.
        cls.dora.send(cls.bob.id, "I am dora")
        cls.bob.got_text("I am dora", cls.dora.id)
        cls.bob.text(cls.dora.id, "I am bob")
        cls.dora.got_text("I am bob", cls.bob.id)

    def file(self, name, size=64):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(bytes(index % 256 for index in range(size)))
        return path

    def test_text_arrives_both_ways_with_receipts_and_a_true_label(self):
        self.assertEqual(self.dora.send(self.bob.id, "from dim")["state"], "sent")
        self.bob.got_text("from dim", self.dora.id)
        sent = self.bob.text(self.dora.id, "from the reference")
        self.assertEqual(self.dora.got_text("from the reference", self.bob.id)["label"], OLD_PROTOCOL)
        self.bob.arrival(lambda it: it.get("command") == "receipt"
                         and (it.get("origin") or {}).get("signature") == sent["message"]["signature"],
                         "a receipt of dim", self.dora.id)
        # The receipt of the reference names the message by its signature alone.
        self.dora.reaches(self.bob.id, "from dim", "delivered")

    def test_messages_wait_for_either_side(self):
        self.bob.disconnect()
        for number in range(3):
            self.assertEqual(self.dora.send(self.bob.id, f"for later {number}")["state"], "sent")
        self.bob.connect(self.station)
        for number in range(3):
            self.bob.got_text(f"for later {number}", self.dora.id)
        wanted = [f"for you later {number}" for number in range(3)]
        for text in wanted:
            self.bob.text(self.dora.id, text)
        got = []
        while set(wanted) - set(got):
            left = set(wanted) - set(got)
            got.append(self.dora.listen(lambda one: one["text"] in left, f"{left}")["text"])
        if self.ordered:
            self.assertEqual(got, wanted)
        texts = [one["text"] for one in self.dora.run("history", self.bob.id) if one["event"] == "message"]
        for text in wanted:
            self.assertEqual(texts.count(text), 1, texts)

    def test_every_content_of_the_reference_is_shown_for_what_it_is(self):
        for name, content in CONTENTS.items():
            with self.subTest(content=name):
                content = filled(content, self.bob.id)
                sn = self.bob.send(self.dora.id, content)["sn"]
                got = self.dora.listen(lambda one: one["peer"] == self.bob.id and
                                       (kind(content) == 1 and one["text"] == content["text"]
                                        or one.get("content", {}).get("sn") == sn), f"the {name}", 15)
                self.assertEqual(got["label"], OLD_PROTOCOL)
                if kind(content) == 1:
                    self.assertEqual(got["type"], "text")
                    continue
                self.assertTrue(got["words"], got)
                self.assertNotIn("cannot show", got["words"])
                for key in ("filename", "title", "currency", "app", "name"):
                    if name != "page" or key != "title":  # which the reference loses
                        self.assertIn(content.get(key, ""), got["words"])
                if "data" in content:
                    data = base64.b64decode(content["data"])
                    saved = self.dora.save(self.bob.id, self.folder)
                    with open(saved["path"], "rb") as file:
                        self.assertEqual(file.read(), data)
                    self.assertEqual((saved["bytes"], saved["proven"]), (len(data), True))

    def test_a_file_that_cannot_be_fetched_leaves_none(self):
        # An address that no client may ask, so that the test needs no network.
        content = {**CONTENTS["file by URL"], "URL": "https://127.0.0.1/notes.txt"}
        sn = self.bob.send(self.dora.id, content)["sn"]
        got = self.dora.listen(lambda one: one.get("content", {}).get("sn") == sn, "the file by URL")
        folder = os.path.join(self.folder, "empty-" + self.year)
        os.makedirs(folder)
        said = self.dora.run("save", self.bob.id, os.path.join(folder, "notes.txt"), "--message", got["guid"][-8:], code=1)
        self.assertEqual([(one["event"], one.get("code")) for one in said], [("error", "BAD_REQUEST")], said)
        self.assertEqual(os.listdir(folder), [])

    def test_every_content_of_dim_arrives_whole(self):
        for name, content in CONTENTS.items():
            with self.subTest(content=name):
                content = filled(content, self.bob.id)
                self.dora.run("send", self.bob.id, "--content", json.dumps(content))
                got = self.bob.arrival(lambda it: kind(it) == kind(content) and not lost(content, it), f"the {name}",
                                       self.dora.id)["content"]
                self.assertNotIn("bind", content)
                self.assertEqual((got["bind"]["from"], got["bind"]["to"]), (self.dora.id, self.bob.id))

    def test_what_dim_passes_on_says_who_wrote_it(self):
        sn = self.bob.text(self.dora.id, "pass it on")["sn"]
        got = self.dora.got_text("pass it on", self.bob.id)
        self.dora.run("forward", got["guid"][-8:], self.bob.id, "--title", "what you said")
        record = self.bob.arrival(lambda it: kind(it) == 207 and it.get("title") == "what you said", "the record",
                                  self.dora.id)["content"]
        inner = record["messages"][0]
        self.assertEqual((inner["sender"], inner["receiver"], inner["content"]["sn"], inner["content"]["text"]),
                         (self.bob.id, self.dora.id, sn, "pass it on"))

    def test_what_dim_sends_as_a_file_arrives_whole(self):
        for name, number in (("notes.txt", 16), ("voice.mp3", 20), ("film.mp4", 22), ("picture.png", 18)):
            with self.subTest(file=name):
                path = self.file(name, 1000)
                small = ["--thumbnail", self.file("small.png")] if number in (18, 22) else []
                self.dora.run("send", self.bob.id, "--file", path, *small)
                content = self.bob.arrival(lambda it: kind(it) == number and it.get("filename") == name,
                                           name, self.dora.id)["content"]
                with open(path, "rb") as file:
                    self.assertEqual(base64.b64decode(content["data"].rpartition(",")[2]), file.read())
                if small:
                    picture = content["thumbnail" if number == 18 else "snapshot"]
                    self.assertEqual(picture, "data:image/png;base64," + PICTURE)

    def test_a_file_of_dim_behind_a_url_can_be_decrypted(self):
        path, sealed = self.file("large.bin", 500_000), os.path.join(self.folder, "sealed.bin")
        self.dora.run("send", self.bob.id, "--file", path, code=1)
        self.dora.run("send", self.bob.id, "--file", path, "--url", "https://files.example/x", "--sealed", sealed)
        content = self.bob.arrival(lambda it: kind(it) == 16 and it.get("URL"), "the file", self.dora.id)["content"]
        self.assertEqual(content["URL"], "https://files.example/x")
        self.assertEqual(content["key"]["algorithm"], "AES")
        self.assertEqual(content["password"], content["key"])
        with open(sealed, "rb") as file:
            cipher = file.read()
        self.assertEqual(base64.b64encode(hashlib.sha256(cipher).digest()).decode(), content["sha256"])
        key, iv = base64.b64decode(content["key"]["data"]), base64.b64decode(content["IV"])
        opened = subprocess.run(["openssl", "enc", "-d", "-aes-256-cbc", "-K", key.hex(), "-iv", iv.hex(), "-in", sealed],
                                capture_output=True, check=True)
        with open(path, "rb") as file:
            self.assertEqual(opened.stdout, file.read())

    def test_an_answer_names_the_message_and_a_card_the_person(self):
        sn = self.bob.text(self.dora.id, "shall we?")["sn"]
        got = self.dora.got_text("shall we?", self.bob.id)
        self.dora.run("send", self.bob.id, "we shall", "--reply-to", got["guid"][-8:])
        content = self.bob.arrival(lambda it: kind(it) == 55, "the answer", self.dora.id)["content"]
        self.assertEqual((content["text"], content["origin"]["sn"], content["origin"]["sender"]),
                         ("we shall", sn, self.bob.id))
        self.bob.send(self.dora.id, {"type": 55, "text": "good", "origin": {
            "sender": self.dora.id, "receiver": self.bob.id, "type": "55", "sn": content["sn"]}})
        self.assertIn("we shall", self.dora.got_text("good", self.bob.id)["words"])
        self.dora.run("send", self.bob.id, "--card", self.bob.id)
        card = self.bob.arrival(lambda it: kind(it) == 51, "the card", self.dora.id)["content"]
        self.assertEqual(card["did"], self.bob.id)

    def test_forwarded_secrets_are_opened_by_dim(self):
        texts = [f"inside of an envelope {number}" for number in range(2)]
        inner = [self.bob.pack(self.dora.id, {"type": 1, "text": text})["message"] for text in texts]
        self.bob.send(self.dora.id, {"type": 255, "secrets": inner})
        for text in texts:
            self.assertEqual(self.dora.got_text(text, self.bob.id)["label"], OLD_PROTOCOL)

    def test_secrets_of_others_that_dim_forwards_are_opened_by_the_reference(self):
        """What somebody else has sealed for Bob, sent by dim; `dim send --content` seals what is around it."""
        writer = self.reference_client(self.year, "writer", self.station)
        writer.text(self.bob.id, "you can know me")
        self.bob.got_text("you can know me", writer.id)
        texts = [f"passed on sealed {number}" for number in range(2)]
        inner = [writer.pack(self.bob.id, {"type": 1, "text": text})["message"] for text in texts]
        self.dora.run("send", self.bob.id, "--content", json.dumps({"type": 255, "secrets": inner}))
        wanted = [one["signature"] for one in inner]
        self.bob.arrival(lambda it: kind(it) == 255 and [one["signature"] for one in it.get("secrets", ())] == wanted,
                         "the forward", self.dora.id)
        for text in texts:
            self.bob.got_text(text, writer.id)

    def test_two_devices_of_one_person_both_get_what_dim_sends(self):
        phone = self.reference_client(self.year, "eve", self.station, process="eve-phone")
        pad = self.reference_client(self.year, "eve", self.station, process="eve-pad", account=phone.account)
        self.dora.send(phone.id, "for both of you")
        phone.got_text("for both of you", self.dora.id)
        pad.got_text("for both of you", self.dora.id)
        pad.text(self.dora.id, "from the pad")
        self.dora.got_text("from the pad", phone.id)

    def test_a_group_of_the_reference_talks_with_dim(self):
        erin = self.home("erin")
        self.bob.text(erin.id, "hello Erin")
        erin.got_text("hello Erin", self.bob.id)
        group = self.bob.create_group([self.bob.id, self.dora.id, erin.id])
        self.bob.send_group(group, {"type": 1, "text": "welcome to the group"})
        for one in (self.dora, erin):
            self.assertEqual(one.got_text("welcome to the group", group)["sender"], self.bob.id)
        self.assertEqual(self.dora.send(group, "thank you")["state"], "sent")
        event = self.bob.got_text("thank you", self.dora.id)
        self.assertEqual(event["content"].get("group"), group)
        self.assertEqual(erin.got_text("thank you", group)["sender"], self.dora.id)
        texts = [one["text"] for one in self.dora.run("history", group) if one["event"] == "message" and one["text"]]
        self.assertEqual(texts, ["welcome to the group", "thank you"])

    def silent(self, number):
        """Accounts that never log in, known to Bob: a group of them is large."""
        accounts = [self.bob.do("new_account", name=f"silent {index}")["account"] for index in range(number)]
        self.bob.do("learn", accounts=accounts)
        return [one["id"] for one in accounts]

    def test_a_large_group_of_the_reference_talks_with_dim(self):
        """From 16 members on it is encrypted once for all, and the envelope names the group."""
        group = self.bob.create_group([self.bob.id, self.dora.id, *self.silent(15)])
        self.bob.send_group(group, {"type": 1, "text": "welcome, seventeen"})
        self.assertEqual(self.dora.got_text("welcome, seventeen", group)["sender"], self.bob.id)
        self.dora.run("send", group, "seventeen thanks", "--timeout", "300", timeout=320)
        event = self.bob.got_text("seventeen thanks", self.dora.id)
        self.assertEqual((event["content"].get("group"), event["envelope"].get("group")), (group, group))

    def test_a_group_of_dim_talks_with_the_reference_until_it_puts_it_out(self):
        finn = self.home("finn")
        group = [one for one in self.dora.run("group", "create", "mixed", self.bob.id, finn.id)
                 if one["event"] == "group"][0]["id"]
        self.bob.joins(group, [self.dora.id, self.bob.id, finn.id])
        self.dora.send("mixed", "to all of you")
        self.assertEqual(self.bob.got_text("to all of you", self.dora.id)["content"].get("group"), group)
        self.assertEqual(finn.got_text("to all of you", group)["sender"], self.dora.id)
        self.bob.send_group(group, {"type": 1, "text": "and back"})
        self.assertEqual(self.dora.got_text("and back", group)["sender"], self.bob.id)
        self.assertEqual(finn.got_text("and back", group)["sender"], self.bob.id)
        self.dora.run("group", "expel", "mixed", self.bob.id)
        self.dora.send("mixed", "without bob")
        self.assertEqual(finn.got_text("without bob", group)["sender"], self.dora.id)
        self.dora.send(self.bob.id, "a mark behind it")
        self.bob.got_text("a mark behind it", self.dora.id)
        self.assertNotIn("without bob", self.bob.texts())

    def roles(self, home, group):
        """What a home knows of a group: {ID: role}."""
        return {one["id"]: one["role"] for one in home.run("group", "members", group, code=None) if one["event"] == "member"}

    def knows(self, home, group, roles):
        """Waits until a home of dim knows these people and what they are in the group."""
        deadline = time.monotonic() + SECONDS
        while (known := self.roles(home, group)) != roles:
            if time.monotonic() > deadline:
                raise Failed(f"{home.name} knows {known} of the group and not {roles}")
            home.run("listen", "--once", "--timeout", "1", code=None)

    def asks(self, client, home, group, newer=True):
        """A client asks a home of dim, which answers as soon as it listens, for what is newer than its own history: with that, or
        that nothing is."""
        def answers(content):
            return len(content.get("secrets", ())) > 1 if newer else content.get("text") == "Group history not updated."
        client.do("ask_members", group=group, who=home.id)
        deadline = time.monotonic() + SECONDS
        while True:
            home.run("listen", "--timeout", "1", code=None)
            try:
                return client.arrival(answers, "the answer of the history", home.id, 1)
            except Failed:
                if time.monotonic() > deadline:
                    raise

    def test_a_group_of_the_reference_changes_and_dim_sees_it_and_takes_part(self):
        bob, dora, gus = self.bob, self.dora, self.reference_client(self.year, "gus", self.station)
        for one, other in ((bob, gus), (gus, bob)):
            one.text(other.id, f"I am {one.name}")
            other.got_text(f"I am {one.name}", one.id)
        two = {bob.id: "owner", dora.id: "member"}
        three = {**two, gus.id: "member"}
        group = bob.create_group([bob.id, dora.id])
        self.knows(dora, group, two)
        bob.invite(group, gus)
        self.knows(dora, group, three)
        gus.joins(group, three)
        bob.do("expel", group=group, members=[gus.id])
        self.knows(dora, group, two)
        gus.command(group, "join", [bob])
        bob.invite(group, gus)
        self.knows(dora, group, three)
        gus.joins(group, three)
        gus.do("quit_group", group=group)
        self.knows(dora, group, two)
        bob.joins(group, two)

        # dim invites: from a member a request, from an administrator a reset.
        dora.run("group", "invite", group, gus.id)
        bob.got_command(group, "invite", dora.id)
        bob.joins(group, two)
        bob.do("set_administrators", group=group, administrators=[dora.id])
        self.knows(dora, group, {**two, dora.id: "administrator"})
        dora.run("group", "invite", group, gus.id)
        bob.joins(group, three)
        gus.joins(group, three)
        gus.leads(group, [dora.id])

        # What bob did got lost on its way: dim sees by his next message that there is more, and asks him.
        ivan = bob.do("new_account", name="ivan")["account"]
        bob.do("learn", accounts=[ivan])
        bob.do("reset_untold", group=group, members=[*three, ivan["id"]])
        bob.send_group(group, {"type": 1, "text": "there are four of us"})
        dora.got_text("there are four of us", group)
        bob.arrival(lambda it: it.get("act") == "query" and it.get("group") == group, "the question of dim", dora.id)
        four = {**three, dora.id: "administrator", ivan["id"]: "member"}
        self.knows(dora, group, four)
        # And the other way round: gus, whom nobody has told either, asks dim.
        self.asks(gus, dora, group)
        gus.joins(group, four)

        # Who leads by a command: clients of the reference send none of these, but others may.
        bob.command(group, "fire", [dora], administrators=[dora.id])
        self.knows(dora, group, {**four, dora.id: "member"})
        bob.command(group, "hire", [dora], administrators=[gus.id])
        self.knows(dora, group, {**four, dora.id: "member", gus.id: "administrator"})
        gus.command(group, "resign", [bob, dora])
        self.knows(dora, group, {**four, dora.id: "member"})
        bob.do("set_administrators", group=group, administrators=[dora.id])
        self.knows(dora, group, four)
        dora.run("group", "leave", group)  # which an administrator cannot before they resign: both go in one forward
        for one in (bob, gus):
            one.joins(group, set(four) - {dora.id})

    def test_a_group_of_dim_changes_and_the_reference_sees_it_and_takes_part(self):
        bob, dora, hank = self.bob, self.dora, self.reference_client(self.year, "hank", self.station)
        for one, other in ((bob, hank), (hank, bob)):
            one.text(other.id, f"I am {one.name}")
            other.got_text(f"I am {one.name}", one.id)
        two = {dora.id: "owner", bob.id: "member"}
        three = {**two, hank.id: "member"}
        group = [one for one in dora.run("group", "create", "changing", bob.id) if one["event"] == "group"][0]["id"]
        bob.joins(group, two)
        bob.invite(group, hank)  # a request
        self.knows(dora, group, {**two, hank.id: "asking"})
        dora.run("group", "invite", group, hank.id)
        for one in (bob, hank):
            one.joins(group, three)
        hank.do("quit_group", group=group)
        self.knows(dora, group, two)
        bob.joins(group, two)
        hank.command(group, "join", [dora])
        self.knows(dora, group, {**two, hank.id: "asking"})
        dora.run("group", "invite", group, hank.id)
        for one in (bob, hank):
            one.joins(group, three)

        dora.run("group", "promote", group, bob.id)
        for one in (bob, hank):
            one.leads(group, [bob.id])
        bob.do("expel", group=group, members=[hank.id])
        self.knows(dora, group, {**two, bob.id: "administrator"})
        hank.joins(group, two)
        bob.invite(group, hank)
        self.knows(dora, group, {**three, bob.id: "administrator"})
        hank.joins(group, three)
        bob.command(group, "resign", [dora, hank])
        self.knows(dora, group, three)
        hank.leads(group, [])
        dora.run("group", "promote", group, bob.id, hank.id)
        bob.leads(group, [bob.id, hank.id])
        dora.run("group", "demote", group, hank.id)
        bob.leads(group, [bob.id])
        dora.run("group", "demote", group, bob.id)
        bob.leads(group, [])
        self.asks(bob, dora, group)

    def test_a_large_group_of_dim_talks_with_the_reference(self):
        members = [self.bob.id, *self.silent(15)]
        group = [one for one in self.dora.run("group", "create", "crowd", *members, timeout=320)
                 if one["event"] == "group"][0]["id"]
        self.bob.joins(group, [self.dora.id, *members])
        self.dora.run("send", "crowd", "to seventeen", "--timeout", "300", timeout=320)
        event = self.bob.got_text("to seventeen", self.dora.id)
        self.assertEqual((event["content"].get("group"), event["envelope"].get("group")), (group, group))
        self.bob.send_group(group, {"type": 1, "text": "seventeen back"})
        self.assertEqual(self.dora.got_text("seventeen back", group)["sender"], self.bob.id)

    def test_two_of_us_know_that_the_addressee_is_proven_and_the_message_read(self):
        gina = self.home("gina")
        self.dora.send(gina.id, "one of us?")
        self.assertEqual(gina.got_text("one of us?", self.dora.id)["label"], self.between_us)
        self.dora.reaches(gina.id, "one of us?", "read")

    def test_everything_of_a_content_gets_through(self):
        """What dim keeps of a content is all of it, as far as it shows it to programs."""
        content = filled(CONTENTS["customized"], self.bob.id)
        self.bob.send(self.dora.id, content)
        got = self.dora.listen(lambda one: one["type"] == "customized", "the content")
        self.assertEqual(lost(content, got["content"]), "", got)


class TwoKeys:
    """With somebody whose two devices have a key each, as programs of 2026 make them; at any station that keeps both visas."""
    apart = True  # whether the station gives each device its own key alone

    def test_two_devices_with_a_key_each_both_get_what_dim_sends_and_dim_hears_both(self):
        phone = self.reference_client("2026", "frida", self.station, process="frida-phone", terminal="phone")
        identity, meta = phone.account["identity_private_key"], phone.account["meta"]
        person = phone.id.split("/")[0]
        self.dora.run("verify", person)  # asks for the visas: stations of the reference tell the newest one only
        pad = self.reference_client("2026", "frida", self.station, process="frida-pad", terminal="pad", identity=identity,
                                    meta=meta)
        self.dora.run("verify", person)
        self.dora.send(person, "sealed for two")
        sealed = set()
        for one, terminal in ((phone, "phone"), (pad, "pad")):
            keys = one.got_text("sealed for two", self.dora.id)["envelope"]["keys"]
            if self.apart:
                self.assertEqual(list(keys), [f"{person}/{terminal}"])
            sealed.add(keys[f"{person}/{terminal}"])
            one.text(self.dora.id, f"from the {terminal}")
            self.assertEqual(self.dora.got_text(f"from the {terminal}", person)["label"], OLD_PROTOCOL)
        self.assertEqual(len(sealed), 2)
