#include "dim/protocol/content_nested.h"

#include <gmock/gmock.h>

#include "testing/contents.h"

namespace dim {
namespace {

using namespace dim::testing;

PlainMessage plain(std::string_view text) {
  PlainMessage message{.envelope = {.sender = id(kAlice), .receiver = id(kBob), .time = 5}};
  message.content = text_content(text, kNow, os_random());
  return message;
}

TEST(NestedContents, AChatRecordKeepsWhoWroteWhat) {
  PlainMessage grouped = plain("two");
  grouped.envelope.group = id(kGroup);
  grouped.envelope.extra.set("GF", true);
  const auto out =
      round_trip(CombineContent::make("History", {plain("one"), grouped}, kNow, os_random()));
  EXPECT_EQ(out.title, "History");
  ASSERT_EQ(out.messages.size(), 2U);
  EXPECT_EQ(out.messages[0].envelope.sender, id(kAlice));
  EXPECT_EQ(out.messages[0].envelope.time, 5);
  EXPECT_EQ(*out.messages[0].content.text("text"), "one");
  EXPECT_EQ(out.messages[1].envelope.group, id(kGroup));
  EXPECT_EQ(*out.messages[1].envelope.extra.find("GF"), Json(true));
}

TEST(NestedContents, RefusesMessagesThatAreNone) {
  for (const std::string_view inner :
       {R"({"sender":"x","receiver":"y","content":{}})", R"({"content":{"type":1,"sn":1}})", "5",
        R"({"sender":"0x95E6F72fB194200e95b60332E8142DDF41C7c333",
            "receiver":"0x21e27549d780db2a32058bD960A6245b01Ad85FF"})"}) {
    EXPECT_EQ(refusal(R"({"type":207,"sn":1,"messages":[)" + std::string(inner) + "]}"),
              Errc::content)
        << inner;
  }
}

TEST(NestedContents, A32_AChatRecordHasTheLimitsOfForwards) {
  std::vector<PlainMessage> many(65, plain("x"));
  const auto content = CombineContent::make("", many, kNow, os_random());
  EXPECT_EQ(decode_content(encode_content(Content(content))).error().code, Errc::content);
  EXPECT_FALSE(decode_content(json(R"({"type":207,"sn":1,"messages":[]})"), {}, 3));
}

}  // namespace
}  // namespace dim
