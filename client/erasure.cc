#include "client/erasure.h"

#include <algorithm>

#include "client/fields.h"
#include "client/outbox.h"
#include "client/private_hubs.h"
#include "dim/engine/erasure.h"

namespace dim {
namespace {

constexpr std::string_view kBucket = "erasures";
constexpr std::size_t kAtOnce = 8;
constexpr Millis kPause = 5'000;

}  // namespace

Status erase_copies(Home& home, const Guid& post) {
  const std::string guid = post.text();
  if (auto done = Outbox(home.vault()).erase(guid); !done) return done;
  if (auto done = home.vault().erase(kRefusedPosts, guid); !done) return done;
  if (auto done = home.vault().erase(kOpenedPosts, guid); !done) return done;
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
    const auto post = Guid::parse(text_in(*object, "post"));
    const auto channel = Guid::parse(text_in(*object, "channel"));
    if (post && channel) owed_.emplace(*post, Owed{.channel = *channel});
  }
}

Status Erasures::destroyed(const Guid& channel, const Guid& post) {
  // A linked device has no key that a receipt could be verified with.
  const bool signs = home_.account().holds_identity();
  JsonObject row;
  row.set("post", post.text());
  row.set("channel", channel.text());
  const auto done = home_.vault().transaction([&]() -> Status {
    if (auto erased = Outbox(home_.vault()).erase(post.text()); !erased) return erased;
    if (auto erased = home_.vault().erase(kRefusedPosts, post.text()); !erased) return erased;
    if (auto erased = home_.vault().erase(kOpenedPosts, post.text()); !erased) return erased;
    if (!signs) return home_.vault().erase(kBucket, post.text());
    return home_.vault().put(kBucket, post.text(), write_json(row));
  });
  if (done && signs) owed_.emplace(post, Owed{.channel = channel});
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
  for (auto& [post, one] : owed_) {
    if (one.sent || sent >= kAtOnce) continue;
    one.sent = true;
    ++sent;
    Packet packet = HubClient::request(Operation::create, HubObject::erasure, post.text());
    packet.content = write_json(sign_erasure(home_.account(), one.channel, post, clock_.now()));
    client_.ask(std::move(packet),
                [this, guid = post, session = session_](const HubResult<Packet>& answer) {
                  if (session == session_) answered(guid, answer);
                });
  }
}

/// Whatever cannot become otherwise ends it.
void Erasures::answered(const Guid& post, const HubResult<Packet>& answer) {
  const int code = answer ? answer->code : answer.error().code;
  if (code < 200 || code == 416 || code >= 500) {
    const auto found = owed_.find(post);
    if (found != owed_.end()) found->second.sent = false;
    wait_until_ = clock_.monotonic() + kPause;
    if (code != 501) return;  // a station that knows no receipts
  }
  owed_.erase(post);
  (void)home_.vault().erase(kBucket, post.text());
}

}  // namespace dim
