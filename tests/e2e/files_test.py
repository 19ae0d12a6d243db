"""Files, answers and name cards between two people, and files onto one's own disk."""
import os

import harness
from harness import of


class Files(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        at = self.station()
        self.alice, self.bobby = (self.person(name, at.link()) for name in ("alice", "bobby"))

    def file(self, name, size=1000):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(bytes(index * 7 % 256 for index in range(size)))
        return path

    def hears(self, person, wanted):
        for _ in range(15):
            for one in of(person.run("listen", "--once", "--timeout", "2", code=None), "message"):
                if wanted(one):
                    return one
        raise AssertionError(f"{person.name} waited in vain")

    def bytes_of(self, path):
        with open(path, "rb") as file:
            return file.read()

    def test_F46_each_kind_of_file_arrives_whole_and_nothing_is_overwritten(self):
        folder = os.path.join(self.folder, "received")
        os.mkdir(folder)
        small = self.file("small.jpg", 50)
        for name, kind in (("a.txt", "file"), ("b.png", "image"), ("c.mp3", "audio"), ("d.webm", "video")):
            path = self.file(name, 300 * 1024 if kind == "file" else 1000)
            options = ["--thumbnail", small] if kind in ("image", "video") else []
            sent = of(self.alice.run("send", "bobby", "--file", path, *options), "message")[0]
            self.assertEqual((sent["type"], sent["state"]), (kind, "sent"))
            got = self.hears(self.bobby, lambda one: one["guid"] == sent["guid"])
            self.assertEqual(got["content"]["filename"], name)
            self.assertIn(name, got["words"])
            self.assertNotIn("data", got["content"])
            for again in ("", " (2)"):
                saved = of(self.bobby.run("save", "alice", folder, "--message", got["guid"][-8:]), "saved")[0]
                stem, ending = os.path.splitext(name)
                self.assertEqual(saved["path"], os.path.join(folder, stem + again + ending))
                self.assertEqual(self.bytes_of(saved["path"]), self.bytes_of(path))
                self.assertEqual(os.stat(saved["path"]).st_mode & 0o777, 0o600)
            if options:
                thumbnail = os.path.join(folder, "thumbnail-" + name)
                self.bobby.run("save", "alice", thumbnail, "--thumbnail", "--message", got["guid"][-8:])
                self.assertEqual(self.bytes_of(thumbnail), self.bytes_of(small))
        self.bobby.run("save", "alice", small, code=1)
        self.assertEqual(len(self.bytes_of(small)), 50)

    def test_F46_M07_N10_a_picture_is_seen_before_it_is_fetched_but_not_a_strangers(self):
        path = os.path.join(self.folder, "sunset.png")
        with open(path, "wb") as file:
            file.write(harness.png(640, 480, (b"tEXt", b"Place\0Berlin")))
        said = self.alice.run("send", "bobby", "--file", path)
        if not harness.seccomp_works():
            self.assertEqual([one["code"] for one in of(said, "no_preview")], ["NOT_IMPLEMENTED"], "and it says why")
            return
        self.assertEqual(of(said, "no_preview"), [])
        got = self.hears(self.bobby, lambda one: one["type"] == "image")
        self.assertEqual((got["content"]["width"], got["content"]["height"]), (640, 480))
        self.assertTrue(got["words"].startswith("picture sunset.png, 640x480, with a preview, "), got["words"])
        # Bobby has not accepted Alice.
        small = os.path.join(self.folder, "small.jpg")
        self.assertEqual(of(self.bobby.run("preview", "alice", code=1), "error")[0]["code"], "FORBIDDEN")
        self.bobby.run("accept", "alice")
        seen = of(self.bobby.run("preview", "alice", "--message", got["guid"][-8:]), "preview")[0]
        self.assertEqual((seen["width"], seen["height"], seen["words"]), (60, 45, got["words"]))
        written = of(self.bobby.run("preview", "alice", "-o", small), "preview")[0]
        self.assertEqual((written["width"], written["height"], written["path"]), (320, 240, small))
        self.assertTrue(self.bytes_of(small).startswith(b"\xff\xd8\xff\xe0"))
        for word in (b"Berlin", b"Exif"):
            self.assertNotIn(word, self.bytes_of(small))
        self.bobby.run("preview", "alice", "-o", small, code=1)
        self.assertEqual(self.bobby.run("preview", "alice", as_json=False), got["words"] + "\n", "no terminal: words")
        # What claims too much goes without one, with the reason; so does what the sender wants so.
        with open(path, "wb") as file:
            file.write(harness.png(100_000, 100_000, pixels=False))
        said = self.alice.run("send", "bobby", "--file", path)
        self.assertIn("64 million pixels", of(said, "no_preview")[0]["message"])
        self.assertEqual(of(said, "message")[0]["state"], "sent")
        with open(path, "wb") as file:
            file.write(harness.png(8, 8))
        said = self.alice.run("send", "bobby", "--file", path, "--no-preview")
        self.assertEqual((of(said, "no_preview"), "preview" in of(said, "message")[0]["words"]), ([], False))
        got = self.hears(self.bobby, lambda one: one["guid"] == of(said, "message")[0]["guid"])
        self.assertEqual(of(self.bobby.run("preview", "alice", code=1), "error")[0]["code"], "NOT_FOUND")

    def test_a40_a_url_is_fetched_only_when_asked_for_and_never_inside_the_own_network(self):
        path, sealed = self.file("large.bin", 500_000), os.path.join(self.folder, "sealed")
        self.alice.run("send", "bobby", "--file", path, "--url", "https://10.0.0.1/x", "--sealed", sealed, code=1)
        self.alice.run("send", "bobby", "--file", path, "--url", "https://localtest.invalid/x", "--sealed", sealed)
        self.assertNotEqual(self.bytes_of(sealed)[:500_000], self.bytes_of(path))
        got = self.hears(self.bobby, lambda one: one["type"] == "file")
        self.assertEqual(got["content"]["URL"], "https://localtest.invalid/x")
        self.assertNotIn("key", got["content"])
        target = os.path.join(self.folder, "never")
        error = of(self.bobby.run("save", "alice", target, code=1), "error")[0]
        self.assertEqual(error["code"], "E_UNREACHABLE")
        self.assertFalse(os.path.exists(target))

    def test_answers_and_cards_are_shown_with_what_they_are_about(self):
        self.alice.run("send", "bobby", "Lunch?")
        asked = self.hears(self.bobby, lambda one: one["text"] == "Lunch?")
        self.bobby.run("send", "alice", "At one.", "--reply-to", asked["guid"][-6:])
        got = self.hears(self.alice, lambda one: one["type"] == "quote")
        self.assertEqual((got["text"], got["words"]), ("At one.", "answers \u201cLunch?\u201d"))
        carol = self.person("carol", self.stations[0].link())
        self.alice.run("send", "bobby", "--card", "carol")
        card = self.hears(self.bobby, lambda one: one["type"] == "card")
        self.assertEqual(card["content"]["did"], carol.id())
        self.assertIn("carol", card["words"])
        self.bobby.run("send", "alice", "to whom?", "--reply-to", "ffffffffffffffff", code=1)
        text = self.alice.run("history", "bobby", "--ids", as_json=False)
        self.assertIn("At one.  [answers \u201cLunch?\u201d]  #" + got["guid"][-6:], text)

    def test_a_message_is_passed_on_with_who_wrote_it_and_a_file_as_it_is(self):
        carol = self.person("carol", self.stations[0].link())
        self.alice.run("send", "bobby", "The gate code is 4711.")
        said = self.hears(self.bobby, lambda one: one["type"] == "text")
        passed = of(self.bobby.run("forward", said["guid"][-8:], "carol", "--title", "From Alice"), "message")[0]
        self.assertEqual((passed["type"], passed["state"], passed["peer"]), ("combine", "sent", carol.id()))
        got = self.hears(carol, lambda one: one["type"] == "combine")
        inner = got["content"]["messages"][0]
        self.assertEqual((inner["sender"], inner["receiver"], inner["content"]["text"], got["content"]["title"]),
                         (self.alice.id(), self.bobby.id(), "The gate code is 4711.", "From Alice"))
        self.assertIn("From Alice", got["words"])
        path = self.file("notes.txt")
        self.alice.run("send", "bobby", "--file", path)
        file = self.hears(self.bobby, lambda one: one["type"] == "file")
        self.bobby.run("forward", "#" + file["guid"][-8:], "carol")
        self.hears(carol, lambda one: one["type"] == "file")
        saved = of(carol.run("save", "bobby", os.path.join(self.folder, "again.txt")), "saved")[0]
        self.assertEqual(self.bytes_of(saved["path"]), self.bytes_of(path))
        self.bobby.run("forward", "f" * 32, "carol", code=1)
        self.bobby.run("forward", "", "carol", code=2)

    def test_a_program_sends_any_content_but_no_command(self):
        self.alice.run("send", "bobby", "--content", '{"type": 64, "currency": "USD", "amount": 10.25, "for": "tea"}')
        got = self.hears(self.bobby, lambda one: one["type"] == "money")
        self.assertEqual((got["content"]["amount"], got["content"]["for"]), (10.25, "tea"))
        self.alice.run("send", "bobby", "--content", "-", stdin='{"type": 1, "text": "as text"}\n')
        self.assertEqual(self.hears(self.bobby, lambda one: one["type"] == "text")["text"], "as text")
        for wrong in ("{", '{"text": "x"}', '{"type": 136, "command": "report"}', '{"type": 1, "text": "x", "sn": 5}',
                      '{"type": 64, "currency": 5, "amount": 1}'):
            error = of(self.alice.run("send", "bobby", "--content", wrong, code=None), "error")
            self.assertEqual(len(error), 1, wrong)
        self.alice.run("send", "bobby", "text too", "--content", '{"type": 1, "text": "x"}', code=2)
        self.assertEqual([one for one in self.bobby.run("listen", "--once", "--timeout", "1", code=None)
                          if one["event"] == "message"], [])


if __name__ == "__main__":
    harness.main()
