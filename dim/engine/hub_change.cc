#include "dim/engine/hub.h"
#include "dim/engine/hub_body.h"

namespace dim {
namespace {

bool changes(Operation operation) {
  return operation == Operation::create || operation == Operation::edit ||
         operation == Operation::remove || operation == Operation::erase ||
         operation == Operation::destroy;
}

}  // namespace

std::string HubChange::text() const {
  JsonObject out;
  out.set("operation", to_string(operation));
  out.set("type", to_string(object));
  out.set("author", actor);
  out.set("time", time);
  if (guid) out.set("guid", guid->text());
  if (!member.empty()) out.set("member", member);
  if (revision) out.set("revision", *revision);
  if (!body.empty()) out.set("content", body);
  return write_json(out);
}

Result<HubChange> HubChange::parse(std::string_view text) {
  auto object = parse_json_object(text);
  if (!object) return std::unexpected(object.error());
  const auto wrong = [] {
    return fail(Errc::bad_request, "this is no change of a hub: a member is missing or wrong");
  };
  const auto word = [&](std::string_view key) {
    const std::string* found = object->text(key);
    return found == nullptr ? std::string_view{} : std::string_view(*found);
  };
  HubChange out;
  const auto operation = parse_operation(word("operation"));
  const auto type = parse_hub_object(word("type"));
  if (!operation || !changes(*operation) || !type) return wrong();
  out.operation = *operation;
  out.object = *type;
  auto actor = read_user(word("author"));
  if (!actor) return std::unexpected(actor.error());
  out.actor = std::move(*actor);
  const Json* time = object->find("time");
  if (time == nullptr || time->integer() == nullptr || *time->integer() < 0) return wrong();
  out.time = *time->integer();
  if (object->contains("guid")) {
    if (auto done = read_guid(*object, "guid", out.guid); !done)
      return std::unexpected(done.error());
  }
  if (object->contains("member")) {
    auto member = read_user(word("member"));
    if (!member) return std::unexpected(member.error());
    out.member = std::move(*member);
  }
  if (const Json* revision = object->find("revision"); revision != nullptr) {
    if (revision->integer() == nullptr || *revision->integer() < 1) return wrong();
    out.revision = *revision->integer();
  }
  if (Json* body = object->find("content"); body != nullptr) {
    if (body->object() == nullptr) return wrong();
    out.body = std::move(*body->object());
  }
  return out;
}

}  // namespace dim
