#include "dim/protocol/content_basic.h"

#include "dim/protocol/decode.h"
#include "dim/protocol/encode.h"

namespace dim {

using codec::Members;

namespace {
constexpr std::int64_t kExpiryMostS = 366 * 86'400;
}

Millis expiry_of(const TextContent& content) {
  const Json* value = content.rest.find("expires");
  const std::int64_t* seconds = value == nullptr ? nullptr : value->integer();
  if (seconds == nullptr) return 0;
  const Millis written = content_millis(content.head.time);
  if (*seconds <= 0 || *seconds > written / 1'000 + kExpiryMostS) return 0;
  return *seconds * 1'000;
}

void set_expiry(TextContent& content, Millis expires) {
  content.rest.set("expires", expires / 1'000);
}

TextContent TextContent::make(std::string_view text, Millis now, Random& random) {
  return {.head = ContentHead::make("1", now, random), .text = std::string(text)};
}

PageContent PageContent::make(std::string_view url, std::string_view title, std::string_view desc,
                              Millis now, Random& random) {
  PageContent content{.head = ContentHead::make("32", now, random), .title = std::string(title)};
  content.url = url;
  content.desc = desc;
  return content;
}

CardContent CardContent::make(const Id& did, std::string_view name, Millis now, Random& random) {
  return {.head = ContentHead::make("51", now, random), .did = did, .name = std::string(name)};
}

QuoteContent QuoteContent::make(std::string_view text, Origin origin, Millis now, Random& random) {
  return {.head = ContentHead::make("55", now, random),
          .text = std::string(text),
          .origin = std::move(origin)};
}

MoneyContent MoneyContent::make(std::string_view currency, double amount, Millis now,
                                Random& random) {
  return {.head = ContentHead::make("64", now, random),
          .currency = std::string(currency),
          .amount = amount};
}

TransferContent TransferContent::make(std::string_view currency, double amount, const Id& remitter,
                                      const Id& remittee, Millis now, Random& random) {
  return {.head = ContentHead::make("65", now, random),
          .currency = std::string(currency),
          .amount = amount,
          .remitter = remitter,
          .remittee = remittee};
}

CustomizedContent CustomizedContent::make(std::string_view app, std::string_view mod,
                                          std::string_view act, Millis now, Random& random) {
  CustomizedContent content{.head = ContentHead::make("204", now, random), .app = std::string(app)};
  content.mod = mod;
  content.act = act;
  return content;
}

CustomizedContent CustomizedContent::application(std::string_view app, Millis now, Random& random) {
  return {.head = ContentHead::make("160", now, random), .app = std::string(app)};
}

namespace decoders {

Result<Content> text(const Kind&, ContentHead head, JsonObject json, const DecodeContext& context) {
  Members members(json, context);
  TextContent content{.head = std::move(head), .text = members.text("text")};
  return finish(members, std::move(content), json);
}

Result<Content> page(const Kind&, ContentHead head, JsonObject json, const DecodeContext& context) {
  Members members(json, context);
  PageContent content{.head = std::move(head), .title = members.text("title")};
  content.url = members.text("URL");
  content.html = members.text("HTML");
  content.desc = members.text("desc");
  content.icon = members.picture("icon");
  return finish(members, std::move(content), json);
}

Result<Content> card(const Kind&, ContentHead head, JsonObject json, const DecodeContext& context) {
  Members members(json, context);
  auto did = members.id_and_twin();
  if (members.error()) return std::unexpected(*members.error());
  if (!did) return fail(Errc::content, "a name card needs the member did");
  CardContent content{
      .head = std::move(head), .did = std::move(*did), .name = members.text("name")};
  content.avatar = members.picture("avatar");
  return finish(members, std::move(content), json);
}

Result<Content> quote(const Kind&, ContentHead head, JsonObject json,
                      const DecodeContext& context) {
  Members members(json, context);
  QuoteContent content{.head = std::move(head), .text = members.text("text")};
  if (auto object = members.object("origin")) {
    Members inner(*object, context);
    auto sender = inner.id("sender");
    auto receiver = inner.id("receiver");
    if (inner.error()) return std::unexpected(*inner.error());
    if (sender) {
      content.origin = QuoteContent::Origin{.sender = std::move(*sender)};
      content.origin->receiver = std::move(receiver);
      content.origin->type = content_type(*object);
      content.origin->sn = content_sn(*object).value_or(0);
      inner.drop("type");
      inner.drop("sn");
    }
    content.origin_rest = std::move(*object);
  }
  return finish(members, std::move(content), json);
}

Result<Content> money(const Kind&, ContentHead head, JsonObject json,
                      const DecodeContext& context) {
  Members members(json, context);
  MoneyContent content{.head = std::move(head), .currency = members.text("currency")};
  content.amount = members.number("amount");
  return finish(members, std::move(content), json);
}

Result<Content> transfer(const Kind&, ContentHead head, JsonObject json,
                         const DecodeContext& context) {
  Members members(json, context);
  TransferContent content{.head = std::move(head), .currency = members.text("currency")};
  content.amount = members.number("amount");
  content.remitter = members.id("remitter");
  content.remittee = members.id("remittee");
  return finish(members, std::move(content), json);
}

Result<Content> customized(const Kind&, ContentHead head, JsonObject json,
                           const DecodeContext& context) {
  Members members(json, context);
  CustomizedContent content{.head = std::move(head), .app = members.text("app")};
  content.mod = members.text("mod");
  content.act = members.text("act");
  return finish(members, std::move(content), json);
}

}  // namespace decoders

namespace encoders {

using codec::head_of;
using codec::with_rest;

JsonObject encode(const TextContent& content) {
  JsonObject out = head_of(content.head);
  out.set("text", content.text);
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const PageContent& content) {
  JsonObject out = head_of(content.head);
  codec::set_text(out, "URL", content.url);
  codec::set_text(out, "title", content.title);
  codec::set_text(out, "HTML", content.html);
  codec::set_text(out, "desc", content.desc);
  codec::set_picture(out, "icon", content.icon);
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const CardContent& content) {
  JsonObject out = head_of(content.head);
  out.set("did", content.did.text());
  codec::set_text(out, "name", content.name);
  codec::set_picture(out, "avatar", content.avatar);
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const QuoteContent& content) {
  JsonObject out = head_of(content.head);
  out.set("text", content.text);
  if (content.origin || !content.origin_rest.empty()) {
    JsonObject origin;
    if (content.origin) {
      origin.set("sender", content.origin->sender.text());
      codec::set_id(origin, "receiver", content.origin->receiver);
      codec::set_text(origin, "type", content.origin->type);
      if (content.origin->sn > 0) origin.set("sn", content.origin->sn);
    }
    out.set("origin", with_rest(std::move(origin), content.origin_rest));
  }
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const MoneyContent& content) {
  JsonObject out = head_of(content.head);
  codec::set_text(out, "currency", content.currency);
  codec::set_number(out, "amount", content.amount);
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const TransferContent& content) {
  JsonObject out = head_of(content.head);
  codec::set_text(out, "currency", content.currency);
  codec::set_number(out, "amount", content.amount);
  codec::set_id(out, "remitter", content.remitter);
  codec::set_id(out, "remittee", content.remittee);
  return with_rest(std::move(out), content.rest);
}

JsonObject encode(const CustomizedContent& content) {
  JsonObject out = head_of(content.head);
  out.set("app", content.app);
  codec::set_text(out, "mod", content.mod);
  codec::set_text(out, "act", content.act);
  return with_rest(std::move(out), content.rest);
}

}  // namespace encoders
}  // namespace dim
