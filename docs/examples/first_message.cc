// Alice writes to Bob: the whole of libdim's job, without a socket, a file or a clock.
#include <cstdio>
#include <string>

#include "dim/crypto/os_random.h"
#include "dim/engine/engine.h"
#include "dim/protocol/content.h"

namespace {

// What the rest of the world may know of somebody: a meta (the key behind the ID) and a visa (the
// key to write to).
bool introduce(dim::Directory& to, const dim::Account& who, dim::Millis now) {
  return to.learn_meta(who.id, who.meta) && to.learn_document(who.id, who.visa.json(), now);
}

}  // namespace

int main() {
  dim::OsRandom random;
  const dim::Millis now = 1'780'000'000'000;
  const auto alice = dim::Account::make_user("alice", now, random);
  const auto bob = dim::Account::make_user("bob", now, random);
  dim::Directory alices, bobs;
  if (!alice || !bob || !introduce(alices, *bob, now) || !introduce(bobs, *alice, now)) return 1;

  // Alice: content, sealed for Bob, signed by her. The text is what travels.
  dim::PlainMessage hello{
      .envelope = {.sender = alice->id, .receiver = bob->id, .time = now / 1000.0},
      .content = dim::encode_content(dim::TextContent::make("Hello, Bob!", now, random))};
  const auto sealed = dim::seal(hello, *alice, alices, {.seq = 1, .prev = {}}, random);
  if (!sealed) return 1;
  const std::string wire = dim::write_message(*sealed);
  if (wire.find("Hello") != std::string::npos) return 1;

  // Bob: parse, verify, decrypt, check who it was written to. Nothing is believed before the
  // signature.
  const auto arrived = dim::SignedMessage::parse(wire);
  if (!arrived) return 1;
  const auto opened =
      dim::open(*arrived, *bob, bobs, [](const dim::Digest32&) { return false; }, now);
  if (!opened || opened->label != dim::Label::secure_old) return 1;
  const auto content = dim::decode_content(opened->message.content);
  if (!content || content->as<dim::TextContent>() == nullptr) return 1;
  std::printf("%s (%s)\n", content->as<dim::TextContent>()->text.c_str(),
              std::string(to_string(opened->label)).c_str());
}
