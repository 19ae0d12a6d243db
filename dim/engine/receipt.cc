#include "dim/engine/receipt.h"

#include <algorithm>

#include "dim/base/base64.h"
#include "dim/identity/ted.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::string_view kDelivered = "delivered";
constexpr std::string_view kRead = "read";
constexpr std::size_t kGuidDigits = 32;

ReceiptContent content_of(const Receipt& receipt, std::optional<JsonObject> origin, Millis now,
                          Random& random) {
  ReceiptContent content = ReceiptContent::make(
      receipt.read ? "Message read." : "Message received.", std::move(origin), now, random);
  content.rest.set("guid", receipt.guid);
  content.rest.set("hash", to_base64(receipt.hash));
  content.rest.set("state", receipt.read ? kRead : kDelivered);
  return content;
}

std::optional<Digest32> read_hash(const JsonObject& content) {
  const std::string* text = content.text("hash");
  if (text == nullptr) return std::nullopt;
  auto bytes = from_base64(*text);
  Digest32 hash{};
  if (!bytes || bytes->size() != hash.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), hash.begin());
  return hash;
}

std::optional<Bytes> read_signature(const JsonObject& content) {
  const Json* origin = content.find("origin");
  if (origin == nullptr) origin = content.find("envelope");
  const JsonObject& from =
      origin != nullptr && origin->object() != nullptr ? *origin->object() : content;
  const Json* value = from.find("signature");
  if (value == nullptr) return std::nullopt;
  auto bytes = read_data(*value);
  return bytes ? std::optional(std::move(*bytes)) : std::nullopt;
}

}  // namespace

std::string_view to_string(Delivery delivery) {
  switch (delivery) {
    case Delivery::sent:
      return "sent";
    case Delivery::delivered:
      return kDelivered;
    case Delivery::read:
      return kRead;
  }
  return "unknown";
}

JsonObject receipt_content(const Receipt& receipt, Millis now, Random& random) {
  return encode_content(content_of(receipt, std::nullopt, now, random));
}

JsonObject make_receipt(const SignedMessage& original, const Opened& opened, std::string_view guid,
                        bool read, Millis now, Random& random) {
  JsonObject origin =
      ReceiptContent::origin_of(original.json.empty() ? to_json(original) : original.json,
                                content_sn(opened.message.content));
  return encode_content(
      content_of({std::string(guid), opened.hash, read}, std::move(origin), now, random));
}

std::optional<Receipt> read_receipt(const Opened& opened) {
  const JsonObject& content = opened.message.content;
  if (content_command(content) != "receipt") return std::nullopt;
  Receipt receipt{.signature = read_signature(content)};
  const std::string* guid = content.text("guid");
  const auto hash = read_hash(content);
  if (guid != nullptr && guid->size() == kGuidDigits && hash) {
    receipt.guid = *guid;
    receipt.hash = *hash;
  } else if (!receipt.signature) {
    return std::nullopt;
  }
  const std::string* state = content.text("state");
  receipt.read = state != nullptr && *state == kRead;
  return receipt;
}

Result<Delivery> check_receipt(const Receipt& receipt, const Opened& opened,
                               const SentMessage& sent) {
  const bool ours = !receipt.guid.empty() && receipt.guid == sent.guid && receipt.hash == sent.hash;
  const bool theirs =
      receipt.guid.empty() && receipt.signature && *receipt.signature == sent.signature;
  const bool from_receiver = opened.message.envelope.sender.same_entity(sent.receiver);
  if (opened.label == Label::not_encrypted || !from_receiver || !(ours || theirs)) {
    return fail(Errc::forbidden, "the receipt is not from the receiver of that message");
  }
  return std::max(sent.delivery, receipt.read ? Delivery::read : Delivery::delivered);
}

}  // namespace dim
