"""Files that go through the station: up and down over real TLS, cuts, kill -9, Ctrl-C, memory, room on the disk."""
import hashlib
import json
import os
import signal
import subprocess

import harness
from harness import of, wait_until

MIB = 1024 * 1024


class Media(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station("--web", "[::1]:{web}")
        self.alice, self.bobby = (self.person(name, self.at.link()) for name in ("alice", "bobby"))

    def file(self, name, size):
        """Bytes that no disk and no station can guess or press together."""
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            for part in range(0, size, MIB):
                file.write(os.urandom(min(MIB, size - part)))
        return path

    def digest(self, path):
        hash_ = hashlib.sha256()
        with open(path, "rb") as file:
            for part in iter(lambda: file.read(MIB), b""):
                hash_.update(part)
        return hash_.hexdigest()

    def kept(self):
        """Bytes of media that the station has on its disk."""
        folder = os.path.join(self.at.data, "media")
        return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))

    def read(self, process):
        """Bytes that a process has read from files and sockets."""
        try:
            with open(f"/proc/{process.pid}/io", encoding="utf-8") as file:
                return int(file.readline().split()[1])
        except OSError:
            return 0

    def finish(self, process, code=0):
        out, errors = process.communicate(timeout=120 * harness.SLOWER)
        self.assertEqual(process.returncode, code, errors)
        return [harness.checked(line) for line in out.splitlines()], errors

    def upload(self, path, person=None):
        return of((person or self.alice).run("upload", path, timeout=300), "uploaded")[0]

    def test_F43_F45_R2_64_MiB_up_and_down_through_kills_of_the_station(self):
        path = self.file("film.mkv", 64 * MIB)
        up = self.alice.start("upload", path)
        for target in (12, 36):
            wait_until(lambda: self.kept() >= target * MIB)
            self.at.kill()
            self.assertIsNone(up.poll(), "the client waits for the station")
            self.at.start()
        sent, _ = self.finish(up)
        link = of(sent, "uploaded")[0]["link"]
        folder = os.path.join(self.folder, "received")
        os.mkdir(folder)
        down = self.bobby.start("download", link, folder)
        part = lambda: sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))
        wait_until(lambda: part() >= 16 * MIB)
        self.at.kill()
        self.assertIsNone(down.poll())
        self.at.start()
        got, _ = self.finish(down)
        saved = of(got, "saved")[0]
        self.assertEqual((os.listdir(folder), saved["path"]), (["film.mkv"], os.path.join(folder, "film.mkv")))
        self.assertEqual(self.digest(saved["path"]), self.digest(path))
        with open(path, "rb") as file:
            start = file.read(64)
        for name in os.listdir(os.path.join(self.at.data, "media")):
            with open(os.path.join(self.at.data, "media", name), "rb") as file:
                self.assertNotIn(start, file.read(MIB), "the station can read it")

    def test_F47_memory_does_not_grow_with_the_file(self):
        path = self.file("large.bin", 96 * MIB)
        size = lambda folder: sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))
        folder = os.path.join(self.folder, "received")
        os.mkdir(folder)
        link = None
        for verb, work in ((["upload", path], self.kept), (["download", None, folder], lambda: size(folder))):
            person = self.alice if verb[0] == "upload" else self.bobby
            if verb[0] == "download":
                verb[1] = link
            process = person.start(*verb)
            client, station = harness.grown(process, (process, self.at.process), work)
            lines, errors = self.finish(process)
            if verb[0] == "upload":
                link = of(lines, "uploaded")[0]["link"]
            self.assertIsNotNone(client, "nothing was measured of the client")
            self.assertIsNotNone(station, "nothing was measured of the station")
            print(f"{verb[0]}: client +{client} KiB, station +{station} KiB", flush=True)
            if harness.SLOWER == 1:  # sanitisers keep what was freed
                self.assertLess(client, 8 * 1024)
                self.assertLess(station, 8 * 1024)

    def test_F44_F45_ctrl_c_keeps_what_was_done_and_the_same_command_goes_on(self):
        path = self.file("film.mkv", 48 * MIB)
        up = self.alice.start("upload", path)
        wait_until(lambda: self.kept() >= 8 * MIB)
        up.send_signal(signal.SIGINT)
        self.finish(up, code=130)
        kept = self.kept()
        self.assertLess(kept, 48 * MIB)
        again = subprocess.run(self.alice.command("upload", path, as_json=False), capture_output=True, text=True, timeout=120)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("Going on with an earlier upload of film.mkv", again.stderr)
        link = again.stdout.strip()
        to = os.path.join(self.folder, "copy")
        down = self.bobby.start("download", link, to)
        wait_until(lambda: any(name.startswith(".dim-") and os.path.getsize(os.path.join(self.folder, name)) > 8 * MIB
                               for name in os.listdir(self.folder)))
        down.send_signal(signal.SIGINT)
        self.finish(down, code=130)
        self.assertFalse(os.path.exists(to), "half a file has no name")
        again = subprocess.run(self.bobby.command("download", link, to, as_json=False), capture_output=True, text=True,
                               timeout=120)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("Going on with an earlier download of film.mkv", again.stderr)
        self.assertEqual(self.digest(to), self.digest(path))
        self.assertFalse([name for name in os.listdir(self.folder) if name.startswith(".dim-")])

    def test_a_changed_file_is_uploaded_anew_under_another_key(self):
        path = self.file("notes", 24 * MIB)
        up = self.alice.start("upload", path)
        wait_until(lambda: self.kept() >= 4 * MIB)
        up.send_signal(signal.SIGINT)
        self.finish(up, code=130)
        with open(path, "r+b") as file:
            file.write(b"changed")
        sent = self.upload(path)
        to = os.path.join(self.folder, "copy")
        self.bobby.run("download", sent["link"], to, timeout=120)
        self.assertEqual(self.digest(to), self.digest(path))

    def test_N8_F43_F61_M05_a_large_file_goes_with_a_message_through_one_port_and_gets_a_safe_name(self):
        path = self.file("x.exe\u202egnp. ", MIB)
        # Bobby's network lets nothing through but one port: his program finds out.
        wall = harness.Firewall(self.at.base)
        self.addCleanup(wall.close)
        self.bobby.run("join", self.at.link("--port", str(wall.base)), "--name", "bobby")
        sent = of(self.alice.run("send", "bobby", "look", "--file", path, timeout=120), "message")
        self.assertEqual([(one["type"], one["state"]) for one in sent], [("text", "sent"), ("file", "sent")])
        folder = os.path.join(self.folder, "received")
        os.mkdir(folder)
        got = None
        for _ in range(10):
            for one in of(self.bobby.run("listen", "--once", "--timeout", "2", code=None), "message"):
                got = one if one["type"] == "file" else got
            if got:
                break
        self.assertNotIn("key", json.dumps(got["content"]), "no key is printed")
        self.assertIn("at the station", got["words"])
        saved = of(self.bobby.run("download", "alice", folder), "saved")[0]
        self.assertEqual((os.path.basename(saved["path"]), saved["proven"], saved["encrypted"]), ("x.exegnp", True, True))
        self.assertEqual(self.digest(saved["path"]), self.digest(path))
        again = of(self.bobby.run("save", "alice", folder), "saved")[0]
        self.assertEqual(os.path.basename(again["path"]), "x (2).exegnp")
        # The other way, with a link that says so.
        self.bobby.run("join", self.at.link("--port", str(wall.base), "--one-port"), "--name", "bobby")
        before = wall.connections
        up = self.upload(path, self.bobby)
        self.bobby.run("send", "alice", "It is up.")
        self.assertEqual(wall.connections, before + 2, "one connection a program")
        to = os.path.join(self.folder, "copy")
        self.alice.run("--one-port", "download", up["link"], to, timeout=120)
        self.assertEqual(self.digest(to), self.digest(path))
        # And where only HTTPS gets through.
        self.alice.run("join", self.at.link("--over-web", "--port", str(self.at.base + 10)), "--name", "alice")
        over_web = os.path.join(self.folder, "over web")
        self.alice.run("download", up["link"], over_web, timeout=120)
        self.assertEqual(self.digest(over_web), self.digest(path))
        self.assertEqual(of(self.alice.run("listen", "--once", "--timeout", "10"), "message")[0]["text"], "It is up.")

    def test_F49_N14_what_is_deleted_frees_the_disk_and_is_gone(self):
        path = self.file("one", 3 * MIB)
        sent = of(self.alice.run("upload", path, "--to", "bobby", timeout=120), "message")[0]
        self.assertEqual(sent["type"], "file")
        mine = of(self.alice.run("upload", "--list"), "uploaded")
        self.assertEqual([(one["name"], one["bytes"]) for one in mine], [("one", 3 * MIB)])
        self.assertGreater(self.kept(), 3 * MIB)
        self.alice.run("upload", "--delete", mine[0]["guid"][-8:])
        wait_until(lambda: self.kept() == 0)
        self.assertEqual(of(self.alice.run("upload", "--list"), "uploaded"), [])
        self.bobby.run("listen", "--once", "--timeout", "5", code=None)
        self.bobby.run("download", "alice", self.folder, code=1)
        # In channels it goes with the last message: DELETE, and DESTROY also in a private hub, where the station reads nothing.
        for number, (kind, verb) in enumerate((((), "delete"), (("--private",), "destroy"))):
            hub = ("gardeners", "cellar")[number]
            self.alice.run("hub", "create", hub, *kind)
            for channel in ("one", "two"):
                self.alice.run("channel", "create", hub, channel)
            link = self.upload(self.file(f"in {hub}", 2 * MIB))["link"]
            first = of(self.alice.run("post", f"{hub}/one", f"Look: {link}"), "post")[0]
            last = of(self.alice.run("post", f"{hub}/two", f"again ({link})"), "post")[0]
            use = [json.loads(line) for line in self.at.dimd("du", "--explain", "--json").splitlines()]
            self.assertEqual({one["name"]: one["files"] for one in use if one.get("hub")}[hub], 2 * self.kept(), "in both channels")
            self.assertEqual([one["files"]["channels"] for one in use if isinstance(one.get("files"), dict)], [self.kept()])
            self.alice.run(verb, f"{hub}/one", first["guid"][-8:], "--yes")
            self.assertGreater(self.kept(), 2 * MIB, "another message uses it")
            self.alice.run(verb, f"{hub}/two", last["guid"][-8:], "--yes")
            if verb == "destroy":
                self.assertEqual(self.kept(), 0, "when it is answered")
            wait_until(lambda: self.kept() == 0)
            self.assertEqual(of(self.alice.run("upload", "--list"), "uploaded"), [])
        # What stays is not forgotten: an earlier text's file goes, that of the newest one is used elsewhere too.
        gone, stays = (self.upload(self.file(name, MIB))["link"] for name in ("gone", "stays"))
        post = of(self.alice.run("post", "gardeners/one", gone), "post")[0]
        self.alice.run("edit", "gardeners/one", post["guid"][-8:], stays)
        other = of(self.alice.run("post", "gardeners/two", stays), "post")[0]
        self.alice.run("delete", "gardeners/one", post["guid"][-8:], "--yes")
        self.assertIn("stays", [one["name"] for one in of(self.alice.run("upload", "--list"), "uploaded")])
        self.alice.run("delete", "gardeners/two", other["guid"][-8:], "--yes")
        self.assertNotIn("stays", [one["name"] for one in of(self.alice.run("upload", "--list"), "uploaded")])
        # A link that somebody was given is text, in a new message and in an edited one: it holds nothing, and nothing is refused.
        given = self.upload(self.file("given", MIB), self.bobby)
        post = of(self.alice.run("post", "gardeners/one", f"Bobby's: {given['link']}"), "post")[0]
        self.alice.run("edit", "gardeners/one", post["guid"][-8:], f"It is bobby's: {given['link']}")
        self.alice.run("delete", "gardeners/one", post["guid"][-8:], "--yes")
        self.assertGreater(self.kept(), MIB)

    def test_F48_what_is_too_much_for_ones_room_is_refused_until_something_is_deleted(self):
        self.at.stop()
        with open(os.path.join(self.at.data, "dimd.toml"), "w", encoding="utf-8") as config:
            config.write('[limits]\nmedia_user = "3MiB"\n')
        self.at.start()
        first = self.upload(self.file("first", 2 * MIB))
        second = self.file("second", 2 * MIB)
        refused = of(self.alice.run("upload", second, code=1), "error")[0]
        self.assertEqual(refused["code"], "INSUFFICIENT_STORAGE", refused)
        self.alice.run("upload", "--delete", first["guid"][-8:])
        wait_until(lambda: self.kept() == 0)
        self.upload(second)

    def test_S21_half_a_download_of_a_deleted_file_does_not_stay(self):
        sent = self.upload(self.file("film.mkv", 48 * MIB))
        to = os.path.join(self.folder, "copy")
        parts = lambda: [name for name in os.listdir(self.folder) if name.startswith(".dim-")]
        down = self.bobby.start("download", sent["link"], to)
        wait_until(lambda: any(os.path.getsize(os.path.join(self.folder, name)) > 4 * MIB for name in parts()))
        down.send_signal(signal.SIGINT)
        self.finish(down, code=130)
        self.assertEqual(len(parts()), 1)
        self.alice.run("upload", "--delete", sent["guid"][-8:])
        self.bobby.run("download", sent["link"], to, code=1)
        self.assertEqual(parts(), [], "it is in the clear")

    def test_A39_a_link_may_come_from_standard_input(self):
        path = self.file("one", 1000)
        sent = self.upload(path)
        to = os.path.join(self.folder, "copy")
        done = subprocess.run(self.bobby.command("download", "-", to), input=sent["link"] + "\n", capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.digest(to), self.digest(path))

    def test_M03_an_empty_file(self):
        path = self.file("empty", 0)
        sent = self.upload(path)
        to = os.path.join(self.folder, "copy")
        self.bobby.run("download", sent["link"], to)
        self.assertEqual(os.path.getsize(to), 0)

    def test_M09_a_damaged_object_is_not_shown(self):
        sent = self.upload(self.file("one", 3 * MIB))
        folder = os.path.join(self.at.data, "media")
        with open(os.path.join(folder, os.listdir(folder)[0]), "r+b") as file:
            file.seek(2 * MIB)
            file.write(b"damage")
        to = os.path.join(self.folder, "copy")
        errors = of(self.bobby.run("download", sent["link"], to, code=1), "error")
        self.assertEqual(errors[0]["code"], "E_DECRYPT")
        self.assertEqual([name for name in os.listdir(self.folder) if "copy" in name or ".part" in name], [])

    def test_half_an_upload_of_a_crash_leaves_nothing_behind_for_ever(self):
        folder = os.path.join(self.at.data, "media")
        self.at.kill()
        with open(os.path.join(folder, "77"), "wb") as file:
            file.write(b"nothing tells of this")
        self.at.start()
        self.assertEqual(os.listdir(folder), [])

    def test_what_cannot_be_done_is_said(self):
        self.alice.run("upload", os.path.join(self.folder, "none"), code=1)
        self.alice.run("upload", code=2)
        self.alice.run("upload", "--delete", "123456", code=1)
        self.alice.run("download", "dim:object:42", code=2)
        path = self.file("one", 1000)
        sent = self.upload(path)
        self.bobby.run("download", sent["link"], path, code=1)  # stays as it is
        self.assertEqual(os.path.getsize(path), 1000)
        self.at.stop()
        self.bobby.run("download", sent["link"], path + ".copy", "--timeout", "1", code=4)


if __name__ == "__main__":
    harness.main()
