#include "dim/native/party.h"

#include "dim/native/suite.h"
#include "dim/native/wire.h"

namespace dim::native {
namespace {

constexpr std::string_view kContext{"dim/2023 n1 session\0", 20};

}  // namespace

Bytes identity_block(const Party& party) {
  Bytes out;
  append_field(out, as_bytes(party.device.bare_text()));
  append_field(out, as_bytes(party.device.terminal()));
  append(out, party.meta);
  append(out, party.keys.hash());
  append_number(out, party.rev);
  return out;
}

Digest32 session_ad(const Party& initiator, const Party& responder) {
  Bytes input = to_bytes(kContext);
  append_number(input, kSuite);
  append_field(input, identity_block(initiator));
  append_field(input, identity_block(responder));
  return sha256(input);
}

}  // namespace dim::native
