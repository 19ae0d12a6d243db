#include "dim/engine/group_history.h"

#include <algorithm>

#include "testing/groups.h"

namespace dim {
namespace {

using namespace dim::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

GroupContent at(GroupContent content, int minute) {
  content.head.time = kSeconds + 60.0 * minute;
  return content;
}

class GroupHistoryTest : public ::testing::Test {
 protected:
  GroupRecord signed_by(const Account& who, GroupContent content, int minute) const {
    return sign_command(at(std::move(content), minute), who, founded.directory, os_random())
        .value();
  }
  GroupRecord reset(const Account& who, std::vector<Id> members, int minute) const {
    return signed_by(who, GroupContent::reset(founded.id(), std::move(members), kNow, os_random()),
                     minute);
  }
  // Alice, Bob and Carol are in; Carol has quit again.
  Group usual() const {
    Group group = founded.group();
    EXPECT_TRUE(group.apply(reset(alice(), {alice().id, bob().id, carol().id}, -30), kNow));
    EXPECT_TRUE(group.apply(
        signed_by(carol(), GroupContent::quit(founded.id(), kNow, os_random()), -20), kNow));
    return group;
  }
  ForwardContent packed(const Group& group, const Account& by) const {
    return pack_history(group, founded.directory, by, kNow, os_random()).value();
  }
  // Through JSON, as the other side reads it.
  static ForwardContent read(const ForwardContent& forward) {
    auto content = decode_content(*parse_json_object(write_json(encode_content(Content(forward)))));
    EXPECT_TRUE(content);
    return *content->as<ForwardContent>();
  }
  static ForwardContent forward(std::vector<SignedMessage> secrets) {
    return read(ForwardContent::make(std::move(secrets), kNow, os_random()));
  }

  Founded founded;
};

TEST_F(GroupHistoryTest, AGroupIsMadeWithItsFoundersKey) {
  EXPECT_TRUE(founded.id().is_group());
  EXPECT_THAT(founded.id().name(), ::testing::StartsWith("Group-"));
  EXPECT_EQ(founded.made.meta.key().data(), alice().meta.key().data());
  EXPECT_TRUE(founded.made.meta.matches(founded.id()));
  EXPECT_EQ(*founded.made.bulletin.properties().text("founder"), alice().id.text());
  EXPECT_EQ(founded.made.bulletin.name(), "Friends");
  EXPECT_EQ(failure(create_group(alice(), "x", crowd(101), {}, kNow, os_random())),
            Errc::bad_request);
}

TEST_F(GroupHistoryTest, ANewcomerReadsTheWholeGroupFromOneForward) {
  const Group group = usual();
  const ForwardContent history = read(packed(group, bob()));
  ASSERT_EQ(history.secrets.size(), 3U) << "document, reset, quit";
  EXPECT_EQ(group_of(history), founded.id());
  Directory directory = directory_of({&alice(), &bob(), &carol()});
  const HistoryRead out =
      read_history(history, founded.id(), std::nullopt, carol(), directory, kNow);
  ASSERT_TRUE(out.group);
  EXPECT_EQ(out.group->members(), group.members());
  EXPECT_EQ(out.group->name(), "Friends");
  EXPECT_EQ(out.group->reset_time(), group.reset_time());
  EXPECT_EQ(out.applied, 2U);
  EXPECT_EQ(out.refused, 0U);
  EXPECT_THAT(out.missing, IsEmpty());
}

TEST_F(GroupHistoryTest, ReadingItAgainChangesNothing) {
  const ForwardContent history = read(packed(usual(), bob()));
  Directory directory = directory_of({&alice(), &bob(), &carol()});
  HistoryRead once = read_history(history, founded.id(), std::nullopt, carol(), directory, kNow);
  const std::vector<Id> members = once.group->members();
  const HistoryRead twice =
      read_history(history, founded.id(), std::move(once.group), carol(), directory, kNow);
  EXPECT_EQ(twice.applied, 0U);
  EXPECT_EQ(twice.refused, 0U);
  EXPECT_EQ(twice.group->members(), members);
}

TEST_F(GroupHistoryTest, TravelsEncryptedToOneMember) {
  const PlainMessage message =
      message_of(bob(), carol().id, encode_content(Content(packed(usual(), bob()))));
  const auto sealed = seal(message, bob(), founded.directory, {.seq = 1}, os_random());
  ASSERT_TRUE(sealed) << to_string(sealed.error());
  Directory directory = directory_of({&alice(), &bob(), &carol()});
  const auto opened = open(delivered(*sealed), carol(), directory, nullptr, kNow);
  ASSERT_TRUE(opened) << to_string(opened.error());
  const auto content = decode_content(opened->message.content);
  ASSERT_TRUE(content && content->as<ForwardContent>() != nullptr);
  const HistoryRead out = read_history(*content->as<ForwardContent>(), founded.id(), std::nullopt,
                                       carol(), directory, kNow);
  ASSERT_TRUE(out.group);
  EXPECT_THAT(out.group->members(), ElementsAre(alice().id, bob().id));
}

TEST_F(GroupHistoryTest, SaysWhoseMetaIsMissing) {
  const ForwardContent history = read(packed(usual(), bob()));
  Directory directory = directory_of({&bob()});
  const HistoryRead out = read_history(history, founded.id(), std::nullopt, bob(), directory, kNow);
  EXPECT_FALSE(out.group);
  EXPECT_THAT(out.missing, ::testing::Contains(alice().id));
  EXPECT_EQ(out.applied, 0U);
}

TEST_F(GroupHistoryTest, A01_AForgedCommandIsRefused) {
  GroupRecord record = reset(alice(), {alice().id, bob().id}, -10);
  record.message.signature[10] ^= 1;
  record.message.json = {};
  Directory directory = founded.directory;
  const HistoryRead out =
      read_history(forward({record.message}), founded.id(), usual(), bob(), directory, kNow);
  EXPECT_EQ(out.refused, 1U);
  EXPECT_EQ(out.applied, 0U);
}

TEST_F(GroupHistoryTest, A27_J28_ACommandByAnOutsiderChangesNothing) {
  Directory directory = founded.directory;
  const auto mallory =
      signed_by(carol(), GroupContent::invite(founded.id(), {carol().id}, kNow, os_random()), -10);
  const HistoryRead out =
      read_history(forward({mallory.message}), founded.id(), usual(), bob(), directory, kNow);
  EXPECT_EQ(out.refused, 1U) << "she has quit";
  EXPECT_FALSE(out.group->is_member(carol().id));
}

TEST_F(GroupHistoryTest, A28_AnOldHistoryDoesNotRollBackANewerReset) {
  const ForwardContent old = read(packed(usual(), bob()));
  Group group = usual();
  ASSERT_TRUE(group.apply(reset(alice(), {alice().id, bob().id}, -5), kNow));
  Directory directory = founded.directory;
  const HistoryRead out = read_history(old, founded.id(), group, bob(), directory, kNow);
  EXPECT_EQ(out.refused, 2U) << "the old reset, and what came after it";
  EXPECT_EQ(out.group->reset_time(), group.reset_time());
  const HistoryRead fresh =
      read_history(old, founded.id(), std::nullopt, bob(), directory, kNow, group.reset_time());
  EXPECT_EQ(fresh.applied, 0U) << "nor on a device that only remembers when it was";
}

TEST_F(GroupHistoryTest, A32_OnlyCommandsOfThisGroupInBroadcastFormCount) {
  Directory directory = founded.directory;
  // A private message inside, a text in broadcast form, a command of another group.
  const auto inside = alice_to_bob();
  const PlainMessage text{
      .envelope = {.sender = alice().id, .receiver = Id("anyone", Address::anywhere())},
      .content = dim::testing::text_content()};
  const auto broadcast = seal(text, alice(), directory, {}, os_random()).value();
  const Founded other;
  const auto foreign =
      sign_command(at(GroupContent::reset(other.id(), {alice().id}, kNow, os_random()), -5),
                   alice(), directory, os_random())
          .value();
  const HistoryRead out = read_history(forward({inside, broadcast, foreign.message}), founded.id(),
                                       usual(), bob(), directory, kNow);
  EXPECT_EQ(out.refused, 3U);
  EXPECT_EQ(out.applied, 0U);
}

TEST_F(GroupHistoryTest, A30_AForwardedJoinWaits) {
  Directory directory = founded.directory;
  const auto join = signed_by(carol(), GroupContent::join(founded.id(), kNow, os_random()), -10);
  const HistoryRead out =
      read_history(forward({join.message}), founded.id(), usual(), alice(), directory, kNow);
  EXPECT_EQ(out.waiting, 1U);
  EXPECT_EQ(out.group->requests(kNow).size(), 1U);
  EXPECT_EQ(out.group->history().size(), 2U);
}

TEST_F(GroupHistoryTest, AMemberOfAHundredFitsWithItsHistory) {
  Group group = founded.group();
  ASSERT_TRUE(group.apply(reset(alice(), with_alice(crowd(99)), -30), kNow));
  for (std::size_t i = 0; i < limits::kGroupHistory; ++i) {
    const Id one = somebody("later-" + std::to_string(i));
    ASSERT_TRUE(group.apply(
        signed_by(alice(), GroupContent::invite(founded.id(), {one}, kNow, os_random()), -20),
        kNow));
  }
  const ForwardContent history = read(packed(group, bob()));
  EXPECT_LE(history.secrets.size(), limits::kForwardMessages);
  Directory directory = directory_of({&alice(), &bob()});
  const HistoryRead out = read_history(history, founded.id(), std::nullopt, bob(), directory, kNow);
  ASSERT_TRUE(out.group);
  EXPECT_EQ(out.group->members(), group.members());
}

TEST_F(GroupHistoryTest, TheHistoryIsAskedForInTwoWays) {
  const HistoryQuery query{founded.id(), 5.5};
  const auto custom =
      decode_content(encode_content(Content(ask_history(query, kNow, os_random()))));
  ASSERT_TRUE(custom);
  const auto read_new = read_history_query(*custom);
  ASSERT_TRUE(read_new);
  EXPECT_EQ(read_new->group, founded.id());
  EXPECT_EQ(read_new->last_time, 5.5);
  const auto read_old =
      read_history_query(Content(GroupContent::query(founded.id(), 5.5, kNow, os_random())));
  ASSERT_TRUE(read_old);
  EXPECT_EQ(read_old->last_time, 5.5);
  // A bot's question for keys, a text, another command.
  CustomizedContent keys = ask_history(query, kNow, os_random());
  keys.rest.set("from", alice().id.text());
  EXPECT_FALSE(read_history_query(Content(keys)));
  EXPECT_FALSE(read_history_query(Content(TextContent::make("x", kNow, os_random()))));
  EXPECT_FALSE(read_history_query(Content(GroupContent::join(founded.id(), kNow, os_random()))));
}

TEST_F(GroupHistoryTest, ANewBulletinComesWithTheHistory) {
  Group group = usual();
  JsonObject properties;
  properties.set("administrators", JsonArray{Json(bob().id.text())});
  const Document next = next_bulletin(group.bulletin(), alice(), properties, kNow - 60'000).value();
  ASSERT_TRUE(group.renew(next));
  Directory directory = founded.directory;
  const HistoryRead out =
      read_history(read(packed(group, alice())), founded.id(), usual(), bob(), directory, kNow);
  EXPECT_THAT(out.group->administrators(), ElementsAre(bob().id));
}

TEST_F(GroupHistoryTest, ABulletinThatCameAnotherWayCounts) {
  JsonObject properties;
  properties.set("administrators", JsonArray{Json(bob().id.text())});
  const Document next =
      next_bulletin(founded.made.bulletin, alice(), properties, kNow - 60'000).value();
  Directory directory = founded.directory;
  ASSERT_TRUE(directory.learn_document(founded.id(), next.json(), kNow));
  const HistoryRead out = read_history(forward({}), founded.id(), usual(), bob(), directory, kNow);
  EXPECT_THAT(out.group->administrators(), ElementsAre(bob().id));
}

}  // namespace
}  // namespace dim
