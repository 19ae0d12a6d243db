#include "dim/engine/hub.h"
#include "dim/engine/hub_body.h"

namespace dim {
namespace {

bool changes(Operation operation) {
  return operation == Operation::create || operation == Operation::edit ||
         operation == Operation::remove || operation == Operation::erase ||
         operation == Operation::destroy;
}

// As stored, the body is one level deeper than it came, and the change has values beside it; one
// that destroys a hub names all that was ever in it.
constexpr JsonLimits kStored{.depth = limits::kJsonDepth + 8, .nodes = 100 * limits::kJsonNodes};

/// About as many as it takes when it is written: without writing 10,000 of them each time.
std::size_t bytes_in(const JsonObject& object);
std::size_t bytes_in(const Json& value) {
  constexpr std::size_t kBesides = 3;  // quotes and a comma
  if (const std::string* text = value.text()) return text->size() + kBesides;
  if (const JsonObject* object = value.object()) return bytes_in(*object);
  std::size_t out = kBesides;
  if (const JsonArray* list = value.array()) {
    for (const Json& one : *list) out += bytes_in(one);
  }
  return out;
}
std::size_t bytes_in(const JsonObject& object) {
  std::size_t out = 0;
  for (const auto& [key, value] : object) out += key.size() + 4 + bytes_in(value);
  return out;
}

}  // namespace

Status check_roster_room(const HubChange& change, const Hub& hub) {
  const Json* epoch = change.body.find("epoch");
  const bool is_next = epoch != nullptr && epoch->integer() != nullptr &&
                       *epoch->integer() > static_cast<std::int64_t>(hub.roster().size());
  if (change.object != HubObject::roster || !is_next) return {};
  std::size_t bytes = bytes_in(change.body);
  for (const JsonObject& one : hub.roster()) bytes += bytes_in(one);
  if (bytes <= limits::kRosterBytes) return {};
  return fail(Errc::insufficient_storage,
              "the signed membership of this hub takes 8 MiB, and more a station does not keep");
}

Status check_new(const HubChange& change, std::string_view hub_id, bool is_private) {
  if (change.object != HubObject::hub) return {};
  if (const Json* kind = change.body.find("kind")) {
    const std::string_view is = is_private ? "private" : "public";
    if (kind->text() == nullptr || *kind->text() != is)
      return fail(Errc::bad_request,
                  "a hub is private when the name of its ID begins with private-, else public; "
                  "that is fixed when it is founded");
  }
  if (!is_private || change.operation != Operation::create) return {};
  if (const auto first = first_membership(change, hub_id); !first)
    return std::unexpected(first.error());
  return {};
}

Result<RosterChange> first_membership(const HubChange& change, std::string_view hub_id) {
  const Json* first = change.body.find("roster");
  if (first == nullptr || first->object() == nullptr)
    return fail(Errc::bad_request, "a private hub needs roster: its first signed membership");
  auto read = read_roster_change(*first->object());
  if (read && (read->hub != hub_id || read->epoch != 1 || read->add != std::vector{change.actor} ||
               !read->remove.empty()))
    return fail(Errc::bad_request, "the first membership of a private hub is that of its founder");
  return read;
}

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
  auto object = parse_json_object(text, kStored);
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
