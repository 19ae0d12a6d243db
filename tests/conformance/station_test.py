"""Our station holds every claim of the suite that can be checked from outside."""
import json
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

from running import StationTest, check, occurring, report_of, sections, told

KEEPER = Path(__file__).resolve().parent / "keeper.py"


class Suite(StationTest):
    maxDiff = None

    def test_R18_our_station_holds_every_claim_and_every_code_that_may_occur_was_provoked(self):
        keeper = self.keeper()
        operator = [f"--{verb}=python3 '{KEEPER}' {verb} '{keeper.folder}'" for verb in ("stop", "crash")]
        # A ban has its user behind the command, and so has registration what it is to be.
        operator += [f"--{verb}=python3 '{KEEPER}' {verb} '{keeper.folder}'" for verb in ("ban", "register")]
        with tempfile.NamedTemporaryFile(suffix=".xml") as junit:
            done = check(keeper.link(), "--json", "--web", str(keeper.web), "--junit", junit.name, *operator)
            rows = report_of(done)
            codes = json.loads(done.stdout)["codes"]
            suite = ElementTree.parse(junit.name).getroot()
        self.assertNotIn("Sanitizer", keeper.log())
        failed = [row for row in rows.values() if row["outcome"] in ("failed", "error")]
        skipped = [row for row in rows.values() if row["outcome"] == "skipped"]
        print(told(skipped))  # each with its reason
        self.assertEqual((told(failed), done.returncode), ("", 0), keeper.log()[-1000:])
        self.assertEqual([row["id"] for row in skipped if not row["details"][0]["text"]], [])
        self.assertLess(len(skipped), 15)
        print("\n".join(f"{row['code']} {row['name']}: {row.get('reason') or ' '.join(row['claims'][:6])}" for row in codes))
        self.assertEqual({row["code"]: row["name"] for row in codes}, occurring())
        # What nobody outside can bring about, each with its reason; every other code has come in a claim.
        self.assertEqual([row["code"] for row in codes if not row["claims"]], [500, 510])
        self.assertEqual([row["code"] for row in codes if not row["claims"] and "only a" not in row["reason"]], [])
        self.assertEqual((suite.get("tests"), suite.get("failures")), (str(len(rows)), "0"))


class Usage(unittest.TestCase):
    def test_every_claim_names_a_section_that_exists(self):
        done = check("--list")
        self.assertEqual(done.returncode, 0, done.stderr)
        known = sections()
        for line in done.stdout.splitlines():
            section = line.partition("[")[2].partition("]")[0]
            self.assertIn(section, known, line)
        self.assertGreater(len(done.stdout.splitlines()), 100)

    def test_wrong_usage_ends_with_2(self):
        for arguments in ([], ["dim:user:bobby"], ["dim:station:x?port=8800"], ["dim:station:x?host=[::1];port=0"],
                          ["--only", "P99", "--list"], ["--address", "::1", "dim:station:x?host=[::1]"]):
            with self.subTest(arguments):
                self.assertEqual(check(*arguments).returncode, 2)

    def test_a_station_that_is_not_there_fails_every_claim(self):
        done = check("dim:station:station@2ACLy3krqTAvf5G6FTtPYvAaR4gLAMhVVQ?host=[::1];port=1;", "--only", "P06", "--json")
        self.assertEqual((done.returncode, report_of(done)["P06"]["outcome"]), (1, "failed"))


if __name__ == "__main__":
    unittest.main()
