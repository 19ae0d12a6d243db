#include "client/outbox.h"

#include "client/fields.h"

namespace dim {
namespace {

constexpr std::string_view kBucket = "outbox";

Result<OutboxRow> parse_row(const Vault::Row& row) {
  auto object = parse_json_object(row.body);
  if (!object) return std::unexpected(object.error());
  auto to = Id::parse(text_in(*object, "to"));
  if (!to) return std::unexpected(to.error());
  const Json* content = object->find("content");
  if (content == nullptr || content->object() == nullptr)
    return fail(Errc::io, "a row of this home's outbox has no content");
  OutboxRow out{.guid = text_in(*object, "guid"),
                .kind = text_in(*object, "kind"),
                .to = *to,
                .time = integer_in(*object, "time"),
                .content = *content->object(),
                .wire = text_in(*object, "wire"),
                .entry = text_in(*object, "entry"),
                .place = row.place};
  std::string group = text_in(*object, "group");
  if (group.empty() && out.kind == "copy") group = text_in(out.content, "group");
  if (auto id = Id::parse(group)) out.group = *id;
  out.only = text_in(*object, "only");
  out.anew = truth_in(*object, "anew");
  out.again = text_in(*object, "again");
  const Json* native = object->find("native");
  if (native != nullptr && native->object() != nullptr) out.native = *native->object();
  return out;
}

}  // namespace

Status Outbox::put(const OutboxRow& row) {
  JsonObject object;
  object.set("guid", row.guid);
  object.set("kind", row.kind);
  object.set("to", row.to.text());
  object.set("time", row.time);
  object.set("content", row.content);
  if (!row.wire.empty()) object.set("wire", row.wire);
  if (!row.entry.empty()) object.set("entry", row.entry);
  if (row.group) object.set("group", row.group->text());
  if (!row.native.empty()) object.set("native", row.native);
  if (!row.only.empty()) object.set("only", row.only);
  if (row.anew) object.set("anew", true);
  if (!row.again.empty()) object.set("again", row.again);
  return vault_.put(kBucket, row.guid, write_json(object));
}

Result<std::optional<OutboxRow>> Outbox::find(std::string_view guid) {
  auto row = vault_.row(kBucket, guid);
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  auto parsed = parse_row(**row);
  if (!parsed) return std::unexpected(parsed.error());
  return std::move(*parsed);
}

Result<std::vector<OutboxRow>> Outbox::after(std::int64_t place, std::size_t limit) {
  auto rows = vault_.list(kBucket, place, limit);
  if (!rows) return std::unexpected(rows.error());
  std::vector<OutboxRow> out;
  out.reserve(rows->size());
  for (const auto& row : *rows) {
    if (auto parsed = parse_row(row)) out.push_back(std::move(*parsed));
  }
  return out;
}

Status Outbox::erase(std::string_view guid) { return vault_.erase(kBucket, guid); }

Result<std::size_t> Outbox::count() {
  auto count = vault_.count(kBucket);
  if (!count) return std::unexpected(count.error());
  return static_cast<std::size_t>(*count);
}

}  // namespace dim
