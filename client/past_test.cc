#include "client/past.h"

#include <gmock/gmock.h>

#include "dim/base/base64.h"

namespace dim {
namespace {

using testing::SizeIs;

Id bobby() { return Id::parse("0x95e6f72fb194200e95b60332e8142ddf41c7c333").value(); }

HistoryEntry entry_of(std::string text) {
  HistoryEntry entry{.guid = std::string(32, 'a'), .peer = bobby(), .time = 1'750'000'000'125};
  entry.text = std::move(text);
  entry.content_type = "text";
  entry.label = Label::secure_old;
  entry.hash = to_base64(Bytes(32, 7));
  return entry;
}

TEST(Past, F39_WhatIsHandedOverIsReadAsItWas) {
  const HistoryEntry came = entry_of("hello");
  const auto read = read_past(past_entry(came, std::nullopt));
  ASSERT_TRUE(read);
  EXPECT_EQ(write_entry(read->entry), write_entry(came));
  HistoryEntry went = entry_of("");
  went.label = HistoryEntry{.guid = {}, .peer = bobby()}.label;
  went.outgoing = true;
  went.tick = Tick::failed;
  went.cause = "404 Not_Found: nobody";
  JsonObject said;
  said.set("type", 1);
  const auto own = read_past(past_entry(went, said));
  ASSERT_TRUE(own);
  EXPECT_EQ(own->said, said);
  EXPECT_TRUE(own->entry.outgoing);
  EXPECT_EQ(own->entry.tick, Tick::failed);
  EXPECT_EQ(own->entry.cause, went.cause);
}

TEST(Past, WhatIsOfThisHomeAloneStaysHere) {
  EXPECT_TRUE(is_past(entry_of("hello")));
  HistoryEntry entry = entry_of("");
  entry.cause = "E_DECRYPT: no";
  EXPECT_FALSE(is_past(entry));
  entry = entry_of("laptop");
  entry.content_type = "keys: device";
  EXPECT_FALSE(is_past(entry));
  entry = entry_of("on its way");
  entry.outgoing = true;
  EXPECT_FALSE(is_past(entry));
  entry.tick = Tick::read;
  EXPECT_TRUE(is_past(entry));
}

TEST(Past, J07_WhatMakesNoSenseIsLeftOut) {
  const JsonObject good = past_entry(entry_of("hello"), std::nullopt);
  ASSERT_TRUE(read_past(good));
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, Json>>{
           {"peer", Json("nobody")},
           {"peer", Json("everyone@everywhere")},
           {"guid", Json("../x")},
           {"guid", Json(1)},
           {"time", Json(-1)},
           {"time", Json("soon")},
           {"time", Json(1e300)},
           {"sender", Json("0x95e6f72fb194200e95b60332e8142ddf41c7c333")},
           {"label", Json("very secure")},
           {"state", Json("queued")},
           {"hash", Json("AAAA")},
           {"said", Json("hello")},
           {"type", Json("keys: two")},
           {"text", Json(JsonArray{})}}) {
    JsonObject bad = good;
    bad.set(name, value);
    EXPECT_FALSE(read_past(bad)) << name << " " << write_json(bad);
  }
  EXPECT_FALSE(read_past({}));
}

TEST(Past, BatchesAreSmallEnoughToBeReadAndKeepTheOrder) {
  PastBatches batches;
  for (int i = 0; i < 40; ++i)
    EXPECT_TRUE(batches.add(past_entry(entry_of(std::string(10'000, 'x')), std::nullopt)));
  EXPECT_TRUE(batches.add(past_entry(entry_of(std::string(8'000, ',')), std::nullopt)));
  EXPECT_FALSE(batches.add(past_entry(entry_of(std::string(600'000, 'x')), std::nullopt)));
  EXPECT_FALSE(batches.add(past_entry(entry_of(std::string(10'000, ',')), std::nullopt)));
  const auto all = batches.take();
  ASSERT_THAT(all, SizeIs(4));
  EXPECT_EQ(all[0].size() + all[1].size() + all[2].size(), 40U);
  EXPECT_THAT(all[3], SizeIs(1));
  for (const JsonArray& one : all) EXPECT_LT(write_json(Json(one)).size(), 210'000U);
  EXPECT_THAT(batches.take(), SizeIs(0));
}

}  // namespace
}  // namespace dim
