#include "client/hub_client.h"

#include <algorithm>

#include "client/fields.h"
#include "client/hub_names.h"
#include "dim/base/hex.h"

namespace dim {
namespace {

constexpr std::size_t kListed = limits::kHubMembers;  // the longest list that there is
constexpr std::size_t kListedBytes = 64 * limits::kMiB;
constexpr int kWaits = 20;
constexpr Millis kWaitMost = 30'000;
// A page, and what a station has ready for one session beside it.
constexpr std::size_t kArrivedBytes = 2 * limits::kSendQueueBytes;

/// The kind of error that an answer stands for, in the words of hubs.
Error error_of(int code) {
  switch (code) {
    case 401:
      return {Errc::bad_request, "the station does not take this as it is"};
    case 402:
      return {Errc::unauthorised, "the station does not believe this"};
    case 403:
      return {Errc::forbidden, "you have no right to do this here"};
    case 404:
      return {Errc::not_found, "there is no such thing, or you cannot see it"};
    case 405:
      return {Errc::method_not_allowed, "this cannot be done in a hub of this kind"};
    case 407:
      return {Errc::conflict, "somebody was faster: it has changed; look again"};
    case 410:
      return {Errc::gone, "it is deleted, used up or taken back"};
    case 411:
      return {Errc::too_large, "this is too long: a message in a channel has at most 64 KiB"};
    case 416:
      return {Errc::too_many_requests, "this was too much at once; try again later"};
    case 501:
      return {Errc::not_implemented, "this station has no hubs, or cannot do this"};
    case 506:
      return {Errc::insufficient_storage, "the hub or the station is full"};
    default:
      return {Errc::unavailable, "the station cannot do this now; try again later"};
  }
}

HubRefusal refusal_of(const Packet& answer) {
  return {.error = error_of(answer.code),
          .code = answer.code,
          .station = std::string(answer.get("message")),
          .retry_after = seconds_in(answer.get("retry-after")),
          .destroyed = answer.code == 410 && answer.get("state") == "destroyed"};
}

std::unexpected<HubRefusal> refuse(const Error& error) {
  return std::unexpected(HubRefusal{.error = error});
}

/// A station shows what it likes: only what stands where it was asked for is taken.
bool is_asked_for(const PostQuery& query, const Post& post) {
  if (query.channel && post.channel != *query.channel) return false;
  const auto target = Guid::parse(query.target);
  return !target || post.channel == *target || post.guid == *target;
}

}  // namespace

HubClient::HubClient(Home& home, Clock& clock, Random& random, std::function<Uplink*()> session)
    : home_(home),
      clock_(clock),
      random_(random),
      session_(std::move(session)),
      privates_(home, clock) {}

struct HubClient::Listing {
  HubObject object;
  std::string target;
  HubDone<std::vector<JsonObject>> done;
  std::string after{};
  std::vector<JsonObject> all{};
  std::size_t bytes = 0;
  int waits = 0;
};

void HubClient::begin() {
  arrived_.clear();
  arrived_bytes_ = 0;
  open_pages_ = 0;
  waiting_.clear();
}

void HubClient::tick() {
  const Millis now = clock_.monotonic();
  std::vector<std::function<void()>> due;
  for (auto& [when, ask] : waiting_) {
    if (when <= now) due.push_back(std::move(ask));
  }
  std::erase_if(waiting_, [&](const auto& one) { return one.first <= now; });
  for (const auto& ask : due) ask();
  privates_.tick();
}

Packet HubClient::request(Operation operation, HubObject object, std::string target) {
  Packet packet = Packet::request(operation);
  packet.set("type", std::string(to_string(object)));
  if (!target.empty()) packet.set("target", std::move(target));
  return packet;
}

void HubClient::ask(Packet packet, HubDone<Packet> done) {
  Uplink* session = session_();
  if (session == nullptr)
    return done(refuse({Errc::unreachable, "hubs need the station, which is away"}));
  const std::string_view type = packet.get("type");
  const Lane lane = type == "ban" || type == "mute" ? Lane::control : Lane::text;
  session->request(lane, std::move(packet), [done = std::move(done)](const Packet& answer) {
    if (answer.code < 200 || answer.code > 299) return done(std::unexpected(refusal_of(answer)));
    done(answer);
  });
}

// ---- what is there

void HubClient::list(HubObject object, const std::string& target,
                     HubDone<std::vector<JsonObject>> done) {
  list_from(std::make_shared<Listing>(
      Listing{.object = object, .target = target, .done = std::move(done)}));
}

void HubClient::list_from(const std::shared_ptr<Listing>& listing) {
  Packet packet = request(Operation::get, listing->object, listing->target);
  if (!listing->after.empty()) packet.set("after", listing->after);
  ask(std::move(packet), [this, listing](HubResult<Packet> answer) {
    Listing& it = *listing;
    if (!answer) {
      if (wait_for(answer.error(), it.waits, [this, listing] { list_from(listing); })) return;
      return it.done(std::unexpected(std::move(answer.error())));
    }
    it.waits = 0;
    it.bytes += answer->content.value_or("").size();
    auto page = read_list(answer->content.value_or(""));
    if (!page) return it.done(refuse(page.error()));
    const bool empty = page->empty();
    std::ranges::move(*page, std::back_inserter(it.all));
    if (it.all.size() > kListed || it.bytes > kListedBytes)
      return it.done(refuse({Errc::too_large, "the station's list is longer than any can be"}));
    if (answer->code != 206) return it.done(std::move(it.all));
    std::string next(answer->get("next"));
    // Keys come in order, so a place that is not further on would never end.
    if (empty || next <= it.after)
      return it.done(refuse({Errc::bad_request, "the station's list does not go on as it should"}));
    it.after = std::move(next);
    list_from(listing);
  });
}

/// True: it said 416, and only this is asked for again: who is in many hubs would never get through
/// otherwise.
bool HubClient::wait_for(const HubRefusal& why, int& waits, std::function<void()> again) {
  if (why.code != 416 || why.retry_after > kWaitMost || ++waits > kWaits) return false;
  waiting_.emplace_back(clock_.monotonic() + std::max<Millis>(1'000, why.retry_after),
                        std::move(again));
  return true;
}

void HubClient::mine(HubDone<std::vector<HubView>> done) {
  list(HubObject::hub, {}, [this, done = std::move(done)](HubResult<std::vector<JsonObject>> all) {
    if (!all) return done(std::unexpected(std::move(all.error())));
    unreadable_.clear();
    std::vector<HubView> hubs;
    for (const JsonObject& shown : *all) {
      auto hub = read_hub(shown);
      if (hub) {
        hubs.push_back(std::move(*hub));
      } else {
        unreadable_.insert_or_assign(text_in(shown, "hub"), HubRefusal{.error = hub.error()});
      }
    }
    add_channels(std::move(hubs), 0, done);
  });
}

void HubClient::read(const std::string& hub, HubDone<HubView> done) {
  unreadable_.erase(hub);
  list(HubObject::hub, hub, [this, done = std::move(done)](HubResult<std::vector<JsonObject>> all) {
    if (!all) return done(std::unexpected(std::move(all.error())));
    auto shown = all->size() == 1 ? read_hub(all->front())
                                  : fail(Errc::not_found, "the station does not show this hub");
    if (!shown) return done(refuse(shown.error()));
    std::vector<HubView> hubs;
    hubs.push_back(std::move(*shown));
    add_channels(std::move(hubs), 0, [done](HubResult<std::vector<HubView>> one) {
      if (!one) return done(std::unexpected(std::move(one.error())));
      done(std::move(one->front()));
    });
  });
}

void HubClient::add_channels(std::vector<HubView> hubs, std::size_t at,
                             HubDone<std::vector<HubView>> done) {
  if (at == hubs.size()) {
    // Only now: a private hub that the station shows last has its channels all the same.
    for (HubView& hub : hubs) {
      const auto own = drop_borrowed(home_, hub);
      if (own) continue;
      if (own.error().code != Errc::conflict) return done(refuse(own.error()));
      unreadable_.insert_or_assign(hub.id, HubRefusal{.error = own.error()});
    }
    privates_.tick();
    return done(std::move(hubs));
  }
  const std::string id = hubs[at].id;
  list(HubObject::channel, id,
       [this, hubs = std::move(hubs), at,
        done = std::move(done)](HubResult<std::vector<JsonObject>> all) mutable {
         if (!all) {
           const HubRefusal& why = all.error();
           if (why.error.code == Errc::unreachable || why.code == 416)
             return done(std::unexpected(std::move(all.error())));
           unreadable_.insert_or_assign(hubs[at].id, why);
           return add_channels(std::move(hubs), at + 1, std::move(done));
         }
         for (const JsonObject& shown : *all) {
           auto channel = read_channel_view(shown);
           if (channel) {
             hubs[at].channels.insert(std::move(*channel));
           } else {
             unreadable_.insert_or_assign(hubs[at].id, HubRefusal{.error = channel.error()});
           }
         }
         if (auto kept = privates_.learn(hubs[at]); !kept) return done(refuse(kept.error()));
         if (!is_private_hub(hubs[at].id))
           return add_channels(std::move(hubs), at + 1, std::move(done));
         const std::string hub = hubs[at].id;
         read_roster(hub, [this, hubs = std::move(hubs), at,
                           done = std::move(done)](HubResult<std::int64_t> epoch) mutable {
           if (!epoch &&
               (epoch.error().error.code == Errc::unreachable || epoch.error().code == 416))
             return done(std::unexpected(std::move(epoch.error())));
           if (!epoch) unreadable_.insert_or_assign(hubs[at].id, epoch.error());
           add_channels(std::move(hubs), at + 1, std::move(done));
         });
       });
}

// ---- what is made

void HubClient::found(std::string_view name, std::string_view topic, HubDone<Id> done,
                      bool is_private) {
  const auto mark = random_.array<6>();
  const Account& me = home_.account();
  const Meta meta = Meta::make_mkm(
      me.identity_key, (is_private ? std::string(kPrivateHubPrefix) : "hub-") + to_hex(mark));
  auto id = meta.id(EntityType::group);
  if (!id) return done(refuse(id.error()));
  JsonObject body;
  if (is_private) {
    const JsonObject first = first_roster(me, id->text(), meta, clock_.now());
    const auto good = Roster::begin(id->text(), first);
    if (!good || !me.holds_identity())
      return done(
          refuse({Errc::key,
                  "a private hub is founded where the identity is, with a key of secp256k1; "
                  "this home has another one"}));
    body.set("kind", "private");
    body.set("roster", first);
  }
  body.set("name", name);
  if (!topic.empty()) body.set("topic", topic);
  body.set("meta", meta.json());
  Packet packet = request(Operation::create, HubObject::hub, id->text());
  packet.content = write_json(body);
  ask(std::move(packet), [id = *id, done = std::move(done)](HubResult<Packet> answer) {
    if (!answer) return done(std::unexpected(std::move(answer.error())));
    done(id);
  });
}

void HubClient::make(HubObject object, const std::string& hub, const JsonObject& body,
                     HubDone<Guid> done) {
  const Guid guid = Guid::make(clock_.now(), random_);
  Packet packet = request(Operation::create, object, hub);
  packet.set("guid", guid.text());
  packet.content = write_json(body);
  ask(std::move(packet), [guid, done = std::move(done)](HubResult<Packet> answer) {
    if (!answer) return done(std::unexpected(std::move(answer.error())));
    done(guid);
  });
}

// ---- messages

void HubClient::posts(const PostQuery& query, HubDone<PostsPage> done) {
  Packet packet =
      request(Operation::get, query.pinned ? HubObject::pin : HubObject::message, query.target);
  if (!query.search.empty()) packet.set("search", query.search);
  for (const auto& [key, cursor] :
       {std::pair{"before", query.before}, std::pair{"after", query.after},
        std::pair{"changes", query.changes}}) {
    if (cursor) packet.set(key, std::to_string(*cursor));
  }
  if (query.thread) packet.set("thread", query.thread->text());
  if (query.limit > 0) packet.set("limit", std::to_string(query.limit));
  if (query.earlier) packet.set("history", "yes");
  if (session_() != nullptr) ++open_pages_;
  ask(std::move(packet), [this, query, done = std::move(done)](HubResult<Packet> answer) {
    if (!answer) {
      if (answer.error().code != 0) {
        --open_pages_;
        tell_arrived(arrived_.size());
      }
      return done(std::unexpected(std::move(answer.error())));
    }
    done(take_page(*answer, query));
  });
}

/// A page is what came last before its answer; what came before that was live.
HubResult<PostsPage> HubClient::take_page(const Packet& answer, const PostQuery& query) {
  --open_pages_;
  const std::int64_t count = number_in(answer.get("count"));
  const bool fits = count >= 0 && static_cast<std::size_t>(count) <= arrived_.size();
  if (!fits) {
    tell_arrived(arrived_.size());
    return refuse({Errc::bad_request, "the station says that it has sent more than has come"});
  }
  std::vector<Packet> page(
      std::make_move_iterator(arrived_.end() - static_cast<std::ptrdiff_t>(count)),
      std::make_move_iterator(arrived_.end()));
  arrived_.resize(arrived_.size() - static_cast<std::size_t>(count));
  tell_arrived(arrived_.size());
  PostsPage out;
  for (const Packet& push : page) {
    auto read = read_post(push);
    auto post = read ? std::move(*read) : unreadable_post(push);
    // One that is broken holds up no other.
    if (!post) {
      ++out.lost;
      continue;
    }
    if (!is_asked_for(query, *post))
      return refuse({Errc::bad_request, "the station shows other messages than were asked for"});
    if (post->expires == 0 || post->expires > clock_.now()) out.posts.push_back(std::move(*post));
  }
  const auto open_all = [&]() -> Status {
    // What cannot be opened says so itself.
    for (Post& post : out.posts) {
      std::optional<PostKey> key;
      (void)privates_.open(query.hub, post, query.keys ? &key : nullptr);
      if (key && post.expires == 0) out.keys.push_back(std::move(*key));
    }
    return {};
  };
  const Status opened =
      is_private_hub(query.hub) ? home_.vault().transaction(open_all) : open_all();
  if (!opened) return refuse(opened.error());
  if (answer.code == 206) {
    const std::int64_t next = number_in(answer.get("next"));
    const auto from = query.changes ? query.changes : query.after;
    // A place that is not further on would never end.
    if ((from && next <= *from) || (!from && query.before && next >= *query.before))
      return refuse({Errc::bad_request, "the station's pages do not go on as they should"});
    out.next = next;
  }
  if (answer.content) {
    auto earlier = read_revisions(*answer.content);
    if (!earlier) return refuse(earlier.error());
    // They belong to the message that was asked for, or to none.
    if (out.posts.size() == 1 && out.posts.front().guid.text() == query.target) {
      out.earlier = std::move(*earlier);
      privates_.open(query.hub, out.posts.front(), out.earlier);
    }
  }
  return out;
}

void HubClient::tell_arrived(std::size_t count) {
  arrived_bytes_ = 0;
  std::vector<Packet> out(
      std::make_move_iterator(arrived_.begin()),
      std::make_move_iterator(arrived_.begin() + static_cast<std::ptrdiff_t>(count)));
  arrived_.erase(arrived_.begin(), arrived_.begin() + static_cast<std::ptrdiff_t>(count));
  for (const Packet& push : out) {
    if (live) live(push);
  }
}

void HubClient::pushed(Packet push) {
  if (push.operation == Operation::notify) {
    const auto asked = heard_.find(push.get("target"));
    if (asked != heard_.end()) ++asked->second;
  }
  if (open_pages_ > 0) {
    constexpr std::size_t kHeaderBytes = 512;
    arrived_bytes_ += kHeaderBytes + push.content.value_or("").size();
    if (Uplink* session = session_(); session != nullptr && arrived_bytes_ > kArrivedBytes) {
      arrived_.clear();
      return session->abandon(
          {Errc::bad_request, "the station sends more than the page that was asked for"});
    }
    arrived_.push_back(std::move(push));
  } else if (live) {
    live(push);
  }
}

void HubClient::mark(const Guid& channel, HubDone<ReadMark> done) {
  ask(request(Operation::get, HubObject::mark, channel.text()),
      [done = std::move(done)](HubResult<Packet> answer) {
        if (!answer) return done(std::unexpected(std::move(answer.error())));
        done(ReadMark{.cursor = number_in(answer->get("cursor")),
                      .newest = number_in(answer->get("newest")),
                      .unread = number_in(answer->get("unread")),
                      .mentions = number_in(answer->get("mentions")),
                      .level = parse_level(answer->get("level")).value_or(NotifyLevel::all)});
      });
}

void HubClient::erasures(const std::string& object, HubDone<ErasureList> done) {
  erasures_from(object, {}, {}, std::move(done));
}

void HubClient::erasures_from(const std::string& object, std::string after, ErasureList found,
                              HubDone<ErasureList> done) {
  Packet packet = request(Operation::get, HubObject::erasure, object);
  if (!after.empty()) packet.set("after", after);
  ask(std::move(packet), [this, object, after, found = std::move(found),
                          done = std::move(done)](HubResult<Packet> answer) mutable {
    if (!answer) return done(std::unexpected(std::move(answer.error())));
    auto page = read_list(answer->content.value_or(""));
    if (!page) return done(refuse(page.error()));
    found.members = number_in(answer->get("members"));
    const std::string next(answer->get("next"));
    std::ranges::move(*page, std::back_inserter(found.receipts));
    if (answer->code != 206) return done(std::move(found));
    if (page->empty() || next <= after || found.receipts.size() > kListed)
      return done(refuse({Errc::bad_request, "the station's list does not go on as it should"}));
    erasures_from(object, next, std::move(found), std::move(done));
  });
}

void HubClient::typing(const Guid& channel, bool on) {
  Packet packet = Packet::request(Operation::notify);
  packet.set("type", "typing").set("target", channel.text());
  ask(packet.set("state", on ? "on" : "off"), [](const HubResult<Packet>&) {});
}

}  // namespace dim
