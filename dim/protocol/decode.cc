#include "dim/protocol/decode.h"

#include <algorithm>

#include "dim/protocol/wire.h"

namespace dim {
namespace {

// Takes members out of an object one by one; what nobody takes is the rest. The first fault stays.
class Members {
 public:
  explicit Members(JsonObject& json) : json_(json) {}

  std::string text(std::string_view name) {
    Json value = take(name);
    if (value.is_null()) return {};
    if (value.text() == nullptr) {
      fault("a member of the content must be text");
      return {};
    }
    return std::move(*value.text());
  }
  std::optional<JsonObject> object(std::string_view name) {
    Json value = take(name);
    if (value.is_null()) return std::nullopt;
    if (value.object() == nullptr) {
      fault("a member of the content must be an object");
      return std::nullopt;
    }
    return *value.object();
  }
  std::vector<JsonObject> objects(std::string_view name, std::size_t limit) {
    std::vector<JsonObject> out;
    const Json value = take(name);
    if (value.is_null()) return out;
    const JsonArray* list = value.array();
    if (list == nullptr || list->size() > limit) {
      fault("a list of the content is no list, or too long");
      return out;
    }
    for (const Json& item : *list) {
      if (item.object() == nullptr) {
        fault("a list of the content may hold objects only");
        break;
      }
      out.push_back(*item.object());
    }
    return out;
  }
  std::optional<Id> id(std::string_view name, const DecodeContext& context) {
    const std::string value = text(name);
    if (value.empty()) return std::nullopt;
    auto id = Id::parse(value, context.table.addresses());
    if (!id) fault("an ID in the content is none");
    return id ? std::optional(*id) : std::nullopt;
  }
  double seconds(std::string_view name) {
    const Json value = take(name);
    return read_seconds(&value);
  }
  void drop(std::string_view name) { json_.erase(name); }

  template <class T>
  Result<Content> finish(T content) {
    if (error_) return std::unexpected(*error_);
    content.rest = std::move(json_);
    return Content(std::move(content));
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  Json take(std::string_view name) {
    Json* value = json_.find(name);
    if (value == nullptr) return {};
    Json out = std::move(*value);
    json_.erase(name);
    return out;
  }
  void fault(Literal hint) {
    if (!error_) error_ = Error{Errc::content, hint.view};
  }

  JsonObject& json_;
  std::optional<Error> error_;
};

// Bytes of all names and texts: what a kind's limit counts. Cheap, and nothing can hide from it.
std::size_t weight(const Json& value) {
  if (const std::string* text = value.text()) return text->size();
  std::size_t sum = 8;
  if (const JsonArray* list = value.array()) {
    for (const Json& item : *list) sum += weight(item);
  } else if (const JsonObject* object = value.object()) {
    for (const auto& [name, member] : *object) sum += name.size() + weight(member);
  }
  return sum;
}

std::size_t weight(const JsonObject& object) {
  std::size_t sum = 0;
  for (const auto& [name, member] : object) sum += name.size() + weight(member);
  return sum;
}

Result<ContentHead> read_head(const JsonObject& json, const AddressTable& addresses) {
  ContentHead head{.type = content_type(json)};
  const auto sn = content_sn(json);
  if (head.type.empty() || !sn)
    return fail(Errc::content, "a content needs a type, and an sn that is a positive number");
  head.sn = *sn;
  head.time = content_time(json);
  if (const Json* group = json.find("group"); group != nullptr && !group->is_null()) {
    if (group->text() == nullptr)
      return fail(Errc::content, "the group of a content must be an ID");
    auto id = Id::parse(*group->text(), addresses);
    if (!id || (!id->is_group() && !id->is_broadcast()))
      return fail(Errc::content, "the group of a content is no group ID");
    head.group = std::move(*id);
  }
  return head;
}

constexpr Literal kTooLarge = "the content is over the limit of its kind";

}  // namespace

namespace decoders {

Result<Content> text(const Kind&, ContentHead head, JsonObject json, const DecodeContext&) {
  Members members(json);
  TextContent content{.head = std::move(head), .text = members.text("text")};
  return members.finish(std::move(content));
}

Result<Content> receipt(const Kind&, ContentHead head, JsonObject json, const DecodeContext&) {
  Members members(json);
  ReceiptContent content{.head = std::move(head), .text = members.text("text")};
  content.origin = members.object("origin");
  auto envelope = members.object("envelope");
  if (!content.origin) content.origin = std::move(envelope);
  if (!content.origin && json.contains("sender")) {
    JsonObject origin;
    for (const std::string_view name : {"sender", "receiver", "signature"}) {
      if (const Json* value = json.find(name)) origin.set(name, *value);
    }
    if (content.head.time > 0) origin.set("time", content.head.time);
    origin.set("sn", content.head.sn);
    content.origin = std::move(origin);
  }
  for (const std::string_view copy : {"sender", "receiver", "signature"}) members.drop(copy);
  return members.finish(std::move(content));
}

Result<Content> handshake(const Kind&, ContentHead head, JsonObject json, const DecodeContext&) {
  Members members(json);
  HandshakeContent content{.head = std::move(head), .title = members.text("title")};
  content.session = members.text("session");
  if (const std::string* message = json.text("message");
      message != nullptr && content.title.empty()) {
    content.title = *message;
  }
  if (content.title.empty()) return fail(Errc::content, "a handshake needs a title");
  return members.finish(std::move(content));
}

Result<Content> meta(const Kind&, ContentHead head, JsonObject json, const DecodeContext& context) {
  Members members(json);
  auto did = members.id("did", context);
  members.drop("ID");
  if (members.error()) return std::unexpected(*members.error());
  if (!did) return fail(Errc::content, "a meta command needs the member did");
  MetaContent content{.head = std::move(head), .did = std::move(*did)};
  content.meta = members.object("meta");
  return members.finish(std::move(content));
}

Result<Content> documents(const Kind&, ContentHead head, JsonObject json,
                          const DecodeContext& context) {
  Members members(json);
  auto did = members.id("did", context);
  members.drop("ID");
  members.drop("document");  // from_wire has put it into the list
  if (members.error()) return std::unexpected(*members.error());
  if (!did) return fail(Errc::content, "a documents command needs the member did");
  DocumentsContent content{.head = std::move(head), .did = std::move(*did)};
  content.meta = members.object("meta");
  content.documents = members.objects("documents", limits::kForwardMessages);
  content.last_time = members.seconds("last_time");
  return members.finish(std::move(content));
}

Result<Content> login(const Kind&, ContentHead head, JsonObject json,
                      const DecodeContext& context) {
  Members members(json);
  auto did = members.id("did", context);
  members.drop("ID");
  const std::string terminal = members.text("terminal");
  if (members.error()) return std::unexpected(*members.error());
  if (!did) return fail(Errc::content, "a login command needs the member did");
  if (!terminal.empty()) {
    auto device = Id::parse_near(did->bare().text() + "/" + terminal, *did);
    if (!device) return fail(Errc::content, "the terminal of a login command is none");
    if (!did->terminal().empty() && did->terminal() != terminal) {
      return fail(Errc::content, "did and terminal of a login command name different devices");
    }
    did = std::move(*device);
  }
  LoginContent content{.head = std::move(head), .did = std::move(*did)};
  content.agent = members.text("agent");
  content.device = members.text("device");
  content.station = members.object("station");
  content.provider = members.object("provider");
  return members.finish(std::move(content));
}

Result<Content> report(const Kind&, ContentHead head, JsonObject json, const DecodeContext&) {
  Members members(json);
  ReportContent content{.head = std::move(head), .title = members.text("title")};
  if (const std::string* state = json.text("state"); state != nullptr && content.title.empty()) {
    content.title = *state == "background" ? "offline" : *state == "foreground" ? "online" : *state;
  }
  return members.finish(std::move(content));
}

Result<Content> forward(const Kind&, ContentHead head, JsonObject json,
                        const DecodeContext& context) {
  if (context.depth >= static_cast<int>(limits::kForwardDepth)) {
    return fail(Errc::content, "messages are nested more than 3 deep");
  }
  Members members(json);
  ForwardContent content{.head = std::move(head)};
  std::vector<JsonObject> inner = members.objects("secrets", limits::kForwardMessages);
  if (auto single = members.object("forward"); single && inner.empty())
    inner.push_back(std::move(*single));
  if (members.error()) return std::unexpected(*members.error());
  for (JsonObject& object : inner) {
    auto message =
        SignedMessage::from_json(std::move(object), Reading::strict, context.table.addresses());
    if (!message) return fail(Errc::content, "a forwarded message is not well formed");
    content.secrets.push_back(std::move(*message));
  }
  return members.finish(std::move(content));
}

Result<Content> array(const Kind&, ContentHead head, JsonObject json,
                      const DecodeContext& context) {
  if (context.depth >= static_cast<int>(limits::kForwardDepth)) {
    return fail(Errc::content, "contents are nested more than 3 deep");
  }
  Members members(json);
  ArrayContent content{.head = std::move(head), .contents = {}};
  std::vector<JsonObject> inner = members.objects("contents", limits::kForwardMessages);
  if (members.error()) return std::unexpected(*members.error());
  for (JsonObject& object : inner) {
    auto decoded = decode_content(std::move(object), context.table, context.depth + 1);
    if (!decoded) return decoded;
    content.contents.push_back(std::move(*decoded));
  }
  return members.finish(std::move(content));
}

Result<Content> customized(const Kind&, ContentHead head, JsonObject json, const DecodeContext&) {
  Members members(json);
  CustomizedContent content{.head = std::move(head), .app = members.text("app")};
  content.mod = members.text("mod");
  content.act = members.text("act");
  return members.finish(std::move(content));
}

Result<Content> generic(const Kind& kind, ContentHead head, JsonObject json, const DecodeContext&) {
  GenericContent content{.head = std::move(head), .name = std::string(kind.name)};
  content.command = kind.command;
  content.json = std::move(json);
  return Content(std::move(content));
}

}  // namespace decoders

Result<Content> decode_content(JsonObject json, const KindTable& table, int depth) {
  auto full = from_wire(std::move(json));
  if (!full) return std::unexpected(full.error());
  auto head = read_head(*full, table.addresses());
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
  if (kind->decode != decoders::generic) {
    for (const std::string_view name : {"type", "sn", "time", "group", "command", "cmd"})
      full->erase(name);
  }
  return kind->decode(*kind, std::move(*head), std::move(*full), DecodeContext{table, depth});
}

}  // namespace dim
