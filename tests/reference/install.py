#!/usr/bin/env python3
"""Installs the dimchat reference, each generation in its own virtual environment under build/reference.

    tests/reference/install.py            installs what is missing; nothing to do when a stamp says so
    tests/reference/install.py --check    only says whether both are there (exit code 0 or 1)

The packages come unmodified from Python's registry, as requirements-*.txt names them. This is the only place of the
tree that asks the network for anything but Debian packages, and only ./dev test runs it.
"""
import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
GENERATIONS = ("2025", "2026")
TRIES = 3


def folder(generation):
    base = os.environ.get("DIM_REFERENCE") or os.path.join(ROOT, "build", "reference")
    return os.path.join(base, generation)


def python(generation):
    return os.path.join(folder(generation), "bin", "python")


def requirements(generation):
    return os.path.join(HERE, f"requirements-{generation}.txt")


def wanted(generation):
    """What a finished environment says of itself: the packages asked for, and the interpreter."""
    with open(requirements(generation), "rb") as file:
        return hashlib.sha256(file.read() + sys.version.encode()).hexdigest()


def installed(generation):
    try:
        with open(os.path.join(folder(generation), "stamp"), encoding="ascii") as file:
            return file.read().strip() == wanted(generation) and os.path.exists(python(generation))
    except OSError:
        return False


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def install(generation):
    """None, or what went wrong."""
    shutil.rmtree(folder(generation), ignore_errors=True)
    code, output = run(sys.executable, "-m", "venv", folder(generation))
    if code != 0:
        return "no virtual environment (is python3-venv installed?): " + output
    for attempt in range(TRIES):
        code, output = run(python(generation), "-m", "pip", "install", "--quiet", "--no-input",
                           "--disable-pip-version-check", "-r", requirements(generation))
        if code == 0:
            break
    else:
        return f"Python's registry did not give the packages ({TRIES} tries): " + output[-1500:]
    code, output = run(python(generation), "-c", "import dimples.client, dimples.station.shared")
    if code != 0:
        return "the packages do not import: " + output[-1500:]
    with open(os.path.join(folder(generation), "stamp"), "w", encoding="ascii") as file:
        file.write(wanted(generation) + "\n")
    return None


def main():
    missing = [generation for generation in GENERATIONS if not installed(generation)]
    if "--check" in sys.argv[1:]:
        for generation in missing:
            print(f"the reference of {generation} is not installed")
        return 1 if missing else 0
    for generation in missing:
        print(f"installing the reference of {generation} ...", flush=True)
        wrong = install(generation)
        if wrong:
            print(f"The dimchat reference of {generation} could not be installed, so that nothing is known about "
                  f"interoperability.\n{wrong}\n./dev test --without-reference leaves these tests out.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
