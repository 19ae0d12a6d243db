"""cmake/clang_ccache: what one folder has compiled with a precompiled header of clang serves another, and never anything else."""
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

LAUNCHER = Path(__file__).resolve().parents[2] / "cmake/clang_ccache"
CLANG = shutil.which("clang++-19")
CCACHE = shutil.which("ccache")


@unittest.skipUnless(CLANG and CCACHE, "needs clang++-19 and ccache: ./dev deps")
class ClangCcache(unittest.TestCase):
    def setUp(self):
        self.root = Path(tempfile.mkdtemp(prefix="dim-ccache-"))
        self.addCleanup(shutil.rmtree, self.root)

    def checkout(self, name, answer):
        folder = self.root / name
        (folder / "build").mkdir(parents=True)
        (folder / "pch.h").write_text(f"#pragma once\ninline int answer() {{ return {answer}; }}\n")
        (folder / "a.cc").write_text("int f() { return answer(); }\n")
        (folder / "build/all.hxx").write_text('#include "pch.h"\n')
        (folder / "build/all.cxx").write_text("")
        return folder

    def run_in(self, folder, *arguments):
        environment = os.environ | {"CCACHE_DIR": str(self.root / "cache"), "CCACHE_BASEDIR": str(folder), "CCACHE_NOHASHDIR": "1"}
        subprocess.run([LAUNCHER, CCACHE, CLANG, f"-I{folder}", "-g1", f"-ffile-prefix-map={folder}=.", *arguments],
                       cwd=folder / "build", env=environment, check=True)

    def header(self, folder):
        out = folder / "build/all.hxx.pch"
        self.run_in(folder, "-Xclang", "-emit-pch", "-Xclang", "-include", "-Xclang", f"{folder}/build/all.hxx", "-x", "c++-header", "-MD",
                    "-MT", "all.hxx.pch", "-MF", "all.hxx.pch.d", "-o", "all.hxx.pch", "-c", f"{folder}/build/all.cxx")
        return out

    def source(self, folder):
        self.run_in(folder, "-Xclang", "-include-pch", "-Xclang", f"{folder}/build/all.hxx.pch", "-Xclang", "-include", "-Xclang",
                    f"{folder}/build/all.hxx", "-MD", "-MT", "a.o", "-MF", "a.o.d", "-o", "a.o", "-c", f"{folder}/a.cc")
        return (folder / "build/a.o").read_bytes()

    def hits(self):
        said = subprocess.run([CCACHE, "--print-stats"], env=os.environ | {"CCACHE_DIR": str(self.root / "cache")}, capture_output=True,
                              text=True, check=True).stdout
        counts = dict(line.split("\t") for line in said.splitlines())
        return int(counts["direct_cache_hit"]) + int(counts["preprocessed_cache_hit"])

    def test_another_folder_with_the_same_sources_compiles_nothing_but_the_header(self):
        first, second = self.checkout("first", 1), self.checkout("deeper/second", 1)
        self.header(first)
        made = self.source(first)
        self.assertEqual(self.hits(), 0)
        self.header(second)
        self.assertEqual(self.source(second), made)
        self.assertEqual(self.hits(), 1)

    def test_another_header_is_another_object(self):
        first, second = self.checkout("first", 1), self.checkout("second", 2)
        self.header(first)
        made = self.source(first)
        self.header(second)
        self.assertNotEqual(self.source(second), made)
        (first / "pch.h").write_text((second / "pch.h").read_text())
        self.header(first)
        self.assertNotEqual(self.source(first), made)

    def test_without_a_sum_nothing_is_shared(self):
        first, second = self.checkout("first", 1), self.checkout("a folder", 1)  # a space: its dependencies cannot be told apart
        self.header(first)
        self.source(first)
        self.assertFalse(self.header(second).with_suffix(".pch.sum").exists())
        self.source(second)
        self.assertEqual(self.hits(), 0)


if __name__ == "__main__":
    unittest.main()
