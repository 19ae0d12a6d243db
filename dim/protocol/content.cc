#include "dim/protocol/content.h"

#include <array>
#include <charconv>

#include "dim/identity/ted.h"

namespace dim {
namespace {

constexpr std::string_view kCommandType = "136";

ContentHead command_head(Millis now, Random& random) {
  return ContentHead::make(kCommandType, now, random);
}

HandshakeContent handshake(std::string_view title, std::string_view session, Millis now,
                           Random& random) {
  HandshakeContent content{.head = command_head(now, random), .title = std::string(title)};
  content.session = session;
  content.rest.set("message", title);  // clients of 2021 read this
  return content;
}

}  // namespace

ContentHead ContentHead::make(std::string_view type, Millis now, Random& random) {
  constexpr std::uint64_t kMask = 0x7FFF'FFFF;
  ContentHead head{.type = std::string(type)};
  head.sn = static_cast<std::int64_t>(random.u64() & kMask);
  if (head.sn == 0) head.sn = 1;
  head.time = static_cast<double>(now) / 1000;
  return head;
}

TextContent TextContent::make(std::string_view text, Millis now, Random& random) {
  return {.head = ContentHead::make("1", now, random), .text = std::string(text)};
}

ReceiptContent ReceiptContent::make(std::string_view text, std::optional<JsonObject> origin,
                                    Millis now, Random& random) {
  return {
      .head = command_head(now, random), .text = std::string(text), .origin = std::move(origin)};
}

JsonObject ReceiptContent::origin_of(const JsonObject& message, std::optional<std::int64_t> sn) {
  constexpr std::array<std::string_view, 6> kLeftOut = {"data", "key",  "keys",
                                                        "meta", "visa", "content"};
  JsonObject origin;
  for (const auto& [name, value] : message) {
    bool keep = true;
    for (const std::string_view other : kLeftOut) keep = keep && name != other;
    if (keep) origin.set(name, value);
  }
  if (sn) origin.set("sn", *sn);
  return origin;
}

HandshakeState HandshakeContent::state() const {
  if (title == "DIM!") return HandshakeState::success;
  if (title == "DIM?") return HandshakeState::again;
  return session.empty() ? HandshakeState::start : HandshakeState::restart;
}

HandshakeContent HandshakeContent::start(Millis now, Random& random) {
  return handshake("Hello world!", {}, now, random);
}
HandshakeContent HandshakeContent::again(std::string_view session, Millis now, Random& random) {
  return handshake("DIM?", session, now, random);
}
HandshakeContent HandshakeContent::restart(std::string_view session, Millis now, Random& random) {
  return handshake("Hello world!", session, now, random);
}
HandshakeContent HandshakeContent::success(std::string_view session, Millis now, Random& random) {
  return handshake("DIM!", session, now, random);
}

MetaContent MetaContent::query(const Id& did, Millis now, Random& random) {
  return {.head = command_head(now, random), .did = did};
}
MetaContent MetaContent::answer(const Id& did, JsonObject meta, Millis now, Random& random) {
  return {.head = command_head(now, random), .did = did, .meta = std::move(meta)};
}

DocumentsContent DocumentsContent::query(const Id& did, double last_time, Millis now,
                                         Random& random) {
  return {.head = command_head(now, random), .did = did, .last_time = last_time};
}
DocumentsContent DocumentsContent::answer(const Id& did, std::optional<JsonObject> meta,
                                          std::vector<JsonObject> documents, Millis now,
                                          Random& random) {
  return {.head = command_head(now, random),
          .did = did,
          .meta = std::move(meta),
          .documents = std::move(documents)};
}

LoginContent LoginContent::make(const Id& did, JsonObject station, std::string_view agent,
                                Millis now, Random& random) {
  LoginContent content{.head = command_head(now, random), .did = did, .agent = std::string(agent)};
  content.station = std::move(station);
  return content;
}

ReportContent ReportContent::online(Millis now, Random& random) {
  return {.head = command_head(now, random), .title = "online"};
}
ReportContent ReportContent::offline(Millis now, Random& random) {
  return {.head = command_head(now, random), .title = "offline"};
}

ForwardContent ForwardContent::make(std::vector<SignedMessage> secrets, Millis now,
                                    Random& random) {
  return {.head = ContentHead::make("255", now, random), .secrets = std::move(secrets)};
}

CustomizedContent CustomizedContent::make(std::string_view app, std::string_view mod,
                                          std::string_view act, Millis now, Random& random) {
  CustomizedContent content{.head = ContentHead::make("204", now, random), .app = std::string(app)};
  content.mod = mod;
  content.act = act;
  return content;
}

ArrayContent ArrayContent::make(std::vector<Content> contents, Millis now, Random& random) {
  return {.head = ContentHead::make("202", now, random), .contents = std::move(contents)};
}

const ContentHead& Content::head() const {
  return std::visit([](const auto& content) -> const ContentHead& { return content.head; },
                    static_cast<const ContentVariant&>(*this));
}

std::string content_type(const JsonObject& content) {
  const Json* type = content.find("type");
  return type != nullptr && (type->text() != nullptr || type->integer() != nullptr)
             ? type_text(*type)
             : std::string();
}

std::optional<std::int64_t> content_sn(const JsonObject& content) {
  const Json* value = content.find("sn");
  if (value == nullptr) return std::nullopt;
  if (const std::int64_t* number = value->integer())
    return *number > 0 ? std::optional(*number) : std::nullopt;
  const std::string* text = value->text();
  if (text == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc() || at != end || number <= 0) return std::nullopt;
  return number;
}

double content_time(const JsonObject& content) { return read_seconds(content.find("time")); }

std::string content_command(const JsonObject& content) {
  const std::string* name = content.text("command");
  if (name == nullptr) name = content.text("cmd");
  const int type = type_number(content_type(content));
  return name != nullptr && (type == 136 || type == 137) ? *name : std::string();
}

std::string content_name(const JsonObject& content) {
  const Kind* kind = find_kind(content_type(content), content_command(content));
  return std::string(kind != nullptr ? kind->name : "unknown");
}

JsonObject text_content(std::string_view text, Millis now, Random& random) {
  return encode_content(TextContent::make(text, now, random));
}

}  // namespace dim
