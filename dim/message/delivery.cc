#include "dim/message/delivery.h"

#include <map>

#include "dim/base/base64.h"

namespace dim {
namespace {

JsonObject json_of(const SignedMessage& message) {
  return message.json.empty() ? to_json(message) : message.json;
}

JsonObject one_key(const std::string& target, const Bytes& key) {
  JsonObject keys;
  keys.set(target, to_base64(key));
  return keys;
}

std::string_view undressed(std::string_view text) {
  for (const std::string_view dress : {"//", "/*", "/"}) {
    if (text.ends_with(dress)) return text.substr(0, text.size() - dress.size());
  }
  return text;
}

}  // namespace

Result<Id> parse_target(std::string_view text) { return Id::parse(undressed(text)); }

Result<Id> parse_target(std::string_view text, const Id& known) {
  return Id::parse_near(undressed(text), known);
}

const Bytes* key_for(const SealedMessage& message, const Id& id) {
  const Bytes* bare = nullptr;
  const Bytes* any = nullptr;
  for (const auto& [name, key] : message.keys) {
    if (name == id.text()) return &key;
    auto target = parse_target(name, id);
    if (!target || !target->same_entity(id)) continue;
    if (target->terminal() == id.terminal()) return &key;
    if (target->terminal().empty()) bare = &key;
    if (any == nullptr) any = &key;
  }
  if (bare != nullptr) return bare;
  if (any != nullptr) return any;
  return message.key ? &*message.key : nullptr;
}

Result<Route> route_of(const JsonObject& envelope) {
  const std::string* from_id = envelope.text("sender");
  const std::string* to_id = envelope.text("receiver");
  if (from_id == nullptr) return fail(Errc::bad_request, "an envelope needs a sender");
  auto sender = Id::parse(*from_id);
  if (!sender) return std::unexpected(sender.error());
  auto receiver =
      to_id != nullptr ? Id::parse(*to_id) : Result<Id>(Id("anyone", Address::anywhere()));
  if (!receiver) return std::unexpected(receiver.error());
  Route route{std::move(*sender), std::move(*receiver)};
  if (const Json* from = envelope.find("from"); from != nullptr && !from->is_null()) {
    const std::string* text = from->text();
    if (text == nullptr || !text->starts_with('/'))
      return fail(Errc::bad_request, "from must be / or /terminal");
    auto device = text->size() == 1
                      ? Result<Id>(route.sender.bare())
                      : Id::parse_near(route.sender.bare().text() + *text, route.sender);
    if (!device) return std::unexpected(device.error());
    route.sender = std::move(*device);
  }
  if (const Json* rcpt = envelope.find("rcpt"); rcpt != nullptr && !rcpt->is_null()) {
    const std::string* text = rcpt->text();
    if (text == nullptr) return fail(Errc::bad_request, "rcpt must be an ID");
    auto target = parse_target(*text, route.receiver);
    if (!target) return std::unexpected(target.error());
    route.receiver = std::move(*target);
  }
  return route;
}

std::vector<std::pair<std::string, JsonObject>> copies_for_devices(
    const SignedMessage& message, const Id& receiver, std::span<const std::string> terminals) {
  const SealedMessage& sealed = message.sealed;
  std::map<std::string, const Bytes*> targets;
  for (const auto& [name, key] : sealed.keys) {
    if (auto target = parse_target(name, receiver); target && target->same_entity(receiver))
      targets.emplace(target->text(), &key);
  }
  if (sealed.key || targets.empty()) {
    for (const std::string& terminal : terminals) {
      auto target = parse_target(
          receiver.bare().text() + (terminal.starts_with('/') ? "" : "/") + terminal, receiver);
      if (target) targets.emplace(target->text(), sealed.key ? &*sealed.key : nullptr);
    }
    if (targets.empty()) targets.emplace(receiver.text(), sealed.key ? &*sealed.key : nullptr);
  }
  const JsonObject whole = json_of(message);
  std::vector<std::pair<std::string, JsonObject>> copies;
  for (const auto& [target, key] : targets) {
    JsonObject copy = whole;
    copy.set("rcpt", target);
    if (key != nullptr) copy.set("keys", one_key(target, *key));
    copies.emplace_back(target, std::move(copy));
  }
  return copies;
}

JsonObject copy_for_member(const SignedMessage& message, const Id& member, bool devices) {
  JsonObject copy = json_of(message);
  if (!copy.contains("group") && message.sealed.envelope.receiver.is_group()) {
    copy.set("group", message.sealed.envelope.receiver.text());
  }
  copy.set("receiver", member.bare().text());
  copy.erase("keys");
  copy.erase("key");
  JsonObject keys;
  const Bytes* own = nullptr;
  for (const auto& [name, key] : message.sealed.keys) {
    auto target = parse_target(name, member);
    if (!target || !target->same_entity(member)) continue;
    keys.set(target->text(), to_base64(key));
    if (target->terminal().empty()) own = &key;
  }
  if (own != nullptr) copy.set("key", to_base64(*own));
  if (devices && !keys.empty()) copy.set("keys", std::move(keys));
  return copy;
}

}  // namespace dim
