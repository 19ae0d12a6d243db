#include "dim/engine/message_change.h"

#include <algorithm>
#include <array>

#include "dim/base/base64.h"
#include "dim/packet/guid.h"

namespace dim {
namespace {

constexpr std::string_view kApp = "chat.dim.message";
constexpr std::string_view kNote = "note";
constexpr std::size_t kTextBytes = 64 * limits::kKiB;
constexpr std::size_t kDeviceBytes = 64;
constexpr std::array<std::string_view, 7> kActs = {"edit",   "remove", "delete", "destroy",
                                                   "erased", "react",  "pin"};

std::unexpected<Error> broken() {
  return fail(Errc::content, "this change of a message lacks something, or is malformed");
}

std::string text_of(const JsonObject& object, std::string_view key) {
  const std::string* text = object.text(key);
  return text == nullptr ? std::string() : *text;
}

}  // namespace

std::string_view to_string(MessageAct act) { return kActs[static_cast<std::size_t>(act)]; }

Digest32 group_message_name(const Id& group, const Id& author, std::int64_t sn) {
  const std::string name =
      group.bare().text() + "\n" + author.bare().text() + "\n" + std::to_string(sn);
  return sha256(as_bytes(name));
}

Content message_change_content(const MessageChange& change, Millis now, Random& random) {
  CustomizedContent note = CustomizedContent::make(kApp, to_string(change.act), kNote, now, random);
  note.rest.set("guid", change.guid);
  note.rest.set("hash", to_base64(change.hash));
  if (change.act == MessageAct::edit) {
    note.rest.set("text", change.text);
    note.rest.set("revision", change.revision);
  }
  if (change.act == MessageAct::react) write_reactions(change.reactions, note.rest);
  if (change.act == MessageAct::pin) write_pin(change.pin, note.rest);
  if (!change.device.empty()) note.rest.set("device", change.device);
  if (change.group) note.head.group = change.group->bare();
  if (change.peer) note.rest.set("peer", change.peer->bare().text());
  return Content(std::move(note));
}

bool is_message_change(const Content& content) {
  const auto* note = content.as<CustomizedContent>();
  return note != nullptr && note->app == kApp;
}

Result<MessageChange> read_message_change(const Content& content) {
  const auto* note = content.as<CustomizedContent>();
  if (note == nullptr || note->app != kApp) return broken();
  const auto act = std::ranges::find(kActs, note->mod);
  const auto guid = Guid::parse(text_of(note->rest, "guid"));
  const auto hash = from_base64(text_of(note->rest, "hash"));
  MessageChange out;
  if (act == kActs.end() || !guid || !hash || hash->size() != out.hash.size()) return broken();
  out.act = static_cast<MessageAct>(act - kActs.begin());
  out.guid = guid->text();
  std::ranges::copy(*hash, out.hash.begin());
  if (out.act == MessageAct::edit) {
    out.text = text_of(note->rest, "text");
    const Json* revision = note->rest.find("revision");
    if (out.text.empty() || out.text.size() > kTextBytes || revision == nullptr ||
        revision->integer() == nullptr || *revision->integer() < 2)
      return broken();
    out.revision = *revision->integer();
  }
  if (out.act == MessageAct::react) {
    auto reactions = read_reactions(note->rest);
    if (!reactions) return broken();
    out.reactions = std::move(*reactions);
  }
  if (out.act == MessageAct::pin) {
    const auto pin = read_pin(note->rest);
    if (!pin) return broken();
    out.pin = *pin;
  }
  out.device = text_of(note->rest, "device");
  if (out.device.size() > kDeviceBytes) return broken();
  if (note->rest.contains("peer")) {
    auto peer = Id::parse(text_of(note->rest, "peer"));
    if (!peer || peer->is_broadcast() || note->head.group) return broken();
    out.peer = peer->bare();
  }
  if (note->head.group) {
    if (!note->head.group->is_group() || note->head.group->is_broadcast()) return broken();
    out.group = note->head.group->bare();
  }
  return out;
}

}  // namespace dim
