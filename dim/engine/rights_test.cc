#include "dim/engine/rights.h"

#include "dim/protocol/content.h"
#include "testing/engine_accounts.h"

namespace dim {
namespace {

using namespace dim::testing;

Opened command(std::string_view name, std::string_view title = {}, int type = 136) {
  JsonObject content;
  content.set("type", type);
  content.set("sn", 1);
  content.set("time", kSeconds);
  content.set("command", name);
  if (!title.empty()) content.set("title", title);
  return {.message = message_of(alice(), bob().id, std::move(content))};
}

std::optional<Errc> asked(const Opened& opened, Relation from) {
  const Status status = check_command(opened, from);
  return status ? std::nullopt : std::optional(status.error().code);
}

TEST(Rights, J24_AStrangersCommandsAreForbidden) {
  for (const std::string_view name : {"login", "block", "mute", "storage", "private_key", "report",
                                      "ans", "search", "handshake"}) {
    for (const Relation from : {Relation::stranger, Relation::known})
      EXPECT_EQ(asked(command(name), from), Errc::forbidden) << name;
  }
}

TEST(Rights, J24_AGroupCommandInAPrivateMessageIsForbiddenWhoeverSendsIt) {
  for (const std::string_view name :
       {"invite", "expel", "join", "quit", "reset", "hire", "fire", "resign"}) {
    for (const Relation from : {Relation::stranger, Relation::known, Relation::own_station})
      EXPECT_EQ(asked(command(name, {}, 137), from), Errc::forbidden) << name;
  }
  EXPECT_EQ(asked(command("query", {}, 137), Relation::known), std::nullopt)
      << "the group decides whom it answers";
}

TEST(Rights, WhatProvesItselfComesFromAnybody) {
  for (const std::string_view name : {"receipt", "meta", "documents", "document"})
    EXPECT_EQ(asked(command(name), Relation::stranger), std::nullopt) << name;
  EXPECT_EQ(asked(command("handshake", "Nice to meet you!"), Relation::stranger), std::nullopt);
}

TEST(Rights, J31_AHandshakeFromAStationThatWasNotDialledIsForbidden) {
  for (const std::string_view title : {"DIM?", "DIM!", "Hello world!"}) {
    EXPECT_EQ(asked(command("handshake", title), Relation::known), Errc::forbidden) << title;
    EXPECT_EQ(asked(command("handshake", title), Relation::own_station), std::nullopt) << title;
  }
}

TEST(Rights, OwnDevicesAgreeOnListsAndOnNothingElse) {
  EXPECT_EQ(asked(command("block"), Relation::own_device), std::nullopt);
  EXPECT_EQ(asked(command("storage"), Relation::own_device), std::nullopt);
  EXPECT_EQ(asked(command("handshake", "DIM?"), Relation::own_device), Errc::forbidden);
  EXPECT_EQ(asked(command("ans"), Relation::own_device), Errc::forbidden);
}

TEST(Rights, J30_UnknownCommandsAndPlainContentsAreNotAskedHere) {
  EXPECT_EQ(asked(command("no-such"), Relation::stranger), std::nullopt);
  const Opened text{.message = message_of(alice(), bob().id, dim::testing::text_content())};
  EXPECT_EQ(asked(text, Relation::stranger), std::nullopt);
}

class LoginTest : public ::testing::Test {
 protected:
  LoginContent login(const Id& did, Millis time = kNow) const {
    JsonObject place;
    place.set("did", station().id.text());
    return LoginContent::make(did, place, "dim", time, os_random());
  }
  std::optional<Errc> checked(const LoginContent& content, const Id& signer,
                              std::optional<double> known = std::nullopt) const {
    const std::vector<Id> stations{station().id};
    const Status status = check_login(content, signer, known, stations, kNow);
    return status ? std::nullopt : std::optional(status.error().code);
  }
};

TEST_F(LoginTest, J25_A23_CountsForItsSignerOnly) {
  EXPECT_EQ(checked(login(bob().id), bob().id), std::nullopt);
  EXPECT_EQ(checked(login(bob().id), carol().id), Errc::unauthorised);
  EXPECT_EQ(checked(login(bob().id.with_terminal("pad")), bob().id.with_terminal("phone")),
            Errc::unauthorised);
  EXPECT_EQ(checked(login(bob().id.with_terminal("pad")), bob().id), std::nullopt);
}

TEST_F(LoginTest, J25_A23_NeedsATimeNearNow) {
  EXPECT_EQ(checked(login(bob().id, kNow + kDay), bob().id), Errc::content);
  EXPECT_EQ(checked(login(bob().id, kNow - kDay), bob().id), Errc::content);
  EXPECT_EQ(checked(login(bob().id, kNow + 299'000), bob().id), std::nullopt);
  LoginContent timeless = login(bob().id);
  timeless.head.time = 0;
  EXPECT_EQ(checked(timeless, bob().id), Errc::content);
}

TEST_F(LoginTest, J25_A23_NeedsAStationThatIsListed) {
  LoginContent content = login(bob().id);
  content.station->set("did", carol().id.text());
  EXPECT_EQ(checked(content, bob().id), Errc::forbidden);
  content.station.reset();
  EXPECT_EQ(checked(content, bob().id), Errc::forbidden);
  JsonObject old;
  old.set("ID", station().id.text());
  content.station = old;
  EXPECT_EQ(checked(content, bob().id), std::nullopt);
}

TEST_F(LoginTest, J25_A23_NeverYieldsToAnOlderOne) {
  EXPECT_EQ(checked(login(bob().id), bob().id, kSeconds + 1), Errc::conflict);
  EXPECT_EQ(checked(login(bob().id), bob().id, kSeconds), Errc::conflict);
  EXPECT_EQ(checked(login(bob().id), bob().id, kSeconds - 1), std::nullopt);
}

}  // namespace
}  // namespace dim
