#include "server/gateway_check.h"

#include "server/station_fixture.h"

namespace dim::station_test {
namespace {

class GatewayCheck : public StationTest {};

TEST_F(GatewayCheck, A19_OnlyWhatTheSenderHasSignedIsVerified) {
  GatewayRun run;
  run.keys = std::make_shared<const SignerKeys>(user("alice").id,
                                                std::vector{user("alice").meta.key()}, 0);
  auto forged = *parse_json_object(signed_message(user("bob"), id_of("carol"), "as alice"));
  forged.set("sender", id_of("alice"));
  for (const std::string& text :
       {signed_message(user("alice"), id_of("bob"), "hers"), write_json(forged),
        signed_message(user("bob"), id_of("carol"), "his own"), std::string("{no message"),
        signed_message(user("alice"), id_of("carol"), "hers too")})
    run.texts.push_back({text, 7});
  check(run);
  ASSERT_EQ(run.texts.size(), 5U);
  for (const unsigned i : {0U, 4U}) EXPECT_EQ(run.texts[i].verified_by, run.keys) << i;
  for (const unsigned i : {1U, 2U, 3U}) EXPECT_EQ(run.texts[i].verified_by, nullptr) << i;
  for (const unsigned i : {0U, 1U, 2U, 4U}) EXPECT_TRUE(run.texts[i].message->has_value()) << i;
  EXPECT_FALSE(run.texts[3].message->has_value());
  EXPECT_EQ((*run.texts[4].message)->sealed.envelope.receiver.text(), id_of("carol"));
}

TEST_F(GatewayCheck, EachAnswerIsSealedForTheClientAlone) {
  const Account& alice = user("alice");
  Directory known;
  ASSERT_TRUE(known.learn_meta(alice.id, alice.meta));
  ASSERT_TRUE(known.learn_document(alice.id, alice.visa.json(), clock.now()));
  GatewayAnswers answers{
      {.sender = station_account().id, .receiver = alice.id}, known.message_keys(alice.id), {}};
  for (const char* text : {"one", "two"})
    answers.contents.emplace_back(ReceiptContent::make(text, std::nullopt, clock.now(), random));
  seal(answers, station_account(), random);
  ASSERT_EQ(answers.texts.size(), 2U);
  Directory directory;
  ASSERT_TRUE(directory.learn_meta(station_account().id, station_account().meta));
  auto opened = open(*SignedMessage::parse(answers.texts[1]), alice, directory, {}, clock.now());
  ASSERT_TRUE(opened) << to_string(opened.error());
  EXPECT_EQ(*opened->message.content.text("text"), "two");
}

}  // namespace
}  // namespace dim::station_test
