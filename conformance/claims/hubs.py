"""hubs.md: a public hub is founded, joined, written in, and deleted."""
import json
import secrets
import uuid

from peer.identity import btc_address, sign
from peer.packets import b64
from suite import claim, expect, expect_code


def ask(person, operation, kind, target, body=None, **fields):
    content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return person.text.ask(operation, content, {"type": kind, "target": target, **fields})


def found(person):
    """The ID of a new hub of that person (identity.md section 4: a group of type MKM, by the founder's key)."""
    seed = "conf-" + secrets.token_hex(4)
    mark = sign(person.account.key, seed.encode())
    hub = seed + "@" + btc_address(mark, 1)
    meta = {"type": "1", "key": person.account.meta["key"], "seed": seed, "fingerprint": b64(mark)}
    expect_code(ask(person, "CREATE", "hub", hub, {"name": "Gardeners", "meta": meta}), 201, "a new hub")
    return hub


def make(person, kind, hub, body):
    guid = uuid.uuid4().hex
    answer = expect_code(ask(person, "CREATE", kind, hub, body, guid=guid), 201, f"a new {kind}")
    expect(answer.get("guid") == guid, f"guid is {answer.get('guid')}")
    return guid


def join(owner, person, hub):
    invite = make(owner, "invite", hub, {"uses": 1})
    expect_code(ask(person, "CREATE", "member", hub, {"invite": invite}), 201, "joining with an invite")
    return invite


@claim("B01", "hubs.md 7", "who is in a hub reads and writes its channels; who is not finds nothing there")
def b01(scene):
    alice, bob, carol = scene.person(after=None), scene.person(after=None), scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    expect_code(ask(bob, "GET", "message", channel), 404, "a channel of a hub that one is not in")
    invite = join(alice, bob, hub)
    expect_code(ask(carol, "CREATE", "member", hub, {"invite": invite}), 410, "an invite that is used up", "hubs.md 4")
    guid = uuid.uuid4().hex
    answer = expect_code(ask(bob, "CREATE", "message", channel, "Grüße".encode(), guid=guid), 201)
    expect(answer.get("cursor") == "1", f"the first cursor is {answer.get('cursor')}")
    alice.text.pushes = []
    expect_code(ask(alice, "GET", "message", channel), 200)
    expect([(push.get("guid"), push.content) for push in alice.text.pushes] == [(guid, "Grüße".encode())], "other messages came")
    expect_code(ask(carol, "CREATE", "message", channel, b"x", guid=uuid.uuid4().hex), 404, "who is no member")


@claim("P37", "hubs.md 4", "EDIT with an old revision gets 407, without the right 403")
def p37(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    join(alice, bob, hub)
    guid = uuid.uuid4().hex
    expect_code(ask(alice, "CREATE", "message", channel, b"one", guid=guid), 201)
    expect_code(ask(alice, "EDIT", "message", guid, b"two", revision="1"), 200)
    expect_code(ask(alice, "EDIT", "message", guid, b"three", revision="1"), 407, "an old revision", "hubs.md 2")
    expect_code(ask(bob, "EDIT", "message", guid, b"four"), 403, "another's message")
    expect_code(ask(bob, "EDIT", "hub", hub, {"name": "Mine"}), 403, "another's hub")


@claim("P30", "hubs.md 4", "a target that nobody knows gets 404, a deleted one 410")
def p30(scene):
    alice = scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    expect_code(ask(alice, "GET", "channel", uuid.uuid4().hex), 404, "an unknown GUID")
    expect_code(ask(alice, "DELETE", "channel", channel), 204)
    expect_code(ask(alice, "EDIT", "channel", channel, {"name": "again"}), 410, "a deleted channel")
    expect_code(ask(alice, "DELETE", "hub", hub), 204)
    expect_code(ask(alice, "GET", "hub", hub), 410, "a deleted hub")
