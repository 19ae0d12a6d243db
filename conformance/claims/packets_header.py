"""packets.md sections 1, 2 and 5: the header, and what a wrong one costs."""
import time

from suite import Scene, claim, expect, expect_closed, expect_code

PING = {"type": "ping"}


def lines(*rest, second="operation: NOTIFY"):
    """The bytes of a packet that begins as it should."""
    rows = ["version: dim/2023", second, *rest]
    return b"".join((row if isinstance(row, bytes) else row.encode()) + b"\n" for row in rows) + b"\n"


def table(scene: Scene, rows, port=8800):
    """Each row is (name, bytes, code, fatal): the bytes are sent behind a log-in, `code` comes, and then the connection
    ends (fatal) or takes the next request. A code of 200 is for what must be taken."""
    person, lane = None, None
    for name, data, code, fatal in rows:
        with scene.case(name):
            if lane is None:
                person = scene.person(after=None)
                lane = person.control if port == 8800 else person.text
            now, lane = lane, None  # a row that fails leaves the connection behind
            now.send_raw(data)
            if fatal:
                expect_closed(now, code)
            else:
                expect_code(now.receive(), code)
                expect(now.ping(), "the next request was not answered")
                lane = now


@claim("P01", "packets.md 1", "16 empty lines before a packet are ignored, 17 end the connection with 401")
def p01(scene):
    with scene.case("16 empty lines before a request"):
        lane = scene.connect()
        lane.send_raw(b"\n" * 16 + lines("id: 1", "type: ping"))
        expect_code(lane.receive(), 418)
    for name, data in (("1,000 empty lines", b"\n" * 1000), ("17 empty lines", b"\r\n" * 17 + lines("id: 1", "type: ping"))):
        with scene.case(name):
            lane = scene.connect()
            lane.send_raw(data)
            expect_closed(lane, 401)


@claim("P02", "packets.md 5", "another edition gets 505, and the connection goes on")
def p02(scene):
    table(scene, [("dim/2022", b"version: dim/2022\noperation: GET\nid: 3\n\n", 505, False)])


@claim("P03", "packets.md 2", "dim/2023.9 is another edition (505), DIM/2023 is none (401)")
def p03(scene):
    table(scene, [(version, f"version: {version}\noperation: GET\n\n".encode(), code, False)
                  for version, code in (("dim/2023.9", 505), ("dim/2024", 505), ("DIM/2023", 401), ("2023", 401))])


@claim("P04", "packets.md 5", "a packet whose first line is not version ends the connection with 401")
def p04(scene):
    table(scene, [("operation first", b"operation: NOTIFY\nversion: dim/2023\n\n", 401, True),
                  ("Version", b"Version: dim/2023\noperation: NOTIFY\n\n", 401, True),
                  ("a first line of 65 bytes", b"version: " + b"d" * 56 + b"\n\n", 401, True)])


@claim("P05", "packets.md 5", "a request of HTTP gets 401 and the end, and no word of HTTP")
def p05(scene):
    lane = scene.connect()
    lane.send_raw(b"GET / HTTP/1.1\r\nHost: station.example\r\n\r\n")
    got = expect_closed(lane, 401)
    expect(all("HTTP" not in value.upper() for packet in got for value in packet.header.values()),
           "the answer speaks of HTTP")


@claim("P08", "packets.md 2", "operations in lower case, empty or missing get 401, unknown ones 405")
def p08(scene):
    table(scene, [(name, lines("id: 1", "type: ping", second=second), code, False) for name, second, code in (
        ("connect", "operation: connect", 401), ("Notify", "operation: Notify", 401), ("FETCH", "operation: FETCH", 405),
        ("empty", "operation: ", 401), ("missing", "x-a: b", 401))])


@claim("P09", "packets.md 5", "operation together with code gets 401")
def p09(scene):
    table(scene, [("operation, code", lines("code: 200"), 401, False),
                  ("code, operation", lines("operation: NOTIFY", second="code: 200"), 401, False),
                  ("operation twice", lines("operation: NOTIFY"), 401, False)])


@claim("P10", "packets.md 1", "a key stands once: twice gets 401, and length twice ends the connection")
def p10(scene):
    table(scene, [(f"{key} twice", lines("type: ping", f"{key}: {value}", f"{key}: {value}"), 401, False)
                  for key, value in (("id", "4"), ("x-mine", "a"), ("target", "a"), ("priority", "low"))] +
          [("length twice", lines("length: 2", "length: 2", "content: |", '"""', "{}", '"""'), 401, True)])


@claim("P11", "packets.md 1", "a key has small letters, digits and dashes, and `: ` behind it; else 401")
def p11(scene):
    table(scene, [(repr(row), lines("id: 1", "type: ping", row), 401, False) for row in (
        "Type: message", "x-Mine: a", "x mine: a", "x-a:b", "x-a:  b", "x-a: b ", "x-a: ", "x-a:", ": b", "1x: b", "-x: b",
        "x_a: b", "größe: b", " x-a: b", "no colon")])


@claim("P12", "packets.md 1", "control characters and line separators in a header get 401")
def p12(scene):
    table(scene, [(repr(char), lines("id: 1", "type: ping", f"x-a: b{char}c"), 401, False) for char in (
        "\0", "\x1b", "\r", "\t", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\ufeff")])


@claim("P13", "packets.md 1", "what is not UTF-8 in a header gets 401")
def p13(scene):
    table(scene, [(data.hex(), lines("id: 1", "type: ping", b"x-a: " + data), 401, False) for data in (
        b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe4\xbd", b"\x80", b"\xf4\x90\x80\x80")] +
          [("what is", lines("id: 1", "type: ping", "x-a: 你好 \U0001f44b"), 200, False)])


@claim("P14", "packets.md 5", "a byte order mark ends the connection with 401")
def p14(scene):
    table(scene, [("EF BB BF", b"\xef\xbb\xbf" + lines("id: 1", "type: ping"), 401, True)])


def header_of(size):
    """A ping whose header has `size` bytes, up to the LF of its last line."""
    start = b"version: dim/2023\noperation: NOTIFY\nid: 1\ntype: ping\n"
    rows, rest = b"", size - len(start)
    for number in range(100):
        take = min(rest, 4000) if rest - min(rest, 4000) not in range(1, 20) else 3000
        head = f"x-{number}: ".encode()
        rows += head + b"a" * (take - len(head) - 1) + b"\n"
        rest -= take
        if not rest:
            return start + rows + b"\n"
    raise AssertionError(size)


@claim("P15", "limits.md 2", "a header holds 16 KiB, a line 4 KiB, 64 lines; beyond it 411 and the end, 401, 401")
def p15(scene):
    def of_lines(count):
        return lines("id: 1", "type: ping", *[f"x-{number}: a" for number in range(count - 4)])

    def of_line(size):
        return lines("id: 1", "type: ping", "x-a: " + "b" * (size - 5))
    table(scene, [("64 lines", of_lines(64), 200, False), ("65 lines", of_lines(65), 401, False),
                  ("a line of 4,096 bytes", of_line(4096), 200, False), ("of 4,097", of_line(4097), 401, False),
                  ("a header of 16,384 bytes", header_of(16384), 200, False),
                  ("of 16,385", header_of(16385), 411, True)])


@claim("P16", "limits.md 3", "a header that never ends is waited for 10 seconds: 511 and the end")
def p16(scene):
    lane = scene.connect()
    lane.send_raw(b"version: dim/2023\noperation: NOTIFY\n")
    started = time.monotonic()
    lane.send_raw(b"x-a: b")
    expect_closed(lane, 511)
    expect(time.monotonic() - started > 8, f"it ended after {time.monotonic() - started:.1f} s already")


@claim("P26", "packets.md 2", "an id has 1 to 20 digits; else 401, and an answer without reply")
def p26(scene):
    person = scene.person(text=False)
    for value in ("0", "18446744073709551615", "9" * 20):
        with scene.case(value):
            expect_code(person.control.ask("NOTIFY", fields={"id": value, **PING}), 200)
    for value in ("9" * 21, "seven", "-1", "1.0"):
        with scene.case(value):
            person.control.send("NOTIFY", fields={"id": value, **PING})
            answer = expect_code(person.control.receive(), 401)
            expect("reply" not in answer.header, "an id that cannot be read came back")
    with scene.case("no id"):
        person.control.send_raw(lines("type: ping"))
        expect("reply" not in expect_code(person.control.receive(), 200).header, "a reply without an id")


@claim("P31", "packets.md 1", "what YAML would expand is taken as it stands, or refused")
def p31(scene):
    table(scene, [(row, lines("id: 1", row), 501, False) for row in (
        "type: 'ping'", 'type: "ping"', "type: &a ping", "type: *a", "type: !!str ping", "type: ping # a ping")] +
          [(repr(row), lines("id: 1", "type: ping", row), 401, False) for row in (
              "<<: *a", "---", "- a", "x-a:\tb", "  x-b: c")] +
          [(row, lines("id: 1", "type: ping", row), 200, False) for row in (
              "x-a: &a b", "x-a: !!binary AAAA", "x-a: | b", "x-a: {a: b}")])


@claim("P40", "packets.md 2", "priority and time that are none get 401")
def p40(scene):
    def at(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + seconds))
    table(scene, [(f"{key}: {value}", lines("id: 1", "type: ping", f"{key}: {value}"), code, False) for key, value, code in (
        ("priority", "urgent", 401), ("priority", "High", 401), ("priority", "low", 200), ("priority", "high", 200),
        ("time", "1969-07-20T20:17:40.000Z", 401), ("time", "2017-12-31T23:59:59.999Z", 401),
        ("time", "9999-01-01T00:00:00.000Z", 401), ("time", "2026-09-21T13:33:20.000", 401),
        ("time", "2026-02-30T13:33:20.000Z", 401), ("time", "yesterday", 401), ("time", at(3600), 401),
        ("time", at(-3600), 200), ("time", at(200), 200))])
