#include "dim/engine/proofs.h"

#include <algorithm>
#include <functional>
#include <set>

#include "testing/engine_accounts.h"

namespace dim {
namespace {

using namespace dim::testing;

ConnectInput sample() {
  return {.station = true,
          .station_id = "station",
          .author_id = "author",
          .port = 8800,
          .channel_binding = Bytes(32, 1),
          .challenge = Bytes(32, 2),
          .nonce = Bytes(16, 3),
          .offered = "dim/2023",
          .chosen = "dim"};
}

TEST(Proofs, SafetyNumberIsTheSameOnBothSides) {
  const std::string mine = safety_number(alice().id, alice().meta, bob().id, bob().meta);
  EXPECT_EQ(mine, safety_number(bob().id, bob().meta, alice().id, alice().meta));
  EXPECT_EQ(mine,
            safety_number(alice().id.with_terminal("phone"), alice().meta, bob().id, bob().meta));
  ASSERT_EQ(mine.size(), 71U);
  for (std::size_t i = 0; i < mine.size(); ++i) {
    if (i % 6 == 5) {
      EXPECT_EQ(mine[i], ' ') << i;
    } else {
      EXPECT_TRUE(mine[i] >= '0' && mine[i] <= '9') << i;
    }
  }
}

TEST(Proofs, SafetyNumberTellsPeopleAndMetasApart) {
  const std::string right = safety_number(alice().id, alice().meta, bob().id, bob().meta);
  EXPECT_NE(right, safety_number(alice().id, alice().meta, carol().id, carol().meta));
  EXPECT_NE(right, safety_number(alice().id, alice().meta, bob().id, carol().meta));
  EXPECT_NE(right, safety_number(alice().id, alice().meta, carol().id, bob().meta));
}

TEST(Proofs, SafetyWordsAreTwelveAndTheSameOnBothSides) {
  const std::string mine = safety_words(alice().id, alice().meta, bob().id, bob().meta);
  EXPECT_EQ(mine, safety_words(bob().id, bob().meta, alice().id, alice().meta));
  EXPECT_NE(mine, safety_words(alice().id, alice().meta, carol().id, carol().meta));
  EXPECT_EQ(std::count(mine.begin(), mine.end(), ' '), 11);
}

TEST(Proofs, ConnectSigningInputChangesWithEveryField) {
  const std::vector<std::function<void(ConnectInput&)>> changes = {
      [](ConnectInput&) {},
      [](ConnectInput& input) { input.station = false; },
      [](ConnectInput& input) { input.station_id = "station2"; },
      [](ConnectInput& input) { input.author_id = "author2"; },
      [](ConnectInput& input) { input.port = 8801; },
      [](ConnectInput& input) { input.channel_binding[31] = 0; },
      [](ConnectInput& input) { input.challenge[0] = 0; },
      [](ConnectInput& input) { input.nonce.clear(); },
      [](ConnectInput& input) { input.offered = "dim"; },
      [](ConnectInput& input) { input.chosen = "dim/2023"; },
  };
  std::set<Bytes> seen;
  for (const auto& change : changes) {
    ConnectInput input = sample();
    change(input);
    seen.insert(connect_signing_input(input));
  }
  EXPECT_EQ(seen.size(), changes.size());
}

TEST(Proofs, ConnectSigningInputIsInjective) {
  // The same letters cut at other places: without lengths these would be one input.
  ConnectInput a = sample(), b = sample();
  a.station_id = "ab", a.author_id = "c";
  b.station_id = "a", b.author_id = "bc";
  EXPECT_NE(connect_signing_input(a), connect_signing_input(b));
  a = b = sample();
  a.challenge = Bytes(32, 5), a.nonce = Bytes(16, 5);
  b.challenge = Bytes(16, 5), b.nonce = Bytes(32, 5);
  EXPECT_NE(connect_signing_input(a), connect_signing_input(b));
  a = b = sample();
  a.offered = "dimdim", a.chosen = "";
  b.offered = "", b.chosen = "dimdim";
  EXPECT_NE(connect_signing_input(a), connect_signing_input(b));
}

TEST(Proofs, PortProofDiffersByPortTokenAndChannel) {
  const Bytes token(32, 1), other_token(32, 2), channel(32, 3), other_channel(32, 4);
  const Digest32 proof = port_proof(token, 8800, channel);
  EXPECT_EQ(proof, port_proof(token, 8800, channel));
  EXPECT_NE(proof, port_proof(token, 8801, channel));
  EXPECT_NE(proof, port_proof(token, 8800 ^ 0x0100, channel));
  EXPECT_NE(proof, port_proof(other_token, 8800, channel));
  EXPECT_NE(proof, port_proof(token, 8800, other_channel));
}

TEST(Proofs, A26_NameSigningInputIsInjective) {
  const Bytes right = name_signing_input("alice", "0xA", "2026-11-24T00:00:00Z");
  EXPECT_NE(right, name_signing_input("alice0", "xA", "2026-11-24T00:00:00Z"));
  EXPECT_NE(right, name_signing_input("alice", "0xA2", "026-11-24T00:00:00Z"));
  EXPECT_NE(right, name_signing_input("bob", "0xA", "2026-11-24T00:00:00Z"));
}

}  // namespace
}  // namespace dim
