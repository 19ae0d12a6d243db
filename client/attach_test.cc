#include "client/attach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "client/files.h"
#include "client/station_fixture.h"

namespace dim {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class AttachTest : public ::testing::Test {
 protected:
  AttachTest() {
    std::string name = (std::filesystem::temp_directory_path() / "dim-attach-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
  }
  ~AttachTest() override { std::filesystem::remove_all(folder); }
  std::string file(const std::string& name, std::size_t size = 5) {
    const std::string path = folder + "/" + name;
    EXPECT_TRUE(write_new_file(path, Bytes(size, 'x')));
    return path;
  }
  static Result<Content> made(const Attachment& attachment) {
    return attach(attachment, kFakeNow, fake_random());
  }
  /// As the receiver reads it.
  static Content sent(const Attachment& attachment) {
    auto content = made(attachment);
    EXPECT_TRUE(content) << to_string(content.error());
    return decode_content(encode_content(*content)).value();
  }
  static Result<Bytes> no_fetch(const std::string&) {
    ADD_FAILURE() << "nothing to be fetched";
    return fail(Errc::internal, "");
  }
  std::string folder;
};

TEST_F(AttachTest, TheNameSaysWhatAFileIsUnlessThePersonDoes) {
  const std::string small = file("small.jpg");
  const Content image =
      sent({.path = file("A.PNG"), .as = {}, .thumbnail = small, .url = {}, .sealed = {}});
  ASSERT_NE(image.as<ImageContent>(), nullptr);
  EXPECT_EQ(image.as<ImageContent>()->file.data->mime_type, "image/png");
  EXPECT_EQ(image.as<ImageContent>()->thumbnail->data->mime_type, "image/jpeg");
  const Content video = sent({.path = file("b.webm"), .thumbnail = small, .duration = 2.5});
  ASSERT_NE(video.as<VideoContent>(), nullptr);
  EXPECT_EQ(video.as<VideoContent>()->duration, 2.5);
  EXPECT_NE(sent({.path = file("c.ogg"), .duration = 3}).as<AudioContent>(), nullptr);
  EXPECT_NE(sent({.path = file("d.txt")}).as<FileContent>(), nullptr);
  EXPECT_NE(sent({.path = file("e.jpg"), .as = "file"}).as<FileContent>(), nullptr);
  EXPECT_EQ(made({.path = file("f.txt"), .thumbnail = small}).error().code, Errc::usage);
  EXPECT_EQ(made({.path = file("g.txt"), .duration = 1}).error().code, Errc::usage);
}

TEST_F(AttachTest, TheEndingOfANameSaysWhatItIs) {
  EXPECT_EQ(media_type_of("a.b/Sunset.PNG"), "image/png");
  EXPECT_EQ(media_type_of("notes"), "");
}

TEST_F(AttachTest, F46_APictureTakesItsPreviewAndTheSizeOfTheOriginalAlong) {
  const Preview preview{.jpeg = to_bytes("\xFF\xD8..."), .width = 640, .height = 480};
  Attachment picture{.path = file("p.png"), .preview = preview};
  EXPECT_TRUE(takes_preview(picture));
  const Content content = sent(picture);
  ASSERT_NE(preview_in(content), nullptr);
  EXPECT_EQ(preview_in(content)->data, preview.jpeg);
  EXPECT_EQ(preview_in(content)->mime_type, "image/jpeg");
  EXPECT_EQ(size_in(*content.as<ImageContent>()), (PictureSize{640, 480}));
  picture.thumbnail = file("own.jpg", 9);
  EXPECT_FALSE(takes_preview(picture));
  EXPECT_EQ(preview_in(sent(picture))->data.size(), 9U) << "the person's own comes first";
  EXPECT_FALSE(takes_preview({.path = "a.txt"}));
  EXPECT_FALSE(takes_preview({.path = "a.png", .as = "file"}));
  EXPECT_TRUE(takes_preview({.path = "scan", .as = "image"}));
}

TEST_F(AttachTest, WhatLiesInPlaceIsGotWithoutAskingAnybody) {
  const Content content = sent({.path = file("notes.txt", 300 * limits::kKiB)});
  const auto got = received_file(content, false, no_fetch);
  ASSERT_TRUE(got) << to_string(got.error());
  EXPECT_EQ(got->name, "notes.txt");
  EXPECT_EQ(got->bytes.size(), 300 * limits::kKiB);
  EXPECT_TRUE(got->encrypted && got->proven);
  EXPECT_EQ(made({.path = file("more.txt", 300 * limits::kKiB + 1)}).error().code, Errc::too_large);
  EXPECT_EQ(received_file(content, true, no_fetch).error().code, Errc::not_found);
  const Content picture = sent({.path = file("p.png"), .thumbnail = file("q.png", 7)});
  EXPECT_EQ(received_file(picture, true, no_fetch)->bytes.size(), 7U);
}

TEST_F(AttachTest, A41_BehindAUrlLiesWhatOnlyTheReceiverCanRead) {
  const std::string sealed = folder + "/sealed.bin";
  const Content content =
      sent({.path = file("film.mp4", 1'000), .url = "https://files.example/f", .sealed = sealed});
  const Bytes cipher = read_file(sealed, 10'000).value();
  EXPECT_THAT(std::string(as_text(cipher)), Not(HasSubstr("xxxxxxxx")));
  std::string asked;
  const auto fetch = [&](const std::string& url) -> Result<Bytes> {
    asked = url;
    return cipher;
  };
  const auto got = received_file(content, false, fetch);
  ASSERT_TRUE(got) << to_string(got.error());
  EXPECT_EQ(asked, "https://files.example/f");
  EXPECT_EQ(got->bytes, Bytes(1'000, 'x'));
  EXPECT_TRUE(got->encrypted && got->proven);
  const auto changed = [&](const std::string&) -> Result<Bytes> {
    Bytes other = cipher;
    other[500] ^= 1;
    return other;
  };
  EXPECT_EQ(received_file(content, false, changed).error().code, Errc::decrypt);
  EXPECT_EQ(made({.path = file("a.txt"), .url = "http://files.example/f", .sealed = folder + "/s"})
                .error()
                .code,
            Errc::bad_request);
  EXPECT_EQ(made({.path = file("b.txt"), .url = "https://files.example/f", .sealed = sealed})
                .error()
                .code,
            Errc::conflict);
}

TEST_F(AttachTest, AnAnswerNamesTheMessageByWriterAndNumber) {
  HistoryEntry entry{.guid = "guid", .peer = fake_user(2).id};
  entry.content_type = "text";
  EXPECT_EQ(quote(entry, fake_user(1).id, "yes", kFakeNow, fake_random()).error().code,
            Errc::not_found);
  entry.sn = 12;
  const auto answer = quote(entry, fake_user(1).id, "yes", kFakeNow, fake_random()).value();
  EXPECT_EQ(answer.origin->sender, fake_user(2).id);
  EXPECT_EQ(*answer.origin->receiver, fake_user(1).id);
  EXPECT_EQ(answer.origin->sn, 12);
  EXPECT_EQ(answer.origin->type, "1");
}

HistoryEntry line_of(const Id& peer, bool outgoing = false) {
  HistoryEntry out{.guid = std::string(32, 'a'), .peer = peer, .outgoing = outgoing};
  out.time = kFakeNow - 60'000;
  return out;
}
JsonObject parsed(std::string_view text) { return *parse_json_object(text); }

TEST(Forwarded, AMessageBecomesARecordThatSaysWhoWroteItWhen) {
  const Id me = *Id::parse("0x21e27549d780db2a32058bD960A6245b01Ad85FF");
  const Id bob = *Id::parse("0x95E6F72fB194200e95b60332E8142DDF41C7c333");
  const JsonObject said = parsed(
      R"({"type":1,"sn":7,"time":1790000000.5,"text":"hello","bind":{"v":1},"seq":3,"prev":"x"})");
  for (const bool outgoing : {false, true}) {
    const auto out =
        forwarded(line_of(bob, outgoing), said, me, "From Bob", kFakeNow, fake_random());
    ASSERT_TRUE(out) << to_string(out.error());
    const Content read = decode_content(encode_content(*out)).value();
    const auto* record = read.as<CombineContent>();
    ASSERT_NE(record, nullptr);
    EXPECT_EQ(record->title, "From Bob");
    ASSERT_EQ(record->messages.size(), 1U);
    const PlainMessage& inner = record->messages[0];
    EXPECT_EQ(inner.envelope.sender, outgoing ? me : bob);
    EXPECT_EQ(inner.envelope.receiver, outgoing ? bob : me);
    EXPECT_EQ(inner.envelope.time, static_cast<double>(kFakeNow - 60'000) / 1000);
    EXPECT_EQ(*inner.content.text("text"), "hello");
    EXPECT_EQ(content_sn(inner.content), 7);
    for (const char* member : {"bind", "seq", "prev"}) EXPECT_FALSE(inner.content.contains(member));
  }
  EXPECT_EQ(forwarded(line_of(bob), std::nullopt, me, "", kFakeNow, fake_random()).error().code,
            Errc::not_found);
}

TEST(Forwarded, AFileGoesOnAsItIs) {
  const Id bob = *Id::parse("0x95E6F72fB194200e95b60332E8142DDF41C7c333");
  const JsonObject file = parsed(
      R"({"type":16,"sn":7,"time":1790000000.5,"filename":"a.txt","data":"YWJj","bind":{"v":1}})");
  const auto out = forwarded(line_of(bob), file, bob, "", kFakeNow, fake_random());
  ASSERT_TRUE(out) << to_string(out.error());
  const auto* again = out->as<FileContent>();
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->file.filename, "a.txt");
  EXPECT_EQ(again->file.data->data, to_bytes("abc"));
  EXPECT_NE(again->head.sn, 7);
  EXPECT_FALSE(again->rest.contains("bind"));
}

TEST(ContentFromJson, IsWhatTheTableOfKindsAllowsAndNoCommand) {
  const auto code = [](std::string_view text) {
    const auto content = content_from_json(text, kFakeNow, fake_random());
    return content ? std::nullopt : std::optional(content.error().code);
  };
  const auto money = content_from_json(R"({"type":64,"currency":"USD","amount":10.25,"for":"tea"})",
                                       kFakeNow, fake_random());
  ASSERT_TRUE(money) << to_string(money.error());
  EXPECT_EQ(money->as<MoneyContent>()->amount, 10.25);
  EXPECT_GT(money->head().sn, 0);
  EXPECT_EQ(*encode_content(*money).text("for"), "tea");
  EXPECT_FALSE(code(R"({"type":"x-chess","move":"e4"})"));
  EXPECT_FALSE(code(R"({"type":202,"contents":[{"type":1,"sn":1,"time":1790000000,"text":"a"}]})"));

  EXPECT_EQ(code("{"), Errc::json);
  EXPECT_EQ(code("[]"), Errc::json);
  EXPECT_EQ(code(R"({"text":"no type"})"), Errc::usage);
  EXPECT_EQ(code(R"({"type":64,"currency":5,"amount":1})"), Errc::content);
  for (const char* member : {"sn", "time", "group", "bind", "seq", "prev"}) {
    JsonObject object = parsed(R"({"type":1,"text":"a"})");
    object.set(member, 1);
    EXPECT_EQ(code(write_json(object)), Errc::usage) << member;
  }
  for (const char* command :
       {R"({"type":136,"command":"handshake"})", R"({"type":"command","command":"x-own"})",
        R"({"type":137,"command":"reset"})",
        R"({"type":202,"contents":[{"type":136,"sn":1,"time":1790000000,"command":"x-own"}]})"})
    EXPECT_EQ(code(command), Errc::usage) << command;
}

}  // namespace
}  // namespace dim
