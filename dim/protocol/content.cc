#include "dim/protocol/content.h"

#include "dim/protocol/decode.h"
#include "dim/protocol/encode.h"
#include "dim/protocol/wire.h"

namespace dim {
namespace {

// Bytes of all names and texts: what a kind's limit counts. Cheap, and nothing can hide from it.
std::size_t weight(const JsonObject& object);

std::size_t weight(const Json& value) {
  if (const std::string* text = value.text()) return text->size();
  std::size_t sum = 8;
  if (const JsonArray* list = value.array()) {
    for (const Json& item : *list) sum += weight(item);
  } else if (const JsonObject* object = value.object()) {
    sum += weight(*object);
  }
  return sum;
}

std::size_t weight(const JsonObject& object) {
  std::size_t sum = 0;
  for (const auto& [name, member] : object) sum += name.size() + weight(member);
  return sum;
}

Result<ContentHead> read_head(const JsonObject& json, const DecodeContext& context) {
  ContentHead head{.type = content_type(json)};
  const auto sn = content_sn(json);
  if (context.reading == Reading::strict && (head.type.empty() || !sn))
    return fail(Errc::content, "a content needs a type, and an sn that is a positive number");
  head.sn = sn.value_or(0);
  head.time = content_time(json);
  if (const Json* group = json.find("group"); group != nullptr && !group->is_null()) {
    if (group->text() == nullptr)
      return fail(Errc::content, "the group of a content must be an ID");
    auto id = Id::parse(*group->text(), context.table.addresses());
    if (!id || (!id->is_group() && !id->is_broadcast()))
      return fail(Errc::content, "the group of a content is no group ID");
    head.group = std::move(*id);
  }
  return head;
}

constexpr Literal kTooLarge = "the content is over the limit of its kind";

struct Encoder {
  template <class T>
  JsonObject operator()(const T& content) const {
    return encoders::encode(content);
  }
  JsonObject operator()(const UnknownContent& content) const { return content.json; }
  JsonObject operator()(const AddedContent& content) const { return content.json; }
};

}  // namespace

const ContentHead& Content::head() const {
  return std::visit([](const auto& content) -> const ContentHead& { return content.head; },
                    static_cast<const ContentVariant&>(*this));
}

Result<Content> decode_content(JsonObject json, const KindTable& table, int depth,
                               Reading reading) {
  const DecodeContext context{.table = table, .depth = depth, .reading = reading};
  auto full = from_wire(std::move(json));
  if (!full) return std::unexpected(full.error());
  auto head = read_head(*full, context);
  if (!head) return std::unexpected(head.error());
  const std::string command = content_command(*full);

  if (const AddedKind* added = table.find_added(head->type, command)) {
    if (weight(*full) > added->limit) return fail(Errc::too_large, kTooLarge);
    auto value = added->decode(*full);
    if (!value) return std::unexpected(value.error());
    return Content(
        AddedContent{std::move(*head), added->name, std::move(value->value), std::move(*full)});
  }
  const Kind* kind = find_kind(head->type, command);
  if (kind == nullptr) {
    if (weight(*full) > limits::kJsonString) return fail(Errc::too_large, kTooLarge);
    return Content(UnknownContent{std::move(*head), std::move(*full)});
  }
  if (weight(*full) > kind->limit) return fail(Errc::too_large, kTooLarge);
  for (const std::string_view name : {"type", "sn", "time", "group"}) full->erase(name);
  if (!kind->command.empty()) {
    full->erase("command");
    full->erase("cmd");
  }
  return kind->decode(*kind, std::move(*head), std::move(*full), context);
}

JsonObject encode_content(const Content& content) {
  return std::visit(Encoder{}, static_cast<const ContentVariant&>(content));
}

JsonObject text_content(std::string_view text, Millis now, Random& random) {
  return encode_content(TextContent::make(text, now, random));
}

}  // namespace dim
