#!/usr/bin/env python3
"""The operator of a station under test: starts it, and does what check.py asks with --ban, --register, --crash and --stop.

usage: keeper.py ban|register|crash|stop FOLDER [ID|WORD]     FOLDER is a Keeper's
"""
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
import harness  # noqa: E402


class Keeper:
    """A station whose state is in a folder, so that another process can go on with it."""

    def __init__(self, folder, program="dimd", environment=None):
        self.folder, state = Path(folder), Path(folder) / "keeper.json"
        if not state.exists():
            state.write_text(json.dumps({"program": program, "base": harness.free_port_base(),
                                         "environment": environment or {}}))
        known = json.loads(state.read_text())
        self.program, self.base, self.environment = known["program"], known["base"], known["environment"]

    @property
    def web(self):
        return self.base + 10  # which harness.free_port_base has found free too

    @property
    def data(self):
        return str(self.folder / "station")

    def start(self):
        """Starts it and waits until it listens. It is nobody's child, so that whoever kills it need not reap it."""
        command = [os.path.join(harness.BIN, self.program), "run", "--data", self.data, "--listen", "::1",
                   "--port-base", str(self.base), "--web", f"[::1]:{self.web}", "--allow-root"]
        script = 'nohup "$@" >>"$0/log" 2>&1 </dev/null & echo $! >"$0/pid"'
        subprocess.run(["sh", "-c", script, str(self.folder), *command], check=True, timeout=30,
                       env={**os.environ, **self.environment})
        deadline = time.monotonic() + 60
        while not harness.listens(self.base) or not harness.listens(self.base + 1):
            if not self.alive() or time.monotonic() > deadline:
                raise AssertionError(f"{self.program} does not listen: {self.log()[-2000:]}")
            time.sleep(0.05)
        return self

    def pid(self):
        return int((self.folder / "pid").read_text())

    def alive(self):
        """Whether the process, or a thread of it, which keeps its ports and its lock, is still there."""
        process = Path(f"/proc/{self.pid()}")
        try:
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            return state != "Z" or len(list((process / "task").iterdir())) > 1
        except (FileNotFoundError, ProcessLookupError):
            return False

    def send(self, number):
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid(), number)

    def end(self, number=signal.SIGKILL):
        """Ends it with a signal, and waits for that."""
        self.send(number)
        deadline = time.monotonic() + 30
        while self.alive():
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.program} did not end within 30 s of signal {number}")
            time.sleep(0.02)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def link(self):
        done = subprocess.run([os.path.join(harness.BIN, self.program), "invite", "--data", self.data, "--host", "::1",
                               "--json"], capture_output=True, text=True, timeout=60, check=True)
        link = json.loads(done.stdout.splitlines()[0])["link"]
        return link if f"port={self.base};" in link else link.replace("port=8800", f"port={self.base}")

    # --- what check.py asks of an operator

    def crash(self, _=None):
        self.end()
        self.start()

    def stop(self, _=None):
        self.send(signal.SIGTERM)

    def admin(self, *arguments):
        done = subprocess.run([os.path.join(harness.BIN, self.program), "admin", *arguments, "--data", self.data, "--json"],
                              capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)

    def register(self, how):
        self.admin("registration", "set", how)
        if how == "invite":
            print(self.admin("invite", "--host", "::1")["link"])

    def ban(self, user):
        (Path(self.data) / "dimd.toml").write_text(f'[security]\nbans = ["{user}"]\n')
        self.send(signal.SIGHUP)


if __name__ == "__main__":
    getattr(Keeper(sys.argv[2]), sys.argv[1])(*sys.argv[3:])
