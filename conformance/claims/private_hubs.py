"""hubs.md 10: what a station does for a private hub, of which it can read nothing."""
import hashlib
import json
import secrets
import time
import uuid

from claims.channels import push_of
from claims.hubs import ask, found, join, make, read
from peer.identity import btc_address, lp, sign
from peer.packets import b64
from suite import claim, expect, expect_code

OF_ROSTER = ("roster",)


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


def signed_input(change):
    people = [part for key in ("add", "remove") for part in (str(len(change[key])), *change[key])]
    rules = change.get("history", [])
    history = [str(len(rules)), *(part for one in rules for part in (str(one["channel"]), str(one["show"])))] if rules else []
    fields = ("DIM/2023 membership", change["hub"], str(change["epoch"]), change.get("prev", ""), change["time"], *people, *history)
    return b"".join(lp(field.encode()) for field in fields)


def membership(founder, hub, before=None, add=(), remove=(), meta=None, epoch=None, history=()):
    """The next change of who belongs to it, behind `before`."""
    change = {"hub": hub, "epoch": epoch or (before["epoch"] + 1 if before else 1), "add": list(add), "remove": list(remove),
              "time": now()}
    if history:
        change["history"] = list(history)
    if before:
        change["prev"] = b64(hashlib.sha256(signed_input(before)).digest())
    if meta:
        change["meta"] = meta
    return {**change, "signature": b64(sign(founder.account.key, signed_input(change)))}


def private_hub(person, **body):
    """ID, first membership, and the answer."""
    seed = "private-" + secrets.token_hex(6)
    mark = sign(person.account.key, seed.encode())
    hub = seed + "@" + btc_address(mark, 1)
    meta = {"type": "1", "key": person.account.meta["key"], "seed": seed, "fingerprint": b64(mark)}
    first = membership(person, hub, add=[person.account.id], meta=meta)
    whole = {"name": "Cellar", "meta": meta, "kind": "private", "roster": first, **body}
    return hub, first, ask(person, "CREATE", "hub", hub, {key: value for key, value in whole.items() if value is not None})


def listed(answer):
    return json.loads(answer.content)["list"]


@claim("B28", "hubs.md 10", "a private hub has the kind that its ID says, and the memberships that were signed: each follows the last, is told and shown to members as it came, what new members may read with them, and no other comes from anybody but the owner")
def b28(scene):
    alice, bob, carol = scene.person(after=None), scene.person(), scene.person(after=None)
    with scene.case("founded otherwise"):
        expect_code(private_hub(alice, kind="public")[2], 401, "a kind that is not the ID's", "hubs.md 2")
        expect_code(private_hub(alice, roster=None)[2], 401, "without a membership")
    hub, first, answer = private_hub(alice)
    expect_code(answer, 201, "a private hub")
    shown = listed(expect_code(ask(alice, "GET", "hub", hub), 200))[0]
    expect((shown.get("kind"), shown.get("epoch")) == ("private", 1), f"the hub is shown as {shown}", "hubs.md 2")
    join(alice, bob, hub)
    expect(listed(expect_code(ask(bob, "GET", "roster", hub), 200)) == [first], "the first membership is shown otherwise")
    second = membership(alice, hub, first, add=[bob.account.id])
    bob.text.pushes = []
    expect_code(ask(bob, "CREATE", "roster", hub, second), 403, "a membership by who is not the owner", "hubs.md 4")
    expect_code(ask(alice, "CREATE", "roster", hub, {**second, "note": "not signed"}), 201)
    told = push_of(bob, OF_ROSTER, "to a member")
    expect(json.loads(told.content) == second, "a member is told something else than was signed")
    with scene.case("what does not follow"):
        expect_code(ask(alice, "CREATE", "roster", hub, membership(alice, hub, second, remove=[bob.account.id], epoch=4)), 407,
                    "an epoch that leaves one out")
        expect_code(ask(alice, "CREATE", "roster", hub, membership(alice, hub, first, remove=[bob.account.id])), 407,
                    "another one of an epoch that is there")
        expect_code(ask(alice, "CREATE", "roster", hub, {**second, "epoch": 3, "add": []}), 401, "one that changes nobody")
        expect_code(ask(alice, "CREATE", "roster", hub, second), 201, "the same once more")
    answer = expect_code(ask(bob, "GET", "roster", hub, after="1"), 200)
    expect(listed(answer) == [second], "behind the first is something else")
    expect(listed(expect_code(ask(bob, "GET", "roster", hub), 200)) == [first, second], "all of them are something else")
    rule = {"channel": uuid.uuid4().hex, "show": "30d"}
    with scene.case("rules for new members that are none"):
        for rules in ([rule, rule], [{**rule, "show": "0d"}], [{**rule, "show": 30}], [{"channel": "den", "show": "all"}]):
            expect_code(ask(alice, "CREATE", "roster", hub, membership(alice, hub, second, history=rules)), 401, f"history {rules}")
    third = membership(alice, hub, second, history=[rule])
    expect_code(ask(alice, "CREATE", "roster", hub, third), 201, "what new members may read")
    expect(listed(expect_code(ask(bob, "GET", "roster", hub, after="2"), 200)) == [third], "it is shown otherwise than it was signed")
    expect_code(ask(carol, "GET", "roster", hub), 404, "who is no member", "hubs.md 4")
    expect_code(ask(alice, "EDIT", "owner", hub, member=bob.account.id), 405, "handing it over")


@claim("B29", "hubs.md 10", "in a private hub the station takes sealed messages of their author alone, and keeps and shows them, whom they mention, and what they answer as they came; it searches and reports none")
def b29(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    hub, first, answer = private_hub(alice)
    expect_code(answer, 201, "a private hub")
    channel = make(alice, "channel", hub, {"name": "den"})
    join(alice, bob, hub)
    expect_code(ask(alice, "CREATE", "roster", hub, membership(alice, hub, first, add=[bob.account.id])), 201)

    def sealed(author, to=hub, **members):
        return json.dumps({**json.loads(scene.letter(author, to)), **members}).encode()

    def write(content, **fields):
        guid = uuid.uuid4().hex
        return guid, ask(bob, "CREATE", "message", channel, content, guid=guid, **fields)
    for content, what in ((b"in the clear", "plain text"), (b"{}", "no message"), (sealed(alice), "a message of somebody else"),
                          (sealed(bob, to=found(bob)), "a message to another hub"), (sealed(bob, keys={}), "one without keys")):
        with scene.case(what):
            expect_code(write(content)[1], 401, what)
    right = sealed(bob)
    guid, answer = write(right, mentions=f"[{alice.account.id}]")
    expect_code(answer, 201, "a sealed message")
    reply, answer = write(sealed(bob), **{"reply-to": guid})
    expect_code(answer, 201, "an answer")
    texts, _ = read(alice, channel)
    expect(texts[-1].encode() == right, "it is shown otherwise than it came")
    pushes = [push for push in alice.text.pushes if push.get("type") == "message"]
    got = [(push.get("guid"), push.get("mentions") or "", push.get("reply-to") or "") for push in pushes]
    expect([(got[0][0], got[0][2]), got[1][0]] == [(reply, guid), guid] and got[1][1].strip("[]") == alice.account.id,
           f"they are shown as {got}")
    expect_code(ask(bob, "EDIT", "message", guid, b"in the clear"), 401, "an edit in the clear")
    expect_code(ask(bob, "EDIT", "message", guid, sealed(bob)), 200, "a sealed edit")
    mark = expect_code(ask(alice, "GET", "mark", channel), 200)
    expect((mark.get("unread"), mark.get("mentions")) == ("2", "1"), f"unread and mentions are {mark.get('unread')}, {mark.get('mentions')}")
    expect_code(ask(alice, "GET", "message", channel, search="roses"), 405, "searching")
    expect_code(ask(alice, "CREATE", "report", guid, b"why"), 405, "a report")
    with scene.case("in a public hub"):
        public = found(bob)
        general = make(bob, "channel", public, {"name": "general"})
        expect_code(ask(bob, "CREATE", "message", general, sealed(bob, to=public), guid=uuid.uuid4().hex), 401, "what is sealed")
