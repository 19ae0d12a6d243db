// What the tests of dim/engine share: two people and a stranger, made once per program because RSA
// keys take a while.
#pragma once
#include <gmock/gmock.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "dim/base/base64.h"
#include "dim/crypto/os_random.h"
#include "dim/engine/engine.h"
#include "dim/engine/steps.h"

namespace dim::testing {

inline constexpr Millis kNow = 1'790'000'000'000;
inline constexpr double kSeconds = 1'790'000'000;
inline constexpr Millis kDay = Millis{24} * 3'600'000;

inline OsRandom& os_random() {
  static OsRandom random;
  return random;
}

inline const Account& alice() {
  static const Account account = Account::make_user("Alice", kNow - kDay, os_random()).value();
  return account;
}
inline const Account& bob() {
  static const Account account = Account::make_user("Bob", kNow - kDay, os_random()).value();
  return account;
}
/// A third person; nobody's friend.
inline const Account& carol() {
  static const Account account = Account::make_user("Carol", kNow - kDay, os_random()).value();
  return account;
}
inline const Account& station() {
  static const Account account =
      Account::make_station("station", {}, kNow - kDay, os_random()).value();
  return account;
}

/// Knows the metas and visas of all of these.
inline Directory directory_of(std::initializer_list<const Account*> accounts) {
  Directory directory;
  for (const Account* account : accounts) {
    EXPECT_TRUE(directory.learn_meta(account->id, account->meta));
    EXPECT_TRUE(directory.learn_document(account->id, account->visa.json(), kNow));
  }
  return directory;
}
/// Alice's meta and a visa that promises nothing, as a reference peer has.
inline Directory directory_of_old_alice() {
  Directory directory;
  JsonObject properties;
  properties.set("name", "Alice");
  const Document visa =
      Document::make(alice().id, "visa", properties, kNow - kDay, alice().identity_key);
  EXPECT_TRUE(directory.learn_meta(alice().id, alice().meta));
  EXPECT_TRUE(directory.learn_document(alice().id, visa.json(), kNow));
  return directory;
}

inline JsonObject text_content(std::string_view text = "Hello") {
  JsonObject content;
  content.set("type", 1);
  content.set("sn", 4711);
  content.set("time", kSeconds);
  content.set("text", text);
  return content;
}
inline PlainMessage message_of(const Account& from, const Id& to, JsonObject content) {
  return {.envelope = {.sender = from.id, .receiver = to, .time = kSeconds},
          .content = std::move(content)};
}
inline JsonObject bind_of(const Id& from, const Id& to, double time = kSeconds) {
  JsonObject bind;
  bind.set("v", 1);
  bind.set("from", from.text());
  bind.set("to", to.text());
  bind.set("time", time);
  return bind;
}
/// A text from Alice that is bound to Bob, as `seal` would write it.
inline JsonObject bound_content() {
  JsonObject content = text_content();
  content.set("bind", bind_of(alice().id, bob().id));
  return content;
}

/// A message as the other side reads it.
inline SignedMessage delivered(const SignedMessage& message) {
  return SignedMessage::parse(write_message(message)).value();
}
/// Sealed by Alice for Bob, and delivered.
inline SignedMessage alice_to_bob(JsonObject content = text_content(), const Chain& chain = {}) {
  const Directory directory = directory_of({&alice(), &bob()});
  return delivered(seal(message_of(alice(), bob().id, std::move(content)), alice(), directory,
                        chain, os_random())
                       .value());
}
/// Any content from Alice to Bob, encrypted and signed without the checks of `seal`.
inline SignedMessage without_checks(std::string_view text, Envelope envelope) {
  const std::string padded = pad_content(text).value();
  const Recipient recipient{bob().id.text(), bob().message_keys[0].public_key()};
  return sign(encrypt(std::move(envelope), as_bytes(padded), SymmetricKey::generate(os_random()),
                      os_random().array<16>(), std::span(&recipient, 1), os_random())
                  .value(),
              alice().identity_key);
}
inline SignedMessage without_checks(const JsonObject& content) {
  return without_checks(
      write_json(content),
      {.sender = alice().id, .receiver = bob().id, .time = kSeconds, .type = "1"});
}

inline Result<Opened> bob_opens(const SignedMessage& message, Directory& directory,
                                const OpenRules& rules = {}) {
  return open(message, bob(), directory, nullptr, kNow, rules);
}
inline Result<Opened> bob_opens(const SignedMessage& message) {
  Directory directory = directory_of({&alice(), &bob()});
  return bob_opens(message, directory);
}

/// The kind of failure; nothing for success.
template <class T>
std::optional<Errc> failure(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().code);
}

}  // namespace dim::testing
