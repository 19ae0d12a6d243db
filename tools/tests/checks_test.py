"""check_pairs, check_ids, check_words, check_docs and check_protocol find what they are for."""
import contextlib
import importlib.machinery
import importlib.util
import io
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TOOLS = Path(__file__).resolve().parent.parent


def tool(name):
    loader = importlib.machinery.SourceFileLoader(name, str(TOOLS / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, path, text=""):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def run_main(self, name):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = tool(name).main([name, str(self.root)])
        return code, out.getvalue()


class CheckPairs(Tree):
    def setUp(self):
        super().setUp()
        self.write("tools/pairs_exceptions.txt", "# path reason\n")
        self.write("tools/decoders.txt", "dim/base/json.h  json\n")
        for path in ("dim/base/json.h", "dim/base/json.cc", "dim/base/json_test.cc", "fuzz/json_fuzz.cc", "fuzz/corpus/json/a"):
            self.write(path)

    def test_all_there(self):
        self.assertEqual(self.run_main("check_pairs")[0], 0)

    def test_a_source_without_test(self):
        self.write("net/tls.cc")
        code, out = self.run_main("check_pairs")
        self.assertEqual(code, 1)
        self.assertIn("net/tls.cc: no tls_test.cc", out)

    def test_an_exception_needs_a_reason_a_file_and_no_test(self):
        self.write("net/tls.cc")
        self.write("tools/pairs_exceptions.txt", "net/tls.cc  only tables\n")
        self.assertEqual(self.run_main("check_pairs")[0], 0)
        self.write("tools/pairs_exceptions.txt", "net/tls.cc\n")
        self.assertIn("needs a reason", self.run_main("check_pairs")[1])
        self.write("tools/pairs_exceptions.txt", "net/tls.cc  only tables\nnet/gone.cc  why\n")
        self.assertIn("does not exist", self.run_main("check_pairs")[1])
        self.write("tools/pairs_exceptions.txt", "net/tls.cc  only tables\n")
        self.write("net/tls_test.cc")
        self.assertIn("has a test now", self.run_main("check_pairs")[1])

    def test_a_decoder_without_corpus_and_a_fuzzer_without_decoder(self):
        (self.root / "fuzz/corpus/json/a").unlink()
        self.write("fuzz/other_fuzz.cc")
        out = self.run_main("check_pairs")[1]
        self.assertIn("fuzz/corpus/json has no inputs", out)
        self.assertIn("fuzz/other_fuzz.cc", out)


class CheckIds(Tree):
    def test_names_in_every_language_count(self):
        self.write("tools/ids.txt", "P01-P05 required\nR1 required\nM01-M02 later: no media\n")
        self.write("dim/packet/a_test.cc", "TEST(Packet, P01_P02_Claims) {}\nTEST_F(P03_Suite, Claims) {}\n")
        self.write("server/b_test.cc", 'Case{"P04_RefusesThis", 401},\n')
        self.write("tests/e2e/c_test.py", "    def test_P05_refused(self):\n")
        self.write("tests/CMakeLists.txt", "add_test(NAME R1_crashloop COMMAND x)\n")
        code, out = self.run_main("check_ids")
        self.assertEqual(code, 0, out)
        self.assertIn("6 of 6", out)

    def test_an_uncovered_id_is_an_error(self):
        self.write("tools/ids.txt", "P01-P02 required\n")
        self.write("dim/packet/a_test.cc", "// P02 is not a name here\nTEST(Packet, P01_Claim) {}\nTEST(Packet, XP02Y) {}\n")
        code, out = self.run_main("check_ids")
        self.assertEqual(code, 1)
        self.assertIn("P02: no test", out)

    def test_what_must_be_tested_end_to_end_is_not_by_a_unit_test(self):
        self.write("tools/ids.txt", "F09-F12 required\nF10-F14 e2e\nF15 later: it has no test\n")
        self.write("server/a_test.cc", "TEST(Ticks, F09_F10_F11_F12_F13_F14_Claim) {}\n")
        self.write("tests/e2e/b_test.py", "    def test_F10_seen(self):\n")
        self.write("tests/e2e/helper.py", "    def test_F12_is_no_test(self):\n")
        self.write("tests/other/c_test.py", "    def test_F12_elsewhere(self):\n")
        self.write("tests/CMakeLists.txt", "add_test(NAME community_F11_a_day COMMAND x)\nadd_test(NAME bench_F12 COMMAND y)\n")
        self.write("tests/conformance/d_test.py", "    def test_F13_by_a_stranger(self):\n")
        self.write("tests/reference/e_test.py", "    def test_F14_with_others(self):\n")
        code, out = self.run_main("check_ids")
        self.assertEqual(code, 1)
        self.assertIn("F12: no end-to-end test bears this id, only server/a_test.cc: Ticks.F09_F10", out)
        self.assertEqual(out.count("no end-to-end"), 1)
        self.assertIn("6 of 6 required ids have tests, 4 of 5 end to end, 1 wait", out)
        self.write("tests/e2e/b_test.py", "    def test_F10_F12_seen(self):\n")
        self.assertEqual(self.run_main("check_ids")[0], 0)

    def test_a_word_that_is_none(self):
        for line in ("F09 e2e please", "F09 required: no", "F09 maybe", "F09 later"):
            with self.subTest(line):
                self.write("tools/ids.txt", line + "\n")
                with self.assertRaises(SystemExit):
                    self.run_main("check_ids")

    def test_sources_that_are_no_tests_do_not_count(self):
        self.write("tools/ids.txt", "P01 required\n")
        self.write("dim/packet/a.cc", 'log("P01_Claim");\n')
        self.assertEqual(self.run_main("check_ids")[0], 1)

    def test_an_id_that_the_list_does_not_know(self):
        self.write("tools/ids.txt", "P01 required\n")
        self.write("dim/packet/a_test.cc", "TEST(Packet, P01_P99_Claim) {}\n")
        self.assertIn("P99: not in tools/ids.txt", self.run_main("check_ids")[1])

    def test_later_needs_a_reason(self):
        self.write("tools/ids.txt", "M01 later:\n")
        with self.assertRaises(SystemExit):
            self.run_main("check_ids")


class CheckWords(Tree):
    def found(self, line):
        return tool("check_words").check_text("a.md", line + "\n")

    def test_paths_registries_and_leftovers(self):
        for line in ("see /wor" + "k/main/x", "in /roo" + "t/.cache", "/hom" + "e/anna/x", "pip --index-ur" + "l=x",
                     "https://registr" + "y.example/x", "// TOD" + "O later", "GTEST_SKI" + "P() << 1;", "make |" + "| true"):
            with self.subTest(line=line):
                self.assertEqual(len(self.found(line)), 1)

    def test_ordinary_words_pass(self):
        for line in ("docs/work/a", "the home/away match", "$HOME/.dim", "https://github.com/dimchat/core-py", "/var/lib/dim"):
            with self.subTest(line=line):
                self.assertEqual(self.found(line), [])

    def test_new_files_count_and_ignored_ones_do_not(self):
        subprocess.run(["git", "init", "-q", str(self.root)], check=True)
        self.write(".gitignore", "build/\n")
        self.write("build/a.txt", "/roo" + "t/x\n")
        self.assertEqual(self.run_main("check_words")[0], 0)
        self.write("a.txt", "/roo" + "t/x\n")
        self.assertEqual(self.run_main("check_words")[0], 1)


class CheckDocs(Tree):
    def setUp(self):
        super().setUp()
        self.write("dev", "verb_up() {\n}\nverb_test() {\n}\n")
        self.write("README.md", "# One\n\n## Two words\n\n`./dev up`, `./dev test`, [there](docs/a.md), [two](#two-words)\n")
        self.write("docs/a.md", "# A `b` c\n\n[back](../README.md#two-words) [here](#a-b-c)\n\n```\n[no](link.md)\n```\n")

    def test_true_documents_pass(self):
        code, out = self.run_main("check_docs")
        self.assertEqual(code, 0, out)

    def test_dead_links_and_anchors(self):
        self.write("docs/b.md", "[x](gone.md) [y](a.md#nowhere)\n")
        out = self.run_main("check_docs")[1]
        self.assertIn("gone.md", out)
        self.assertIn("no such heading", out)

    def test_verbs_of_dev_both_ways(self):
        self.write("dev", "verb_up() {\n}\nverb_fmt() {\n}\n")
        out = self.run_main("check_docs")[1]
        self.assertIn("./dev test does not exist", out)
        self.assertIn("./dev fmt stands neither", out)

    def test_programs_both_ways(self):
        self.write("build/release/bin/dim", """#!/bin/sh
if [ "$1" = send ]; then printf 'Usage: dim send\n  --until TEXT  wait'; exit; fi
printf 'Usage: dim\n  --home DIR  folder\nSubcommands:\n  send   send a text'
""")
        (self.root / "build/release/bin/dim").chmod(0o755)
        self.write("docs/user.md", "`dim --home DIR send WHO`: `dim send --soon`\n")
        out = self.run_main("check_docs")[1]
        self.assertIn("says nothing of --until", out)
        self.assertIn("has no option --soon", out)
        self.write("docs/user.md", "`dim --home DIR send WHO --until read`\n")
        self.assertEqual(self.run_main("check_docs")[0], 0)

    def test_configuration_keys_and_their_defaults(self):
        self.write("server/config.cc", 'Row{{"network.listen", "\\"::\\"", "x"}, Row{{"limits.send_queue", "\\"4MiB\\"", "y"},')
        self.write("docs/operator.md", "| `network.listen` | `\"::\"` | x |\n")
        out = self.run_main("check_docs")[1]
        self.assertIn("says nothing of the key limits.send_queue", out)
        self.write("docs/operator.md", '| `network.listen` | `"::1"` | x |\n| `limits.send_queue` | `"4MiB"` | y |\n')
        out = self.run_main("check_docs")[1]
        self.assertIn('the default of network.listen is "::"', out)
        self.assertNotIn("send_queue", out)

    def test_events_of_the_log(self):
        self.write("server/a.cc", 'event(StationEvent::Level::warn, "flood", who); event(StationEvent::Level::error, full ? "disk-full" : "broken", {},\n'
                   '  "a detail"); log.write(LogLevel::info, "start",\n {{"data", "x"}}); impl->log.write(LogLevel::info, "reloaded");')
        self.write("docs/operator.md", "`flood` `broken` `start`\n")
        out = self.run_main("check_docs")[1]
        self.assertEqual([line for line in out.splitlines() if "event" in line],
                         ["docs/operator.md: says nothing of the event disk-full", "docs/operator.md: says nothing of the event reloaded"])

    def limits(self, rows):
        self.write("docs/protocol/README.md", "[l](limits.md)\n")
        self.write("README.md", "`./dev up`, `./dev test`, [p](docs/protocol/README.md), [l](docs/protocol/limits.md)\n\n## Two words\n")
        self.write("docs/protocol/limits.md", rows)
        return self.run_main("check_docs")

    def test_limits_have_the_values_of_the_code(self):
        self.write("dim/base/limits.h", "inline constexpr std::size_t kKiB = 1024;\n"
                   "inline constexpr std::size_t kBytes = 2 * kKiB;\ninline constexpr std::int64_t kWaitMs = 10'000;\n")
        self.write("net/a.cc", "constexpr Millis kLong = Millis{2} * 24 * 3'600'000;  // days\n")
        right = "| a | 2 KiB | `411` | `kBytes` |\n| b | 10 s | | `kWaitMs` |\n| c | 2 days | | `net/a.cc kLong` |\n"
        self.assertEqual(self.limits(right), (0, "check_docs: 4 documents, programs: none built\n"))
        for old, new, said in (("2 KiB", "2 MiB", "kBytes is 2048 in the code, not 2 MiB"),
                               ("10 s", "11 s", "kWaitMs is 10000 in the code"),
                               ("2 days", "3 days", "kLong is 172800000 in the code"),
                               ("kLong", "kGone", "nothing in the code is called net/a.cc kGone"),
                               ("| b | 10 s | | `kWaitMs` |\n", "", "says nothing of kWaitMs")):
            self.assertIn(said, self.limits(right.replace(old, new))[1])

    def test_pages_of_the_protocol_are_linked(self):
        self.write("docs/protocol/README.md", "# P\n")
        self.write("docs/protocol/x.md", "# X\n")
        out = self.run_main("check_docs")[1]
        self.assertIn("README.md: does not link docs/protocol/x.md", out)
        self.assertIn("docs/protocol/README.md: does not link x.md", out)


class CheckProtocol(Tree):
    """On a copy of what the check reads, with one thing wrong."""

    def setUp(self):
        super().setUp()
        for path in ("docs/protocol", "server", "net", "dim/packet", "client", "dim/engine/hub_view.cc"):
            source, to = TOOLS.parent / path, self.root / path
            to.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, to)
            else:
                shutil.copy(source, to)

    def said(self, path, old, new):
        """What the check says when `old` stands there no more, but `new`."""
        file = self.root / path
        before = file.read_text()
        self.assertTrue(old in before, f"{path} has no {old}")
        file.write_text(before.replace(old, new, 1))
        code, out = self.run_main("check_protocol")
        file.write_text(before)
        self.assertEqual(code, 1, f"{old} -> {new} in {path} is not found")
        return out

    PAGE = "docs/protocol/registry.md"

    def test_the_tree_is_in_order(self):
        code, out = self.run_main("check_protocol")
        self.assertEqual(code, 0, out)

    def test_operations_both_ways(self):
        row = "| NOTIFY | `cursor` | – | text | self | `200` | – | [operations.md](operations.md) 3 |\n"
        told = self.said(self.PAGE, row, "")
        self.assertIn("says nothing of NOTIFY cursor of server/operations.cc. Write\n    | NOTIFY | `cursor` | TARGET | text |", told)
        for old, new, what in (
                ("| text | self | `200` | – |", "| control | self | `200` | – |", "NOTIFY cursor is on text under the quota none"),
                ("NOTIFY | `cursor`", "REMOVE | `cursor`", "REMOVE cursor is not in the table of server/operations.cc"),
                ("| text | self | `200` | – |", "| text | self | yes | – |", "done names the codes")):
            self.assertIn(what, self.said(self.PAGE, row, row.replace(old, new)))
        self.assertIn("says nothing of CREATE dance", self.said(
            "server/operations.cc", 'Operation::create, "message"', 'Operation::create, "dance"'))

    def test_rights_are_those_of_hubs(self):
        self.assertIn("DELETE hub is for owner by hubs.md section 4, not for member",
                      self.said(self.PAGE, "| DELETE | `hub` | hub | text, control | owner", "| DELETE | `hub` | hub | text, control | member"))
        self.assertIn("says nothing of EDIT audit, which hubs.md section 4 gives to own", self.said(
            "docs/protocol/hubs.md", "| audit | – | – | – |", "| audit | – | – | own |"))

    def test_keys_both_ways(self):
        self.assertIn("says nothing of the key flavour, which server/reports.cc reads. Write\n    | `flavour` | `RULE", self.said(
            "server/reports.cc", "namespace dim {", 'namespace dim {\nbool f(const Packet& p) { return p.has("flavour"); }'))
        self.assertIn("says nothing of the key flavour, which server/reports.cc writes", self.said(
            "server/reports.cc", "namespace dim {", 'namespace dim {\nvoid f(Packet& p) { p.set("flavour", "x"); }'))
        self.assertIn("nothing in the code is called odour", self.said(self.PAGE, "| `count` | `number`", "| `odour` | `number`"))
        self.assertIn("took is R, but server/hubs.cc writes it", self.said(self.PAGE, "| `took` | `number` | A |", "| `took` | `number` | R |"))
        self.assertIn("took is `in` 'Q'", self.said(self.PAGE, "| `took` | `number` | A |", "| `took` | `number` | Q |"))
        self.assertIn("took is a digits, which section 3 does not define", self.said(self.PAGE, "| `took` | `number`", "| `took` | `digits`"))

    def test_grammar_and_the_values_of_examples(self):
        page = "docs/protocol/operations.md"
        for path, old, new, what in (
                (self.PAGE, "flag       = ", "flags      = ", "known is a flag, which section 3 does not define"),
                (self.PAGE, "place      = number / guid", "place      = numeral / guid", "place uses numeral, which this page"),
                (self.PAGE, "<id of identity.md>", "<ids of identity.md>", "user uses ids, which identity.md"),
                (self.PAGE, "joined     = number", "joined     = number\nplace      = number", "the rule place is defined twice"),
                (page, "cursor: 1\n", "cursor: first\n", "which is no number"),
                (page, "type: cursor\n", "type: cursor\ncurser: 1\n", "curser: 1; docs/protocol/registry.md section 2 has no such key"),
                (page, "status: Created\n", "status: Created\nunread: many\n", "unread: many, which is no number"),
                (page, "status: Created\n", "status: Created\nnonce: aaaa\n", "in an answer (A)")):
            with self.subTest(what):
                self.assertIn(what, self.said(path, old, new))

    def test_codes(self):
        self.assertIn("says nothing of 412", self.said(self.PAGE, "| 412 | any request", "| 411 | any request"))
        self.assertIn("411 stands twice", self.said(self.PAGE, "| 412 | any request", "| 411 | any request"))
        self.assertIn("508 is not sent", self.said(self.PAGE, "| 511 | the connection", "| 511, 508 | the connection"))
        self.assertIn("is done with 203", self.said(self.PAGE, "| `200` | – | [operations.md](operations.md) 3 |", "| `203` | – | [operations.md](operations.md) 3 |"))


if __name__ == "__main__":
    unittest.main()
