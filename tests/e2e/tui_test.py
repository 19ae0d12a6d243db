"""The full-screen chat as people use it: in a terminal (tmux is one), two homes, one station, real TLS."""
import os
import re
import shlex
import signal
import subprocess
import time

import harness
from harness import of

PATIENCE = 60 * harness.SLOWER


class Terminal:
    """A terminal of its own that runs one command; what it shows is read as text."""

    def __init__(self, folder, name, command, rows=24, columns=80, environment=None):
        self.name = name
        self.folder = folder
        self.socket = os.path.join(folder, "tmux-" + name)
        self.raw = os.path.join(folder, "raw-" + name)
        done = os.path.join(folder, "done-" + name)
        before, after = (os.path.join(folder, f"stty-{when}-{name}") for when in ("before", "after"))
        self.done, self.before, self.after = done, before, after
        script = os.path.join(folder, "run-" + name)
        variables = {"TZ": "UTC", "LC_ALL": "C.UTF-8", **(environment or {})}
        with open(script, "w", encoding="utf-8") as file:
            file.write("".join(f"export {key}={shlex.quote(value)}\n" for key, value in variables.items()))
            file.write(f"echo the shell before\nstty -a > {shlex.quote(before)}\n")
            file.write("read go\n")  # until everything that comes out is written down
            file.write("trap : INT\n")  # Ctrl-C is the command's
            file.write(f"{shlex.join(command)}\ncode=$?\n")
            file.write(f"stty -a > {shlex.quote(after)}\necho $code > {shlex.quote(done)}.part\n")
            file.write(f"mv {shlex.quote(done)}.part {shlex.quote(done)}\nread never\n")
        self.tmux("new-session", "-d", "-s", "t", "-x", str(columns), "-y", str(rows), f"sh {shlex.quote(script)}")
        self.tmux("pipe-pane", "-t", "t", f"cat > {shlex.quote(self.raw)}")
        self.until(lambda text: "the shell before" in text)
        self.key("Enter")

    def tmux(self, *arguments, check=True):
        done = subprocess.run(["tmux", "-S", self.socket, "-f", "/dev/null", "-u", *arguments],
                              capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                              env={key: value for key, value in os.environ.items() if key != "TMUX"})
        if check and done.returncode != 0:
            raise AssertionError(f"tmux {arguments}: {done.stderr}")
        return done.stdout

    def text(self):
        return self.tmux("capture-pane", "-p", "-t", "t")

    def until(self, true):
        """What is shown when `true` holds for it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            text = self.text()
            if true(text):
                return text
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} waited in vain; it shows\n{text}")
            time.sleep(0.05)

    def sees(self, *wanted):
        """What is shown when all of these are; a pattern is a regular expression."""
        return self.until(lambda text: all(
            one.search(text) if isinstance(one, re.Pattern) else one in text for one in wanted))

    def misses(self, unwanted):
        return self.until(lambda text: unwanted not in text)

    def type(self, text):
        self.tmux("send-keys", "-t", "t", "-l", text)

    def key(self, *keys):
        self.tmux("send-keys", "-t", "t", *keys)

    def say(self, text):
        self.type(text)
        self.sees(text[-30:])  # all of it is there before it is sent
        self.key("Enter")

    def paste(self, text):
        self.tmux("set-buffer", "--", text)
        self.tmux("paste-buffer", "-p", "-t", "t")

    def resize(self, columns, rows):
        self.tmux("resize-window", "-t", "t", "-x", str(columns), "-y", str(rows))

    def show(self, format):
        return self.tmux("display-message", "-p", "-t", "t", format).rstrip("\n")

    def pid(self):
        """Of the program itself."""
        shell = self.show("#{pane_pid}")
        with open(f"/proc/{shell}/task/{shell}/children", encoding="utf-8") as file:
            return int(file.read().split()[0])

    def code(self):
        """The exit code, when it has ended."""
        deadline = time.monotonic() + PATIENCE
        while not os.path.exists(self.done):
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} did not end; it shows\n{self.text()}")
            time.sleep(0.05)
        with open(self.done, encoding="utf-8") as file:
            return int(file.read())

    def settings(self):
        """Of the terminal: before and after."""
        out = []
        for path in (self.before, self.after):
            with open(path, encoding="utf-8") as file:
                out.append(file.read())
        return out

    def bytes(self):
        with open(self.raw, "rb") as file:
            return file.read()

    def close(self):
        self.tmux("kill-server", check=False)


class Tui(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station()
        self.count = 0

    def people(self, *names):
        return [self.person(name, self.at.link()) for name in names]

    def friends(self):
        """Alice and Bobby, who have written to each other."""
        alice, bobby = self.people("alice", "bobby")
        alice.run("send", "bobby", "hello bobby")
        bobby.run("listen", "--once", "--timeout", "60")
        bobby.run("send", "alice", "hello alice")
        alice.run("listen", "--once", "--timeout", "60")
        return alice, bobby

    def gardeners(self, *people):
        """The first one's hub with two channels, the others in it."""
        people[0].run("hub", "create", "gardeners")
        people[0].run("channel", "create", "gardeners", "general", "--topic", "everything")
        people[0].run("channel", "create", "gardeners", "roses")
        link = of(people[0].run("hub", "invite", "gardeners"), "invite")[0]["link"]
        for one in people[1:]:
            one.run("hub", "join", link)

    def tui(self, person, *arguments, connects=True, **options):
        self.count += 1
        command = person.command("tui", *arguments, as_json=False)
        terminal = Terminal(self.folder, f"{person.name}-{self.count}", command, **options)
        self.addCleanup(terminal.close)
        if connects:
            terminal.sees("connected to [::1]")
        return terminal

    def history(self, person, who):
        return [one["text"] for one in of(person.run("history", who), "message")]

    def unread(self, person, channel):
        return {one.get("channel_name"): one["unread"] for one in of(person.run("unread"), "unread")}[channel]

    def test_F88_F09_F10_F13_F17_F24_two_people_talk_and_see_what_became_of_each_message(self):
        alice, bobby = self.friends()
        hers, his = self.tui(alice, environment={"TERM": "screen-256color"}), self.tui(bobby, environment={"TERM": "screen"})
        hers.sees("bobby: hello alice", "you: hello bobby", re.compile(r"secure(?!,)"), re.compile(r"People +│ bobby"))
        his.sees("alice")
        hers.type("Lunch? 你好 🙂 e\u0301")
        his.sees("alice is typing")
        hers.key("Enter")
        his.sees(re.compile(r"\d\d:\d\d alice: Lunch\? 你好 🙂 e\u0301"))
        his.misses("is typing")
        hers.sees(re.compile(r"you: Lunch\? 你好 🙂 e\u0301  ✓✓ read"))
        his.say("At one.")
        hers.sees("bobby: At one.")
        # An answer, by the command and by its beginning; // writes one slash.
        his.say("/reply At one, by the river.")
        hers.sees("bobby: ↳ answers “Lunch? 你好 🙂 e\u0301”", "At one, by the river.")
        his.say("/join nobody_there")
        his.sees("nobody has registered that name")
        his.say("/nothing")
        his.sees("there is no command /nothing")
        his.key("C-c")
        his.say("//etc is a folder")
        hers.sees("bobby: /etc is a folder")
        self.assertEqual(self.history(alice, "bobby")[2:], ["Lunch? 你好 🙂 e\u0301", "At one.", "At one, by the river.", "/etc is a folder"])
        # F17: found in what was said with him.
        hers.say("/search RIVER")
        hers.sees("Found: RIVER", "bobby: At one, by the river.")
        hers.key("Escape")
        hers.misses("Found:")
        # F13: answered with a symbol, and that taken back.
        hers.say("/react 🌹")
        his.sees(re.compile(r"you: /etc is a folder.*🌹"))
        his.say("/react 👀 #" + of(bobby.run("history", "alice"), "message")[-1]["guid"][-6:])
        hers.sees(re.compile(r"bobby: /etc is a folder.*🌹.*👀"))
        hers.say("/react 🌹")
        his.sees(re.compile(r"you: /etc is a folder.*👀"))
        his.misses("🌹")
        # Pinned for both, and taken away by the other; F24: a thread about it.
        folder = of(bobby.run("history", "alice"), "message")[-1]["guid"]
        hers.say("/pin")
        his.sees(re.compile(r"you: /etc is a folder.*\[pinned\]"))
        his.say("/pins")
        his.sees("Pinned", re.compile(r"you → alice: /etc is a folder"))
        his.key("Escape")
        his.misses("→ alice")
        his.say("/pin #" + folder[-6:])
        hers.misses("[pinned]")
        alice.run("send", "bobby", "of settings", "--thread", folder)
        his.sees("1 in its thread", "thread: “/etc is a folder”")
        his.say("/reply which ones?")
        hers.sees("2 in its thread", "which ones?")
        # F46: a picture, in a terminal that has its colours and in one that has not.
        picture = os.path.join(self.folder, "a.png")
        with open(picture, "wb") as file:
            file.write(harness.png(8, 4))
        his.say("/send " + picture)
        self.assertEqual("with a preview" in his.until(lambda text: "picture a.png" in text), harness.seccomp_works())
        if harness.seccomp_works():
            hers.sees("bobby: [picture a.png, 8x4, with a preview", re.compile("▀{8}"))
            self.assertNotIn("▀", his.text())
            # One's own too, and what became of it stands there all the same.
            hers.say("/send " + picture)
            hers.sees(re.compile(r"you: \[picture a.png, 8x4, with a preview[^\n]*\n[^▀]*✓✓ read[^▀]*▀{8}"))

    def test_F88_F18_what_waits_elsewhere_is_counted_and_read_only_when_it_is_looked_at(self):
        alice, bobby, carol = self.people("alice", "bobby", "carol")
        alice.run("send", "carol", "hello carol")
        hers = self.tui(alice, "bobby", "--mouse")
        hers.sees("bobby", "Nothing has been said here yet.")
        carol.run("send", "alice", "first")
        carol.run("send", "alice", "second")
        hers.sees(re.compile(r"  carol[^\n]* 2│"))
        self.assertEqual(of(alice.run("status"), "status")[0]["unread"], 2, "nothing of it was seen")
        hers.key("M-a")
        hers.sees("─ new ─", re.compile("first.*second", re.S))
        hers.until(lambda text: not re.search(r"  carol[^\n]* \d│", text))
        self.assertEqual(of(alice.run("status"), "status")[0]["unread"], 0)
        carol.run("listen", "--timeout", "3", code=None)
        states = {one["text"]: one["state"] for one in of(carol.run("history", "alice"), "message") if one["direction"] == "out"}
        self.assertEqual(states, {"first": "read", "second": "read"})
        hers.key("C-p")
        hers.sees("Nothing has been said here yet.")
        hers.key("M-Down")
        hers.sees("second")
        hers.type("/join bo")
        hers.key("Tab")
        hers.sees("> /join bobby\n")
        hers.key("Enter")
        hers.sees("Nothing has been said here yet.")
        # What comes while one is in another window is not seen, as far as the terminal tells.
        hers.type("\x1b[O")
        bobby.run("send", "alice", "are you there?")
        hers.sees("bobby: are you there?", "─ new ─", re.compile(r"  bobby[^\n]* 1│"))
        self.assertEqual(of(alice.run("status"), "status")[0]["unread"], 1)
        hers.type("\x1b[I")
        hers.until(lambda text: not re.search(r"  bobby[^\n]* \d│", text))
        hers.type("\x1b[<0;5;3M\x1b[<0;5;3m")  # a click on the third row: carol
        hers.sees("second")

    def test_F88_F13_F18_F20_channels_of_hubs_are_read_and_written(self):
        alice, bobby = self.people("alice", "bobby")
        self.gardeners(alice, bobby)
        bobby.run("post", "gardeners/roses", "Red ones")
        asked = of(bobby.run("post", "gardeners/roses", "Which do you like, alice?"), "post")[0]
        hers = self.tui(alice, "gardeners/general", columns=120)
        hers.sees("gardeners/general · public hub: the station can read this · everything", re.compile(r"# roses[^\n]* 2│"))
        self.assertEqual(self.unread(alice, "roses"), 2)
        hers.key("M-a")
        hers.sees("─ new ─", re.compile(r"~bobby \([^)]*\): Red ones"), "Which do you like, alice?")
        deadline = time.monotonic() + PATIENCE
        while self.unread(alice, "roses") > 0:
            self.assertLess(time.monotonic(), deadline, "what was seen counts as read everywhere")
        # Live, and only counted while something else is looked at.
        bobby.run("post", "gardeners/general", "a word in general")
        hers.sees(re.compile(r"# general[^\n]* 1│"))
        hers.say("White ones.")
        hers.sees("you: White ones.  ✓")
        texts = [one["text"] for one in of(bobby.run("history", "gardeners/roses"), "post")]
        self.assertEqual(texts, ["Red ones", "Which do you like, alice?", "White ones."])
        hers.say("/react 🌹 #" + asked["guid"][-6:])
        hers.sees("Which do you like, alice?  🌹")
        bobby.run("edit", "gardeners/roses", asked["guid"], "Which do you like best?")
        hers.sees("Which do you like best?  [edited]  🌹")
        hers.say("/reply Yellow too")
        hers.sees("answers ~bobby")
        posts = of(bobby.run("history", "gardeners/roses"), "post")
        self.assertEqual((posts[-1]["text"], posts[-1]["reply_to"]), ("Yellow too", asked["guid"]))
        # Before something is gone it says what happens, and asks.
        hers.key("C-Up")
        hers.sees(re.compile(r"Yellow too +✓ +#"))
        hers.say("/remove")
        hers.sees("REMOVE takes your message back", "[y/N]")
        hers.key("n")
        hers.sees("Nothing was done.")
        hers.key("C-Up")
        hers.say("/remove")
        hers.sees("[y/N]")
        hers.key("y")
        hers.sees("[removed]")
        self.assertEqual(of(bobby.run("history", "gardeners/roses"), "post")[-1]["state"], "removed")
        hers.say("/dim hub members gardeners")
        hers.sees("/dim hub members gardeners", "Esc closes", alice.id(), bobby.id())
        hers.key("Escape")
        hers.misses("Esc closes")  # a key right behind it would be one with Alt
        hers.say("/search white")
        hers.sees("Found: white", "White ones.")
        hers.key("Escape")
        hers.sees("[removed]")

    def test_F88_F43_F44_F46_files_are_posted_seen_and_saved_in_a_channel(self):
        alice, bobby = self.people("alice", "bobby")
        self.gardeners(alice, bobby)
        picture, film = (os.path.join(self.folder, name) for name in ("a.png", "film.mkv"))
        with open(picture, "wb") as file:
            file.write(harness.png(8, 4))
        with open(film, "wb") as file:
            file.write(os.urandom(24 << 20))
        # One connection, so that the test decides how far a file gets.
        sluice = harness.Sluice(self.at.base)
        self.addCleanup(sluice.close)
        alice.run("join", self.at.link("--port", str(sluice.base), "--one-port"), "--name", "alice")
        hers = self.tui(alice, "gardeners/general", columns=120, environment={"TERM": "screen-256color"})
        his = self.tui(bobby, "gardeners/general", columns=120, environment={"TERM": "screen-256color"})
        his.sees("gardeners/general · public hub")
        hers.say("/send " + picture)
        his.until(lambda text: "[picture a.png, " in text)
        if harness.seccomp_works():  # fetched by itself, and drawn
            for one in (hers, his):
                one.sees("[picture a.png, 8x4, with a preview, ", re.compile("▀{8}"))
        folder = os.path.join(self.folder, "saved")
        os.mkdir(folder)
        his.say("/save " + folder)
        his.sees("saved: ")
        with open(os.path.join(folder, "a.png"), "rb") as saved, open(picture, "rb") as file:
            self.assertEqual(saved.read(), file.read())
        # What takes longer says how far it is, and can be stopped and gone on with.
        sluice.let(True, 4 << 20)
        hers.say("/send " + film)
        hers.sees(re.compile(r"Sending film.mkv +\d+%.*Ctrl-C stops"))
        hers.key("C-c")
        hers.sees(re.compile(r"Stopped at \d+%. The same command goes on from there"))
        sluice.let(True, None)
        hers.say("/send " + film)
        hers.sees("you: [film film.mkv, 24.0 MiB]")
        his.sees(": [film film.mkv, 24.0 MiB]")
        hers.key("C-q")
        self.assertEqual(hers.code(), 0)
        his.key("C-q")
        self.assertEqual(his.code(), 0)

    def test_F88_F46_nobody_spoils_the_preview_of_another(self):
        if not harness.seccomp_works():
            return
        alice, bobby = self.people("alice", "bobby")
        self.gardeners(alice, bobby)
        picture = os.path.join(self.folder, "a.png")
        with open(picture, "wb") as file:
            file.write(harness.png(8, 4))
        sent = of(alice.run("post", "gardeners/general", "--file", picture), "post")[0]["files"][0]
        small = next(one for one in of(alice.run("upload", "--list"), "uploaded") if one["name"].endswith(".preview.jpg"))
        # The same object, with what does not open it; newer, so that it is looked at first.
        station, nothing = alice.run("id")[0]["station"], "A" * 43
        forged = (f"dim:object:{small['guid']}?type=media;station={station};size={small['bytes'] + 16};sha256={nothing};"
                  f"key={nothing};mime=image/jpeg;preview-of={sent['guid']};")
        bobby.run("post", "gardeners/general", sent["link"] + "mime=image/png;\n" + forged)
        his = self.tui(bobby, "gardeners/general", columns=120, environment={"TERM": "screen-256color"})
        his.sees(re.compile(r"alice[^\n]*: \[picture a.png, 8x4, with a preview[^▀]*▀{8}"))

    def test_F88_older_pages_of_a_channel_are_read_at_the_top(self):
        alice, bobby = self.people("alice", "bobby")
        self.gardeners(alice, bobby)
        writer = bobby.start("chat", "gardeners/general")
        writer.communicate("".join(f"number {i}\n" for i in range(1, 121)), timeout=PATIENCE)
        hers = self.tui(alice, "gardeners/general", rows=30)
        hers.sees("number 120")
        deadline = time.monotonic() + PATIENCE
        while "number 1\n" not in hers.text():
            self.assertLess(time.monotonic(), deadline, "the oldest message is never reached")
            hers.key("PageUp")
        hers.key("End")
        hers.sees("number 120")

    def test_F88_C11_nothing_that_others_send_drives_the_terminal(self):
        alice, bobby = self.friends()
        hers = self.tui(alice)
        hers.sees("hello alice")
        title = hers.show("#{pane_title}")
        evil = ["\x1b]2;taken over\x07", "\x1b[2J\x1b[1;1Hgone", "\x9b31mred", "a\u202eesrever", "z\u200bw",
                "one\n16:53 carol: I am carol", "x" + "\u0301" * 200, "\x0e\x0fgraphics", "\r\x08\x08over"]
        for text in evil:
            bobby.run("send", "alice", text)
        hers.sees("\\u{1B}]2;taken over\\u{7}", "\\u{1B}[2J\\u{1B}[1;1Hgone", "\\u{9B}31mred", "a\\u{202E}esrever",
                  "z\\u{200B}w", "\\u{E}\\u{F}graphics", "\\u{D}\\u{8}\\u{8}over", "hello alice")
        # A further line begins where no message does.
        hers.sees(re.compile(r"│      │ 16:53 carol: I am carol"))
        self.assertEqual(hers.show("#{pane_title}"), title)
        raw = hers.bytes()
        for piece in (b"\x1b]2;", "\u202e".encode(), "\u200b".encode(), b"\xc2\x9b", b"\x0e\x0fgraphics", "\u0301".encode() * 5):
            self.assertNotIn(piece, raw)

    def test_F88_C11_what_is_pasted_is_not_sent_by_its_line_ends(self):
        alice, bobby = self.friends()
        hers = self.tui(alice)
        hers.paste("first line\nsecond line\n\x1b[Athird line\n")
        hers.sees("> first line\n  second line\n  [Athird line")
        self.assertEqual(len(self.history(alice, "bobby")), 2)
        # A terminal that does not say what was pasted.
        hers.key("C-c", "C-c")
        hers.until(lambda text: text.rstrip().endswith(">"))
        hers.type("rm -rf\rls\r")
        hers.sees("> rm -rf\n  ls")
        self.assertEqual(len(self.history(alice, "bobby")), 2)
        hers.key("BSpace", "F1")
        hers.sees("KEYS")
        hers.key("Escape")  # alone it is a key only when nothing follows for a moment: the paste is over
        hers.misses("KEYS")
        hers.key("Enter")
        hers.sees(re.compile(r"you: rm -rf\n.*│ +│ ls +✓"))
        self.assertEqual(self.history(alice, "bobby")[-1], "rm -rf\nls")

    def test_F88_every_size_is_drawn_while_it_changes(self):
        alice, bobby = self.friends()
        hers = self.tui(alice, rows=24, columns=80)
        hers.sees("People", "bobby: hello alice")
        hers.resize(40, 10)
        text = hers.misses("People")
        hers.sees("bobby: hello alice")
        self.assertEqual(len(text.splitlines()), 10)
        hers.resize(200, 60)
        hers.sees("People", "bobby: hello alice", "F1 help")
        hers.resize(20, 3)
        hers.sees(">")
        hers.resize(80, 24)
        hers.sees("People", "bobby: hello alice", "F1 help")
        hers.key("F1")
        hers.sees("KEYS", "Alt-Enter")
        hers.key("Escape")
        hers.sees("bobby: hello alice")

    def test_F88_F65_offline_is_told_and_what_is_written_then_goes_out_once(self):
        alice, bobby = self.friends()
        hers = self.tui(alice)
        self.at.kill()
        hers.sees("OFFLINE · ")
        hers.say("written while it was away")
        hers.sees("you: written while it was away  waits", "1 not sent yet")
        self.at.start()
        hers.sees("you: written while it was away  ✓", "connected to")
        bobby.run("listen", "--once", "--timeout", "60")
        self.assertEqual(self.history(bobby, "alice").count("written while it was away"), 1)
        hers.sees("written while it was away  ✓✓")

    def test_F88_drafts_stand_where_they_were_when_it_begins_again(self):
        alice, bobby = self.friends()
        hers = self.tui(alice)
        hers.sees("bobby: hello alice")
        hers.type("Dear Bobby, I was going to")
        hers.sees("Dear Bobby, I was going to")
        hers.key("C-q")
        self.assertEqual(hers.code(), 0)
        self.assertEqual(of(alice.run("draft", "bobby"), "draft")[0]["text"], "Dear Bobby, I was going to")
        again = self.tui(alice)
        again.sees("Dear Bobby, I was going to")
        again.say(" write")
        again.sees("you: Dear Bobby, I was going to write")
        again.key("C-q")
        self.assertEqual(again.code(), 0)
        self.assertEqual(of(alice.run("draft"), "draft"), [])

    def test_F88_the_terminal_is_as_it_was_whatever_ended_it(self):
        alice, bobby = self.friends()
        for way in ("C-q", "/quit", signal.SIGTERM, signal.SIGHUP):
            hers = self.tui(alice, environment={"NO_COLOR": "1"})
            hers.sees("hello alice")
            self.assertEqual(hers.show("#{alternate_on}"), "1")
            if isinstance(way, int):
                os.kill(hers.pid(), way)
            elif way == "/quit":
                hers.say(way)
            else:
                hers.key(way)
            self.assertEqual(hers.code(), 0, way)
            before, after = hers.settings()
            self.assertEqual(before, after, way)
            hers.sees("the shell before")
            self.assertEqual((hers.show("#{alternate_on}"), hers.show("#{cursor_flag}")), ("0", "1"))
            deadline = time.monotonic() + PATIENCE
            while b"\x1b[?2004l" not in hers.bytes():  # what came last is still being written down
                self.assertLess(time.monotonic(), deadline, "bracketed paste is switched off again")
                time.sleep(0.05)
            raw = hers.bytes()
            self.assertIsNone(re.search(rb"\x1b\[[0-9;]*[34][0-9][;m]", raw), "NO_COLOR is respected")

    def test_F88_another_station_in_the_place_of_ones_own_ends_it(self):
        alice = self.people("alice")[0]
        self.at.stop()
        os.rename(self.at.data, self.at.data + "-before")
        self.at.start()
        hers = self.tui(alice, connects=False)
        self.assertEqual(hers.code(), 5)
        hers.sees("the shell before", "dim: ")
        before, after = hers.settings()
        self.assertEqual(before, after)

    def test_F88_without_a_terminal_it_says_what_works_without(self):
        alice = self.people("alice")[0]
        done = subprocess.run(alice.command("tui", as_json=False), capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 2)
        self.assertIn("dim chat", done.stderr)
        self.assertEqual(of(alice.run("tui", code=2), "error")[0]["code"], "E_USAGE")


if __name__ == "__main__":
    harness.main()
