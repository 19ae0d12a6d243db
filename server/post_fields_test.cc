#include "server/post_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dim {
namespace {

using testing::ElementsAre;

const char* const kAlice = "0x21e27549d780db2a32058bD960A6245b01Ad85FF";
const char* const kBob = "0x95E6F72fB194200e95b60332E8142DDF41C7c333";

Packet with(const std::string& key, const std::string& value) {
  Packet packet = Packet::request(Operation::create);
  packet.set(key, value);
  return packet;
}

TEST(PostFields, F15_MentionsAreIdsOnceEachAndEveryone) {
  const auto read = read_post_fields(
      with("mentions", std::string("[") + kBob + ", everyone, " + kAlice + ", " + kBob + "/desk]"));
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_THAT(read->mentions, ElementsAre(kBob, "everyone", kAlice));
  EXPECT_THAT(read_post_fields(with("mentions", kBob))->mentions, ElementsAre(kBob));
  std::string many = "[everyone";
  for (int i = 0; i < 20; ++i) many += std::string(", ") + kBob;
  EXPECT_FALSE(read_post_fields(with("mentions", many + "]"))) << "21 items";
  EXPECT_FALSE(read_post_fields(with("mentions", "[nobody]")));
  EXPECT_FALSE(read_post_fields(with("mentions", "[]")));
}

TEST(PostFields, F24_F16_GuidsAndTimesAreWhatTheySeem) {
  const std::string guid = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4";
  EXPECT_EQ(read_post_fields(with("thread", guid))->thread->text(), guid);
  EXPECT_EQ(read_post_fields(with("reply-to", guid))->reply->text(), guid);
  EXPECT_FALSE(read_post_fields(with("thread", "none")));
  EXPECT_EQ(read_post_fields(with("expires", "2026-11-26T12:00:00.000Z"))->expires,
            1'795'694'400'000);
  EXPECT_FALSE(read_post_fields(with("expires", "tomorrow")));
  EXPECT_EQ(read_post_fields(Packet::request(Operation::create))->expires, 0);
}

TEST(PostFields, N14_MediaAreGuidsOnceEachOrNone) {
  const std::string guid = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4";
  EXPECT_FALSE(read_media_of_message(Packet::request(Operation::create))->has_value());
  EXPECT_EQ(read_media_of_message(with("media", guid))->value(), std::vector{*Guid::parse(guid)});
  EXPECT_THAT(read_media_of_message(with("media", "[" + guid + ", " + guid + "]"))->value(),
              testing::SizeIs(1));
  EXPECT_TRUE(read_media_of_message(with("media", "none"))->value().empty());
  for (const char* bad : {"[]", "none, none", "[none]", "0", "[018f6f0e7b8c7cc2a1f3b0d5f3a1c9e]"})
    EXPECT_EQ(read_media_of_message(with("media", bad)).error().code, Errc::bad_request) << bad;
  std::string many = "[" + guid;
  for (std::size_t i = 1; i < limits::kMediaOfMessage; ++i) many += ", " + guid;
  EXPECT_TRUE(read_media_of_message(with("media", many + "]")));
  EXPECT_FALSE(read_media_of_message(with("media", many + ", " + guid + "]")));
}

}  // namespace
}  // namespace dim
