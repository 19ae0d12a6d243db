#include "client/post_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/station_fixture.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const std::string kStation = "gsp-s001@2ACLy3krqTAvf5G6FTtPYvAaR4gLAMhVVQ";

MediaLink link(const std::string& name, std::int64_t plain = 82'000) {
  MediaLink out{
      .guid = Guid::make(kFakeNow, fake_random()), .station = kStation, .size = sealed_size(plain)};
  out.sha256.fill(7);
  out.key = Secret::random(32, fake_random());
  out.name = name;
  return out;
}
PostFile file(const std::string& name, const std::string& mime = {}) {
  return {.link = link(name), .mime = mime};
}
std::vector<std::string> words_of(const PostText& text) {
  std::vector<std::string> out;
  for (const PostFile& one : text.files) out.push_back(one.words());
  return out;
}

TEST(PostFiles, F43_F46_WhatIsWrittenIsRead) {
  std::vector<PostFile> files;
  files.push_back(file("sunset.png", "image/png"));
  files.back().pixels = PictureSize{1024, 768};
  files.back().preview = link("sunset.png.preview.jpg", 20'000);
  files.push_back(file("song.ogg", "audio/ogg"));
  files.push_back(file("all of it.pdf"));
  const std::string content = write_post_text("Look\nat this", files);
  const PostText read = read_post_text(content);
  EXPECT_EQ(read.text, "Look\nat this");
  EXPECT_THAT(words_of(read), ElementsAre("picture sunset.png, 1024x768, with a preview, 80 KiB",
                                          "sound song.ogg, 80 KiB", "file all of it.pdf, 80 KiB"));
  ASSERT_THAT(read.files, SizeIs(3));
  EXPECT_EQ(read.files[0].link.guid, files[0].link.guid);
  EXPECT_EQ(read.files[0].link.sha256, files[0].link.sha256);
  EXPECT_TRUE(equal_secret(read.files[0].link.key.view(), files[0].link.key.view()));
  EXPECT_EQ(read.files[0].preview->guid, files[0].preview->guid);
  EXPECT_EQ(read.files[0].mime, "image/png");
  EXPECT_EQ(write_post_text(read.text, read.files), content);
  EXPECT_EQ(read_post_text(write_post_text("", files)).text, "");
  // What the station is told of: the preview too, so that it goes with the message (F49).
  EXPECT_THAT(media_named(content, kStation), SizeIs(4));
}

TEST(PostFiles, ATextWithoutThemStaysAsItIs) {
  for (const std::string text : {"", "hello\n\n", "dim:object:", "see dim:object:x\n"})
    EXPECT_EQ(read_post_text(text).text, text);
  // In the midst of a sentence a link is text.
  const std::string sentence = "Look: " + link("one").text() + "\n";
  EXPECT_EQ(read_post_text(sentence).text, sentence);
  EXPECT_THAT(read_post_text(sentence).files, IsEmpty());
}

TEST(PostFiles, A39_C11_NamesAndTypesOfOthersAreCleaned) {
  const PostText read = read_post_text(write_post_text("", [] {
    std::vector<PostFile> out;
    out.push_back(file("../../x.exe\u202egnp. ", "image/png"));
    out.push_back(file("", "image/"));
    return out;
  }()));
  EXPECT_THAT(words_of(read), ElementsAre("picture x.exegnp, 80 KiB", "file file, 80 KiB"));
  EXPECT_EQ(read.files[1].mime, "");
  EXPECT_EQ(file("a]  [edited; film b").words(), "file a)  (edited, film b, 80 KiB");
  for (const std::string more :
       {"mime=a;", "mime=text/%1B[2J;", "mime=text/a%20b;", "mime=text/a/b;", "width=5;",
        "width=0;height=5;", "width=-1;height=5;", "width=1e3;height=5;",
        "width=9999999999;height=9;"}) {
    const PostText strange = read_post_text(link("one").text() + more);
    ASSERT_THAT(strange.files, SizeIs(more.find("%1B") == std::string::npos ? 1 : 0)) << more;
    for (const PostFile& one : strange.files) {
      EXPECT_EQ(one.mime, "") << more;
      EXPECT_FALSE(one.pixels) << more;
      EXPECT_EQ(one.words(), "file one, 80 KiB");
    }
  }
}

TEST(PostFiles, F46_WhatPosesAsAPreviewIsAFileAndSeen) {
  const MediaLink picture = link("a.png");
  const std::string of = "preview-of=" + picture.guid.text() + ";";
  // Too large to be fetched unasked.
  PostText read = read_post_text(picture.text() + "\n" + link("film", kPreviewSealed).text() + of);
  EXPECT_THAT(words_of(read), ElementsAre("file a.png, 80 KiB", "file film, 64 KiB"));
  // Of nothing, and the second one.
  read = read_post_text(link("alone", 9).text() + of);
  EXPECT_THAT(words_of(read), ElementsAre("file alone, 9 bytes"));
  read = read_post_text(link("small", 9).text() + of + "\n" + picture.text() + "\n" +
                        link("other", 9).text() + of);
  EXPECT_THAT(words_of(read),
              ElementsAre("file a.png, with a preview, 80 KiB", "file other, 9 bytes"));
}

TEST(PostFiles, AMessageHasNoMoreThanItsShare) {
  std::string content;
  for (std::size_t i = 0; i < kPostFiles + 20; ++i)
    content += link("f" + std::to_string(i)).text() + "\n";
  const PostText read = read_post_text(content);
  EXPECT_THAT(read.files, SizeIs(kPostFiles));
  EXPECT_THAT(read.text, HasSubstr("name=f69;"));
  EXPECT_THAT(read.text, Not(HasSubstr("name=f49;")));
}

}  // namespace
}  // namespace dim
