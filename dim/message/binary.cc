#include "dim/message/binary.h"

#include "dim/base/base58.h"
#include "dim/base/base64.h"
#include "dim/base/hex.h"

namespace dim {
namespace {

Result<Bytes> decode_as(std::string_view algorithm, std::string_view text) {
  if (algorithm == "base64") return from_base64(text);
  if (algorithm == "hex") return from_hex(text);
  if (algorithm == "base58") return from_base58(text);
  return fail(Errc::encoding, "unknown encoding of a binary value; use base64");
}

}  // namespace

Result<Bytes> decode_binary(std::string_view text) {
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos) return from_base64(text);
  const std::string_view head = text.substr(0, comma);
  const std::string_view payload = text.substr(comma + 1);
  if (!head.starts_with("data:")) return decode_as(head, payload);
  constexpr std::string_view kMark = ";base64";
  if (!head.ends_with(kMark))
    return fail(Errc::encoding, "a data URI must end its head with ;base64");
  return from_base64(payload);
}

Result<Bytes> decode_binary(const Json& value) {
  if (const std::string* text = value.text()) return decode_binary(std::string_view(*text));
  if (const JsonObject* object = value.object()) {
    const std::string* data = object->text("data");
    const std::string* algorithm = object->text("algorithm");
    if (data != nullptr)
      return decode_as(algorithm != nullptr ? std::string_view(*algorithm) : "base64", *data);
  }
  return fail(Errc::encoding, "a binary value must be base64 text");
}

}  // namespace dim
