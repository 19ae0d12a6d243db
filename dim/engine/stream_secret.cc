#include "dim/engine/stream_secret.h"

#include "dim/base/base64.h"
#include "dim/crypto/digest.h"
#include "dim/crypto/hkdf.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::string_view kApp = "chat.dim.stream", kMod = "secret", kAct = "open";
constexpr std::string_view kKeyContext{"dim/2023 sframe 1\0", 18};

Result<Secret> secret_in(const JsonObject& object) {
  const std::string* text = object.text("secret");
  auto bytes = text != nullptr ? from_base64(*text) : Result<Bytes>(Bytes{});
  if (!bytes || bytes->size() != kStreamSecret)
    return fail(Errc::content, "the secret of a stream has 32 bytes, in base64");
  Secret out = Secret::copy_of(*bytes);
  wipe(*bytes);
  return out;
}

}  // namespace

std::string plain_stream_secret(const Secret& secret) {
  JsonObject out;
  out.set("secret", to_base64(secret.view()));
  return write_json(out);
}

Result<Secret> read_stream_secret(std::string_view text) {
  const auto object = parse_json_object(text);
  if (!object) return fail(Errc::content, "the secret of a stream is in a JSON object");
  return secret_in(*object);
}

Result<std::string> seal_stream_secret(const Guid& stream, const Secret& secret, const Id& to,
                                       const Account& from, const Directory& directory, Millis now,
                                       Random& random) {
  PlainMessage message{
      .envelope = {.sender = from.id.bare(),
                   .receiver = to.bare(),
                   .time = static_cast<double>(now) / 1000},
      .content = encode_content(Content(CustomizedContent::make(kApp, kMod, kAct, now, random)))};
  message.content.set("guid", stream.text());
  message.content.set("secret", to_base64(secret.view()));
  if (!from.holds_identity()) {
    message.envelope.extra.set("meta", from.meta.json());
    message.envelope.extra.set("visa", from.visa.json());
  }
  const auto sealed = seal(message, from, directory, {}, random);
  if (!sealed) return std::unexpected(sealed.error());
  return write_message(*sealed);
}

Result<Secret> open_stream_secret(std::string_view content, const Guid& stream, const Id& author,
                                  const Account& reader, Directory& directory, Millis now) {
  const auto message = SignedMessage::parse(content);
  if (!message) return std::unexpected(message.error());
  if (!message->sealed.envelope.sender.same_entity(author))
    return fail(Errc::signature, "the secret of this stream is not from who has opened it");
  const auto opened = open(*message, reader, directory, {}, now);
  if (!opened) return std::unexpected(opened.error());
  if (opened->label == Label::not_encrypted)
    return fail(Errc::signature, "the secret of this stream was sent to everybody");
  const JsonObject& said = opened->message.content;
  const auto is = [&](std::string_view key, std::string_view wanted) {
    const std::string* value = said.text(key);
    return value != nullptr && *value == wanted;
  };
  if (!is("app", kApp) || !is("mod", kMod) || !is("act", kAct) || !is("guid", stream.text()))
    return fail(Errc::content, "this is not the secret of that stream");
  return secret_in(said);
}

Result<SframeKey> stream_key(const Secret& secret, const Guid& stream, const Id& sender,
                             std::uint64_t key_id) {
  Bytes info = to_bytes(kKeyContext);
  append_field(info, stream.bytes());
  append_field(info, as_bytes(sender.bare().text()));
  for (int shift = 56; shift >= 0; shift -= 8)
    info.push_back(static_cast<std::uint8_t>(key_id >> shift));
  return SframeKey::make(key_id, hkdf_sha256(secret.view(), {}, info, kSframeBaseKey));
}

}  // namespace dim
