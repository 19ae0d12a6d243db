"""The commands of README.md, docs/user.md and docs/operator.md, run as they stand there."""
import os
import re
import subprocess
import time
import unittest

import harness
from harness import BIN, of

ROOT = os.path.join(os.path.dirname(__file__), "../..")


def page(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def blocks(name, info):
    """The fenced blocks of a page that begin with ```info."""
    return re.findall(rf"^```{info}\n(.*?)^```$", page(name), re.M | re.S)


def conversation(block):
    """[(command, lines it prints)] of a console block: `$ command`, then its output."""
    out = []
    for line in block.splitlines():
        if line.startswith("$ "):
            out.append((line[2:], []))
        elif line.strip():
            out[-1][1].append(line)
    return out


def pattern_of(line):
    """A printed line with what differs from run to run left open; "…" at the end of a block is "and so on"."""
    text = re.escape(line.rstrip())
    text = re.sub(r"0x[0-9A-Fa-f]{6}…", r"0x[0-9A-Fa-f]{6}…", text)
    text = re.sub(r"0x[0-9A-Fa-f]{40}", r"0x[0-9A-Fa-f]{40}", text)
    text = re.sub(r"Group\\-\d+@\w+", r"Group-\\d+@\\w+", text)
    text = re.sub(r"(hub|private)\\-[0-9a-f]{12}@\w+", r"\1-[0-9a-f]{12}@\\w+", text)
    text = re.sub(r"[0-9a-f]{32}", r"[0-9a-f]{32}", text)
    text = re.sub(r"\\#[0-9a-f]{6}", r"#[0-9a-f]{6}", text)
    text = re.sub(r"\(\w{8}…\\\)", r"(\\w{8}…\\)", text)
    text = re.sub(r"\d\d:\d\d\\ ", r"\\d\\d:\\d\\d\\ ", text)
    return re.sub(r"(?<![0-9a-f])[0-9a-f]{4}(\\ [0-9a-f]{4}){3}", r"[0-9a-f]{4}( [0-9a-f]{4}){3}", text)


class Guides(harness.EndToEnd):
    def shell(self, command, **more):
        environment = dict(os.environ, PATH=os.path.abspath(BIN) + ":" + os.environ["PATH"],
                           DIM_HOME=os.path.join(self.folder, "default-home"), HOME=self.folder)
        return subprocess.run(["bash", "-c", command], cwd=self.folder, env=environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, **more)

    def play(self, name):
        station = self.station()
        played = 0
        for block in blocks(name, "console"):
            for command, printed in conversation(block):
                done = self.shell(re.sub(r"'dim:station:[^']*'", lambda _: f"'{station.link()}'", command))
                self.assertEqual(done.returncode, 0, f"{name}: {command}\n{done.stdout}{done.stderr}")
                got = done.stdout.splitlines()
                for line in printed:
                    if line.strip() == "…":
                        break
                    self.assertTrue(got, f"{name}: {command} does not print: {line}")
                    self.assertRegex(got.pop(0).rstrip(), "^" + pattern_of(line) + "$", command)
                played += 1
        self.assertGreater(played, 0, name)

    def test_the_conversation_of_the_readme_goes_as_it_stands_there(self):
        self.play("README.md")

    def test_the_commands_of_the_user_guide_work(self):
        self.play("docs/user.md")

    def test_the_table_of_verbs_names_every_verb_with_its_arguments(self):
        rows = re.findall(r"^\| `dim (\w+)", page("docs/user.md"), re.M)
        self.assertEqual(set(rows), set(harness.verbs_of("dim")))

    def test_the_bot_of_the_user_guide_answers(self):
        station = self.station()
        alice = self.person("alice", station.link())
        script = next(block for block in blocks("docs/user.md", "sh") if "listen" in block)
        join = self.shell(f"dim join '{station.link()}' --name robot")
        self.assertEqual(join.returncode, 0, join.stderr)
        environment = dict(os.environ, PATH=os.path.abspath(BIN) + ":" + os.environ["PATH"],
                           DIM_HOME=os.path.join(self.folder, "default-home"))
        bot = subprocess.Popen(["bash", "-c", script], env=environment, stdin=subprocess.DEVNULL, start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            alice.run("send", "robot", "ping")
            got = of(alice.run("listen", "--once", "--timeout", "20"), "message")
            self.assertEqual([message["text"] for message in got], ["pong"])
        finally:
            os.killpg(bot.pid, 9)
            bot.wait()

    def test_every_default_of_the_operators_table_is_a_valid_configuration(self):
        rows = re.findall(r"^\| `(\w+)\.(\w+)` \| `([^`]*)` \|", page("docs/operator.md"), re.M)
        self.assertGreater(len(rows), 20)
        sections = {}
        for section, key, value in rows:
            sections.setdefault(section, []).append(f"{key} = {value}")
        path = os.path.join(self.folder, "dimd.toml")
        with open(path, "w") as file:
            for section, lines in sections.items():
                file.write(f"[{section}]\n" + "\n".join(lines) + "\n")
        station = self.station("--config", path)
        station.process.send_signal(1)  # SIGHUP: read again
        time.sleep(0.3)
        self.assertIsNone(station.process.poll())
        self.assertEqual(station.stop(), 0)
        self.assertNotRegex(station.log_text(), r"(?i)\berror\b")

    def test_help_says_the_program_s_name_and_every_key_of_the_configuration(self):
        help_of = {program: subprocess.run([os.path.join(BIN, program), "--help"], capture_output=True, text=True,
                                           timeout=30).stdout for program in ("dim", "dimd")}
        for program, text in help_of.items():
            self.assertIn(f"Usage: {program} ", text)
            self.assertNotIn(BIN, text)
        for _, key, _ in re.findall(r"^\| `(\w+)\.(\w+)` \| `([^`]*)` \|", page("docs/operator.md"), re.M):
            self.assertRegex(help_of["dimd"], rf"(?m)^    {key} = ")
        neighbour = next(one for one in blocks("docs/operator.md", "toml") if "[[neighbour]]" in one)
        self.assertIn("[[neighbour]]", help_of["dimd"])
        for key in re.findall(r"^(?:# )?(\w+) = ", neighbour, re.M):
            self.assertRegex(help_of["dimd"].partition("[[neighbour]]")[2], rf"(?m)^    {key} = ")

    def test_the_unit_of_the_operators_guide_starts_dimd_with_options_that_exist(self):
        unit = blocks("docs/operator.md", "ini")[0]
        command = re.search(r"^ExecStart=\S*/dimd (\w+) (.*)$", unit, re.M)
        help_text = subprocess.run([os.path.join(BIN, "dimd"), command.group(1), "--help"], capture_output=True,
                                   text=True, timeout=30).stdout
        for option in re.findall(r"--[a-z-]+", command.group(2)):
            self.assertIn(option, help_text)


class ExitCodes(unittest.TestCase):
    def codes(self, file, source):
        with open(os.path.join(ROOT, source), encoding="utf-8") as text:
            enum = re.search(r"enum class Exit[^{]*\{(.*?)\};", text.read(), re.S).group(1)
        values, value = set(), -1
        for _, given in re.findall(r"^\s*(\w+)(?: = (\d+))?,", enum, re.M):
            value = int(given) if given else value + 1
            values.add(value)
        rows = page(file).split("## Exit codes")[1]
        self.assertEqual({int(code) for code in re.findall(r"^\| (\d+) \|", rows, re.M)}, values, file)

    def test_every_exit_code_is_in_the_tables(self):
        self.codes("docs/cli-json.md", "cli/output.h")
        self.codes("docs/operator.md", "server/exit_codes.h")


if __name__ == "__main__":
    harness.main()
