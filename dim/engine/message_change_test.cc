#include "dim/engine/message_change.h"

#include <gtest/gtest.h>

#include "dim/crypto/os_random.h"
#include "dim/packet/guid.h"

namespace dim {
namespace {

constexpr Millis kNow = 1'790'000'000'000;

class MessageChangeTest : public testing::Test {
 protected:
  MessageChange change(MessageAct act) {
    MessageChange out{.act = act, .guid = Guid::make(kNow, random_).text()};
    out.hash = sha256(as_bytes(std::string_view("a signed message")));
    if (act == MessageAct::edit) {
      out.text = "better";
      out.revision = 2;
    }
    if (act == MessageAct::erased) out.device = "phone";
    if (act == MessageAct::pin) out.pin = {.on = true, .revision = 5};
    if (act == MessageAct::react) out.reactions = {.symbols = {"👍", "❤️"}, .revision = 5};
    return out;
  }
  Result<MessageChange> again(const MessageChange& change) {
    const auto json = encode_content(message_change_content(change, kNow, random_));
    const auto content = decode_content(json);
    EXPECT_TRUE(content) << to_string(content.error());
    EXPECT_TRUE(is_message_change(*content));
    return read_message_change(*content);
  }
  OsRandom random_;
};

TEST_F(MessageChangeTest, F11_F12_F13_WhatIsWrittenIsRead) {
  for (const MessageAct act :
       {MessageAct::edit, MessageAct::remove, MessageAct::erase, MessageAct::destroy,
        MessageAct::erased, MessageAct::react, MessageAct::pin}) {
    MessageChange one = change(act);
    one.peer = Id::parse("0x21e27549d780db2a32058bD960A6245b01Ad85FF").value();
    const auto read = again(one);
    ASSERT_TRUE(read) << to_string(act);
    EXPECT_EQ(read->act, act);
    EXPECT_EQ(read->guid, one.guid);
    EXPECT_EQ(read->hash, one.hash);
    EXPECT_EQ(read->text, one.text);
    EXPECT_EQ(read->revision, one.revision);
    EXPECT_EQ(read->device, one.device);
    EXPECT_EQ(read->peer, one.peer);
    EXPECT_EQ(read->reactions, one.reactions);
    EXPECT_EQ(read->pin, one.pin);
  }
}

TEST_F(MessageChangeTest, WhatLacksSomethingIsNone) {
  const JsonObject whole =
      encode_content(message_change_content(change(MessageAct::edit), kNow, random_));
  for (const char* key : {"guid", "hash", "text", "revision", "mod"}) {
    JsonObject less = whole;
    less.set(key, key == std::string_view("revision") ? Json(std::int64_t{1}) : Json(""));
    const auto content = decode_content(less);
    ASSERT_TRUE(content) << key;
    EXPECT_TRUE(is_message_change(*content)) << key;
    EXPECT_EQ(read_message_change(*content).error().code, Errc::content) << key;
  }
  MessageChange long_one = change(MessageAct::edit);
  long_one.text.assign(65'537, 'x');
  EXPECT_FALSE(again(long_one));
  MessageChange many = change(MessageAct::react);
  many.reactions.symbols.assign(2, "👍");
  EXPECT_FALSE(again(many)) << "each counts once";
  MessageChange late = change(MessageAct::pin);
  late.pin.revision = kLastPin + 1;
  EXPECT_FALSE(again(late));
  const Content text(TextContent::make("no change", kNow, random_));
  EXPECT_FALSE(is_message_change(text));
  EXPECT_FALSE(read_message_change(text));
}

}  // namespace
}  // namespace dim
