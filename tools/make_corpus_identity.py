#!/usr/bin/env python3
"""Writes the seed inputs of the fuzz targets id, ted, keys, meta, document, json, codecs and pem from the test vectors.

usage: make_corpus_identity.py [ROOT]      the same vectors give the same files
"""
import base64
import hashlib
import json
import re
import sys
from pathlib import Path

MOST = 4096  # bytes of one seed
EACH = 6     # seeds of one kind, verdict and file


def cases_of(root):
    """The first cases of every kind and verdict of every file: (case, in the order of the files)."""
    for file in sorted((root / "vectors").glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        seen = {}
        for case in content.get("cases", []):
            key = case["kind"], case["verdict"]
            seen[key] = seen.get(key, 0) + 1
            if seen[key] <= EACH:
                yield case


def pem_bodies(text):
    for body in re.findall(r"-----BEGIN [^-]+-----([^-]+)-----END", text):
        yield base64.b64decode(body)


def documents(case):
    """The form of document_fuzz: members outside in the first line, what is signed behind it."""
    given = case["input"].get("documents") or [case["input"].get("document", {})]
    for document in given:
        outside = {name: document[name] for name in ("type", "terminal") if name in document}
        yield json.dumps(outside) + "\n" + str(document.get("data", ""))
        yield json.dumps(document) + "\n"


def seeds(case):
    """(fuzz target, input) of one case."""
    given, kind = case["input"], case["kind"]
    for name in ("string", "a", "b", "id"):
        if isinstance(given.get(name), str):
            yield ("id" if kind.startswith("id_") else "codecs"), given[name]
    if isinstance(given.get("meta"), dict):
        yield "meta", json.dumps(given["meta"])
    for name in ("key", "private_key", "public_key", "content"):
        if isinstance(given.get(name), dict):
            yield "keys", json.dumps(given[name])
            data = given[name].get("data")
            if isinstance(data, str) and data.startswith("-----BEGIN"):
                yield "pem", data
                for body in pem_bodies(data):
                    yield "pem", body
    if "value" in given:
        yield "ted", json.dumps(given["value"])
        yield "json", json.dumps(given["value"])
    if "document" in given or "documents" in given:
        for text in documents(case):
            yield "document", text
    encoded = case["expected"].get("encoded") if isinstance(case["expected"], dict) else None
    if isinstance(encoded, str):
        yield "codecs", encoded
    for name in ("wire", "instant"):
        if name in given:
            yield "json", given[name] if isinstance(given[name], str) else json.dumps(given[name], ensure_ascii=False)


# Bad inputs of the security plan that no vector has.
EXTRA = {
    "id": ["I01_@", "I02_x\r\nFAKE@1DxsMbJSfuPgV7E4Lpqf9BKHoYEQFwkyQr", "I03_e\u0301@1DxsMbJSfuPgV7E4Lpqf9BKHoYEQFwkyQr",
           "I03_adm\u0456n@1DxsMbJSfuPgV7E4Lpqf9BKHoYEQFwkyQr", "I08_anyone@anywhere/../../x",
           "I05_0x" + "Z" * 40, "I06_0x21e27549d780db2a32058bd960a6245b01ad85ff"],
    "json": ["J01_" + "[" * 40 + "]" * 40, 'J02_{"a":1,"a":2}', "J03_[NaN]", "J03_1e999", "J03_[-0,1e-7,0.1,1e22]",
             'J04_"\\ud800"', 'J04_{"\\u0000":1}', 'J04_"\\u0000"', "J05_[1,]", "J05_\ufeff{}", "J05_{'a':1}", "J07_null"],
    "codecs": ["J12_AB==", "J12_-_-_", "J12_====", "time_2026-11-24T14:43:00.125Z", "time_2026-02-30T00:00:00Z",
               "hex_DEADbeef", "utf8_\u202e\u2028\U0001f600"],
    "document": ['I11_{}\n{"time": "soon"}', "I11_{}\nno JSON", 'I12_{"type": "visa"}\n{"key": {"algorithm": "ECC", "data": "' +
                 "1" * 64 + '"}}', 'A04_{"type":"visa"}\n{"type": "bulletin"}'],
}


def main(argv):
    root = Path(argv[1]) if len(argv) > 1 else Path(__file__).resolve().parent.parent
    found = {}
    for case in cases_of(root):
        for target, text in seeds(case):
            data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
            if len(data) <= MOST:
                found.setdefault(target, {}).setdefault(data, case["kind"])
    for target, texts in EXTRA.items():
        for text in texts:
            name, _, body = text.partition("_")
            found[target][body.encode("utf-8")] = name
    for target, inputs in found.items():
        folder = root / "fuzz/corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for data, kind in inputs.items():
            (folder / f"{kind}_{hashlib.sha256(data).hexdigest()[:8]}").write_bytes(data)
        print(f"{folder.relative_to(root)}: {len(inputs)} inputs")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
