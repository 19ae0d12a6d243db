#include "dim/protocol/content_nested.h"

#include "dim/protocol/decode.h"
#include "dim/protocol/encode.h"
#include "dim/protocol/wire.h"

namespace dim {
namespace {

using codec::Members;

constexpr std::size_t kInner = limits::kForwardMessages;

bool too_deep(const DecodeContext& context) {
  return context.depth >= static_cast<int>(limits::kForwardDepth);
}

// {"sender", "receiver", "time", "group"?, "type"?, "content", …}
Result<PlainMessage> read_plain(JsonObject object, const DecodeContext& context) {
  Members members(object, context);
  auto sender = members.id("sender");
  auto receiver = members.id("receiver");
  auto content = members.object("content");
  if (members.error() || !sender || !receiver || !content)
    return fail(Errc::content, "a message of a chat record needs sender, receiver and content");
  PlainMessage message{
      .envelope = {.sender = std::move(*sender), .receiver = std::move(*receiver)}};
  message.envelope.time = members.seconds("time");
  message.envelope.group = members.id("group");
  message.envelope.type = content_type(object);
  members.drop("type");
  if (members.error()) return std::unexpected(*members.error());
  auto inner = from_wire(std::move(*content));
  if (!inner) return std::unexpected(inner.error());
  message.content = std::move(*inner);
  message.envelope.extra = std::move(object);
  return message;
}

JsonObject write_plain(const PlainMessage& message) {
  JsonObject out;
  out.set("sender", message.envelope.sender.text());
  out.set("receiver", message.envelope.receiver.text());
  if (message.envelope.time > 0) out.set("time", message.envelope.time);
  codec::set_id(out, "group", message.envelope.group);
  codec::set_text(out, "type", message.envelope.type);
  out = codec::with_rest(std::move(out), message.envelope.extra);
  out.set("content", message.content);
  return out;
}

}  // namespace

ForwardContent ForwardContent::make(std::vector<SignedMessage> secrets, Millis now,
                                    Random& random) {
  return {.head = ContentHead::make("255", now, random), .secrets = std::move(secrets)};
}

CombineContent CombineContent::make(std::string_view title, std::vector<PlainMessage> messages,
                                    Millis now, Random& random) {
  return {.head = ContentHead::make("207", now, random),
          .title = std::string(title),
          .messages = std::move(messages)};
}

ArrayContent ArrayContent::make(std::vector<Content> contents, Millis now, Random& random) {
  return {.head = ContentHead::make("202", now, random), .contents = std::move(contents)};
}

namespace decoders {

Result<Content> forward(const Kind&, ContentHead head, JsonObject json,
                        const DecodeContext& context) {
  if (too_deep(context)) return fail(Errc::content, "messages are nested more than 3 deep");
  Members members(json, context);
  ForwardContent content{.head = std::move(head)};
  std::vector<JsonObject> inner = members.objects("secrets", kInner);
  if (auto single = members.object("forward"); single && inner.empty())
    inner.push_back(std::move(*single));
  if (members.error()) return std::unexpected(*members.error());
  content.secrets.reserve(inner.size());
  for (JsonObject& object : inner) {
    auto message =
        SignedMessage::from_json(std::move(object), context.reading, context.table.addresses());
    if (!message) return fail(Errc::content, "a forwarded message is not well formed");
    content.secrets.push_back(std::move(*message));
  }
  return finish(members, std::move(content), json);
}

Result<Content> combine(const Kind&, ContentHead head, JsonObject json,
                        const DecodeContext& context) {
  if (too_deep(context)) return fail(Errc::content, "messages are nested more than 3 deep");
  Members members(json, context);
  CombineContent content{.head = std::move(head), .title = members.text("title")};
  std::vector<JsonObject> inner = members.objects("messages", kInner);
  if (members.error()) return std::unexpected(*members.error());
  content.messages.reserve(inner.size());
  for (JsonObject& object : inner) {
    auto message = read_plain(std::move(object), context);
    if (!message) return std::unexpected(message.error());
    content.messages.push_back(std::move(*message));
  }
  return finish(members, std::move(content), json);
}

Result<Content> array(const Kind&, ContentHead head, JsonObject json,
                      const DecodeContext& context) {
  if (too_deep(context)) return fail(Errc::content, "contents are nested more than 3 deep");
  Members members(json, context);
  ArrayContent content{.head = std::move(head), .contents = {}};
  std::vector<JsonObject> inner = members.objects("contents", kInner);
  if (members.error()) return std::unexpected(*members.error());
  content.contents.reserve(inner.size());
  for (JsonObject& object : inner) {
    auto decoded =
        decode_content(std::move(object), context.table, context.depth + 1, context.reading);
    if (!decoded) return decoded;
    content.contents.push_back(std::move(*decoded));
  }
  return finish(members, std::move(content), json);
}

}  // namespace decoders

namespace encoders {

JsonObject encode(const ForwardContent& content) {
  JsonObject out = codec::head_of(content.head);
  JsonArray list;
  list.reserve(content.secrets.size());
  for (const SignedMessage& message : content.secrets)
    list.emplace_back(message.json.empty() ? to_json(message) : message.json);
  out.set("secrets", std::move(list));
  return codec::with_rest(std::move(out), content.rest);
}

JsonObject encode(const CombineContent& content) {
  JsonObject out = codec::head_of(content.head);
  codec::set_text(out, "title", content.title);
  JsonArray list;
  list.reserve(content.messages.size());
  for (const PlainMessage& message : content.messages) list.emplace_back(write_plain(message));
  out.set("messages", std::move(list));
  return codec::with_rest(std::move(out), content.rest);
}

JsonObject encode(const ArrayContent& content) {
  JsonObject out = codec::head_of(content.head);
  JsonArray list;
  list.reserve(content.contents.size());
  for (const Content& inner : content.contents) list.emplace_back(encode_content(inner));
  out.set("contents", std::move(list));
  return codec::with_rest(std::move(out), content.rest);
}

}  // namespace encoders
}  // namespace dim
