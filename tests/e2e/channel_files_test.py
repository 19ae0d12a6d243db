"""Files and pictures in channels of hubs: posted, seen, fetched, taken away; a public hub and a private one, real TLS."""
import os
import shutil
import signal
import subprocess

import harness
from harness import of, wait_until

MIB = 1024 * 1024


class ChannelFiles(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station()
        self.alice, self.bobby, self.carol = (self.person(name, self.at.link()) for name in ("alice", "bobby", "carol"))

    def hub(self, name, *members, kind=()):
        """Alice's, with a channel `den`; the others are in it. The link that lets more in."""
        self.alice.run("hub", "create", name, *kind)
        self.alice.run("channel", "create", name, "den")
        link = of(self.alice.run("hub", "invite", name), "invite")[0]["link"]
        for one in members:
            self.join(name, link, one, kind)
        return link

    def join(self, name, link, person, kind=()):
        person.run("hub", "join", link)
        if kind:
            self.alice.run("hub", "approve", name, person.id())

    def file(self, name, size=None, content=None):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(os.urandom(size) if content is None else content)
        return path

    def same(self, one, other):
        with open(one, "rb") as first, open(other, "rb") as second:
            self.assertTrue(first.read() == second.read(), f"{one} and {other} differ")

    def kept(self):
        """Bytes of media that the station has on its disk."""
        folder = os.path.join(self.at.data, "media")
        return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))

    def finish(self, process, code=0):
        out, errors = process.communicate(timeout=120 * harness.SLOWER)
        self.assertEqual(process.returncode, code, errors)
        return [harness.checked(line) for line in out.splitlines()]

    def post(self, person, where, *arguments):
        return of(person.run("post", where, *arguments, timeout=120), "post")[0]

    def shown(self, person, *arguments):
        return subprocess.run(person.command(*arguments, as_json=False), capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL).stdout

    def test_F43_F44_F45_F46_files_and_pictures_arrive_whole_in_both_kinds_of_hubs(self):
        previews = harness.seccomp_works()
        picture = self.file("sun\u202eset.png", content=harness.png(640, 480))
        song = self.file("song.ogg", 300_000)
        film = self.file("film.mkv", 24 * MIB)
        for hub, kind in (("gardeners", ()), ("cellar", ("--private",))):
            self.hub(hub, self.bobby, self.carol, kind=kind)
            where = f"{hub}/den"
            folder = os.path.join(self.folder, hub)
            os.mkdir(folder)
            listener = self.bobby.start("listen", "--timeout", "60")
            self.addCleanup(lambda process=listener: (process.kill(), process.communicate()))
            told = lambda event, **members: next(one for one in map(harness.checked, listener.stdout)
                                                 if one["event"] == event and members.items() <= one.items())
            told("connected")
            sent = self.post(self.alice, where, "Look, @bobby", "--file", picture, "--file", song)
            self.assertEqual((sent["text"], sent["mentions"]), ("Look, @bobby", [self.bobby.id()]))
            first, second = sent["files"]
            self.assertEqual([(one["name"], one["kind"], one["mime"], one["bytes"]) for one in (first, second)],
                             [("sunset.png", "image", "image/png", os.path.getsize(picture)),
                              ("song.ogg", "audio", "audio/ogg", 300_000)])
            if previews:
                self.assertEqual((first["width"], first["height"], first["preview"]), (640, 480, True))
            heard = told("post", guid=sent["guid"])
            self.assertEqual((heard["text"], heard["files"]), (sent["text"], sent["files"]))
            listener.kill()
            # People see what it is, and no key.
            seen = self.shown(self.bobby, "history", where)
            self.assertIn("Look, @bobby  [picture sunset.png, ", seen)
            self.assertIn("; sound song.ogg, 292 KiB]", seen)
            self.assertNotIn("dim:object", seen)
            if previews:
                self.assertIn("[picture sunset.png, 640x480, with a preview, ", seen)
                small = os.path.join(folder, "small.jpg")
                got = of(self.bobby.run("preview", where), "preview")[0]
                self.assertEqual((got["width"], got["height"], got["guid"]), (60, 45, sent["guid"]))
                got = of(self.carol.run("preview", where, "--message", sent["guid"][-8:], "-o", small), "preview")[0]
                self.assertEqual((got["width"], got["height"]), (320, 240))
                with open(small, "rb") as file:
                    self.assertEqual(file.read(3), b"\xff\xd8\xff")
                os.remove(small)
            self.assertEqual(of(self.bobby.run("download", where, os.path.join(self.folder, "x"), code=2), "error")[0]["code"],
                             "E_USAGE", "two files, one name")
            saved = of(self.bobby.run("download", where, folder), "saved")
            self.assertEqual([one["path"] for one in saved],
                             [os.path.join(folder, name) for name in ("sunset.png", "song.ogg")])
            for one, origin in zip(saved, (picture, song)):
                self.assertEqual((one["guid"], one["proven"]), (sent["guid"], True))
                self.same(one["path"], origin)
            # A cut on the way up, and Ctrl-C; the same command goes on, and there is one message.
            before = self.kept()
            up = self.alice.start("post", where, "The film", "--file", film)
            wait_until(lambda: self.kept() >= before + 6 * MIB)
            self.at.kill()
            self.assertIsNone(up.poll(), "it waits for the station")
            self.at.start()
            wait_until(lambda: self.kept() >= before + 12 * MIB)
            up.send_signal(signal.SIGINT)
            self.finish(up, code=130)
            part = self.kept()
            self.assertLess(part, before + 24 * MIB)
            again = subprocess.run(self.alice.command("post", where, "The film", "--file", film, as_json=False),
                                   capture_output=True, text=True, timeout=120)
            self.assertIn("Going on with an earlier upload of film.mkv", again.stderr)
            posts = of(self.carol.run("history", where), "post")
            self.assertEqual([one["text"] for one in posts], ["Look, @bobby", "The film"])
            to = os.path.join(folder, "copy")
            down = self.carol.start("download", where, to)
            wait_until(lambda: any(name.startswith(".dim-") and os.path.getsize(os.path.join(folder, name)) > 4 * MIB
                                   for name in os.listdir(folder)))
            down.send_signal(signal.SIGINT)
            self.finish(down, code=130)
            self.assertFalse(os.path.exists(to))
            self.carol.run("download", where, to, "--message", posts[1]["guid"][-8:], timeout=120)
            self.same(to, film)
            # The text is written anew, and the files stay.
            self.alice.run("edit", where, sent["guid"][-8:], "Look again")
            edited = of(self.bobby.run("history", where), "post")[0]
            self.assertEqual((edited["text"], edited["files"]), ("Look again", sent["files"]))
            self.assertIn("Look, @bobby  [picture sunset.png", self.shown(self.bobby, "history", where, "--message",
                                                                         sent["guid"][-8:]))
            self.alice.run("delete", where, posts[1]["guid"][-8:], "--yes")

    def test_F43_A29_who_has_no_key_or_does_not_read_there_opens_nothing(self):
        path = self.file("notes", 100_000)
        to = os.path.join(self.folder, "copy")
        link = self.hub("cellar", self.bobby, kind=("--private",))
        sent = self.post(self.alice, "cellar/den", "--file", path)
        # Somebody who came later has no key of it, whatever the station would give them.
        self.join("cellar", link, self.carol, ("--private",))
        closed = of(self.carol.run("history", "cellar/den"), "post")[0]
        self.assertIn("no key for you", closed["unreadable"])
        self.assertNotIn("files", closed)
        for message in ((), ("--message", sent["guid"])):
            self.assertEqual(of(self.carol.run("download", "cellar/den", to, *message, code=1), "error")[0]["code"], "NOT_FOUND")
        # Words are looked for in texts and names, not in links.
        self.bobby.run("history", "cellar/den")
        found = lambda word: [one["guid"] for one in of(self.bobby.run("search", "cellar", word, code=None), "post")]
        self.assertEqual((found("notes"), found("station"), found("sha256")), ([sent["guid"]], [], []))
        # And who was put out gets no bytes, with the key in hand.
        self.bobby.run("download", sent["files"][0]["link"], to)
        self.same(to, path)
        os.remove(to)
        self.alice.run("kick", "cellar", "bobby")
        self.assertEqual(of(self.bobby.run("download", sent["files"][0]["link"], to, code=1), "error")[0]["code"], "NOT_FOUND")
        self.assertFalse(os.path.exists(to))

    def test_F43_who_may_not_attach_hears_it_before_and_what_is_refused_leaves_nothing(self):
        self.hub("gardeners", self.bobby)
        where = "gardeners/den"
        path = self.file("notes", MIB)
        self.alice.run("channel", "deny", where, "everyone", "attach")
        refused = of(self.bobby.run("post", where, "hello", "--file", path, code=None), "error")[0]
        self.assertEqual(refused["code"], "FORBIDDEN")
        self.assertIn("may not attach", refused["message"])
        self.assertEqual(self.kept(), 0, "it did not go up in vain")
        self.post(self.bobby, where, "hello")
        # A role may; and where only the station knows better (here: a mute) nothing stays.
        self.alice.run("role", "create", "gardeners", "painter", "read")
        self.alice.run("channel", "allow", where, "painter", "attach")
        self.alice.run("role", "give", "gardeners", "painter", "bobby")
        self.assertEqual(self.post(self.bobby, where, "--file", path)["files"][0]["name"], "notes")
        before = self.kept()
        self.alice.run("mute", "gardeners", "bobby")
        said = self.bobby.run("post", where, "--file", self.file("more", MIB), code=1)
        self.assertEqual(of(said, "error")[0]["code"], "FORBIDDEN")
        self.assertEqual(of(said, "post_refused")[0]["text"], "", "no link with a key")
        wait_until(lambda: self.kept() == before)
        self.assertEqual([one["name"] for one in of(self.bobby.run("upload", "--list"), "uploaded")], ["notes"])
        self.bobby.run("post", where, "--file", path, "--file", path, code=2)
        self.bobby.run("post", where, "--file", os.path.join(self.folder, "none"), code=1)
        self.bobby.run("post", where, code=2)

    def test_F43_R1_a_refusal_takes_nothing_away_that_an_earlier_run_has_posted(self):
        self.hub("gardeners", self.bobby)
        where = "gardeners/den"
        film = self.file("film.mkv", 24 * MIB)
        up = self.bobby.start("post", where, "--file", film)
        wait_until(lambda: self.kept() >= 4 * MIB)
        up.send_signal(signal.SIGINT)
        self.finish(up, code=130)
        # As a run leaves it that ends when the message is out, and before that is noted.
        before = self.bobby.home + ".before"
        shutil.copytree(self.bobby.home, before)
        sent = self.post(self.bobby, where, "--file", film)
        shutil.rmtree(self.bobby.home)
        os.rename(before, self.bobby.home)
        self.alice.run("mute", "gardeners", "bobby")
        said = self.bobby.run("post", where, "--file", film, code=1, timeout=120)
        self.assertEqual(of(said, "error")[0]["code"], "FORBIDDEN")
        to = os.path.join(self.folder, "copy")
        self.alice.run("download", where, to, "--message", sent["guid"], timeout=120)
        self.same(to, film)

    def test_F43_F75_what_is_destroyed_between_two_leaves_a_channels_file(self):
        self.hub("gardeners", self.bobby)
        path = self.file("notes", 100_000)
        link = self.post(self.alice, "gardeners/den", "--file", path)["files"][0]["link"]
        said = of(self.alice.run("send", "bobby", f"Have you seen {link}"), "message")[0]
        self.alice.run("destroy", "bobby", said["guid"][-8:], "--yes", "--wait", "0", code=None)
        to = os.path.join(self.folder, "copy")
        self.bobby.run("download", "gardeners/den", to)
        self.same(to, path)

    def test_F43_a_file_that_is_gone_holds_up_no_other(self):
        self.hub("gardeners", self.bobby)
        one, two = self.file("one", 1000), self.file("two", 2000)
        sent = self.post(self.alice, "gardeners/den", "--file", one, "--file", two)
        self.alice.run("upload", "--delete", sent["files"][0]["guid"][-8:])
        folder = os.path.join(self.folder, "saved")
        os.mkdir(folder)
        got = self.bobby.run("download", "gardeners/den", folder, code=1)
        self.assertEqual([os.path.basename(saved["path"]) for saved in of(got, "saved")], ["two"])
        self.same(os.path.join(folder, "two"), two)

    def test_F48_more_than_ones_room_is_refused_and_nothing_is_posted(self):
        self.at.stop()
        with open(os.path.join(self.at.data, "dimd.toml"), "w", encoding="utf-8") as config:
            config.write('[limits]\nmedia_user = "3MiB"\n')
        self.at.start()
        self.hub("gardeners", self.bobby)
        first = self.post(self.alice, "gardeners/den", "--file", self.file("first", 2 * MIB))
        second = self.file("second", 2 * MIB)
        refused = of(self.alice.run("post", "gardeners/den", "--file", second, code=1), "error")[0]
        self.assertEqual(refused["code"], "INSUFFICIENT_STORAGE", refused)
        self.assertEqual([one["guid"] for one in of(self.bobby.run("history", "gardeners/den"), "post")], [first["guid"]])
        # The room is there again with the message that took it.
        self.alice.run("delete", "gardeners/den", first["guid"][-8:], "--yes")
        self.assertEqual(self.post(self.alice, "gardeners/den", "--file", second)["files"][0]["bytes"], 2 * MIB)

    def test_F49_N14_a_file_goes_with_the_last_message_that_uses_it(self):
        picture = self.file("sunset.png", content=harness.png(64, 48))
        for hub, kind, verb in (("gardeners", (), "delete"), ("gardeners", (), "remove"), ("cellar", ("--private",), "destroy")):
            where = f"{hub}/den"
            if verb != "remove":
                self.hub(hub, self.bobby, kind=kind)
            sent = self.post(self.alice, where, "Look", "--file", picture)
            objects = 2 if harness.seccomp_works() else 1
            mine = [one["name"] for one in of(self.alice.run("upload", "--list"), "uploaded")]
            self.assertIn("sunset.png", mine)
            self.assertEqual("sunset.png.preview.jpg" in mine, objects == 2)
            # Another message of hers uses it: the same line in a text.
            other = self.post(self.alice, where, sent["files"][0]["link"])
            self.assertEqual(other["files"][0]["guid"], sent["files"][0]["guid"])
            said = self.shown_notes(verb, where, sent["guid"])
            if objects == 2:
                self.assertIn("1 of its files went with it", said)
            self.assertIn("1 of its files stay", said)
            self.bobby.run("download", where, os.path.join(self.folder, "copy"))
            os.remove(os.path.join(self.folder, "copy"))
            self.assertGreater(self.kept(), 0)
            self.assertIn("1 of its files went with it", self.shown_notes(verb, where, other["guid"]))
            if verb == "destroy":
                self.assertEqual(self.kept(), 0, "when it is answered")
            wait_until(lambda: self.kept() == 0)
            self.assertNotIn("sunset.png", [one["name"] for one in of(self.alice.run("upload", "--list"), "uploaded")])
            gone = of(self.bobby.run("download", other["files"][0]["link"], self.folder, code=1), "error")[0]
            self.assertIn(gone["code"], ("GONE", "NOT_FOUND"))
        # The end of a channel takes its files along.
        self.post(self.alice, "gardeners/den", "--file", self.file("last", MIB))
        self.alice.run("channel", "delete", "gardeners/den", "--yes")
        wait_until(lambda: self.kept() == 0)

    def shown_notes(self, verb, where, guid):
        done = subprocess.run(self.alice.command(verb, where, guid[-8:], "--yes", as_json=False), capture_output=True, text=True,
                              timeout=60, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr


if __name__ == "__main__":
    harness.main()
