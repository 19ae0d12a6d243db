"""hubs.md: a public hub is founded, joined, written in, and deleted."""
import json
import secrets
import time
import uuid

from peer.identity import btc_address, lp, sign
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


@claim("P30", "hubs.md 4", "a target that nobody knows gets 404, a deleted one 410, one of another station 417 with location")
def p30(scene):
    alice = scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    expect_code(ask(alice, "GET", "channel", uuid.uuid4().hex), 404, "an unknown GUID")
    other = "gsp-s001@2ACLy3krqTAvf5G6FTtPYvAaR4gLAMhVVQ"
    away = expect_code(ask(alice, "GET", "channel", f"dim:object:{channel}?station={other}"), 417, "another station's",
                       "operations.md 6")
    expect(away.get("location") == f"dim:station:{other}", f"location is {away.get('location')}", "responses.md 1")
    expect_code(ask(alice, "GET", "channel", f"dim:object:{channel}?station={scene.station.id};"), 200, "its URI",
                "operations.md 6")
    expect_code(ask(alice, "DELETE", "channel", channel), 204)
    expect_code(ask(alice, "EDIT", "channel", channel, {"name": "again"}), 410, "a deleted channel")
    expect_code(ask(alice, "DELETE", "hub", hub), 204)
    expect_code(ask(alice, "GET", "hub", hub), 410, "a deleted hub")


@claim("P38", "hubs.md 7", "DESTROY gets 204, twice too, and then everything else 410; without the right 403, of what nobody knows 404")
def p38(scene):
    alice, bob, carol = scene.person(after=None), scene.person(after=None), scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    join(alice, bob, hub)
    guid = post(bob, channel, "canary words")
    expect_code(ask(bob, "EDIT", "message", guid, b"canary words, better"), 200)
    other = post(alice, channel, "of the owner")
    alice.text.pushes = []
    expect_code(ask(bob, "DESTROY", "message", other), 403, "another's message", "hubs.md 4")
    expect_code(ask(carol, "DESTROY", "message", guid), 404, "who is no member", "hubs.md 4")
    expect_code(ask(bob, "DESTROY", "message", uuid.uuid4().hex), 404, "unknown", "hubs.md 4")
    expect_code(ask(bob, "DESTROY", "message", guid), 204)
    expect_code(ask(bob, "DESTROY", "message", guid), 204, "twice")
    expect_code(ask(bob, "GET", "message", guid), 410)
    expect_code(ask(bob, "GET", "message", guid, history="yes"), 410, "its earlier texts")
    for operation in ("EDIT", "REMOVE", "DELETE"):
        expect_code(ask(bob, operation, "message", guid, b"again" if operation == "EDIT" else None), 410, operation)
    expect_code(ask(bob, "CREATE", "message", channel, b"canary words", guid=guid), 410, "the same once more")
    texts, answer = read(alice, channel, changes="3")
    expect(texts == ["", ] and answer.code == 200, f"what changed is {texts}")
    push = next(one for one in alice.text.pushes if one.get("guid") == guid)
    expect(push.get("state") == "destroyed", f"its state is {push.get('state')}")
    expect(read(alice, channel, search="canary")[0] == [], "search finds it")
    expect_code(ask(alice, "DESTROY", "message", other), 204)
    deleted = post(bob, channel, "deleted first")
    expect_code(ask(bob, "DELETE", "message", deleted), 204)
    expect_code(ask(alice, "DESTROY", "message", deleted), 204, "what was deleted, by the owner")


@claim("B15", "hubs.md 7", "who has destroyed a message gets the receipts of those who have erased it, and how many may read the channel")
def b15(scene):
    alice, bob, carol = scene.person(after=None), scene.person(after=None), scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    join(alice, bob, hub)
    join(alice, carol, hub)
    guid = post(bob, channel, "canary")

    def receipt(person, who=None, erased=guid):
        who = who or person
        body = {"erased": erased, "channel": channel, "who": who.account.id, "time": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())}
        signed = b"".join(lp(part.encode()) for part in ("DIM/2023 erased", erased, channel, body["who"], body["time"]))
        return ask(person, "CREATE", "erasure", guid, {**body, "signature": b64(sign(who.account.key, signed))})

    expect_code(receipt(carol), 407, "it was not destroyed")
    expect_code(ask(bob, "DESTROY", "message", guid), 204)
    expect_code(receipt(carol), 201)
    expect_code(receipt(carol), 201, "once more")
    expect_code(receipt(carol, who=alice), 403, "for somebody else")
    expect_code(receipt(carol, erased=uuid.uuid4().hex), 401, "about another message")
    expect_code(ask(carol, "CREATE", "erasure", guid, {}), 401, "no receipt")
    answer = expect_code(ask(bob, "GET", "erasure", guid), 200)
    got = [one["who"] for one in json.loads(answer.content)["list"]]
    expect(got == [carol.account.id], f"those who have erased it are {got}")
    expect((answer.get("count"), answer.get("members")) == ("1", "3"), f"{answer.get('count')} of {answer.get('members')}")
    expect_code(ask(carol, "GET", "erasure", guid), 403, "who is neither author nor owner")


@claim("B16", "hubs.md 8", "the log of acts has what moderators did, newest first and in pages, for those with moderate, and no text of a message")
def b16(scene):
    alice, bob, carol = scene.person(after=None), scene.person(after=None), scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    join(alice, bob, hub)
    guid = post(bob, channel, "canary")
    expect_code(ask(alice, "REMOVE", "message", guid), 200)
    expect_code(ask(alice, "REMOVE", "message", guid), 200, "again, which changes nothing")
    expect_code(ask(alice, "DELETE", "member", hub, member=bob.account.id), 204)
    expect_code(ask(carol, "GET", "audit", hub), 404, "who is no member", "hubs.md 4")
    join(alice, carol, hub)
    expect_code(ask(carol, "GET", "audit", hub), 403, "who may not moderate", "hubs.md 4")
    answer = expect_code(ask(alice, "GET", "audit", hub), 200)
    acts = json.loads(answer.content)["list"]
    expect(all(one["author"] == alice.account.id for one in acts), f"authors are {[one['author'] for one in acts]}")
    got = [(one["act"], one.get("member"), one.get("guid")) for one in acts]
    expect(got[1:3] == [("DELETE member", bob.account.id, None), ("REMOVE message", bob.account.id, guid)], f"the log is {got}")
    expect(got[0][0] == "CREATE invite" and got[-1][0] == "CREATE hub", f"the log is {got}")
    expect(b"canary" not in answer.content, "the log has a text")
    page = expect_code(ask(alice, "GET", "audit", hub, limit="2"), 206)
    rest = expect_code(ask(alice, "GET", "audit", hub, before=page.get("next")), 200)
    whole = json.loads(page.content)["list"] + json.loads(rest.content)["list"]
    expect(whole == acts, "two pages are not the whole")


@claim("B17", "hubs.md 7.1", "a channel and a hub that were destroyed are gone for everybody, say so, and count who has erased them")
def b17(scene):
    alice, bob, carol = scene.person(after=None), scene.person(after=None), scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    other = make(alice, "channel", hub, {"name": "roses"})
    join(alice, bob, hub)
    guid = post(bob, channel, "canary words")

    def receipt(person, what):
        body = {"erased": what, "channel": what, "who": person.account.id, "time": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())}
        signed = b"".join(lp(part.encode()) for part in ("DIM/2023 erased", what, what, body["who"], body["time"]))
        return ask(person, "CREATE", "erasure", what, {**body, "signature": b64(sign(person.account.key, signed))})

    def gone(kind, target):
        answer = expect_code(ask(bob, "GET", kind, target), 410, f"a {kind} that was destroyed")
        expect(answer.get("state") == "destroyed", f"its state is {answer.get('state')}")

    expect_code(ask(bob, "DESTROY", "channel", channel), 403, "who is not the owner", "hubs.md 4")
    expect_code(ask(carol, "DESTROY", "channel", channel), 404, "who is no member", "hubs.md 4")
    expect_code(receipt(bob, channel), 407, "it was not destroyed")
    expect_code(ask(alice, "DESTROY", "channel", channel), 204)
    expect_code(ask(alice, "DESTROY", "channel", channel), 204, "twice")
    gone("channel", channel)
    expect_code(ask(bob, "GET", "message", guid), 404, "a message in it")
    expect(read(alice, hub, search="canary")[0] == [], "search finds it")
    expect_code(ask(alice, "CREATE", "channel", hub, {"name": "general"}, guid=channel), 410, "under its GUID")
    expect_code(receipt(bob, channel), 201)
    expect_code(receipt(carol, channel), 404, "who was no member")
    answer = expect_code(ask(alice, "GET", "erasure", channel), 200)
    expect((answer.get("count"), answer.get("members")) == ("1", "2"), f"{answer.get('count')} of {answer.get('members')}")
    expect_code(ask(bob, "GET", "erasure", channel), 403, "who is not the owner")
    post(bob, other, "the hub goes on")
    expect_code(ask(bob, "DESTROY", "hub", hub), 403, "who is not the owner", "hubs.md 4")
    expect_code(ask(alice, "DESTROY", "hub", hub), 204)
    gone("hub", hub)
    gone("channel", other)
    expect_code(receipt(bob, hub), 201)
    answer = expect_code(ask(alice, "GET", "erasure", hub), 200)
    expect((answer.get("count"), answer.get("members")) == ("1", "2"), f"{answer.get('count')} of {answer.get('members')}")
    expect_code(ask(alice, "DESTROY", "hub", hub), 204, "twice")


def member(person, hub, who, body, **fields):
    """EDIT of what a member is: the whole list of roles."""
    return ask(person, "EDIT", "member", hub, body, member=who.account.id, **fields)


def post(person, channel, text):
    guid = uuid.uuid4().hex
    expect_code(ask(person, "CREATE", "message", channel, text.encode(), guid=guid), 201, "a message", "hubs.md 7")
    return guid


def read(person, target, **fields):
    """Texts of a page, and its answer."""
    person.text.pushes = []
    answer = ask(person, "GET", "message", target, **fields)
    return [(push.content or b"").decode() for push in person.text.pushes if push.get("type") == "message"], answer


@claim("B02", "hubs.md 3", "a role gives what it names to who has it; an override takes it away in one channel; a mute takes the voice")
def b02(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    hub = found(alice)
    channel, other = (make(alice, "channel", hub, {"name": name}) for name in ("general", "other"))
    join(alice, bob, hub)
    text = post(alice, channel, "one")
    expect_code(ask(bob, "REMOVE", "message", text), 403, "hiding another's message without a right", "hubs.md 4")
    role = make(alice, "role", hub, {"name": "keeper", "permissions": ["moderate"], "rank": 5})
    expect_code(member(alice, hub, bob, {"roles": [role]}), 200, "giving a role")
    expect_code(ask(bob, "REMOVE", "message", text), 200, "hiding another's message as a moderator", "hubs.md 7")
    with scene.case("who has a role does not give it, nor make one like it"):
        expect_code(member(bob, hub, bob, {"roles": []}), 403, "without manage-roles", "hubs.md 4")
        body = {"name": "mine", "permissions": ["own"], "rank": 1}
        expect_code(ask(bob, "CREATE", "role", hub, body, guid=uuid.uuid4().hex), 403, "a role of one's own", "hubs.md 4")
    with scene.case("an override denies it to everyone in one channel, and allows it to a role"):
        body = {"overrides": [{"role": "everyone", "allow": [], "deny": ["write"]}]}
        expect_code(ask(alice, "EDIT", "channel", channel, body), 200)
        expect_code(ask(bob, "CREATE", "message", channel, b"x", guid=uuid.uuid4().hex), 403, "where writing is denied")
        post(bob, other, "where it is not")
        body["overrides"].append({"role": role, "allow": ["write"], "deny": []})
        expect_code(ask(alice, "EDIT", "channel", channel, body), 200)
        post(bob, channel, "a role's override goes over that of everyone")
    with scene.case("a private channel is not there for others"):
        secret = make(alice, "channel", hub, {"name": "secret", "kind": "private"})
        expect_code(ask(bob, "GET", "channel", secret), 404, "a private channel", "hubs.md 4")
        expect_code(ask(bob, "GET", "message", secret), 404, "what is in it", "hubs.md 4")
        listed = json.loads(expect_code(ask(bob, "GET", "channel", hub), 200).content)["list"]
        expect({one["guid"] for one in listed} == {channel, other}, f"the list of channels is {listed}", "hubs.md 4")
    with scene.case("a mute takes writing and reacting, not reading"):
        fields = {"type": "mute", "target": hub, "member": bob.account.id}
        expect_code(alice.control.ask("CREATE", b"{}", fields), 201, "a mute", "hubs.md 6")
        expect_code(ask(bob, "CREATE", "message", other, b"x", guid=uuid.uuid4().hex), 403, "a muted member writes")
        expect_code(ask(bob, "CREATE", "reaction", text, symbol="ok"), 403, "a muted member reacts")
        expect_code(ask(bob, "GET", "message", other), 200, "a muted member reads")
        expect_code(alice.control.ask("DELETE", fields=fields), 204)
        post(bob, other, "again")
    with scene.case("the owner stands above all"):
        fields = {"type": "mute", "target": hub, "member": alice.account.id}
        expect_code(bob.control.ask("CREATE", b"{}", fields), 403, "muting the owner")


@claim("B03", "hubs.md 8", "a ban ends the streams of the banned and their invites before it is answered, and keeps them out until it is lifted")
def b03(scene):
    alice, bob, carol = scene.person(after=None), scene.person(), scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    join(alice, bob, hub)
    role = make(alice, "role", hub, {"name": "host", "permissions": ["invite"], "rank": 1})
    expect_code(member(alice, hub, bob, {"roles": [role]}), 200)
    invite = make(bob, "invite", hub, {})
    fields = {"type": "ban", "target": hub, "member": bob.account.id}
    expect_code(ask(alice, "CREATE", "ban", hub, {}, member=bob.account.id), 417, "a ban on 8801", "hubs.md 6")
    expect_code(carol.control.ask("CREATE", b"{}", fields), 404, "a ban by who is no member", "hubs.md 4")
    answer = expect_code(alice.control.ask("CREATE", json.dumps({"reason": "spam"}).encode(), fields), 201, "a ban")
    expect(answer.get("streams") == "1", f"streams is {answer.get('streams')}")
    expect(answer.get("invites") == "1", f"invites is {answer.get('invites')}")
    last = bob.text.until_closed(2)[-1]
    expect_code(last, 403, "the end of the banned one's stream")
    notice = bob.control.next_push(2)
    expect((notice.get("type"), notice.get("change"), notice.get("target")) == ("ban", "CREATE", hub), f"told was {notice}")
    expect(bob.control.ping(), "the control lane goes on")
    bob.open_text(None)
    for kind, target in (("hub", hub), ("channel", hub), ("message", channel)):
        with scene.case(f"GET {kind} by the banned"):
            expect_code(ask(bob, "GET", kind, target), 403, section="hubs.md 4")
    with scene.case("what the banned gave away"):
        expect_code(ask(carol, "CREATE", "member", hub, {"invite": invite}), 410, "an invite of the banned", "hubs.md 5")
    again = make(alice, "invite", hub, {})
    expect_code(ask(bob, "CREATE", "member", hub, {"invite": again}), 403, "joining while banned", "hubs.md 5")
    expect_code(alice.control.ask("DELETE", fields=fields), 204, "lifting the ban", "hubs.md 6")
    expect_code(ask(bob, "CREATE", "member", hub, {"invite": again}), 201, "joining behind the ban", "hubs.md 5")


@claim("B04", "hubs.md 7", "search finds whole words in what one may read, also of scripts without spaces, newest first and in pages")
def b04(scene):
    alice, bob, carol = scene.person(after=None), scene.person(after=None), scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    secret = make(alice, "channel", hub, {"name": "secret", "kind": "private"})
    join(alice, bob, hub)
    for text in ("Déjà vu, twice", "今天天气很好", "天上的气球", "weather today", "today the roses"):
        post(alice, channel, text)
    post(alice, secret, "today in secret")
    for words, due in (("today", ["today the roses", "weather today"]), ("TODAY roses", ["today the roses"]), ("tod", []),
                       ("deja", ["Déjà vu, twice"]), ("天气", ["今天天气很好"]), ("气天", []), ('today OR "', [])):
        with scene.case(words):
            got, _ = read(bob, hub, search=words)
            # No operators: what stands for one elsewhere is a word that is not there.
            expect(got == due, f"found {got}, not {due}")
    with scene.case("one channel, and pages"):
        got, answer = read(alice, channel, search="today", limit="1")
        expect((got, answer.code) == (["today the roses"], 206), f"first {got} with {answer.code}")
        got, answer = read(alice, channel, search="today", limit="1", before=answer.get("next"))
        expect((got, answer.code) == (["weather today"], 200), f"then {got} with {answer.code}")
    with scene.case("who may not read does not find"):
        got, _ = read(alice, hub, search="secret")
        expect(got == ["today in secret"], f"the owner finds {got}")
        got, _ = read(bob, hub, search="secret")
        expect(got == [], f"a member without the right finds {got}")
        expect_code(read(carol, hub, search="today")[1], 404, "who is no member", "hubs.md 4")
    with scene.case("what is taken back is found no longer"):
        got, _ = read(bob, channel, search="weather")
        expect(got == ["weather today"], f"found {got}")
        guid = next(push.get("guid") for push in bob.text.pushes if push.content == b"weather today")
        expect_code(ask(alice, "REMOVE", "message", guid), 200)
        got, _ = read(bob, channel, search="weather")
        expect(got == [], f"found {got}")


@claim("B05", "hubs.md 7", "unread counts what others wrote since one came and behind one's mark, on all devices; a mark never goes back")
def b05(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    post(alice, channel, "before bob came")
    join(alice, bob, hub)
    texts = [post(alice, channel, f"number {number}") for number in range(1, 6)]
    post(bob, channel, "my own")

    def mark(person):
        answer = expect_code(ask(person, "GET", "mark", channel), 200)
        return answer.get("cursor"), answer.get("newest"), answer.get("unread")

    expect(mark(bob) == ("1", "7", "5"), f"before reading {mark(bob)}")
    expect_code(ask(bob, "NOTIFY", "mark", channel, cursor="4"), 200)
    expect(mark(bob) == ("4", "7", "2"), f"behind the fourth {mark(bob)}")
    expect_code(ask(bob, "NOTIFY", "mark", channel, cursor="1"), 200)
    expect(mark(bob) == ("4", "7", "2"), f"after going back {mark(bob)}")
    expect_code(ask(bob, "NOTIFY", "mark", channel, cursor="8"), 401, "a cursor that was never given")
    expect_code(ask(alice, "DELETE", "message", texts[4]), 204)
    device = scene.person(bob.account, after=None)
    expect(mark(device) == ("4", "8", "1"), f"on another device, with one deleted, {mark(device)}")


@claim("B06", "hubs.md 7", "changes brings all that was missed, in its order: each message once, as it is by then")
def b06(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    join(alice, bob, hub)
    texts = [post(alice, channel, f"number {number}") for number in range(1, 5)]
    expect_code(ask(alice, "EDIT", "message", texts[0], b"number one"), 200)
    expect_code(ask(bob, "CREATE", "reaction", texts[1], symbol="ok"), 201)
    got, answer = read(bob, channel, changes="2")
    expect((got, answer.code) == (["number 3", "number 4", "number one", "number 2"], 200), f"{got} with {answer.code}")
    places = [(push.get("cursor"), push.get("changed")) for push in bob.text.pushes]
    expect(places == [("3", None), ("4", None), ("1", "5"), ("2", "6")], f"their places are {places}")
    expect(bob.text.pushes[-1].get("reactions") == "[ok 1]", f"reactions are {bob.text.pushes[-1].get('reactions')}")
    got, answer = read(bob, channel, changes="2", limit="2")
    expect((got, answer.code, answer.get("next")) == (["number 3", "number 4"], 206, "4"), f"a page: {got} {answer}")
    expect(read(bob, channel, changes="6")[0] == [], "nothing is behind the last one")
