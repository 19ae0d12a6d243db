"""check_layers refuses what it says it refuses."""
import importlib.machinery
import importlib.util
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parent.parent / "check_layers"
loader = importlib.machinery.SourceFileLoader("check_layers", str(TOOL))
check_layers = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_layers", loader))
sys.dont_write_bytecode = True
loader.exec_module(check_layers)

CMAKE = """
dim_layer(dim/base   LIBS Boost::json)
dim_layer(dim/crypto DEPS dim/base LIBS OpenSSL::Crypto)   # dim_layer(not/this)
dim_layer(dim/identity
          DEPS dim/crypto)
if(DIM_PROGRAMS)
  dim_layer(net DEPS dim/crypto)
endif()
dim_layer(testing DEPS net)
"""


class CheckLayers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        self.write("CMakeLists.txt", CMAKE)
        for header in ("dim/base/bytes.h", "dim/crypto/digest.h", "dim/identity/id.h", "net/tls.h", "testing/world.h"):
            self.write(header, "#pragma once\n")

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def offences(self, path, *includes):
        self.write(path, "".join(f"#include {include}\n" for include in includes))
        return check_layers.check(self.root)[0]

    def test_a_tree_in_order_is_accepted(self):
        self.assertEqual(self.offences("net/tls.cc", '"net/tls.h"', '"dim/base/bytes.h"', "<vector>", "<openssl/ssl.h>"), [])

    def test_left_may_not_include_right(self):
        found = self.offences("dim/base/bytes.cc", '"dim/base/bytes.h"', '"dim/crypto/digest.h"')
        self.assertEqual(len(found), 1)
        self.assertIn("dim/base/bytes.cc:2: dim/base may not include", found[0])

    def test_what_deps_reach_counts(self):
        self.assertEqual(self.offences("dim/identity/id.cc", '"dim/base/bytes.h"'), [])

    def test_only_tests_include_testing(self):
        self.assertEqual(len(self.offences("net/tls.cc", '"testing/world.h"')), 1)
        self.write("net/tls.cc", "")
        self.assertEqual(self.offences("net/tls_test.cc", '"testing/world.h"', "<gtest/gtest.h>"), [])

    def test_a_library_stays_in_its_place(self):
        for path, header in (("dim/base/hex.cc", "openssl/evp.h"), ("dim/identity/id.cc", "sodium.h"), ("net/a.cc", "boost/json.hpp"),
                             ("dim/crypto/ec.h", "secp256k1.h"), ("net/b.cc", "sqlite3.h"), ("dim/base/c.cc", "boost/asio.hpp"),
                             ("net/d.cc", "gtest/gtest.h")):
            with self.subTest(header=header, path=path):
                self.assertEqual(len(self.offences(path, f"<{header}>")), 1)
                (self.root / path).unlink()

    def test_an_unknown_library_is_refused(self):
        self.assertIn("allow-list", self.offences("net/tls.cc", "<zlib.h>")[0])

    def test_the_library_has_no_files_sockets_or_threads(self):
        for header in ("thread", "fstream", "sys/socket.h", "unistd.h"):
            with self.subTest(header=header):
                self.assertEqual(len(self.offences("dim/base/a.cc", f"<{header}>")), 1)

    def test_A24_product_code_has_no_generator_that_can_be_foretold(self):
        for line in ("#include <random>", "std::mt19937_64 engine(1);", "std::mt19937 engine;", "int i = rand();", "srand(1);",
                     "std::random_device device{};", "auto x = std::rand() % 6;", "double d = drand48();"):
            for path, count in (("net/a.cc", 1), ("net/a_test.cc", 0), ("testing/a.h", 0)):
                with self.subTest(line=line, path=path):
                    self.write(path, line + "\n")
                    self.assertEqual(len(check_layers.check(self.root)[0]), count)
                    (self.root / path).unlink()
        self.write("net/a.cc", 'Secret::random(32); // not rand()\nlog("rand() is not used"); brand(1); operand(2);\n')
        self.assertEqual(check_layers.check(self.root)[0], [])

    def test_a_missing_header_and_a_bare_name_are_refused(self):
        self.assertEqual(len(self.offences("net/tls.cc", '"tls.h"', '"net/none.h"')), 2)

    def test_a_folder_that_is_no_layer_is_refused(self):
        self.assertIn("stands in no layer", self.offences("dim/extra/a.cc", '"dim/base/bytes.h"')[0])

    def test_an_unknown_dependency_is_an_error(self):
        with self.assertRaises(SystemExit):
            check_layers.read_layers("dim_layer(net DEPS dim/nothing)")

    def test_exit_code(self):
        self.offences("dim/base/a.cc", '"net/tls.h"')
        self.assertEqual(check_layers.main(["", str(self.root)]), 1)


if __name__ == "__main__":
    unittest.main()
