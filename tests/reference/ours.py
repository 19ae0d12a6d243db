"""Our own programs among those of the reference: dimd with its gateway, and dim."""
import base64
import json
import os
import signal
import subprocess
import time

from contents import lost
from harness import CRASHED, HERE, SECONDS, Failed, Program, free_port, free_port_base, shortened, wait_for_port

BIN = os.environ.get("DIM_BIN") or os.path.join(HERE, "../../build/release/bin")


class OurStation(Program):
    """dimd, with its own ports on [::1] and the gateway on 127.0.0.1."""

    seconds_to_end = 60

    def __init__(self, test, *arguments, old=None):
        """old: the root of a reference station's database, to be imported first."""
        self.data = os.path.join(test.folder, "dimd")
        self.host, self.port = "127.0.0.1", free_port()
        self.base = free_port_base()
        self.arguments = arguments
        self.test = test
        os.makedirs(self.data, mode=0o700, exist_ok=True)
        with open(os.path.join(self.data, "dimd.toml"), "w", encoding="utf-8") as config:
            config.write('[log]\nlevel = "debug"\n')  # why it cuts a connection
        self.imported = json.loads(self.dimd("import", "--from-dimples", old, "--json")) if old else None
        self.start()
        self.id = json.loads(self.dimd("id", "--json"))["id"]

    def start(self):
        with open(os.path.join(self.test.folder, "dimd.out"), "ab") as out:
            super().__init__(self.test, "dimd", [
                os.path.join(BIN, "dimd"), "run", "--data", self.data, "--listen", "::1", "--port-base", str(self.base), "--allow-root",
                "--dimchat", f"{self.host}:{self.port}", *self.arguments], stdin=subprocess.DEVNULL, stdout=out)
        wait_for_port(self, self.port)

    def stop(self):
        super().stop()
        if self.process.returncode not in (0, -signal.SIGKILL):
            CRASHED.append(f"dimd ended with {self.process.returncode}\n{self.words()}")

    def restart(self, how=signal.SIGTERM):
        """Ends it (SIGKILL: without a warning) and starts it again on the same folder and ports."""
        self.process.send_signal(how)
        self.process.wait(self.seconds_to_end)
        self.test.programs.remove(self)
        self.start()

    def dimd(self, verb, *arguments):
        done = subprocess.run([os.path.join(BIN, "dimd"), verb, "--data", self.data, *arguments],
                              capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise Failed(f"dimd {verb}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def link(self):
        return json.loads(self.dimd("invite", "--host", "::1", "--port-base", str(self.base), "--json"))["link"]


class OurClient:
    """A home of dim. Verbs are programs of their own; listening goes on between them until it is stopped."""

    def __init__(self, test, name):
        self.name = "dim-" + name
        self.home = os.path.join(test.folder, "home-" + name)
        self.said = []  # every object of every verb
        test.programs.append(self)

    def run(self, *arguments, code=0, timeout=60):
        done = subprocess.run([os.path.join(BIN, "dim"), "--home", self.home, "--json", *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        objects = [json.loads(line) for line in done.stdout.splitlines()]
        self.said += [{"verb": list(arguments)}, *objects]
        if done.returncode < 0:
            CRASHED.append(f"dim {arguments}: ended by signal {-done.returncode}\n{done.stderr}")
        if code is not None and done.returncode != code:
            raise Failed(f"dim {arguments}: {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}")
        return objects

    def says(self, *arguments):
        """What a person reads."""
        return subprocess.run([os.path.join(BIN, "dim"), "--home", self.home, *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=True).stdout

    def join(self, link, name):
        self.id = self.run("join", link, "--name", name)[0]["id"]

    def add_device(self, test, name):
        """A further home of this person: two lines go between the homes, no private key."""
        new = OurClient(test, self.name.removeprefix("dim-") + "-" + name)
        new.id = self.id
        process = subprocess.Popen([os.path.join(BIN, "dim"), "--home", new.home, "--json", "device", "join", name],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            request = json.loads(process.stdout.readline())
            grant = [one for one in self.run("device", "add", request["request"], "--yes") if one["event"] == "device_grant"][0]
            out, _ = process.communicate(grant["grant"] + "\n", timeout=60)
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            raise Failed(f"dim device join: {process.returncode}: {out}")
        return new

    def send(self, who, text):
        return [one for one in self.run("send", who, text) if one["event"] == "message"][0]

    def listen(self, wanted, what, seconds=None):
        """Listens until a message comes for which wanted(object) holds; gives that one."""
        deadline = time.monotonic() + (seconds or SECONDS)
        while time.monotonic() < deadline:
            for one in self.run("listen", "--once", "--timeout", "2", code=None):
                if one["event"] == "message" and one["direction"] == "in" and wanted(one):
                    return one
        raise Failed(f"{self.name} waited in vain for {what}")

    def got_text(self, text, sender):
        return self.listen(lambda one: one["text"] == text and one["peer"] == sender, f"the text {text!r}")

    def gets_all(self, sent, sender):
        """Listens until each of these contents has come, whole and in any order; sent: by their numbers. What is in files is
        saved and compared; its output for programs leaves out bytes and keys."""
        left, deadline = dict(sent), time.monotonic() + SECONDS
        while left:
            if time.monotonic() > deadline:
                raise Failed(f"{self.name} waited in vain for {left}")
            for one in self.run("listen", "--timeout", "1", code=None):
                if one["event"] != "message" or one["direction"] != "in" or one["peer"] != sender:
                    continue
                sn = one["content"]["sn"] if "content" in one else next(
                    (sn for sn, content in left.items() if content.get("text") == one["text"]), None)
                content = left.pop(sn, None)
                if content is not None and "content" in one:
                    hidden = ("data", "thumbnail", "snapshot", "icon", "key")
                    shown = {key: value for key, value in content.items() if key not in hidden}
                    if lost(shown, one["content"]) or "data" in content and content["data"] != self.saved(sender, one["guid"]):
                        raise Failed(f"{self.name} did not get all of {content}, but {one['content']}")

    def saved(self, sender, guid):
        """The file in a message, as base64."""
        path = os.path.join(self.home, "saved-" + guid)
        self.run("save", sender, path, "--message", guid[-8:])
        with open(path, "rb") as file:
            return base64.b64encode(file.read()).decode()

    def has(self, who, text):
        """Waits until the text stands in the history, though another device may have read it."""
        deadline = time.monotonic() + SECONDS
        while not any(one.get("text") == text for one in self.run("history", who, code=None)):
            if time.monotonic() > deadline:
                raise Failed(f"{self.name} does not get the text {text!r}")
            self.run("listen", "--once", "--timeout", "1", code=None)

    def save(self, who, path):
        return [one for one in self.run("save", who, path) if one["event"] == "saved"][0]

    def reaches(self, who, text, state):
        """Waits until the last message with this text has got so far."""
        order = ["queued", "sent", "delivered", "read"]
        deadline = time.monotonic() + SECONDS
        while order.index(self.state(who, text)) < order.index(state):
            if time.monotonic() > deadline:
                raise Failed(f"{self.name}: {text!r} is {self.state(who, text)}, not {state}")
            self.run("listen", "--timeout", "1", code=None)

    def state(self, who, text):
        """How far the last message with this text got."""
        return [one["state"] for one in self.run("history", who) if one.get("text") == text][-1]

    def stop(self):
        pass

    def words(self):
        return f"---- {self.name}\n" + "\n".join(json.dumps(shortened(one)) for one in self.said[-40:])
