// What a crew does for the gateway, away from the station's thread: the texts of one client are
// parsed and their signatures verified, receipts to one client are sealed. Values go in, values
// come out; the station still decides.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dim/engine/engine.h"
#include "dim/protocol/content.h"

namespace dim {

/// The keys of one user as the station's thread knew them; see verification_keys.
struct SignerKeys {
  Id sender;
  std::vector<PublicKey> keys;
  Millis made = 0;  ///< monotonic
};

/// A text of a client: `message` and `verified_by` are empty until somebody has looked at it.
struct GatewayText {
  std::string text;
  std::uint64_t ticket = 0;  ///< of the frame that brought it
  std::optional<Result<SignedMessage>> message{};
  std::shared_ptr<const SignerKeys> verified_by{};  ///< one of these keys has signed it

  std::size_t memory() const { return sizeof(GatewayText) + text.size(); }
};

inline constexpr std::size_t kGatewayRun = 8;  ///< texts

/// Texts of one client that are looked at together. Between Crew::submit and its `done` it belongs
/// to the crew.
struct GatewayRun {
  std::vector<GatewayText> texts;
  std::shared_ptr<const SignerKeys> keys;
  bool done = false;     ///< it is the station's again
  std::size_t next = 0;  ///< the first text that the station has not handled
};

/// Answers to one client that are sealed together.
struct GatewayAnswers {
  Envelope envelope;
  std::vector<std::pair<std::string, PublicKey>> recipients;  ///< keys of the client's devices
  std::vector<Content> contents;
  std::vector<std::string> texts{};  ///< each as it goes out
};

/// Encrypts each content and signs it.
void seal(GatewayAnswers& answers, const Account& station, Random& random);

/// Parses each text, and verifies those that `keys->sender` has sent.
void check(GatewayRun& run);

}  // namespace dim
