#include "client/media_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace dim {
namespace {

class MediaFiles : public testing::Test {
 protected:
  MediaFiles() {
    std::string pattern = std::filesystem::temp_directory_path() / "dim-media-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) abort();
    folder = pattern;
  }
  ~MediaFiles() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::string put(const std::string& name, const std::string& bytes) {
    const std::string path = folder + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  static std::string slurp(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string folder;
};

TEST_F(MediaFiles, ReadsAnywhereAndNoticesChanges) {
  const std::string path = put("a", "0123456789");
  auto file = SourceFile::open(path);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), 10);
  Bytes out(4);
  ASSERT_TRUE(file->read(5, out));
  EXPECT_EQ(as_text(out), "5678");
  EXPECT_FALSE(file->read(8, out)) << "it ends before";
  EXPECT_TRUE(file->check());
  std::filesystem::last_write_time(
      path, std::filesystem::file_time_type::clock::now() + std::chrono::seconds(5));
  ASSERT_FALSE(file->check());
  EXPECT_EQ(file->check().error().code, Errc::conflict);
  EXPECT_EQ(file->read(0, out).error().code, Errc::conflict)
      << "nothing of a changed file is sealed with the key of the old one";
  EXPECT_NE(SourceFile::open(path)->stamp(), file->stamp());
  EXPECT_FALSE(SourceFile::open(folder)) << "a folder is no file";
  EXPECT_FALSE(SourceFile::open(folder + "/none"));
  ASSERT_EQ(::mkfifo((folder + "/pipe").c_str(), 0600), 0);
  EXPECT_FALSE(SourceFile::open(folder + "/pipe")) << "and nobody waits for a pipe";
}

TEST_F(MediaFiles, F45_APartGoesOnWhereItEnded) {
  {
    auto part = PartFile::open(folder + "/movie", "tag");
    ASSERT_TRUE(part);
    EXPECT_EQ(part->size(), 0);
    ASSERT_TRUE(part->append(as_bytes("0123456789")));
    EXPECT_EQ(PartFile::open(folder + "/movie", "tag").error().code, Errc::conflict)
        << "another run is at it";
  }
  EXPECT_FALSE(std::filesystem::exists(folder + "/movie"));
  auto part = PartFile::open(folder + "/movie", "tag");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->size(), 10);
  std::string seen;
  ASSERT_TRUE(part->replay(8, 3, [&](ByteView piece) -> Status {
    seen += to_text(piece) + "|";
    return {};
  }));
  EXPECT_EQ(seen, "012|345|67|");
  ASSERT_TRUE(part->append(as_bytes("xyz")));
  EXPECT_EQ(part->finish("ignored").value(), folder + "/movie");
  EXPECT_EQ(slurp(folder + "/movie"), "01234567xyz");
  struct stat info{};
  ASSERT_EQ(::stat((folder + "/movie").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder),
                          std::filesystem::directory_iterator()),
            1)
      << "nothing of the part stays";
}

TEST_F(MediaFiles, M05_InAFolderItGetsASafeNameAndReplacesNothing) {
  put("passwd", "mine");
  auto part = PartFile::open(folder, "tag");
  ASSERT_TRUE(part);
  ASSERT_TRUE(part->append(as_bytes("theirs")));
  EXPECT_EQ(part->finish("../../etc/passwd").value(), folder + "/passwd (2)");
  EXPECT_EQ(slurp(folder + "/passwd"), "mine");
  EXPECT_EQ(PartFile::open(folder + "/passwd", "tag").error().code, Errc::conflict);
}

TEST_F(MediaFiles, ALinkInThePlaceOfThePartIsNotFollowed) {
  const std::string mine = put("mine", "mine");
  std::filesystem::create_symlink(mine, folder + "/.dim-tag.part");
  EXPECT_FALSE(PartFile::open(folder, "tag"));
  EXPECT_EQ(slurp(mine), "mine");
}

TEST_F(MediaFiles, F45_APartThatACrashHasLeftWithTwoNamesLeavesTheFileAlone) {
  const std::string done = put("movie", "whole");
  std::filesystem::create_hard_link(done, folder + "/.dim-tag.part");
  auto part = PartFile::open(folder, "tag");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->size(), 0);
  ASSERT_TRUE(part->append(as_bytes("another")));
  EXPECT_EQ(slurp(done), "whole");
  EXPECT_EQ(part->finish("movie").value(), folder + "/movie (2)");
}

TEST_F(MediaFiles, S21_APartThatSomebodyElseHasPutThereIsNotUsed) {
  const std::string trap = put(".dim-tag.part", "");
  std::ifstream reader(trap);
  if (::chown(trap.c_str(), 12'345, 12'345) != 0) return;  // only root can set this trap
  auto part = PartFile::open(folder, "tag");
  ASSERT_TRUE(part);
  ASSERT_TRUE(part->append(as_bytes("for me alone")));
  std::string read;
  EXPECT_FALSE(std::getline(reader, read)) << read;
  struct stat info{};
  ASSERT_EQ(::stat(trap.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, ::geteuid());
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(MediaFiles, AnEmptyPartDoesNotStay) {
  {
    ASSERT_TRUE(PartFile::open(folder, "tag"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  auto part = PartFile::open(folder, "tag");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->finish("empty").value(), folder + "/empty") << "an empty file is one";
}

TEST_F(MediaFiles, WhatIsDiscardedIsGone) {
  auto part = PartFile::open(folder, "tag");
  ASSERT_TRUE(part);
  ASSERT_TRUE(part->append(as_bytes("bad")));
  part->discard();
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

}  // namespace
}  // namespace dim
