#include "dim/protocol/commands.h"

#include <gmock/gmock.h>

#include "testing/contents.h"

namespace dim {
namespace {

using namespace dim::testing;

TEST(Commands, TwoClientsGreetEachOtherWithoutLoggingIn) {
  const auto hello = round_trip(HandshakeContent::greeting(kNow, os_random()));
  EXPECT_TRUE(hello.is_greeting());
  EXPECT_FALSE(hello.is_greeting_answer());
  EXPECT_EQ(hello.title, "Nice to meet you!");
  EXPECT_EQ(hello.state(), HandshakeState::start) << "what the reference sees in it";
  const auto answer = round_trip(HandshakeContent::greeting_answer("4c32", kNow, os_random()));
  EXPECT_TRUE(answer.is_greeting_answer());
  EXPECT_EQ(answer.session, "4c32");
  EXPECT_EQ(answer.state(), HandshakeState::restart);
  EXPECT_FALSE(HandshakeContent::start(kNow, os_random()).is_greeting());
}

TEST(Commands, NamesAreAskedForAndAnswered) {
  const auto query = round_trip(AnsContent::query({"moky", "archivist"}, kNow, os_random()));
  EXPECT_THAT(query.names, ::testing::ElementsAre("moky", "archivist"));
  EXPECT_TRUE(query.records.empty());
  const auto answer =
      round_trip(AnsContent::answer({"bob", "who"}, {{"bob", id(kBob)}}, kNow, os_random()));
  ASSERT_EQ(answer.records.size(), 1U);
  EXPECT_EQ(answer.records[0].first, "bob");
  EXPECT_EQ(answer.records[0].second, id(kBob));
}

TEST(Commands, ARecordWithoutAnIdIsNoRecordAndIsKept) {
  const auto content = decode_content(json(
      R"({"type":136,"sn":1,"command":"ans","names":" a  b ","records":{"a":"a","b":
          "0x95E6F72fB194200e95b60332E8142DDF41C7c333"}})"));
  ASSERT_TRUE(content);
  const auto* ans = content->as<AnsContent>();
  EXPECT_THAT(ans->names, ::testing::ElementsAre("a", "b"));
  ASSERT_EQ(ans->records.size(), 1U);
  EXPECT_EQ(*encode_content(*content).find("records"),
            Json(json(R"({"a":"a","b":"0x95E6F72fB194200e95b60332E8142DDF41C7c333"})")));
}

TEST(Commands, MuteAndBlockAskOrCarryAList) {
  EXPECT_FALSE(round_trip(MuteContent::query(kNow, os_random())).list);
  EXPECT_FALSE(round_trip(BlockContent::query(kNow, os_random())).list);
  const std::vector<Id> list = {id(kBob), id(kGroup)};
  EXPECT_EQ(round_trip(MuteContent::make(list, kNow, os_random())).list, list);
  EXPECT_EQ(round_trip(BlockContent::make(list, kNow, os_random())).list, list);
  EXPECT_EQ(round_trip(BlockContent::make({}, kNow, os_random())).list, std::vector<Id>());
  EXPECT_EQ(refusal(R"({"type":136,"sn":1,"command":"block","list":"all"})"), Errc::content);
}

TEST(Commands, SearchAsksForAPageAndGetsUsers) {
  const auto query = SearchContent::query("bob berlin", 50, 25, kNow, os_random());
  const auto out = round_trip(query);
  EXPECT_EQ(out.keywords, "bob berlin");
  EXPECT_EQ(out.start, 50);
  EXPECT_EQ(out.limit, 25);
  EXPECT_FALSE(out.online);
  const auto answer = round_trip(SearchContent::answer(query, {id(kBob)}, kNow, os_random()));
  EXPECT_EQ(answer.users, std::vector<Id>{id(kBob)});
  EXPECT_EQ(answer.keywords, query.keywords);
  EXPECT_TRUE(round_trip(SearchContent::online_users(0, 50, kNow, os_random())).online);
  EXPECT_EQ(refusal(R"({"type":136,"sn":1,"command":"search","start":-1})"), Errc::content);
}

TEST(Commands, StorageKeepsTitleDataAndKey) {
  const auto put = round_trip(
      StorageContent::put("contacts", id(kBob), Bytes(48, 1), Bytes(128, 2), kNow, os_random()));
  EXPECT_EQ(put.title, "contacts");
  EXPECT_EQ(put.did, id(kBob));
  EXPECT_EQ(put.data->data, Bytes(48, 1));
  EXPECT_EQ(put.key->data, Bytes(128, 2));
  EXPECT_FALSE(round_trip(StorageContent::query("x", id(kBob), kNow, os_random())).data);
  EXPECT_EQ(refusal(R"({"type":136,"sn":1,"command":"storage"})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":136,"sn":1,"command":"storage","title":"x","data":"*"})"),
            Errc::content);
}

TEST(Commands, ContactsAndPrivateKeyWereCommandsOnce) {
  const auto old = decode_content(json(
      R"({"type":136,"sn":1,"command":"contacts","ID":"0x95E6F72fB194200e95b60332E8142DDF41C7c333"})"));
  ASSERT_TRUE(old);
  EXPECT_EQ(old->as<StorageContent>()->title, "contacts");
  EXPECT_EQ(old->as<StorageContent>()->did, id(kBob));
}

TEST(Commands, DidAndItsOldNameMustAgree) {
  for (const std::string_view command : {"meta", "documents", "login"}) {
    EXPECT_EQ(refusal(R"({"type":136,"sn":1,"command":")" + std::string(command) +
                      R"(","did":"0x95E6F72fB194200e95b60332E8142DDF41C7c333",
                          "ID":"0x21e27549d780db2a32058bD960A6245b01Ad85FF"})"),
              Errc::content)
        << command;
  }
}

}  // namespace
}  // namespace dim
