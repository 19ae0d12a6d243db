#!/usr/bin/env python3
"""Seeds of the packet, uri, message and content fuzzers, from the wire's own forms and the golden vectors."""
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def put(name, number, data):
    folder = ROOT / "fuzz" / "corpus" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number:02d}").write_bytes(data if isinstance(data, bytes) else data.encode())


HEAD = "version: dim/2023\noperation: "
PACKETS = [
    HEAD + "CONNECT\ntarget: ::1\nencryption: AES\n\n",
    HEAD + 'CREATE\nid: 7\ntype: message\nlength: 5\ncontent: |\n"""\nhello\n"""\n\n',
    HEAD + 'CREATE\nid: 7\ncontent: |\n"""\nhello\nyou\n"""\n\n',
    HEAD + 'CREATE\r\nid: 8\r\nlength: 3\r\ncontent: |\r\n"""\r\na"\n\n"""\r\n\r\n',
    "version: dim/2023\ncode: 201\nstatus: Created\nreply: 7\n\n",
    "\n\n" + HEAD + "GET\ntarget: [a, b]\ntype: name\n\n" + HEAD + "NOTIFY\ntype: ping\n\n",
    "version: dim/2022\noperation: GET\n\n",
    HEAD + 'CREATE\nlength: 9\ncontent: |\n"""\nhello\n"""\n\n',
    HEAD + 'CREATE\nchecksum: crc32c-AAAAAA==\nlength: 0\ncontent: |\n"""\n\n"""\n\n',
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    HEAD + "connect\n\n" + HEAD + "FETCH\n\n",
    HEAD + "CREATE\nid: 1\nid: 2\nX: y\n\n",
]
URIS = ["dim:user:0x95E6F72fB194200e95b60332E8142DDF41C7c333", "dim:station:station@23dpckd1?host=[::1];port=8800;pin=sha256-x_-;",
        "dim:hub:name/category/channel#fragment", "dim:object:018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4", "dim:user:a%00b", "dim:group:x/../y",
        "alice_1", "ADMIN", "2001:db8::7", "::ffff:1.2.3.4", "fe80::1%eth0", "018f6f0e-7b8c-7cc2-a1f3-b0d5f3a1c9e4"]

for number, text in enumerate(PACKETS):
    put("packet", number, text)
for number, text in enumerate(URIS):
    put("uri", number, text)
wires, contents = [], []
for file in ("messages.json", "messages_2026.json"):
    for case in json.loads((ROOT / "vectors" / file).read_text())["cases"]:
        if isinstance(case["input"].get("wire"), str):
            wires.append(case["input"]["wire"])
        instant = case["input"].get("instant")
        if instant:
            contents.append(json.dumps(instant["content"]))
kinds = {}
for text in contents:
    content = json.loads(text)
    kinds.setdefault((str(content.get("type")), content.get("command")), text)
for number, text in enumerate(sorted(set(wires), key=len)[:: max(1, len(set(wires)) // 15)]):
    put("message", number, text)
for number, text in enumerate(kinds.values()):
    put("content", number, text)
