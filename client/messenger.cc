#include "client/messenger.h"

#include <algorithm>

#include "client/describe.h"
#include "client/dimchat_session.h"
#include "client/fields.h"
#include "dim/packet/guid.h"

namespace dim {
namespace {

constexpr std::size_t kToldAtOnce = 64;  // IDs in one line of a header, well below 4 KiB
constexpr std::size_t kToldMost = 1'024;
constexpr Millis kToldAgainMs = 10'000;
constexpr Millis kShutMs = 3'600'000;  // then the other ports are tried again
constexpr Millis kKeyCheckMs = 3'600'000;
constexpr Millis kScrubMs = 60'000;  // until keys that are gone are out of the vault's files

}  // namespace

Messenger::Messenger(Home& home, Transport& transport, Clock& clock, Random& random,
                     MessengerEvents events, Options options)
    : home_(home),
      transport_(transport),
      clock_(clock),
      random_(random),
      events_(std::move(events)),
      options_(options),
      history_(home.vault()),
      outbox_(home.vault()),
      groups_(home, random),
      hubs_(home, clock, random, [this] { return is_ready() ? session_.get() : nullptr; }),
      handing_(hubs_, home, clock, random, [this](const Id& to, const JsonObject& content) {
        return put_quietly(to, content);
      }) {
  hubs_.people = [this](const Id& who, std::function<void(Status)> done) {
    fetch(who, std::move(done));
  };
  expire();
  if (options_.follow_hubs) follow_hubs();
}

Messenger::~Messenger() = default;

Result<std::optional<StationTarget>> Messenger::target() {
  if (options_.target) return options_.target;
  return home_.station();
}

/// Was the last session there without its other ports, an hour ago at most?
bool Messenger::is_known_shut(const StationTarget& target) {
  const auto known = home_.vault().get("state", "ports-shut");
  if (!known || !*known || target.id.empty()) return false;
  const std::string& text = **known;
  const std::size_t space = text.find(' ');
  if (space == std::string::npos || text.substr(0, space) != target.id) return false;
  const Millis ago = clock_.now() - number_in(text.substr(space + 1));
  return ago >= 0 && ago < kShutMs;
}

Status Messenger::start() {
  auto target = this->target();
  if (!target) return std::unexpected(target.error());
  if (!*target)
    return fail(Errc::not_found, "this home has joined no station yet; run `dim join LINK`");
  const bool dimchat = (*target)->protocol == StationTarget::Protocol::dimchat;
  Session::Options options;
  // Stations of the reference push whatever they have, asked or not.
  if (options_.receive || dimchat) {
    const auto cursor = home_.inbox_cursor((*target)->id);
    if (!cursor) return std::unexpected(cursor.error());
    inbox_of_ = (*target)->id;
    acked_cursor_ = *cursor;
    options.after = acked_cursor_;
  }
  options.media_lane = options_.media;
  options.audio_lane = options_.audio;
  options.video_lane = options_.video;
  options.one_port =
      options_.one_port || (*target)->one_port || (*target)->web || is_known_shut(**target);
  if (auto forgotten = forget_old(); !forgotten) return forgotten;
  pushes_.clear();
  fetching_for_outbox_ = false;
  lookups_.clear();
  fetched_.clear();
  early_.clear();
  introduced_.clear();
  asked_groups_.clear();
  asking_.clear();
  decides_.clear();
  shared_entry_.clear();
  in_flight_.clear();
  sealed_now_.clear();
  disputed_.clear();
  full_.clear();
  native_held_.clear();
  native_asked_.clear();
  native_lies_.clear();
  native_asking_.clear();
  native_refreshed_.clear();
  refused_ = false;
  hubs_.begin();
  handing_.begin();
  rewind();
  auto& host = static_cast<SessionHost&>(*this);
  if (dimchat) {
    session_ = std::make_unique<DimchatSession>(**target, home_.account(), home_.directory(), host,
                                                clock_, random_, acked_cursor_);
  } else {
    session_ = std::make_unique<Session>(**target, home_.account(), host, clock_, random_,
                                         std::move(options));
  }
  transport_.dial(Lane::control, **target);
  return {};
}

void Messenger::stop() {
  session_.reset();
  transport_.hang_up(Lane::video);
  transport_.hang_up(Lane::audio);
  transport_.hang_up(Lane::media);
  transport_.hang_up(Lane::text);
  transport_.hang_up(Lane::control);
}

void Messenger::opened(Lane lane, Bytes channel_binding, Digest32 spki) {
  if (session_) session_->opened(lane, std::move(channel_binding), spki);
}
void Messenger::received(Lane lane, std::string_view bytes) {
  if (!session_) return;
  session_->received(lane, bytes);
  process_pushes();
}
void Messenger::closed(Lane lane) {
  if (session_) session_->closed(lane);
}
void Messenger::unreachable(Lane lane, const Error& error) {
  if (!session_ || session_->do_without(lane)) return;
  session_.reset();
  failed(error, 0, {});
}
void Messenger::tick() {
  if (session_) session_->tick();
  (void)home_.refresh();
  if (is_ready()) look_up_again();
  if (is_ready() && clock_.monotonic() - key_checked_at_ > kKeyCheckMs) renew_own_key();
  if (early_at_ != 0 && clock_.monotonic() >= early_at_) {
    early_at_ = 0;
    ask_early_again();
    retry_waiting();
  }
  if (native_used_ && clock_.monotonic() - native_scrubbed_at_ > kScrubMs) {
    native_used_ = false;
    native_scrubbed_at_ = clock_.monotonic();
    scrub_due_ = true;
  }
  expire();
  if (is_ready()) ask_for_native_visas();
  outbox_dry_ = false;  // another program of this home may have written
  look_at_held();
  pump();
  finish_erasing();
  if (is_ready()) hubs_.tick();
  if (is_ready() && session_->repeats_bytes()) handing_.tick();
  if (follower_ && is_ready()) follower_->tick();
}

void Messenger::send(Lane lane, std::string bytes) { transport_.send(lane, std::move(bytes)); }
void Messenger::open(Lane lane) {
  auto target = this->target();
  if (target && *target) transport_.dial(lane, **target);
}
void Messenger::close(Lane lane) { transport_.hang_up(lane); }

void Messenger::ready() {
  auto target = this->target();
  // Where only its address was known.
  if (inbox_of_.empty() && session_->station()) inbox_of_ = session_->station()->text();
  if (target && *target &&
      (options_.target || (*target)->id.empty() || (*target)->pins != session_->station_pins())) {
    (*target)->id = session_->station()->text();
    (*target)->pins = session_->station_pins();
    (void)home_.set_station(**target);
    options_.target.reset();
  }
  if (session_->is_shared() && !options_.one_port && target && *target && !(*target)->one_port &&
      !(*target)->web && !is_known_shut(**target)) {
    // The next program does not wait for them again.
    (void)home_.vault().put("state", "ports-shut",
                            (*target)->id + " " + std::to_string(clock_.now()));
  }
  // A station that was killed has forgotten cursors of its last seconds, and would count what is
  // here as unread until something new comes.
  if (acked_cursor_ > 0) tell_cursor();
  if (options_.presence) announce("online");
  if (events_.ready) events_.ready();
  if (!clocks_agree() && events_.clocks_differ) events_.clocks_differ(session_->clock_offset());
  renew_own_key();
  renew_devices();
  if (options_.receive) (void)ask_for_native_visa();  // else at the next log-in
  retry_waiting();                                    // and pumps
  if (follower_ && is_ready()) follower_->begin();
}

void Messenger::failed(const Error& error, int code, std::string_view message) {
  in_flight_.clear();
  if (events_.failed) events_.failed(error, code, message);
}

// ---- typing and presence: told to who is online, kept by nobody

void Messenger::typing(const Id& peer, bool on) {
  if (!is_ready()) return;
  session_->request(Lane::text,
                    Packet::request(Operation::notify)
                        .set("type", "typing")
                        .set("target", peer.bare().text())
                        .set("state", on ? "on" : "off"),
                    {});
}

void Messenger::request_media(Packet packet, Uplink::Handler handler) {
  if (is_ready()) session_->request(Lane::media, std::move(packet), std::move(handler));
}

void Messenger::leave() {
  if (follower_ && is_ready()) follower_->flush();
  if (options_.presence && is_ready()) announce("offline");
}

void Messenger::announce(std::string_view state) {
  auto contacts = home_.contacts();
  if (!contacts) return;
  told_.clear();
  std::string list;
  std::size_t count = 0;
  const auto tell = [&] {
    if (list.empty()) return;
    session_->request(Lane::control,
                      Packet::request(Operation::notify)
                          .set("type", "presence")
                          .set("state", std::string(state))
                          .set("target", "[" + list + "]"),
                      {});
    list.clear();
  };
  for (const Contact& contact : *contacts) {
    if (!contact.written || contact.blocked || contact.refused) continue;
    if (!list.empty()) list += ", ";
    list += contact.id.text();
    told_[contact.id.text()] = clock_.monotonic();
    if (++count % kToldAtOnce == 0) tell();
    if (count == kToldMost) break;
  }
  tell();
}

void Messenger::on_notice(const Packet& packet) {
  const std::string_view type = packet.get("type");
  if (type == "stream" && events_.stream) return events_.stream(packet);
  const auto author = Id::parse(packet.get("author"));
  if (!author || (type != "typing" && type != "presence")) return;
  const auto contact = home_.contact(*author);
  if (!contact || !*contact || (*contact)->blocked || (*contact)->refused)
    return;  // strangers do not make a noise
  const std::string_view state = packet.get("state");
  if (type == "typing") {
    if (events_.typing) events_.typing(*author, state == "on");
    return;
  }
  if (events_.presence) events_.presence(*author, state);
  if (!options_.presence || !(*contact)->written || state != "online" || !is_ready()) return;
  // Whoever comes later does not know yet who is here already.
  const Millis now = clock_.monotonic();
  const auto [told, fresh] = told_.try_emplace(author->bare().text(), now);
  if (!fresh && now - told->second < kToldAgainMs) return;
  told->second = now;
  session_->request(Lane::control,
                    Packet::request(Operation::notify)
                        .set("type", "presence")
                        .set("state", "online")
                        .set("target", author->bare().text()),
                    {});
}

// ---- what was said

Result<std::vector<HistoryEntry>> Messenger::history(const Id& peer, std::size_t limit) {
  return history_.newest(peer, limit);
}

bool Messenger::has_caught_up() const {
  return !options_.receive ||
         (session_ && session_->is_ready() && acked_cursor_ >= session_->newest_cursor());
}

Result<HistoryPage> Messenger::page(const Id& peer, const HistoryPart& part,
                                    std::string_view words) {
  return words.empty() ? history_.page(peer, part)
                       : history_.search(peer, words, part, clock_.now());
}

Result<std::vector<HistoryEntry>> Messenger::unread(std::size_t limit) {
  return history_.unread(limit);
}

bool Messenger::unread_may_have_grown() {
  constexpr Millis kLookAgainMs = 1'000;
  const Millis now = clock_.monotonic();
  if (!unread_grown_ && now - unread_asked_at_ < kLookAgainMs) return false;
  unread_grown_ = false;
  unread_asked_at_ = now;
  return true;
}

/// What disappears is gone from the vault's files too, own copies that wait to be sent with it.
void Messenger::expire() {
  std::vector<std::string> gone;
  const auto status = home_.vault().transaction([&]() -> Status {
    auto erased = history_.expire(clock_.now());
    if (!erased) return std::unexpected(erased.error());
    for (const std::string& guid : *erased) {
      if (auto out = outbox_.erase(guid); !out) return out;
    }
    gone = std::move(*erased);
    return {};
  });
  scrub_due_ = scrub_due_ || (status && !gone.empty());
  // While another program reads the vault it waits.
  if (scrub_due_ && home_.vault().scrub()) scrub_due_ = false;
  if (status && events_.expired) {
    for (const std::string& guid : gone) events_.expired(guid);
  }
}

Status Messenger::put_unread(const HistoryEntry& entry) {
  unread_grown_ = true;
  return history_.put_unread(entry);
}

Result<std::optional<JsonObject>> Messenger::content(const HistoryEntry& entry) {
  return history_.content(entry.peer, entry.guid);
}

Result<std::optional<HistoryEntry>> Messenger::entry_of(const Id& conversation,
                                                        const ThreadRoot& root) {
  constexpr std::size_t kLookBack = 500;
  const auto is_it = [&](const HistoryEntry& one) {
    const Id& writer = one.outgoing ? home_.account().id : one.sender.value_or(one.peer);
    return root.is_same({.sender = writer, .sn = one.sn});
  };
  if (!root.guid.empty()) {
    auto named = history_.find(conversation, root.guid);
    if (!named || (*named && is_it(**named))) return named;
  }
  auto before = history_.newest(conversation, kLookBack);
  if (!before) return std::unexpected(before.error());
  const auto found = std::ranges::find_if(*before, is_it);
  return found == before->end() ? std::optional<HistoryEntry>() : std::optional(std::move(*found));
}

Result<ThreadRoot> Messenger::thread_root(const HistoryEntry& entry) {
  if (!entry.thread && entry.sn == 0)
    return fail(Errc::not_found, "this message has no number by which a thread could name it");
  const Id& writer = entry.outgoing ? home_.account().id : entry.sender.value_or(entry.peer);
  ThreadRoot out = entry.thread.value_or(
      ThreadRoot{.sender = writer.bare(), .sn = entry.sn, .guid = entry.guid});
  // In groups each copy has another one.
  if (entry.peer.is_group()) out.guid.clear();
  return out;
}

Result<HistoryPage> Messenger::thread(const Id& conversation, const ThreadRoot& root,
                                      const HistoryPart& part) {
  return history_.thread(conversation, root, part);
}

Result<std::int64_t> Messenger::answers(const HistoryEntry& entry) {
  if (entry.thread || entry.sn == 0) return 0;
  auto root = thread_root(entry);
  if (!root) return std::unexpected(root.error());
  return history_.answers(entry.peer, *root);
}

Result<std::vector<HistoryEntry>> Messenger::pinned(const Id& peer) {
  return history_.pinned(peer);
}

/// Text, words and number of an entry, from its content, and its thread.
Status Messenger::put_words(HistoryEntry& entry, const Content& content) {
  constexpr std::size_t kQuotedBytes = 120;
  Description description = describe(content);
  entry.text = std::move(description.text);
  entry.words = std::move(description.words);
  entry.sn = content.head().sn;
  if (const auto* text = content.as<TextContent>()) entry.expires = expiry_of(*text);
  const Id conversation = content.head().group ? content.head().group->bare() : entry.peer;
  entry.thread = thread_of(content);
  if (entry.thread) {
    auto root = entry_of(conversation, *entry.thread);
    if (!root) return std::unexpected(root.error());
    // Here it may have another name.
    if (*root) entry.thread->guid = (*root)->guid;
    if (!*root && !entry.thread->guid.empty()) {
      auto other = history_.find(conversation, entry.thread->guid);
      if (!other) return std::unexpected(other.error());
      if (*other) entry.thread->guid.clear();  // what is called so here is something else
    }
  }
  const auto* quote = content.as<QuoteContent>();
  if (quote == nullptr || !quote->origin || quote->origin->sn == 0) return {};
  auto found = entry_of(conversation, {.sender = quote->origin->sender, .sn = quote->origin->sn});
  if (!found || !*found) return found ? Status() : std::unexpected(found.error());
  if ((*found)->expires != 0) {  // it would stay here
    entry.words = "answers a text that disappears";
    return {};
  }
  std::string said = (*found)->text.empty() ? (*found)->words : (*found)->text;
  if (said.size() > kQuotedBytes) {
    std::size_t end = kQuotedBytes;
    while (end > 0 && (static_cast<unsigned char>(said[end]) & 0xC0U) == 0x80) --end;
    said = said.substr(0, end) + "…";
  }
  entry.words = "answers “" + said + "”";
  return {};
}

Status Messenger::shown(const HistoryEntry& entry) {
  auto status = home_.vault().transaction([&]() -> Status {
    auto unseen = history_.take_unread(entry);
    if (!unseen) return std::unexpected(unseen.error());
    if (*unseen) {
      if (auto told = tell_read(entry); !told) return told;
    }
    if (!*unseen || !options_.read_receipts || !entry.cause.empty()) return {};
    // Who does not bind messages does not understand them, and in a large group they would be many.
    if (entry.label == Label::addressee_unproven) return {};
    if (entry.sender) {
      auto small = is_small(entry.peer);
      if (!small) return std::unexpected(small.error());
      if (!*small) return {};
    }
    const auto hash = digest_in(entry.hash);
    if (!hash) return {};
    const Millis now = clock_.now();
    return enqueue({.guid = Guid::make(now, random_).text(),
                    .kind = "receipt",
                    .to = entry.sender.value_or(entry.peer),
                    .time = now,
                    .content = receipt_content({.guid = entry.guid, .hash = *hash, .read = true},
                                               now, random_)});
  });
  if (status) pump();
  return status;
}

}  // namespace dim
