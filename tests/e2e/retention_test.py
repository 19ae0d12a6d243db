"""What is too old, or has disappeared, is gone: files of which nobody says how long, messages of a channel, texts between two.
Days pass by making older what the station has on its disk while it is stopped."""
import json
import os
import pathlib
import sqlite3
import struct
import time

import harness
from harness import of

PAGE = 4096
MIB = 1024 * 1024
DAY = 86_400_000
PATIENCE = 120 * harness.SLOWER


def crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


def stamp(path, table=crc32c_table()):
    """What SQLite alone does not write: number and CRC-32C at the end of each page of the database."""
    with open(path, "r+b") as file:
        data = file.read()
        for at in range(0, len(data), PAGE):
            page = data[at:at + PAGE - 8]
            if not any(page):
                continue
            page += struct.pack("<I", at // PAGE + 1)
            value = 0xFFFFFFFF
            for byte in page:
                value = table[(value ^ byte) & 0xFF] ^ value >> 8
            file.seek(at)
            file.write(page + struct.pack("<I", value ^ 0xFFFFFFFF))


class Retention(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station()
        self.alice, self.bobby = (self.person(name, self.at.link()) for name in ("alice", "bobby"))

    def until(self, true, why):
        deadline = time.monotonic() + PATIENCE
        while not true():
            self.assertLess(time.monotonic(), deadline, why)
            time.sleep(0.1)

    def upload(self, name, size=MIB, *words):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(os.urandom(size))
        return of(self.alice.run("upload", path, *words), "uploaded" if not words else "message")[0]

    def kept(self):
        folder = os.path.join(self.at.data, "media")
        return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))

    def change(self, sql, *values):
        """Of the station's store, while it is stopped; how many rows."""
        path = os.path.join(self.at.data, "station.db")
        store = sqlite3.connect(path)
        with store:
            rows = store.execute(sql, values).rowcount
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        store.close()
        stamp(path)
        return rows

    def use(self):
        return [json.loads(line) for line in self.at.dimd("du", "--explain", "--json").splitlines()]

    def hub_use(self):
        return next(one for one in self.use() if one.get("name") == "gardeners")

    def found(self, text):
        """Files of the station that hold this."""
        return [path for path in pathlib.Path(self.at.data).rglob("*") if path.is_file() and text.encode() in path.read_bytes()]

    def test_F48_a_file_that_no_message_uses_goes_when_it_is_too_old_and_no_other_does(self):
        self.alice.run("hub", "create", "gardeners")
        self.alice.run("channel", "create", "gardeners", "general")
        old, young, used = self.upload("old"), self.upload("young"), self.upload("used")
        waiting = self.upload("waiting", MIB, "--to", "bobby")
        self.assertEqual(waiting["type"], "file")
        self.alice.run("post", "gardeners/general", used["link"])
        everything = self.kept()
        self.at.stop()
        with open(os.path.join(self.at.data, "dimd.toml"), "w", encoding="utf-8") as config:
            config.write("[limits]\nmedia_days = 3\n")
        # Three days and an hour for all but the young one.
        rows = self.change("UPDATE media SET touched = touched - ? WHERE guid <> ? AND touched < 1 << 60", 3 * DAY + DAY // 24,
                           bytes.fromhex(young["guid"]))
        self.assertEqual(rows, 1, "what a message uses has no age")
        self.at.start()
        self.until(lambda: self.kept() == everything * 3 // 4, "its bytes are freed")
        self.assertEqual(of(self.bobby.run("download", old["link"], self.folder, code=1), "error")[0]["code"], "GONE")
        for one in (young, used):
            to = os.path.join(self.folder, "copy")
            self.alice.run("download", one["link"], to)
            os.unlink(to)
        # When he has got it, it lasts as long again, and no longer.
        self.bobby.run("listen", "--once", "--timeout", "60")
        self.until(lambda: next(one["files"]["waiting"] for one in self.use() if isinstance(one.get("files"), dict)) == 0,
                   "what has arrived waits no more")
        self.at.stop()
        self.assertEqual(self.change("UPDATE media SET touched = touched - ? WHERE state = 1 AND touched < 1 << 60", 2 * DAY), 2)
        self.at.start()
        self.bobby.run("download", "alice", os.path.join(self.folder, "letter"))
        self.at.stop()
        self.assertEqual(self.change("UPDATE media SET touched = touched - ? WHERE state = 1 AND touched < 1 << 60", 2 * DAY), 2)
        self.at.start()
        self.until(lambda: self.kept() == everything // 4, "all but what a channel uses")
        self.bobby.run("download", "alice", os.path.join(self.folder, "again"), code=1)

    def test_F74_a_channel_forgets_what_is_older_than_it_keeps_and_the_disk_is_free(self):
        canary = "a canary in an old message"
        self.alice.run("hub", "create", "gardeners")
        for channel in ("general", "archive"):
            self.alice.run("channel", "create", "gardeners", channel)
            link = self.upload(f"in {channel}", 4 * MIB)["link"]
            self.alice.run("post", f"gardeners/{channel}", f"Look: {link}")
            self.alice.run("post", f"gardeners/{channel}", f"{canary} of {channel} " + "x" * 50_000)
        half = self.kept() // 2
        self.assertEqual(self.hub_use()["messages"], 4)
        bytes_before = self.hub_use()["bytes"]
        self.alice.run("channel", "edit", "gardeners/general", "--retention", "7", "--yes")
        self.at.stop()
        self.assertEqual(self.change("UPDATE post SET time = time - ?", 8 * DAY), 4)
        self.at.start()
        self.alice.run("post", "gardeners/general", "a young one")
        texts = lambda channel: [one["text"] for one in of(self.alice.run("history", f"gardeners/{channel}"), "post")]
        self.until(lambda: texts("general") == ["a young one"], "it does not forget")
        self.assertEqual(len(texts("archive")), 2, "a channel that keeps everything")
        self.assertEqual(len(of(self.alice.run("search", "gardeners", "canary"), "post")), 1)
        self.until(lambda: self.kept() == half, "the file of the message that went is freed")
        now = self.hub_use()
        self.assertEqual(now["messages"], 3)
        self.assertLess(now["bytes"], bytes_before - 49_000)
        self.at.stop()
        self.assertEqual(self.found(canary), [])

    def test_F16_a_text_between_two_disappears_from_both_their_homes(self):
        secret = "the code of the gate is 4711"
        before = of(self.alice.run("send", "bobby", "this one stays"), "message")[0]
        sent = of(self.alice.run("send", "bobby", secret, "--expires", "10s"), "message")[0]
        self.assertIn("expires", sent)
        got = {}
        deadline = time.monotonic() + PATIENCE
        while len(got) < 2:
            self.assertLess(time.monotonic(), deadline)
            for one in of(self.bobby.run("listen", "--once", "--timeout", "5", code=None), "message"):
                got[one["guid"]] = one
        self.assertEqual((got[sent["guid"]]["text"], got[sent["guid"]]["expires"]), (secret, sent["expires"]))
        self.assertNotIn("expires", got[before["guid"]])
        texts = lambda person, other: [one["text"] for one in of(person.run("history", other), "message")]
        for person, other in ((self.alice, "bobby"), (self.bobby, "alice")):
            self.until(lambda person=person, other=other: texts(person, other) == ["this one stays"], "it does not disappear")
            self.assertEqual([path for path in pathlib.Path(person.home).rglob("*")
                              if path.is_file() and secret.encode() in path.read_bytes()], [])
        # Whoever comes too late does not see it at all.
        self.alice.run("send", "bobby", secret, "--expires", "1s")
        last = of(self.alice.run("send", "bobby", "did you see it?"), "message")[0]
        self.until(lambda: secret not in texts(self.alice, "bobby"), "it does not disappear")
        heard = []
        self.until(lambda: heard.extend(of(self.bobby.run("listen", "--once", "--timeout", "5", code=None), "message"))
                   or any(one["guid"] == last["guid"] for one in heard), "nothing comes")
        self.assertNotIn(secret, [one.get("text") for one in heard])
        self.assertEqual(texts(self.bobby, "alice"), ["this one stays", "did you see it?"])
        self.bobby.run("send", "alice", secret, "--expires", "1s", "--card", "alice", code=2)


if __name__ == "__main__":
    harness.main()
