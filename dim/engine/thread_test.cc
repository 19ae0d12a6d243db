#include "dim/engine/thread.h"

#include <gtest/gtest.h>

#include "dim/crypto/os_random.h"

namespace dim {
namespace {

constexpr Millis kNow = 1'790'000'000'000;
const Id kSender = Id::parse("0x21e27549d780db2a32058bD960A6245b01Ad85FF").value();

std::optional<ThreadRoot> again(const ThreadRoot& root) {
  const Json json(write_thread(root));
  return read_thread(&json);
}

TEST(Thread, F24_WhatIsWrittenIsRead) {
  OsRandom random;
  const ThreadRoot root{.sender = kSender, .sn = 4711, .guid = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4"};
  for (Content content : {Content(TextContent::make("roses", kNow, random)),
                          Content(CardContent::make(kSender, "alice", kNow, random))}) {
    EXPECT_FALSE(thread_of(content));
    ASSERT_TRUE(set_thread(content, root));
    const auto read = decode_content(encode_content(content));
    ASSERT_TRUE(read);
    const auto thread = thread_of(*read);
    ASSERT_TRUE(thread);
    EXPECT_TRUE(thread->is_same(root));
    EXPECT_EQ(thread->guid, root.guid);
  }
}

TEST(Thread, F24_WhatIsAnApplicationsOwnStandsInNone) {
  OsRandom random;
  Content content(CustomizedContent::make("org.example.sewing", "box", "open", kNow, random));
  EXPECT_FALSE(set_thread(content, {.sender = kSender, .sn = 4711}));
  std::get<CustomizedContent>(content).rest.set("thread", write_thread({kSender, 4711}));
  EXPECT_FALSE(thread_of(content)) << "it means something else there";
}

TEST(Thread, WhatMakesNoSenseIsNone) {
  EXPECT_TRUE(again({kSender, 1}));
  EXPECT_FALSE(again({kSender, 0}));
  EXPECT_FALSE(again({kSender, 1, "roses"}));
  const Id group = Id::parse("Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H").value();
  EXPECT_FALSE(again({group, 1}));
  for (const char* bad :
       {R"({"thread": 4711})", R"({"thread": {}})", R"({"thread": {"sender": "roses", "sn": 1}})",
        R"({"thread": {"sn": 1}})"}) {
    const auto object = parse_json_object(bad);
    ASSERT_TRUE(object) << bad;
    EXPECT_FALSE(read_thread(object->find("thread"))) << bad;
  }
  EXPECT_FALSE(read_thread(nullptr));
}

}  // namespace
}  // namespace dim
