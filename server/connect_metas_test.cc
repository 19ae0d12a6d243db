// Log-ins with keys that were made to deceive: every one is refused, and told where it is about
// somebody who is known.
#include <gmock/gmock.h>

#include <algorithm>

#include "server/twin_fixture.h"
#include "testing/forged_meta.h"

namespace dim::station_test {
namespace {

class ConnectMetas : public StationTest {};

TEST_F(ConnectMetas, J15_A02_AKeyMadeForTheFingerprintOfAKnownIdIs402AndAnAlarm) {
  const auto victim = Meta::parse(dim::testing::victim_meta());
  ASSERT_TRUE(victim);
  const std::string id = victim->id(EntityType::user)->text();
  for (const bool known : {false, true}) {
    if (known) {
      const Write write = PutIdentity{id, write_json(victim->json()), true};
      ASSERT_TRUE(store.commit({&write, 1}));
    }
    auto peer = connect();
    const Packet challenge = answer(*peer, hello(user("alice")).set("author", id));
    ASSERT_EQ(challenge.code, 418);
    EXPECT_EQ(challenge.get("known"), known ? "yes" : "no");
    ConnectInput input = input_for(user("alice"), *peer, challenge);
    input.author_id = id;
    Packet packet = proof(user("alice"), input, false);
    packet.set("author", id);
    JsonObject content;
    content.set("meta", dim::testing::forged_meta());
    packet.content = write_json(content);
    const Packet refused = answer(*peer, packet);
    EXPECT_EQ(refused.code, 402);
    EXPECT_THAT(refused.get("message"), ::testing::HasSubstr("65537"));
    EXPECT_EQ(std::ranges::count(events, "meta-suspect"), known ? 1 : 0);
  }
  EXPECT_EQ(station->sessions(), 0U);
  EXPECT_EQ(Meta::parse(*parse_json_object((*store.identity(id))->meta))->digest(),
            victim->digest());
}

TEST_F(ConnectMetas, S08_AMetaWithAPrimeModulusIs402) {
  const std::string id =
      Id("petra", Address::btc(EntityType::user, *from_base64(dim::testing::kPrimeFingerprint)))
          .text();
  auto peer = connect();
  const Packet challenge = answer(*peer, hello(user("alice")).set("author", id));
  ASSERT_EQ(challenge.code, 418);
  Packet packet = proof(user("alice"), input_for(user("alice"), *peer, challenge), false);
  packet.set("author", id);
  JsonObject content;
  content.set("meta", dim::testing::prime_meta());
  packet.content = write_json(content);
  EXPECT_EQ(answer(*peer, packet).code, 402);
  EXPECT_EQ(station->sessions(), 0U);
}

TEST_F(ConnectMetas, J16_A02_ASecondMetaWithProofIs407AndAnAlarm) {
  const Account first = twin_account(dim::testing::kFirstTwin);
  const Account second = twin_account(dim::testing::kSecondTwin);
  ASSERT_EQ(first.id.text(), second.id.text());
  EXPECT_EQ(login(first).welcome.code, 200);
  auto peer = connect();
  const Packet challenge = answer(*peer, hello(second));
  EXPECT_EQ(challenge.get("known"), "yes");
  const ConnectInput input = input_for(second, *peer, challenge);
  EXPECT_EQ(answer(*peer, proof(second, input, true)).code, 407);
  EXPECT_EQ(std::ranges::count(events, "meta-suspect"), 1);
  // Shown without proof of its key it is a wrong signature like any other.
  const Packet again = answer(*peer, hello(second));
  Packet unproven = proof(first, input_for(second, *peer, again), false);
  unproven.set("signature", to_base64(user("alice").identity_key.sign(to_bytes("x"))));
  JsonObject content;
  content.set("meta", second.meta.json());
  unproven.content = write_json(content);
  EXPECT_EQ(answer(*peer, unproven).code, 402);
  EXPECT_EQ(std::ranges::count(events, "meta-suspect"), 1);
  EXPECT_EQ(login(first).welcome.code, 200) << "what is pinned stays";
}

}  // namespace
}  // namespace dim::station_test
