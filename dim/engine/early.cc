#include "dim/engine/early.h"

#include <algorithm>

#include "dim/base/limits.h"

namespace dim {
namespace {

const JsonObject* object_in(const JsonObject& json, std::string_view name) {
  const Json* value = json.find(name);
  return value != nullptr ? value->object() : nullptr;
}

}  // namespace

bool is_early(const JsonObject& document, const Id& id, const Meta& meta, Millis now) {
  const auto parsed = Document::parse(document, id.bare(), meta);
  return parsed && parsed->time().value_or(0) > now + limits::kFutureToleranceMs;
}

bool brings_early_document(const SignedMessage& message, const Directory& directory, Millis now) {
  const Id& sender = message.sealed.envelope.sender;
  std::optional<Meta> meta;
  if (const Known* known = directory.find(sender)) {
    meta = known->meta;
  } else if (const JsonObject* shown = object_in(message.json, "meta")) {
    if (auto parsed = Meta::parse(*shown); parsed && parsed->matches(sender))
      meta = std::move(*parsed);
  }
  if (!meta) return false;
  if (const JsonObject* visa = object_in(message.json, "visa");
      visa != nullptr && is_early(*visa, sender, *meta, now))
    return true;
  const Json* list = message.json.find("documents");
  if (list == nullptr || list->array() == nullptr ||
      list->array()->size() > limits::kAttachedDocuments)
    return false;
  return std::ranges::any_of(*list->array(), [&](const Json& one) {
    return one.object() != nullptr && is_early(*one.object(), sender, *meta, now);
  });
}

}  // namespace dim
