#include "dim/native/envelope.h"

#include <algorithm>
#include <vector>

#include "dim/native/wire.h"

namespace dim::native {
namespace {

constexpr std::string_view kSealed{"dim/2023 n1 message\0", 20};
constexpr std::string_view kSigned{"dim/2023 n1 envelope\0", 21};

Bytes fields(std::string_view context, const Envelope& envelope, const DevicePublic& sender) {
  Bytes out = to_bytes(context);
  append_field(out, as_bytes(envelope.sender.bare_text()));
  append_field(out, as_bytes(envelope.sender.terminal()));
  append_field(out, as_bytes(envelope.target.bare_text()));
  Bytes time;
  append_number(time, static_cast<std::uint64_t>(envelope.time));
  append_field(out, time);
  append_field(out, as_bytes(envelope.guid));
  append_field(out, as_bytes(envelope.type));
  append_field(out, sender.hash());
  return out;
}

std::vector<const FrameFor*> in_order(std::span<const FrameFor> keys) {
  std::vector<const FrameFor*> out;
  for (const FrameFor& key : keys) out.push_back(&key);
  std::ranges::sort(out, {}, [](const FrameFor* key) -> const std::string& { return key->first; });
  return out;
}

}  // namespace

Bytes envelope_ad(const Envelope& envelope, const DevicePublic& sender) {
  return fields(kSealed, envelope, sender);
}

Bytes signing_input(const Envelope& envelope, const DevicePublic& sender, ByteView data,
                    std::span<const FrameFor> keys) {
  Bytes out = fields(kSigned, envelope, sender);
  append(out, sha256(data));
  Bytes all;
  for (const FrameFor* key : in_order(keys)) {
    append_field(all, as_bytes(key->first));
    append_field(all, key->second);
  }
  append(out, sha256(all));
  return out;
}

Signature64 sign_envelope(const Envelope& envelope, const DeviceKeys& sender, ByteView data,
                          std::span<const FrameFor> keys) {
  return sender.sig.sign(signing_input(envelope, sender.public_half(), data, keys));
}

Status verify_envelope(const Envelope& envelope, const DevicePublic& sender, ByteView data,
                       std::span<const FrameFor> keys, ByteView signature) {
  const auto order = in_order(keys);
  const auto twice = std::ranges::adjacent_find(
      order, {}, [](const FrameFor* key) -> const std::string& { return key->first; });
  if (twice != order.end())
    return fail(Errc::signature, "a device stands twice among the keys of a message");
  if (!verify_ed25519(sender.sig, signing_input(envelope, sender, data, keys), signature))
    return fail(Errc::signature, "the envelope is not signed by the key of the sending device");
  return {};
}

}  // namespace dim::native
