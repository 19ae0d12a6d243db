#include "client/past.h"

#include <algorithm>
#include <array>
#include <utility>

#include "client/fields.h"
#include "client/messenger.h"
#include "dim/base/limits.h"
#include "dim/packet/guid.h"

namespace dim {
namespace {

constexpr std::size_t kBatchBytes = 192 * limits::kKiB, kBatchNodes = 5'000;
constexpr std::size_t kEntryBytes = 420 * limits::kKiB, kEntryNodes = 9'000;
constexpr std::array kTicks = {Tick::sent, Tick::delivered, Tick::read, Tick::failed};
constexpr std::array kLabels = {Label::secure, Label::secure_old, Label::addressee_unproven,
                                Label::not_encrypted};

}  // namespace

bool is_past(const HistoryEntry& entry) {
  if (is_key_notice(entry)) return false;
  return entry.outgoing ? entry.tick != Tick::queued : entry.cause.empty();
}

JsonObject past_entry(const HistoryEntry& entry, const std::optional<JsonObject>& said) {
  JsonObject out;
  out.set("peer", entry.peer.bare().text());
  out.set("guid", entry.guid);
  out.set("time", static_cast<double>(entry.time) / 1000);
  if (entry.sender) out.set("sender", entry.sender->bare().text());
  if (entry.outgoing) {
    out.set("state", to_string(entry.tick));
    if (!entry.cause.empty()) out.set("cause", entry.cause);
  } else {
    out.set("label", to_string(entry.label));
  }
  if (!entry.hash.empty()) out.set("hash", entry.hash);
  write_added(entry, out);
  if (said) {
    out.set("said", *said);
    return out;
  }
  out.set("type", entry.content_type);
  if (!entry.text.empty()) out.set("text", entry.text);
  if (!entry.words.empty()) out.set("words", entry.words);
  return out;
}

std::optional<Past> read_past(const JsonObject& object) {
  const auto peer = Id::parse(text_in(object, "peer"));
  const auto guid = Guid::parse(text_in(object, "guid"));
  const double seconds = read_seconds(object.find("time"));
  if (!peer || peer->is_broadcast() || !guid || seconds <= 0 || seconds > 1e10) return std::nullopt;
  Past past{.entry = {.guid = text_in(object, "guid"), .peer = peer->bare()}};
  HistoryEntry& entry = past.entry;
  entry.time = static_cast<Millis>(seconds * 1000);
  if (object.contains("sender")) {
    const auto sender = Id::parse(text_in(object, "sender"));
    if (!sender || peer->is_user()) return std::nullopt;
    entry.sender = sender->bare();
  }
  const std::string state = text_in(object, "state"), label = text_in(object, "label");
  const auto tick = std::ranges::find(kTicks, state, [](Tick one) { return to_string(one); });
  const auto known = std::ranges::find(kLabels, label, [](Label one) { return to_string(one); });
  entry.outgoing = !state.empty();
  if (entry.outgoing ? tick == kTicks.end() : known == kLabels.end()) return std::nullopt;
  if (entry.outgoing) {
    entry.tick = *tick;
    entry.cause = text_in(object, "cause");
  } else {
    entry.label = *known;
  }
  entry.hash = text_in(object, "hash");
  if (!entry.hash.empty() && !digest_in(entry.hash)) return std::nullopt;
  read_added(object, entry);
  if (const Json* said = object.find("said"); said != nullptr) {
    if (said->object() == nullptr) return std::nullopt;
    past.said = *said->object();
    return past;
  }
  entry.content_type = text_in(object, "type");
  entry.text = text_in(object, "text");
  entry.words = text_in(object, "words");
  if (is_key_notice(entry) || (entry.text.empty() && entry.words.empty())) return std::nullopt;
  return past;
}

bool PastBatches::add(JsonObject entry) {
  const std::string text = write_json(entry);
  // Behind each of these at most one node begins.
  const auto nodes = static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return c == ',' || c == ':' || c == '['; }));
  if (text.size() > kEntryBytes || nodes > kEntryNodes) return false;
  if (batches_.empty() || bytes_ + text.size() > kBatchBytes || nodes_ + nodes > kBatchNodes) {
    batches_.emplace_back();
    bytes_ = nodes_ = 0;
  }
  batches_.back().emplace_back(std::move(entry));
  bytes_ += text.size();
  nodes_ += nodes;
  return true;
}

std::vector<JsonArray> PastBatches::take() {
  bytes_ = nodes_ = 0;
  return std::exchange(batches_, {});
}

}  // namespace dim
