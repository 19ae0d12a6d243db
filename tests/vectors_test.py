#!/usr/bin/env python3
"""dim-vectors must tell right from wrong: usage: vectors_test.py DIM-VECTORS"""
import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(sys.argv.pop())
VECTORS = Path(__file__).resolve().parent.parent / "vectors"
MD5_CASE = {"name": "one", "kind": "digest", "input": {"data_hex": "616263"},
            "expected": {"md5": "900150983cd24fb0d6963f7d28e17f72"}, "verdict": "accept"}
# (kind, path of the member) that may be anything: vectors/README.md says why.
NOT_COMPARED = [(kind, re.compile(path)) for kind, path in (
    ("id_parse", r"compat(_2026)?(\.(address|address_class|name|network|string|terminal))?"),
    ("key_parse", r"public_key\.(curve|digest|mode|padding)"),
    ("content", r"after_incoming_fix\.meta\.version"),
    ("content", r"parsed\.(title|html|original_sn|original_signature|identifier)"),
    ("content", r"after_(in|out)\w+_fix\.title|outgoing_text"),
    ("message_roundtrip", r"reliable\.signature|received\..*\.meta\.version"),
    ("message_receive", r"reference\..*|detail\.meta\.version"),
    ("aes_decrypt", r"reference_result_hex"),
    ("ws_parse", r"left_hex"),
)]


def leaves(value, path=()):
    """The path of each value in JSON that holds no other."""
    if isinstance(value, (dict, list)) and value:
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(one, (*path, key))
    else:
        yield path


def spoilt(value, path):
    """`value` with another value at `path`."""
    if path:
        copy = value.copy()
        copy[path[0]] = spoilt(copy[path[0]], path[1:])
        return copy
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 7
    if isinstance(value, str) and re.fullmatch("[0-9a-f]+", value):
        return ("2" if value[0] == "1" else "1") + value[1:]
    return f"{value}x"


class DimVectors(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, *cases, name="mine.json"):
        text = json.dumps({"category": "mine", "set": "mine", "cases": cases})
        (self.folder / name).write_text(text, encoding="utf-8")

    def run_tool(self, *arguments):
        done = subprocess.run([PROGRAM, *(arguments or [self.folder])], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    def test_right_case_passes(self):
        self.write(MD5_CASE)
        self.assertEqual(self.run_tool(), (0, "1 passed, 0 failed, 0 set aside\n"))

    def test_wrong_expectation_is_reported(self):
        self.write(MD5_CASE, MD5_CASE | {"name": "two", "expected": {"md5": "00"}})
        code, out = self.run_tool()
        self.assertEqual(code, 1)
        self.assertIn('mine.json: two (digest): md5: expected "00", got "9001', out)
        self.assertTrue(out.endswith("1 passed, 1 failed, 0 set aside\n"), out)

    def test_wrong_verdict_is_reported(self):
        self.write(MD5_CASE | {"verdict": "reject"})
        self.assertEqual(self.run_tool()[0], 1)

    def test_unknown_kind_is_reported(self):
        self.write(MD5_CASE | {"kind": "telepathy"})
        code, out = self.run_tool()
        self.assertEqual(code, 1)
        self.assertIn("mine.json: one (telepathy): expected a known kind, got an unknown one", out)

    def test_cases_name_the_accounts_of_their_folder_or_of_the_one_above(self):
        cases = json.loads((VECTORS / "messages.json").read_text(encoding="utf-8"))
        accounts = (VECTORS / "accounts.json").read_text(encoding="utf-8")
        (self.folder / "deep/er").mkdir(parents=True)
        (self.folder / "deep/er/messages.json").write_text(json.dumps(cases), encoding="utf-8")
        self.assertEqual(self.run_tool()[0], 1, "nobody has accounts")
        for place in ("deep/er", "deep", "."):
            file = self.folder / place / "accounts.json"
            file.write_text(accounts, encoding="utf-8")
            for argument in (self.folder, f"{self.folder}/"):
                self.assertEqual(self.run_tool(argument), (0, f"{len(cases['cases'])} passed, 0 failed, 0 set aside\n"), place)
            file.unlink()
        (self.folder / "accounts.json").write_text(accounts, encoding="utf-8")
        (self.folder / "deep/accounts.json").write_text('{"alice": {}}', encoding="utf-8")
        self.assertEqual(self.run_tool()[0], 1, "the nearest ones count")
        (self.folder / "deep/accounts.json").write_text("[]", encoding="utf-8")
        self.assertEqual(self.run_tool()[0], 2)

    def test_help(self):
        code, out = self.run_tool("--help")
        self.assertEqual(code, 0)
        self.assertIn("dim-vectors DIR", out)
        self.assertEqual(self.run_tool("--hepl")[0], 2)

    def test_unreadable_input_is_2(self):
        self.assertEqual(self.run_tool()[0], 2, "an empty folder")
        self.assertEqual(self.run_tool(self.folder / "none")[0], 2)
        self.assertEqual(self.run_tool(self.folder, self.folder)[0], 2)
        self.write(MD5_CASE)
        self.write(MD5_CASE | {"verdict": "perhaps"}, name="other.json")
        self.assertEqual(self.run_tool()[0], 2)
        (self.folder / "other.json").write_text("{", encoding="utf-8")
        self.assertEqual(self.run_tool()[0], 2)

    def test_set_aside_cases_are_counted_and_must_fail(self):
        self.write(MD5_CASE, MD5_CASE | {"name": "two", "expected": {"md5": "00"}})
        aside = [{"file": "mine.json", "name": "two", "reason": "we know better"}]
        (self.folder / "EXCEPTIONS.json").write_text(json.dumps(aside), encoding="utf-8")
        code, out = self.run_tool()
        self.assertEqual(code, 0, out)
        self.assertIn("two (digest): set aside: we know better", out)
        self.assertTrue(out.endswith("1 passed, 0 failed, 1 set aside\n"), out)
        for name in ("one", "nobody"):
            stale = [{"file": "mine.json", "name": name, "reason": "none"}]
            (self.folder / "EXCEPTIONS.json").write_text(json.dumps(aside + stale), encoding="utf-8")
            self.assertEqual(self.run_tool()[0], 1, name)

    # Every case of the repository with its expectation turned round must be noticed.
    def test_every_case_can_fail(self):
        total = 0
        for file in sorted(VECTORS.glob("*.json")):
            content = json.loads(file.read_text(encoding="utf-8"))
            if file.name == "EXCEPTIONS.json" or file.name.startswith("accounts"):
                (self.folder / file.name).write_bytes(file.read_bytes())
                continue
            for case in content["cases"]:
                case["verdict"] = "reject" if case["verdict"] == "accept" else "accept"
            total += len(content["cases"])
            (self.folder / file.name).write_text(json.dumps(content), encoding="utf-8")
        code, out = self.run_tool()
        self.assertEqual(code, 1)
        last = out.splitlines()[-1]
        self.assertEqual(last, f"0 passed, {total} failed, 0 set aside", out[:2000])

    def test_every_expected_member_counts(self):
        changed = {}
        for file in sorted(VECTORS.glob("*.json")):
            content = json.loads(file.read_text(encoding="utf-8"))
            if file.name.startswith("accounts"):
                (self.folder / file.name).write_bytes(file.read_bytes())
                continue
            cases = []
            for case in content["cases"]:
                if case["verdict"] != "accept" or not isinstance(case.get("expected"), dict):
                    continue
                for path in leaves(case["expected"]):
                    name = f"{case['name']} {len(cases)}"
                    cases.append(case | {"name": name, "expected": spoilt(case["expected"], path)})
                    changed[f"{file.name}: {name} ({case['kind']}): "] = (case["kind"], ".".join(map(str, path)))
            (self.folder / file.name).write_text(json.dumps(content | {"cases": cases}), encoding="utf-8")
        self.assertGreater(len(changed), 9_000)
        noticed = set(re.findall(r"^\S+: .*? \(\w+\): ", self.run_tool()[1], re.M))
        self.assertGreater(len(noticed), 8_000)
        for case, (kind, path) in changed.items():
            if case not in noticed and not any(kind == k and p.fullmatch(path) for k, p in NOT_COMPARED):
                self.fail(f"{case}nobody notices another {path}")


if __name__ == "__main__":
    unittest.main()
