#include "dim/engine/hub_post.h"

#include <algorithm>
#include <utility>

#include "dim/base/base64.h"
#include "dim/base/utf8.h"
#include "dim/message/delivery.h"
#include "dim/protocol/content.h"
#include "dim/protocol/head.h"

namespace dim {
namespace {

constexpr std::size_t kTextBytes = 64 * limits::kKiB;
// Between a post and the membership that took its author out, and between its time here and at the
// station: clocks differ, and so does who hears of it first.
constexpr Millis kGrace = 10 * 60'000;

Result<SignedMessage> parse_sealed(std::string_view content, std::string_view hub) {
  if (content.size() > limits::kSealedPostBytes)
    return fail(Errc::too_large, "a sealed message in a channel has at most 256 KiB");
  auto message = SignedMessage::parse(content);
  if (!message) return message;
  const Envelope& envelope = message->sealed.envelope;
  const auto here = [&](const Id& id) { return id.bare().text() == hub; };
  if (!here(envelope.receiver) || (envelope.group && !here(*envelope.group)))
    return fail(Errc::bad_request, "this message was written to another group");
  if (message->sealed.plain || message->sealed.keys.empty())
    return fail(Errc::plain_not_allowed, "a message in a private hub has keys for its readers");
  return message;
}

bool has_key(const SealedMessage& message, const Account& reader) {
  return key_for(message, reader.device()) != nullptr ||
         key_for(message, reader.id.bare()) != nullptr;
}

/// Each once, in the order of their bytes.
std::vector<std::string> in_order(std::vector<std::string> mentions) {
  std::ranges::sort(mentions);
  mentions.erase(std::ranges::unique(mentions).begin(), mentions.end());
  return mentions;
}

std::vector<std::string> mentions_in(const JsonObject& bound) {
  std::vector<std::string> out;
  const Json* list = bound.find("mentions");
  if (list == nullptr || list->array() == nullptr) return out;
  for (const Json& one : *list->array()) out.push_back(one.text() == nullptr ? "" : *one.text());
  return in_order(std::move(out));
}

/// What stands inside, beside the text.
JsonObject place_json(const PostPlace& place, const Roster& roster) {
  JsonObject out;
  out.set("channel", place.channel.text());
  out.set("message", place.message.text());
  out.set("revision", place.revision);
  if (place.reply) out.set("reply", place.reply->text());
  if (place.thread) out.set("thread", place.thread->text());
  if (place.expires != 0) out.set("expires", format_time(place.expires));
  if (!place.mentions.empty()) {
    JsonArray mentions;
    for (std::string& who : in_order(place.mentions)) mentions.emplace_back(std::move(who));
    out.set("mentions", std::move(mentions));
  }
  out.set("epoch", roster.epoch());
  out.set("membership", to_base64(roster.digest(roster.epoch())));
  return out;
}

}  // namespace

PostPlace place_of(const Post& post, std::int64_t revision) {
  return {.channel = post.channel,
          .message = post.guid,
          .revision = revision,
          .reply = post.reply,
          .thread = post.thread,
          .expires = post.expires,
          .mentions = post.mentions};
}

Millis time_of_post(Millis shown, Millis signed_time) {
  const bool near = shown >= signed_time - kGrace && shown <= signed_time + kGrace;
  return near ? shown : signed_time;
}

Result<std::string> seal_post(std::string_view text, const PostPlace& place, const Roster& roster,
                              const std::vector<std::string>& readers, const Account& author,
                              const Directory& directory, Millis now, Random& random) {
  if (text.empty() || text.size() > kTextBytes || !valid_utf8(text) || text.contains('\0'))
    return fail(Errc::bad_request,
                "a message in a channel has 1 byte to 64 KiB of UTF-8 without NUL");
  const Id self = author.id.bare();
  if (!roster.has(self.text()))
    return fail(Errc::forbidden,
                "you are not let in yet: who has founded the hub has to approve you");
  const auto hub = Id::parse(roster.hub());
  if (!hub) return std::unexpected(hub.error());
  std::vector<Id> others;
  for (const std::string& who : readers) {
    const auto id = Id::parse(who);
    if (!id || !roster.has(who)) continue;
    // Who has said nothing of their keys gets nothing, and holds up nobody.
    if (!id->same_entity(self) && !directory.message_keys(*id).empty()) others.push_back(*id);
  }
  others.push_back(self);
  PlainMessage message{
      .envelope = {.sender = self, .receiver = *hub, .time = static_cast<double>(now) / 1000},
      .content = encode_content(Content(TextContent::make(text, now, random)))};
  message.content.set("post", place_json(place, roster));
  if (!author.holds_identity()) {
    message.envelope.extra.set("meta", author.meta.json());
    message.envelope.extra.set("visa", author.visa.json());
  }
  const auto sealed = seal_group(message, others, author, directory, {}, random);
  if (!sealed) return std::unexpected(sealed.error());
  std::string out = write_message(*sealed);
  if (out.size() > limits::kSealedPostBytes)
    return fail(Errc::too_large,
                "with a key for each device of every member this is more than the station takes; "
                "write less at once");
  return out;
}

Status check_sealed_post(std::string_view content, std::string_view hub, std::string_view author) {
  const auto message = parse_sealed(content, hub);
  if (!message && message.error().code == Errc::json)
    return fail(Errc::plain_not_allowed,
                "this hub is private, and the station takes no plain text in it: send a sealed "
                "message to the hub's ID (hubs.md section 10)");
  if (!message) return std::unexpected(message.error());
  if (message->sealed.envelope.sender.bare().text() != author)
    return fail(Errc::bad_request, "a sealed message in a channel is written by who sends it");
  return {};
}

bool is_sealed_post(std::string_view content, std::string_view hub) {
  return content.starts_with('{') && parse_sealed(content, hub).has_value();
}

Result<OpenedPost> open_post(std::string_view content, const PostPlace& place, const Roster& roster,
                             const Account& reader, Directory& directory, Millis now,
                             const SymmetricKey* handed) {
  auto sealed = parse_sealed(content, roster.hub());
  if (!sealed) return std::unexpected(sealed.error());
  const bool for_us = has_key(sealed->sealed, reader);
  const Id author = sealed->sealed.envelope.sender;
  const Id target = sealed->sealed.envelope.group.value_or(sealed->sealed.envelope.receiver);
  KeyRing keys;  // has the one that opens it
  auto opened = open(*sealed, reader, directory, {}, now, {.keys = &keys});
  const bool needs_key = !opened && opened.error().code == Errc::decrypt && handed != nullptr;
  if (needs_key) {
    // What its author has signed is the same; only the keys for others are left out.
    keys.remember(author, target, *handed);
    sealed->sealed.keys.clear();
    sealed->sealed.key.reset();
    opened = open(*sealed, reader, directory, {}, now, {.keys = &keys});
  }
  if (!opened) {
    const Errc code = opened.error().code;
    if (code == Errc::not_found || code == Errc::too_early || code == Errc::signature || for_us)
      return std::unexpected(opened.error());
    return fail(Errc::unauthorised,
                "it has no key for you: it was written before you were let in, or after you were "
                "put out");
  }
  const JsonObject& said = opened->message.content;
  const Json* inside = said.find("post");
  const JsonObject* bound = inside == nullptr ? nullptr : inside->object();
  const std::string* text = said.text("text");
  if (opened->label == Label::not_encrypted || bound == nullptr || text == nullptr ||
      !said.contains("bind"))
    return fail(Errc::content, "this is no message of a private hub");
  const auto is = [&](std::string_view key, const std::string& wanted) {
    const std::string* value = bound->text(key);
    return value != nullptr && *value == wanted;
  };
  /// An empty one stands for none at all.
  const auto is_or_none = [&](std::string_view key, const std::string& wanted) {
    return wanted.empty() ? !bound->contains(key) : is(key, wanted);
  };
  const auto number = [&](std::string_view key) {
    const Json* value = bound->find(key);
    return value != nullptr && value->integer() != nullptr ? *value->integer() : 0;
  };
  if (!is("channel", place.channel.text()) || !is("message", place.message.text()) ||
      number("revision") != place.revision)
    return fail(Errc::rebound, "the station shows this message in another place than its author");
  if (!is_or_none("reply", place.reply ? place.reply->text() : "") ||
      !is_or_none("thread", place.thread ? place.thread->text() : "") ||
      !is_or_none("expires", place.expires == 0 ? "" : format_time(place.expires)) ||
      mentions_in(*bound) != in_order(place.mentions))
    return fail(Errc::rebound,
                "the station shows it as an answer to something else, in another thread, for "
                "others, or with another end than its author");
  const auto& used = keys.find(author, target);
  if (used.empty()) return fail(Errc::content, "this is no message of a private hub");
  OpenedPost out{.text = *text,
                 .author = opened->message.envelope.sender.bare().text(),
                 .epoch = number("epoch"),
                 .time = static_cast<Millis>(content_time(said) * 1000),
                 .key = used.front().clone(),
                 .handed = needs_key};
  if (out.epoch < 1) return fail(Errc::content, "this is no message of a private hub");
  if (out.epoch > roster.epoch())
    return fail(Errc::too_early, "it names a membership of the hub that the station does not show");
  if (!is("membership", to_base64(roster.digest(out.epoch))))
    return fail(Errc::conflict, "its author was shown another membership of the hub than you");
  if (!roster.has(out.author, out.epoch))
    return fail(Errc::forbidden, "its author did not belong to the hub when it was written");
  if (out.handed &&
      !roster.may_be_handed(reader.id.bare().text(), place.channel, out.epoch, out.time))
    return fail(Errc::forbidden,
                "somebody has handed you its key, and it is older than what new members may read "
                "here");
  // Who was taken out cannot write under the memberships of before, in again or not.
  const std::int64_t left = roster.left(out.author, out.epoch);
  if (left != 0 && out.time > roster.time(left) + kGrace)
    return fail(Errc::forbidden, "its author did not belong to the hub any more");
  if (text->empty() || text->size() > kTextBytes || !valid_utf8(*text) || text->contains('\0'))
    return fail(Errc::content, "this is no text of a channel");
  return out;
}

}  // namespace dim
