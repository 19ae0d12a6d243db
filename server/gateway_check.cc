#include "server/gateway_check.h"

#include <algorithm>
#include <array>

namespace dim {

void check(GatewayRun& run) {
  const Id* receiver = nullptr;  // of the last one: the next is most likely for the same
  for (GatewayText& one : run.texts) {
    const std::array<const Id*, 2> known{&run.keys->sender, receiver};
    one.message = SignedMessage::parse(one.text, Reading::strict, {}, known);
    if (!*one.message) continue;
    const SignedMessage& message = **one.message;
    const Envelope& envelope = message.sealed.envelope;
    receiver = &envelope.receiver;
    if (!envelope.sender.same_entity(run.keys->sender)) continue;
    const bool valid = std::ranges::any_of(run.keys->keys, [&](const PublicKey& key) {
      return key.verify(message.sealed.data, message.signature);
    });
    if (valid) one.verified_by = run.keys;
  }
}

void seal(GatewayAnswers& answers, const Account& station, Random& random) {
  for (const Content& content : answers.contents) {
    auto sealed = seal({.envelope = answers.envelope, .content = encode_content(content)}, station,
                       answers.recipients, {}, random);
    if (sealed) answers.texts.push_back(write_message(*sealed));
  }
}

}  // namespace dim
