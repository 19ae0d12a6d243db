#include "client/erasure.h"

#include <algorithm>

#include "client/drafts.h"
#include "client/fields.h"
#include "client/handed_keys.h"
#include "client/hub_follow.h"
#include "client/hub_handing.h"
#include "client/hub_names.h"
#include "client/outbox.h"
#include "client/private_hubs.h"
#include "dim/engine/erasure.h"

namespace dim {
namespace {

constexpr std::string_view kBucket = "erasures";
constexpr std::size_t kAtOnce = 8;
constexpr Millis kPause = 5'000;

/// What waits for this channel, or for a channel of this hub, what was refused there, and what was
/// opened of it.
Status erase_object(Home& home, const std::string& object) {
  constexpr std::size_t kAll = 1'000'000;
  Outbox outbox(home.vault());
  const auto rows = outbox.after(0, kAll);
  if (!rows) return std::unexpected(rows.error());
  for (const OutboxRow& row : *rows) {
    if (row.kind != kPostRow) continue;
    if (row.to.bare().text() != object && text_in(row.content, "channel") != object) continue;
    if (auto erased = outbox.erase(row.guid); !erased) return erased;
  }
  for (const std::string_view bucket : {kRefusedPosts, kOpenedPosts}) {
    const auto posts = home.vault().list(bucket);
    if (!posts) return std::unexpected(posts.error());
    for (const auto& row : *posts) {
      const auto post = parse_json_object(row.body);
      if (!post || (text_in(*post, "hub") != object && text_in(*post, "channel") != object))
        continue;
      if (auto erased = home.vault().erase(bucket, text_in(*post, "guid")); !erased) return erased;
    }
  }
  if (auto erased = forget_handed_of(home.vault(), object); !erased) return erased;
  if (auto erased = forget_handing(home.vault(), object); !erased) return erased;
  // Who belonged to it is gone. The head of that stays: a station that shows the hub again shows
  // the same membership, or is not believed (A28).
  if (auto erased = home.vault().erase(kRosters, object); !erased) return erased;
  // Names, and of a hub also what is kept of its channels: drafts, and how far they were followed.
  auto hubs = kept_hubs(home);
  if (!hubs) return std::unexpected(hubs.error());
  Drafts drafts(home.vault());
  for (HubView& hub : *hubs) {
    for (const auto& [channel, unused] : hub.channels) {
      if (hub.id != object && channel.text() != object) continue;
      if (auto erased = drafts.put({.conversation = channel.text(), .text = {}}); !erased)
        return erased;
    }
    if (hub.id == object) forget_followed(home, hub);
    std::erase_if(hub.channels, [&](const auto& entry) { return entry.first.text() == object; });
  }
  std::erase_if(*hubs, [&](const HubView& hub) { return hub.id == object; });
  return keep_hubs(home, *hubs);
}

JsonObject owed_row(const std::string& object, const std::string& channel, bool asks) {
  JsonObject row;
  row.set("post", object);
  row.set("channel", channel);
  if (asks) row.set("asks", true);
  return row;
}

}  // namespace

Status erase_copies_of(Home& home, const std::string& object) {
  if (auto done = home.vault().transaction([&] { return erase_object(home, object); }); !done)
    return done;
  return home.vault().scrub();
}

Status keep_new_hubs(Home& home, const std::vector<HubView>& hubs) {
  return home.vault().transaction([&]() -> Status {
    const auto before = kept_hubs(home).value_or(std::vector<HubView>());
    for (const std::string& object : vanished_of(before, hubs)) {
      const auto known = home.vault().get(kBucket, object);
      if (!known) return std::unexpected(known.error());
      if (*known) continue;
      const JsonObject row = owed_row(object, object, true);
      if (auto done = home.vault().put(kBucket, object, write_json(row)); !done) return done;
    }
    return keep_hubs(home, hubs);
  });
}

std::vector<std::string> vanished_of(const std::vector<HubView>& before,
                                     const std::vector<HubView>& now) {
  std::vector<std::string> out;
  for (const HubView& old : before) {
    const auto hub = std::ranges::find(now, old.id, &HubView::id);
    if (hub == now.end()) out.push_back(old.id);
    for (const auto& [channel, unused] : old.channels) {
      if (hub == now.end() || !hub->channels.contains(channel)) out.push_back(channel.text());
    }
  }
  return out;
}

Status erase_copies(Home& home, const Guid& post) {
  const std::string guid = post.text();
  if (auto done = Outbox(home.vault()).erase(guid); !done) return done;
  if (auto done = home.vault().erase(kRefusedPosts, guid); !done) return done;
  if (auto done = home.vault().erase(kOpenedPosts, guid); !done) return done;
  if (auto done = forget_handed(home.vault(), post); !done) return done;
  return home.vault().scrub();
}

void Erasures::begin() {
  ++session_;
  wait_until_ = 0;
  owed_.clear();
  const auto rows = home_.vault().list(kBucket);
  if (!rows) return;
  for (const auto& row : *rows) {
    const auto object = parse_json_object(row.body);
    if (!object) continue;
    std::string erased = text_in(*object, "post");
    std::string channel = text_in(*object, "channel");
    if (erased.empty() || channel.empty()) continue;
    owed_.emplace(std::move(erased),
                  Owed{.channel = std::move(channel), .asks = truth_in(*object, "asks")});
  }
}

Status Erasures::owe(const std::string& object, const Owed& owed) {
  return home_.vault().put(kBucket, object, write_json(owed_row(object, owed.channel, owed.asks)));
}

Status Erasures::destroyed(const Guid& channel, const Guid& post) {
  // A linked device has no key that a receipt could be verified with.
  const bool signs = home_.account().holds_identity();
  const Owed owed{.channel = channel.text()};
  const auto done = home_.vault().transaction([&]() -> Status {
    if (auto erased = Outbox(home_.vault()).erase(post.text()); !erased) return erased;
    if (auto erased = home_.vault().erase(kRefusedPosts, post.text()); !erased) return erased;
    if (auto erased = home_.vault().erase(kOpenedPosts, post.text()); !erased) return erased;
    const auto owner = private_hub_of(home_, channel);
    if (!owner) return std::unexpected(owner.error());
    if (*owner) {
      if (auto noted = note_gone(home_.vault(), post, clock_.now()); !noted) return noted;
    }
    if (!signs) return home_.vault().erase(kBucket, post.text());
    return owe(post.text(), owed);
  });
  if (done && signs) owed_.insert_or_assign(post.text(), owed);
  return done;
}

Status Erasures::object_destroyed(const std::string& object) {
  const bool signs = home_.account().holds_identity();
  const Owed owed{.channel = object};
  const auto done = home_.vault().transaction([&]() -> Status {
    if (auto erased = erase_object(home_, object); !erased) return erased;
    return signs ? owe(object, owed) : home_.vault().erase(kBucket, object);
  });
  if (!done) return done;
  if (signs) {
    owed_.insert_or_assign(object, owed);
  } else {
    owed_.erase(object);
  }
  return {};
}

Status Erasures::vanished(const std::string& object) {
  if (owed_.contains(object)) return {};
  const Owed owed{.channel = object, .asks = true};
  auto done = owe(object, owed);
  if (done) owed_.emplace(object, owed);
  return done;
}

void Erasures::tick() {
  if (clock_.monotonic() < wait_until_) return;
  const auto waits = [](const auto& entry) { return !entry.second.sent; };
  if (std::ranges::none_of(owed_, waits)) return;
  // It is signed when it is true, and not before.
  if (!home_.vault().scrub()) return;
  auto sent = static_cast<std::size_t>(
      std::ranges::count_if(owed_, [](const auto& entry) { return entry.second.sent; }));
  for (auto& [object, one] : owed_) {
    if (one.sent || sent >= kAtOnce) continue;
    one.sent = true;
    ++sent;
    Packet packet = HubClient::request(Operation::create, HubObject::erasure, object);
    if (one.asks) {
      const bool channel = Guid::parse(object).has_value();
      packet =
          HubClient::request(Operation::get, channel ? HubObject::channel : HubObject::hub, object);
    } else {
      packet.content = write_json(sign_erasure(home_.account(), one.channel, object, clock_.now()));
    }
    client_.ask(std::move(packet),
                [this, object, session = session_](const HubResult<Packet>& answer) {
                  if (session == session_) answered(object, answer);
                });
  }
}

/// Whatever cannot become otherwise ends it.
void Erasures::answered(const std::string& object, const HubResult<Packet>& answer) {
  const int code = answer ? answer->code : answer.error().code;
  const auto found = owed_.find(object);
  if (found == owed_.end()) return;
  if (code < 200 || code == 416 || code >= 500) {
    found->second.sent = false;
    wait_until_ = clock_.monotonic() + kPause;
    if (code != 501) return;  // a station that knows no receipts
  }
  if (found->second.asks && !answer && answer.error().destroyed) {
    if (!object_destroyed(object)) found->second.sent = false;
    return;
  }
  owed_.erase(object);
  (void)home_.vault().erase(kBucket, object);
}

}  // namespace dim
