#include "dim/protocol/content.h"

namespace dim {
namespace {

JsonObject head_of(const ContentHead& head, std::string_view command = {}) {
  JsonObject out;
  out.set("type", head.type);
  out.set("sn", head.sn);
  if (head.time > 0) out.set("time", head.time);
  if (!command.empty()) out.set("command", command);
  if (head.group) out.set("group", head.group->text());
  return out;
}

JsonObject with_rest(JsonObject out, const JsonObject& rest) {
  for (const auto& [name, value] : rest) {
    if (!out.contains(name)) out.set(name, value);
  }
  return out;
}

void set_text(JsonObject& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out.set(name, text);
}

void set_object(JsonObject& out, std::string_view name, const std::optional<JsonObject>& object) {
  if (object) out.set(name, *object);
}

struct Encoder {
  JsonObject operator()(const TextContent& content) const {
    JsonObject out = head_of(content.head);
    out.set("text", content.text);
    return with_rest(std::move(out), content.rest);
  }
  JsonObject operator()(const ReceiptContent& content) const {
    JsonObject out = head_of(content.head, "receipt");
    out.set("text", content.text);
    set_object(out, "origin", content.origin);
    return with_rest(std::move(out), content.rest);
  }
  JsonObject operator()(const HandshakeContent& content) const {
    JsonObject out = head_of(content.head, "handshake");
    out.set("title", content.title);
    set_text(out, "session", content.session);
    return with_rest(std::move(out), content.rest);
  }
  JsonObject operator()(const MetaContent& content) const {
    JsonObject out = head_of(content.head, "meta");
    out.set("did", content.did.text());
    set_object(out, "meta", content.meta);
    return with_rest(std::move(out), content.rest);
  }
  JsonObject operator()(const DocumentsContent& content) const {
    JsonObject out = head_of(content.head, "documents");
    out.set("did", content.did.text());
    set_object(out, "meta", content.meta);
    if (content.last_time > 0) out.set("last_time", content.last_time);
    if (!content.documents.empty()) {
      JsonArray list;
      for (const JsonObject& document : content.documents) list.emplace_back(document);
      out.set("documents", std::move(list));
    }
    return with_rest(std::move(out), content.rest);
  }
  JsonObject operator()(const LoginContent& content) const {
    JsonObject out = head_of(content.head, "login");
    out.set("did", content.did.text());
    set_text(out, "agent", content.agent);
    set_text(out, "device", content.device);
    set_object(out, "station", content.station);
    set_object(out, "provider", content.provider);
    return with_rest(std::move(out), content.rest);
  }
  JsonObject operator()(const ReportContent& content) const {
    JsonObject out = head_of(content.head, "report");
    set_text(out, "title", content.title);
    return with_rest(std::move(out), content.rest);
  }
  JsonObject operator()(const ForwardContent& content) const {
    JsonObject out = head_of(content.head);
    JsonArray list;
    for (const SignedMessage& message : content.secrets) {
      list.emplace_back(message.json.empty() ? to_json(message) : message.json);
    }
    out.set("secrets", std::move(list));
    return with_rest(std::move(out), content.rest);
  }
  JsonObject operator()(const ArrayContent& content) const {
    JsonObject out = head_of(content.head);
    JsonArray list;
    for (const Content& inner : content.contents) list.emplace_back(encode_content(inner));
    out.set("contents", std::move(list));
    return with_rest(std::move(out), content.rest);
  }
  JsonObject operator()(const CustomizedContent& content) const {
    JsonObject out = head_of(content.head);
    out.set("app", content.app);
    set_text(out, "mod", content.mod);
    set_text(out, "act", content.act);
    return with_rest(std::move(out), content.rest);
  }
  JsonObject operator()(const GenericContent& content) const { return content.json; }
  JsonObject operator()(const UnknownContent& content) const { return content.json; }
  JsonObject operator()(const AddedContent& content) const { return content.json; }
};

}  // namespace

JsonObject encode_content(const Content& content) {
  return std::visit(Encoder{}, static_cast<const ContentVariant&>(content));
}

}  // namespace dim
