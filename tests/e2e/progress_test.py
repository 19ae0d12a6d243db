"""F44: what a person sees of a large file under way, in a terminal: how much, how fast, how long still; and Ctrl-C."""
import hashlib
import os
import re

import harness
from harness import of
from tui_test import Terminal

MIB = 1024 * 1024


class Progress(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station()
        self.person_, self.count = self.person("alice", self.at.link()), 0
        # One connection, so that the test decides how far it gets.
        self.sluice = harness.Sluice(self.at.base)
        self.addCleanup(self.sluice.close)
        self.person_.run("join", self.at.link("--port", str(self.sluice.base), "--one-port"), "--name", "alice")
        self.path = os.path.join(self.folder, "film.mkv")
        with open(self.path, "wb") as file:
            for _ in range(48):
                file.write(os.urandom(MIB))

    def terminal(self, *words):
        self.count += 1
        terminal = Terminal(self.folder, str(self.count), self.person_.command(*words, as_json=False), columns=100)
        self.addCleanup(terminal.close)
        return terminal

    def percent(self, shown, verb):
        """The bar's number, with its speed and the time that is left; None while it is not there."""
        found = re.search(verb + r" film\.mkv +(\d+)%  [\d.]+ [KM]iB of 48[\d.]* MiB  [\d.]+ [KM]iB/s  \d+:\d\d(:\d\d)? left", shown)
        return int(found[1]) if found else None

    def watch(self, terminal, verb, up):
        """Opens the sluice step by step until the bar has gone on twice."""
        seen = []
        while len(seen) < 2:
            before = seen[-1] if seen else -1
            self.sluice.let(up, 4 * MIB)
            # Where no room is left nothing moves: the next step may take another opening.
            shown = terminal.until(lambda text: self.percent(text, verb) is not None and self.percent(text, verb) > before
                                   or self.sluice.room[up] <= 0)
            now = self.percent(shown, verb)
            if now is not None and now > before:
                seen.append(now)
        return seen

    def stop(self, terminal):
        terminal.key("C-c")
        text = terminal.sees(re.compile(r"Stopped at \d+%\. The same command goes on from there\."))
        self.assertEqual(terminal.code(), 130)
        before, after = terminal.settings()
        self.assertEqual(before, after, "the terminal is as it was")
        return int(re.search(r"Stopped at (\d+)%", text)[1])

    def test_F44_the_bar_has_speed_and_time_and_is_cancelled_and_gone_on_with(self):
        link = None
        for verb, up in (("Sending", True), ("Receiving", False)):
            to = os.path.join(self.folder, "copy")
            words = ("upload", self.path) if up else ("download", link, to)
            self.sluice.let(up, MIB)  # the log-in, and the first pieces
            terminal = self.terminal(*words)
            seen = self.watch(terminal, verb, up)
            at = self.stop(terminal)
            self.assertGreaterEqual(at, seen[-1])
            self.assertLess(at, 100)
            self.assertFalse(os.path.exists(to), "half a file has no name")
            self.sluice.let(up, None)
            terminal = self.terminal(*words)
            terminal.sees(f"Going on with an earlier {words[0]} of film.mkv", re.compile(verb + r" film\.mkv +100%"))
            self.assertEqual(terminal.code(), 0)
            if up:
                guid = of(self.person_.run("upload", "--list"), "uploaded")[0]["guid"]
                link = re.sub(r"\s", "", re.search(r"dim:object:[^$]*?name=film\.mkv;", terminal.text().replace("\n", ""))[0])
                self.assertIn(guid, link)
        digests = []
        for path in (self.path, to):
            with open(path, "rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
        self.assertEqual(digests[0], digests[1])
        # Whoever reads it by a program is spared the bar.
        self.assertNotIn("%", self.person_.start("upload", self.path).communicate(timeout=120)[1])


if __name__ == "__main__":
    harness.main()
