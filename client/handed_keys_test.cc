// Keys of older messages as a home keeps them; with stations and other people:
// tests/private_hubs_test.cc.
#include "client/handed_keys.h"

#include "client/erasure.h"
#include "client/handing_rows.h"
#include "client/hub_handing.h"
#include "client/messenger_fixture.h"
#include "client/private_hubs.h"
#include "dim/base/base64.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr Millis kDay = 86'400'000;

class HandedKeys : public MessengerTest {
 protected:
  std::string my_id() { return home.account().id.bare().text(); }
  std::string peer_id() { return peer().id.bare().text(); }
  Guid guid() { return Guid::make(clock.now(), fake_random()); }
  static std::string key(std::uint8_t filled) { return to_base64(Bytes(32, filled)); }
  KeysNote note(const Guid& message, std::uint8_t filled, std::int64_t revision = 1) {
    return {.hub = hub_, .channel = den_, .keys = {{message, revision, key(filled), clock.now()}}};
  }
  bool keeps(const KeysNote& note, const std::string& by, const Roster* roster = nullptr) {
    EXPECT_TRUE(keep_handed(home, note, by, roster));
    return home.vault().contains(kHandedKeys, note.keys.front().message.text()).value();
  }
  std::string found(const Guid& message, std::int64_t revision = 1) {
    const auto one = handed_key(home, roster_, den_, message, revision);
    return one && *one ? to_base64((*one)->key.data()) + " " + (*one)->by : "";
  }
  /// A page that waits in the outbox of who hands over.
  std::string put_row(const KeysNote& note, const std::string& wire = {}) {
    const std::string row = guid().text();
    Outbox outbox(home.vault());
    EXPECT_TRUE(outbox.put(
        {.guid = row,
         .kind = "receipt",
         .to = peer().id,
         .time = clock.now(),
         .content = encode_content(Content(keys_content(note, clock.now(), fake_random()))),
         .wire = wire}));
    return row;
  }
  std::string content_of(const std::string& row) {
    const auto kept = Outbox(home.vault()).find(row).value();
    return kept ? write_json(kept->content) : "gone";
  }

  Meta meta_ = Meta::make_mkm(home.account().identity_key, "private-garden");
  std::string hub_ = meta_.id(EntityType::group)->text();
  Roster roster_ =
      Roster::begin(hub_, first_roster(home.account(), hub_, meta_, clock.now())).value();
  Guid den_ = guid();
};

TEST_F(HandedKeys, F23_WhatIsHandedOverIsReadAsItWasWritten) {
  const Guid message = guid();
  const auto content = keys_content(note(message, 7, 3), clock.now(), fake_random());
  const auto wire = decode_content(encode_content(Content(content)));
  const auto read = read_keys(*wire->as<CustomizedContent>());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->hub, hub_);
  EXPECT_EQ(read->channel, den_);
  ASSERT_EQ(read->keys.size(), 1U);
  EXPECT_EQ(read->keys[0].message, message);
  EXPECT_EQ(read->keys[0].revision, 3);
  EXPECT_EQ(read->keys[0].key, key(7));
  EXPECT_EQ(read->keys[0].time / 1000, clock.now() / 1000);
}

TEST_F(HandedKeys, F23_WhatMakesNoSenseIsLeftOut) {
  const auto with = [&](std::string_view member, Json value) {
    CustomizedContent content = keys_content(note(guid(), 7), clock.now(), fake_random());
    content.rest.set(std::string(member), std::move(value));
    return read_keys(content);
  };
  EXPECT_FALSE(with("hub", "hub-1@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H")) << "a public one";
  EXPECT_FALSE(with("hub", "private-"));
  EXPECT_FALSE(with("channel", "den"));
  EXPECT_FALSE(with("keys", "none"));
  const auto one = [&](std::string_view member, Json value) {
    CustomizedContent content = keys_content(note(guid(), 7), clock.now(), fake_random());
    JsonObject changed = *content.rest.find("keys")->array()->front().object();
    changed.set(std::string(member), std::move(value));
    content.rest.set("keys", JsonArray{Json(std::move(changed)), Json("x")});
    return read_keys(content)->keys.size();
  };
  EXPECT_EQ(one("note", 1), 1U);
  EXPECT_EQ(one("key", to_base64(Bytes(16, 1))), 0U);
  EXPECT_EQ(one("key", "?"), 0U);
  EXPECT_EQ(one("revision", 0), 0U);
  EXPECT_EQ(one("message", "?"), 0U);
  EXPECT_EQ(one("time", "yesterday"), 0U);
  KeysNote many = note(guid(), 7);
  for (std::size_t i = 0; i < kKeysAtOnce + 5; ++i) many.keys.push_back(note(guid(), 7).keys[0]);
  EXPECT_EQ(read_keys(keys_content(many, clock.now(), fake_random()))->keys.size(), kKeysAtOnce);
}

TEST_F(HandedKeys, F23_OnlyTheFoundersAndOnesOwnCount) {
  const Guid message = guid();
  EXPECT_FALSE(keeps(note(guid(), 1), peer_id(), &roster_));
  EXPECT_TRUE(keeps(note(message, 2), my_id(), &roster_));
  EXPECT_EQ(found(message), key(2) + " " + my_id());
  EXPECT_EQ(found(message, 2), "") << "of another text of it";
  EXPECT_TRUE(keeps(note(message, 3, 2), my_id(), &roster_));
  EXPECT_EQ(found(message, 2), key(3) + " " + my_id());
  EXPECT_TRUE(keeps(note(message, 4, 1), my_id(), &roster_));
  EXPECT_EQ(found(message, 2), key(3) + " " + my_id()) << "of an older text, and late";
}

TEST_F(HandedKeys, F23_A29_KeysForAHubThatNobodyKnowsYetAreFewAndGoWhenItsFounderIsKnown) {
  const Account& founder = peer();
  const Meta meta = Meta::make_mkm(founder.identity_key, "private-theirs");
  const std::string theirs = meta.id(EntityType::group)->text();
  const auto early = [&](std::string_view by, std::uint8_t filled) {
    KeysNote one = note(guid(), filled);
    one.hub = theirs;
    EXPECT_FALSE(keeps(one, std::string(by)));
    return one.keys.front().message;
  };
  const Guid first = early(peer_id(), 7), forged = early("mallory", 8);
  for (int i = 0; i < 100; ++i) early("mallory", 8);
  const auto count = [&] { return home.vault().count(kEarlyKeys).value(); };
  EXPECT_EQ(count(), 65) << "64 of one person";
  for (int i = 0; i < 100; ++i) early("stranger " + std::to_string(i), 9);
  EXPECT_EQ(count(), 128) << "of all";
  PrivateHubs privates(home, clock);
  ASSERT_TRUE(privates.take(hub_, {first_roster(home.account(), hub_, meta_, clock.now())}));
  EXPECT_EQ(count(), 128) << "another hub says nothing of it";
  ASSERT_TRUE(privates.take(theirs, {first_roster(founder, theirs, meta, clock.now())}));
  EXPECT_EQ(count(), 0);
  const Roster& known = *privates.roster(theirs);
  const auto handed = handed_key(home, known, den_, first, 1).value();
  ASSERT_TRUE(handed);
  EXPECT_EQ(handed->by, peer_id());
  EXPECT_FALSE(handed_key(home, known, den_, forged, 1).value());
  EXPECT_EQ(home.vault().count(kHandedKeys).value(), 1);
}

TEST_F(HandedKeys, F23_A29_AChannelOfAnotherPrivateHubGetsNone) {
  HubView view{.id = "private-other@x", .name = {}, .topic = {}, .owner = {}};
  view.channels.emplace(den_, HubChannel{.name = "den", .topic = {}});
  PrivateHubs privates(home, clock);
  ASSERT_TRUE(privates.learn(view));
  EXPECT_FALSE(keeps(note(guid(), 1), my_id(), &roster_));
}

TEST_F(HandedKeys, F23_N1_DestroyTakesTheKeyAlsoOutOfTheOutbox) {
  const Guid message = guid(), other = guid();
  ASSERT_TRUE(keeps(note(message, 1), my_id()));
  const std::string alone = put_row(note(message, 1));
  KeysNote two = note(message, 1);
  two.keys.push_back(note(other, 2).keys[0]);
  const std::string both = put_row(two), sealed = put_row(note(message, 1), "{}");
  ASSERT_TRUE(erase_copies(home, message));
  EXPECT_EQ(found(message), "");
  EXPECT_EQ(content_of(alone), "gone");
  EXPECT_FALSE(content_of(both).contains(key(1)));
  EXPECT_TRUE(content_of(both).contains(key(2)));
  EXPECT_NE(content_of(sealed), "gone") << "it is on its way";
  EXPECT_FALSE(content_of(sealed).contains(key(1)));
  // Which is not known to be gone may come again; what is gone stays so.
  EXPECT_TRUE(keeps(note(message, 1), my_id()));
  ASSERT_TRUE(note_gone(home.vault(), message, clock.now()));
  EXPECT_FALSE(keeps(note(message, 1), my_id()));
}

TEST_F(HandedKeys, F23_N1_WithItsChannelOrHubItIsGone) {
  const Guid message = guid();
  for (const std::string& object : {den_.text(), hub_}) {
    ASSERT_TRUE(keeps(note(message, 1), my_id()));
    const std::string row = put_row(note(message, 1));
    ASSERT_TRUE(owe_handing(home.vault(), hub_, peer_id()));
    ASSERT_TRUE(erase_copies_of(home, object));
    EXPECT_EQ(found(message), "");
    EXPECT_EQ(content_of(row), "gone");
  }
  EXPECT_EQ(home.vault().count("handing").value(), 0);
}

TEST_F(HandedKeys, F23_WhatIsOlderThanItsChannelKeepsIsErased) {
  HubView view{.id = hub_, .name = {}, .topic = {}, .owner = {}};
  view.channels.emplace(den_, HubChannel{.name = "den", .topic = {}, .retention = 3});
  PrivateHubs privates(home, clock);
  ASSERT_TRUE(privates.learn(view));
  const Guid message = guid();
  ASSERT_TRUE(keeps(note(message, 1), my_id()));
  privates.tick();
  EXPECT_NE(found(message), "");
  clock.passed += 4 * kDay;
  privates.tick();
  EXPECT_EQ(found(message), "");
  // And one that comes when there was nothing to erase for long.
  for (int i = 0; i < 3; ++i) {
    clock.passed += 61'000;
    privates.tick();
  }
  const Guid late = guid();
  KeysNote old = note(late, 2);
  old.keys.front().time -= 5 * kDay;
  ASSERT_TRUE(keeps(old, my_id()));
  clock.passed += 61'000;
  privates.tick();
  EXPECT_EQ(found(late), "");
}

}  // namespace
}  // namespace dim
