#include "client/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace dim {
namespace {

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    std::string name = (std::filesystem::temp_directory_path() / "dim-files-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  ~FilesTest() override { std::filesystem::remove_all(folder); }
  std::string text_of(const std::string& path) {
    auto bytes = read_file(path, 1'000);
    return bytes ? std::string(as_text(*bytes)) : to_string(bytes.error());
  }
  std::string folder;
};

TEST_F(FilesTest, A39_NamesOfStrangersLeadNowhere) {
  EXPECT_EQ(safe_filename("picture.png"), "picture.png");
  EXPECT_EQ(safe_filename("../../etc/passwd"), "passwd");
  EXPECT_EQ(safe_filename("C:\\Windows\\system.ini"), "system.ini");
  EXPECT_EQ(safe_filename(".bashrc"), "bashrc");
  EXPECT_EQ(safe_filename("..."), "file");
  EXPECT_EQ(safe_filename(""), "file");
  EXPECT_EQ(safe_filename("a/"), "file");
  EXPECT_EQ(safe_filename("\xff\xfe"), "file");
  EXPECT_EQ(safe_filename("a\nb\x1b[31m.txt"), "ab[31m.txt");
  EXPECT_EQ(safe_filename("photo\xE2\x80\xAEgpj.exe"), "photogpj.exe") << "no mark of direction";
  EXPECT_EQ(safe_filename("con"), "_con");
  EXPECT_EQ(safe_filename("LPT1.txt"), "_LPT1.txt");
  EXPECT_EQ(safe_filename("name. . "), "name");
  const std::string longest = safe_filename(std::string(300, 'a') + ".jpeg");
  EXPECT_EQ(longest.size(), 120U);
  EXPECT_TRUE(longest.ends_with(".jpeg"));
  EXPECT_EQ(safe_filename("Gru\xC3\x9F.txt"), "Gru\xC3\x9F.txt");
}

TEST_F(FilesTest, A39_NothingIsOverwrittenAndNoLinkFollowed) {
  const Bytes one = to_bytes("one"), two = to_bytes("two");
  ASSERT_TRUE(write_new_file(folder + "/a.txt", one));
  const Status again = write_new_file(folder + "/a.txt", two);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::conflict);
  EXPECT_EQ(text_of(folder + "/a.txt"), "one");
  ASSERT_EQ(::symlink((folder + "/target").c_str(), (folder + "/link").c_str()), 0);
  EXPECT_FALSE(write_new_file(folder + "/link", two));
  EXPECT_FALSE(std::filesystem::exists(folder + "/target"));
  struct stat info{};
  ASSERT_EQ(::stat((folder + "/a.txt").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(FilesTest, A39_IntoAFolderItGoesUnderASafeNameThatIsFree) {
  const Bytes bytes = to_bytes("bytes");
  EXPECT_EQ(keep_file(folder, "../up.txt", bytes).value(), folder + "/up.txt");
  EXPECT_EQ(keep_file(folder, "up.txt", bytes).value(), folder + "/up (2).txt");
  EXPECT_EQ(keep_file(folder, "up", bytes).value(), folder + "/up");
  EXPECT_EQ(keep_file(folder, "up", bytes).value(), folder + "/up (2)");
  EXPECT_EQ(keep_file(folder + "/named", "ignored", bytes).value(), folder + "/named");
  EXPECT_FALSE(keep_file(folder + "/named", "ignored", bytes));
  EXPECT_FALSE(keep_file(folder + "/missing/named", "ignored", bytes));
}

TEST_F(FilesTest, OnlyRegularFilesOfTheRightSizeAreRead) {
  ASSERT_TRUE(write_new_file(folder + "/ten", to_bytes("0123456789")));
  EXPECT_TRUE(read_file(folder + "/ten", 10));
  EXPECT_EQ(read_file(folder + "/ten", 9).error().code, Errc::too_large);
  EXPECT_EQ(read_file(folder, 10).error().code, Errc::io);
  EXPECT_EQ(read_file(folder + "/none", 10).error().code, Errc::io);
}

}  // namespace
}  // namespace dim
