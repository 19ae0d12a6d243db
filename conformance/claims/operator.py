"""What needs a hand of the station's operator: --ban, --register, --crash, --stop. These run at the end, one by one."""
import re
import subprocess
import time
import uuid

import registry
from claims.messages import push_is
from peer.connection import Closed, Late, TlsRefused
from peer.login import Challenge
from peer.packets import CODES
from suite import Skipped, claim, expect, expect_closed, expect_code, expect_silence


def operator(scene, name, *arguments):
    command = scene.plan.operator.get(name)
    if not command:
        raise Skipped(f"needs --{name}")
    done = subprocess.run(command + "".join(f" '{argument}'" for argument in arguments), shell=True, capture_output=True,
                          text=True, timeout=120, check=False)
    if done.returncode:
        raise Skipped(f"--{name} ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    return done.stdout


@claim("S11", "responses.md 8", "a ban closes what is open with 403, and refuses the log-in behind it", last=True)
def s11(scene):
    if "ban" not in scene.plan.operator:
        raise Skipped("needs --ban")
    alice, other = scene.person(), scene.person()
    operator(scene, "ban", alice.account.id)
    got = alice.control.until_closed()
    expect(any(packet.code == 403 for packet in got), f"{', '.join(map(str, got)) or 'nothing'} came, and no 403")
    expect(any(packet.get("state") == "banned" for packet in got), "no notice of the session")
    alice.text.until_closed()
    challenge = Challenge(scene.connect(), alice.account.id, scene.id)
    challenge.lane.send("CONNECT", fields={"author": alice.account.id, "target": scene.id})
    challenge = Challenge(scene.connect(), alice.account.id, scene.id)
    expect_code(challenge.answer(alice.account.key), 403, "a log-in of somebody banned")
    challenge.lane.until_closed()
    expect(other.control.ping(), "somebody else was cut off too")


@claim("H20", "connect.md 10", "by invitation somebody new needs a code, which works once; who is known needs none", last=True)
def h20(scene):
    known = scene.person(text=False).account
    printed = operator(scene, "register", "invite")
    try:
        code = re.search(r"\bdim:station:\S*[?;]code=([A-Za-z0-9_-]{1,64})(?![^;\s])", printed)
        expect(code, "--register invite prints no link with a code", "uris.md 2")

        def proof(account, **fields):
            challenge = Challenge(scene.connect(), account.id, scene.id)
            return challenge.answer(account.key, account.shown(), **fields)

        with scene.case("who is known"):
            expect_code(proof(known), 200)
        new, other = scene.account(), scene.account()
        right = {"invite-code": code[1]}
        with scene.case("without a code"):
            expect_code(proof(new), 403)
        with scene.case("another code"):
            expect_code(proof(new, **{"invite-code": code[1][::-1]}), 403)
        with scene.case("a proof that is none, with the code"):
            challenge = Challenge(scene.connect(), other.id, scene.id)
            expect_code(challenge.answer(new.key, other.shown(), **right), 402)
        with scene.case("the code"):
            expect_code(proof(new, **right), 200)
        with scene.case("the same person without it"):
            expect_code(proof(new), 200)
        with scene.case("somebody else with the code, once more"):
            expect_code(proof(other, **right), 403)
    finally:
        operator(scene, "register", "open")
    expect_code(proof(other), 200, "a station that takes everybody again")


@claim("O08", "operations.md 2", "what was acknowledged is there after a crash, once, in order; sessions resume", last=True)
def o08(scene):
    if "crash" not in scene.plan.operator:
        raise Skipped("needs --crash")
    alice, bob = scene.person(), scene.person(after=None)
    sent = []
    for _ in range(20):
        content, guid = scene.letter(alice, bob), uuid.uuid4().hex
        expect_code(scene.write(alice, bob, content, guid, "receipt"), 202)
        sent.append((content, guid))
    operator(scene, "crash")
    back = after_restart(scene, alice)
    again = scene.person(bob.account)
    for number, (content, guid) in enumerate(sent, 1):
        push_is(again.text.next_push(), alice, again, content, guid, number)
    expect_code(scene.write(back, bob, *sent[-1], "receipt"), (201, 202), "a repetition")
    expect_silence(again.text, "something came twice")


def after_restart(scene, session):
    """The session, resumed at the station that has started again (connect.md section 5)."""
    deadline = time.monotonic() + 60
    while True:
        try:
            lane = scene.connect()
            break
        except (ConnectionError, TlsRefused, Late, Closed):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    welcome = expect_code(lane.ask("CONNECT", fields=session.resume_fields()), 200, "resuming after a restart", "connect.md 5")
    session.control = lane
    session.take(welcome)
    session.open_text(0)
    return session


@claim("K01", "responses.md 6", "a station that stops says 503 without reply, and closes", last=True)
def k01(scene):
    if "stop" not in scene.plan.operator:
        raise Skipped("needs --stop")
    alice = scene.person()
    operator(scene, "stop")
    for lane in (alice.control, alice.text):
        got = expect_closed(lane, 503)
        expect("reply" not in got[-1].header, "503 with a reply")


@claim("K03", "uris.md 1", "an object's URI of more than 2 KiB gets 412, one of 2 KiB is read")
def k03(scene):
    alice = scene.person(after=None)
    begin = f"dim:object:{uuid.uuid4().hex}?x="
    for size, code in ((2048, 404), (2049, 412), (4000, 412)):
        with scene.case(f"{size} bytes"):
            target = begin + "a" * (size - len(begin))
            expect_code(alice.text.ask("GET", fields={"type": "channel", "target": target}), code)


@claim("K02", "responses.md 3", "every code that can be provoked was seen", last=True)
def k02(scene):
    if not scene.plan.whole:
        raise Skipped("needs a run of all claims")
    missing = [f"{code} {CODES[code]}" for code in scene.plan.unseen() if not scene.plan.excuse(code)]
    expect(not missing, f"{', '.join(missing)} never came")


def something(scene):
    """Has a claim that looks at a whole run look at a ping when it is alone."""
    if not scene.plan.done:
        scene.person(after=None).control.ping()


@claim("K04", "registry.md 2", "no key came in a push or an answer that the registry does not have there", last=True)
def k04(scene):
    known = registry.keys()
    something(scene)
    for (way, key), example in sorted(scene.plan.keys.items()):
        if way not in known.get(key, "") and key != "content":
            with scene.case(f"{key} in {'an answer' if way == 'A' else 'a push'}"):
                expect(False, f"the registry has it in {known.get(key) or 'nothing'}, and {example} came")


@claim("K05", "registry.md 1", "no request was done with another code than the table has for it", last=True)
def k05(scene):
    table = registry.done()
    something(scene)
    for (asked, code), example in sorted(scene.plan.done.items(), key=str):
        operation, kind = asked
        with scene.case(f"{operation} {kind or ''}".strip()):
            expect(code in table.get(asked, ()), f"the table has {sorted(table.get(asked, ()))}, and {example} came")
