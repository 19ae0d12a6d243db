"""What a ban ends, and that it comes before everything that waits: files, sound, texts; by name and by address."""
import os
import signal
import time
import uuid

import harness
from crowd import WITHOUT_QUOTAS, Crowd, Reading, Writer, ask
from harness import of

MIB = 1024 * 1024


class Bans(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station()

    def gather(self, *names):
        """People in the hub of the first one, which has one channel."""
        people = [self.person(name, self.at.link()) for name in names]
        people[0].run("hub", "create", "gardeners")
        people[0].run("channel", "create", "gardeners", "general")
        self.let_in(*people)
        return people

    def let_in(self, owner, *others):
        link = of(owner.run("hub", "invite", "gardeners"), "invite")[0]["link"]
        for one in others:
            one.run("hub", "join", link)

    def file(self, name, size):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            for _ in range(size // MIB):
                file.write(os.urandom(MIB))
        return path

    def parts(self):
        """What half a download has left so far."""
        return [name for name in os.listdir(self.folder) if name.startswith(".dim-")]

    def half(self, person, link, to):
        """A download that has some of the file, and stands still."""
        down = person.start("download", link, to)
        self.addCleanup(lambda: (down.kill(), down.communicate()))
        deadline = time.monotonic() + 60 * harness.SLOWER
        while not any(os.path.getsize(os.path.join(self.folder, name)) > 4 * MIB for name in self.parts()):
            self.assertIsNone(down.poll(), "it has ended before")
            self.assertLess(time.monotonic(), deadline, "nothing comes")
            time.sleep(0.002)
        down.send_signal(signal.SIGSTOP)
        return down

    def test_F70_F69_F43_a_download_ends_with_a_ban_or_a_kick_and_cannot_be_begun_again(self):
        alice, bobby, carol = self.gather("alice", "bobby", "carol")
        path = self.file("film.mkv", 192 * MIB)
        link = of(alice.run("upload", path, timeout=300), "uploaded")[0]["link"]
        post = of(alice.run("post", "gardeners/general", f"Look: {link}"), "post")[0]
        to = os.path.join(self.folder, "copy")
        for verb in ("ban", "kick"):
            with self.subTest(verb):
                down = self.half(bobby, link, to)
                alice.run(verb, "gardeners", "bobby")
                down.send_signal(signal.SIGCONT)
                out, errors = down.communicate(timeout=60 * harness.SLOWER)
                said = of([harness.checked(line, "download") for line in out.splitlines()], "error")
                self.assertEqual((down.returncode, said[0]["code"]), (1, "NOT_FOUND"), out + errors)
                self.assertFalse(os.path.exists(to))
                self.assertEqual(self.parts(), [], "half of it stays in the clear")
                again = of(bobby.run("download", link, to, code=1), "error")[0]
                self.assertEqual(again["code"], "NOT_FOUND")
                self.assertNotIn("film", str(again), "it is told no more than of what is not there")
                if verb == "ban":
                    alice.run("ban", "gardeners", "bobby", "--lift")
                    self.let_in(alice, bobby)
        carol.run("download", link, to, timeout=300)
        self.assertEqual(os.path.getsize(to), 192 * MIB)
        os.unlink(to)
        # What was sent to him, and what is his, is his; and who is let in again reads again.
        sent = of(carol.run("upload", self.file("letter", MIB), "--to", "bobby"), "message")[0]
        self.assertEqual(sent["state"], "sent")
        bobby.run("listen", "--once", "--timeout", "20")
        bobby.run("download", "carol", to)
        os.unlink(to)
        self.let_in(alice, bobby)
        bobby.run("download", link, to, timeout=300)
        self.assertEqual(os.path.getsize(to), 192 * MIB)
        os.unlink(to)
        # A channel that one does not read is as a hub that one is not in.
        alice.run("channel", "create", "gardeners", "press", "--kind", "private")
        below = of(alice.run("upload", self.file("below", MIB)), "uploaded")[0]["link"]
        alice.run("post", "gardeners/press", below)
        bobby.run("download", below, to, code=1)
        alice.run("post", "gardeners/general", below)
        bobby.run("download", below, to)
        # With the last message that shows it a file is gone for all.
        alice.run("delete", "gardeners/general", post["guid"], "--yes")
        self.assertEqual(of(carol.run("download", link, os.path.join(self.folder, "late"), code=1), "error")[0]["code"], "GONE")

    def test_N9_F70_a_ban_overtakes_what_is_queued_and_nothing_of_the_banned_comes_behind_it(self):
        self.at.stop()
        with open(os.path.join(self.at.data, "dimd.toml"), "w", encoding="utf-8") as config:
            config.write(WITHOUT_QUOTAS)
        self.at.start()
        crowd = Crowd(self.at)
        self.addCleanup(crowd.close)
        # Bob writes, listens with another program of his, and fetches files; seven others write all the while.
        bob, others = crowd.member(), [crowd.member() for _ in range(7)]
        ear, reader = Reading(crowd.person(bob.account, after=0).text), Reading(crowd.member(after=0).text)
        files = Reading(crowd.lane(bob))
        his = Writer(bob.text, crowd.channel, 2000)
        theirs = [Writer(one.text, crowd.channel, 1000) for one in others]
        his.reading.until(lambda one: len(one.codes) >= 20)
        answer, begun, answered = crowd.ban(bob)
        waiting = [len(one.guids) - len(one.reading.codes) for one in (his, *theirs)]
        mark = ask(crowd.alice, "CREATE", "message", crowd.channel, b"mark", guid=uuid.uuid4().hex)
        self.assertEqual((answer.code, mark.code), (201, 201))
        for one in (his.reading, ear, files):
            one.until(lambda reading: reading.closed)
        for one in theirs:
            one.reading.until(lambda _, one=one: one.done())
        self.assertEqual([one.taken() for one in theirs], [1000] * 7, "it costs nobody else anything")
        # What was queued was long: his own, and that of the others, which the ban did not wait for.
        self.assertGreater(waiting[0], 500)
        self.assertGreater(sum(waiting[1:]), 2000)
        # Every text that a reader has got, by its cursor: nothing of his stands behind what was written after the answer.
        last = int(mark["cursor"])
        reader.until(lambda one: len({push.get("guid") for push in one.pushes} & {guid for other in theirs for guid in other.guids}) == 7000)
        mine = set(his.guids)
        got = [int(push["cursor"]) for push in reader.pushes if push.get("guid") in mine]
        self.assertGreaterEqual(len(got), his.taken())
        self.assertLess(max(got), last, "something of his was accepted behind the ban")
        self.assertLess(len(got), 2000)
        heard = [int(push["cursor"]) for push in ear.pushes if push.get("cursor")]
        self.assertGreater(len(heard), 0)
        self.assertLess(max(heard), last, "something was delivered to him behind the ban")
        self.assertEqual(int(answer["streams"]), 3, "8801 twice and 8802")
        closed = max(one.closed for one in (his.reading, ear, files)) - begun
        print(f"took {answer['took']} ms at the station; answered after {1000 * (answered - begun):.0f} ms, "
              f"all connections of the banned closed after {1000 * closed:.0f} ms, {sum(waiting)} posts waiting", flush=True)
        self.assertLessEqual(int(answer["took"]), 1000 * (answered - begun) + 1, "the answer says how long it took")


if __name__ == "__main__":
    harness.main()
