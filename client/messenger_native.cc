// Forward secret messages (docs/protocol/native.md section 9): when what is written is sealed in
// the suite N1, what waits for that, and what becomes of what came so.
#include <algorithm>
#include <limits>

#include "client/fields.h"
#include "client/handed_keys.h"
#include "client/messenger.h"
#include "dim/engine/message_change.h"
#include "dim/engine/replay.h"
#include "dim/packet/guid.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::string_view kSeen = "seen";
constexpr std::string_view kSent = "sent";
constexpr Millis kAskAgainMs = 60'000;  // between two requests for the prekeys or visas of somebody
constexpr Millis kLateMs = 5 * 60'000;
// With twin fields and what binds it, a content stays below the 640 KiB that can be sealed. A
// native one is base64 once more.
constexpr std::size_t kContentBytes = 600 * limits::kKiB;
constexpr std::size_t kNativeContentBytes = 440 * limits::kKiB;
// Of what no person reads: asked for of one device within a day, and kept to be said again.
constexpr std::int64_t kQuietAsked = 8;
constexpr Millis kQuietMs = 86'400'000;
constexpr std::size_t kQuietBytes = 8 * limits::kKiB;

/// What says which keys somebody has: who has lost everything else must be able to read it.
bool is_of_keys(const JsonObject& content) {
  const std::string command = content_command(content);
  return command == "meta" || command == "documents" || command == "document";
}

std::string asked_key(const Id& sender, std::string_view guid) {
  return sender.bare().text() + " " + std::string(guid);
}

/// With or without its text.
bool is_edit(const JsonObject& content) {
  const auto decoded = decode_content(content);
  return decoded && is_message_change(*decoded) &&
         decoded->as<CustomizedContent>()->mod == to_string(MessageAct::edit);
}

std::string device_in_words(const native::Party& device) {
  return device.device.terminal().empty() ? "their device"
                                          : "their device " + device.device.terminal();
}

}  // namespace

Result<Messenger::NativePlan> Messenger::native_plan(const OutboxRow& row) {
  NativePlan plan;
  const Account& account = home_.account();
  const bool own = row.to.same_entity(account.id);
  if (!row.only.empty()) return plan_for_one(row);
  if (row.kind == kPostRow || row.group || !row.to.is_user() || is_of_keys(row.content))
    return plan;
  auto state = native_state(home_.vault(), row.to);
  if (!state) return std::unexpected(state.error());
  plan.state = *state;
  const bool sticky = *state != NativeState::never;
  auto self = native_self(home_.vault(), account);
  if (!self) return std::unexpected(self.error());
  if (!*self && !sticky) return plan;
  auto devices = native_devices(home_.directory(), row.to);
  if (!devices) return std::unexpected(devices.error());
  if (own) {
    std::erase_if(devices->with, [&](const native::Party& one) {
      return one.device.terminal() == account.visa.terminal();
    });
    std::erase(devices->without, account.visa.terminal());
    if (devices->with.empty()) return plan;  // nobody but this device, or no other that offers it
  }
  plan.devices = std::move(devices->with);
  plan.without = std::move(devices->without);
  if (!plan.without.empty() || (plan.devices.empty() && !sticky)) return plan;
  const auto wait = [&](std::string cause) {
    plan.way = NativeWay::wait;
    plan.cause = std::move(cause);
    return std::move(plan);
  };
  if (plan.devices.empty()) return wait("no device of theirs is known");
  if (!*self) return wait("the visa of this device does not name its keys for N1 yet");
  for (const native::Party& device : plan.devices) {
    auto sessions = native_sessions(home_.vault(), device);
    if (!sessions) return std::unexpected(sessions.error());
    if (sessions->empty()) plan.lacking.push_back(device);
  }
  if (plan.lacking.empty()) {
    plan.way = NativeWay::native;
    return plan;
  }
  if (may_ask_for_bundles(row.to) && (sticky || own || row.kind != "receipt")) {
    plan.way = NativeWay::begin;
    return plan;
  }
  const auto lie = native_lies_.find(row.to.bare().text());
  if (lie != native_lies_.end()) return wait(lie->second);
  if (!sticky) return plan;
  return wait(device_in_words(plan.lacking.front()) +
              " has left no keys at the station that a forward secret message could begin with");
}

/// For one device: a message that it has asked for again, or the question itself, which goes in a
/// session begun for it. `drop`: that device is no more.
Result<Messenger::NativePlan> Messenger::plan_for_one(const OutboxRow& row) {
  NativePlan plan{.way = NativeWay::drop, .state = NativeState::on};
  const auto name = Id::parse(row.only);
  auto self = native_self(home_.vault(), home_.account());
  if (!self) return std::unexpected(self.error());
  if (!name || !*self) return plan;
  auto device = native_device(home_.directory(), *name, name->terminal());
  if (!device) return std::unexpected(device.error());
  if (!*device) return plan;
  auto sessions = native_sessions(home_.vault(), **device);
  if (!sessions) return std::unexpected(sessions.error());
  const bool fresh = !sessions->empty() && sessions->all.front().first.has_value();
  if (fresh || (!sessions->empty() && !row.anew)) {
    plan.way = NativeWay::native;
    plan.devices.push_back(std::move(**device));
    return plan;
  }
  plan.lacking.push_back(std::move(**device));
  plan.way = may_ask_for_bundles(row.to) ? NativeWay::begin : NativeWay::wait;
  return plan;
}

bool Messenger::may_ask_for_bundles(const Id& person) {
  if (!session_ || !session_->repeats_bytes() || home_.has_unpublished_visa()) return false;
  const auto asked = native_asked_.find(person.bare().text());
  return asked == native_asked_.end() || clock_.monotonic() - asked->second >= kAskAgainMs;
}

/// Whether the row is left out for now. What is for others goes on.
bool Messenger::holds_for_native(const OutboxRow& row) {
  if (row.kind == kPostRow || row.group || is_of_keys(row.content)) return false;
  if (!row.native.empty() || (!row.wire.empty() && session_->repeats_bytes())) return false;
  const std::string person = row.to.bare().text();
  const std::string key = row.only.empty() ? person : "only " + row.only;
  if (const auto held = native_held_.find(key); held != native_held_.end()) {
    if (!held->second.cause.empty()) note_waits(row, held->second.cause);
    return true;
  }
  if (!check_not_blocked(row.to)) return false;
  const Millis again = clock_.monotonic() + kAskAgainMs;
  auto plan = native_plan(row);
  if (!plan && plan.error().code != Errc::native) return false;  // the disk: it shows again
  if (!plan || plan->way == NativeWay::wait) {
    hold_for_native(row, plan ? plan->cause : to_string(plan.error()), again);
    return true;
  }
  if (plan->way != NativeWay::begin) return false;
  hold_for_native(row, {}, std::numeric_limits<Millis>::max());
  BundleQuery query{.person = row.to.bare(), .target = person};
  if (plan->lacking.size() == 1) query.target = plan->lacking.front().device.text();
  if (row.to.same_entity(home_.account().id) && query.target == person) query.target += "/*";
  if (!row.only.empty()) query.anew = std::move(plan->lacking.front());
  ask_for_bundles(query);
  return true;
}

void Messenger::hold_for_native(const OutboxRow& row, std::string_view cause, Millis until) {
  const std::string key = row.only.empty() ? row.to.bare().text() : "only " + row.only;
  native_held_[key] = {.until = until, .cause = std::string(cause)};
  if (!cause.empty()) note_waits(row, cause);
}

/// The entry of a row that waits says why.
void Messenger::note_waits(const OutboxRow& row, std::string_view cause) {
  if (row.kind != "message") return;
  auto entry = history_.find(row.to, row.guid);
  if (!entry || !*entry || (*entry)->tick != Tick::queued || (*entry)->cause == cause) return;
  (*entry)->cause = cause;
  if (history_.put(**entry) && events_.ticked) events_.ticked(**entry);
}

// ---- beginning sessions

void Messenger::ask_for_bundles(const BundleQuery& query) {
  native_asked_[query.person.text()] = clock_.monotonic();
  native_asking_.insert(query.person.text());
  session_->request(
      Lane::control,
      Packet::request(Operation::get).set("type", "prekeys").set("target", query.target),
      [this, query](const Packet& response) {
        const bool found = response.code == 200 && response.content;
        take_bundles(query, found ? *response.content : "", false);
      });
}

/// With all of them, or with none: until there is one with each device the old form is used, or
/// nothing. In a transaction. Errc::signature for a bundle that is not their device's.
Status Messenger::begin_sessions(const BundleQuery& query,
                                 const std::vector<native::PrekeyBundle>& bundles) {
  auto self = native_self(home_.vault(), home_.account());
  if (!self) return std::unexpected(self.error());
  if (!*self) return {};
  auto plan = native_plan({.guid = {}, .kind = "message", .to = query.person});
  if (!plan) return std::unexpected(plan.error());
  std::vector<native::Party> devices = plan->lacking;
  if (query.anew) {
    auto now = native_device(home_.directory(), query.person, query.anew->device.terminal());
    if (!now) return std::unexpected(now.error());
    devices.clear();
    if (*now) devices.push_back(std::move(**now));
  }
  std::vector<std::pair<const native::Party*, const native::PrekeyBundle*>> pairs;
  for (const native::Party& device : devices) {
    const auto bundle =
        std::ranges::find(bundles, device.device.terminal(), &native::PrekeyBundle::terminal);
    if (bundle == bundles.end()) continue;
    if (auto theirs = bundle->verify(query.person, device.keys); !theirs) return theirs;
    if (bundle->check_age(clock_.now())) pairs.emplace_back(&device, &*bundle);
  }
  if (plan->state == NativeState::never && pairs.size() < plan->lacking.size()) return {};
  for (const auto& [device, bundle] : pairs) {
    if (auto begun =
            begin_native_session(home_.vault(), **self, *device, *bundle, clock_.now(), random_);
        !begun)
      return begun;
  }
  return {};
}

void Messenger::take_bundles(const BundleQuery& query, const std::string& json, bool refreshed) {
  const std::string text = query.person.text();
  const auto bundles = read_native_bundles(json);
  const Status begun = home_.vault().transaction([&] { return begin_sessions(query, bundles); });
  if (!begun && begun.error().code == Errc::signature && !refreshed && is_ready()) {
    // Their device may have other keys since this home has asked.
    return refresh(query.person, [this, query, json](Status) { take_bundles(query, json, true); });
  }
  native_lies_.erase(text);
  if (!begun && (begun.error().code == Errc::signature || begun.error().code == Errc::native)) {
    native_lies_[text] =
        "the keys that the station has given out for a forward secret message are not theirs: " +
        to_string(begun.error());
  }
  native_asking_.erase(text);
  native_held_[query.anew ? "only " + query.anew->device.text() : text] = {.until =
                                                                               clock_.monotonic()};
  look_at_held();
  pump();
}

// ---- sealing

/// In the transaction that keeps the signed form: where the row goes natively, `row.native` is what
/// goes out in place of its content. Errc::native: it has to wait after all.
Status Messenger::wrap_native(OutboxRow& row, std::vector<HistoryEntry>& lines) {
  if (!row.native.empty() || row.group || !check_not_blocked(row.to)) return {};
  auto plan = native_plan(row);
  if (!plan) return std::unexpected(plan.error());
  if (plan->way == NativeWay::begin || plan->way == NativeWay::wait)
    return fail(Errc::native, "there is no session with each of their devices yet");
  if (plan->way == NativeWay::drop)
    return fail(Errc::gone, "the device that it is for offers no forward secrecy any more");
  if (plan->stops() && !plan->without.empty()) {
    if (auto gone = drop_native_sessions(home_.vault(), home_.directory(), row.to); !gone)
      return gone;
    return note_secrecy(row.to, *plan, lines);
  }
  if (plan->way != NativeWay::native) return {};
  const auto content = content_of(row);
  if (!content) return {};  // which is said when it is sealed
  auto self = native_self(home_.vault(), home_.account());
  if (!self) return std::unexpected(self.error());
  if (!*self) return fail(Errc::native, "the visa of this device does not name its keys for N1");
  const double time = row.again.empty() ? content_time(*content) : 0;
  auto sealed = seal_native(home_.vault(), **self,
                            {.to = row.to,
                             .devices = plan->devices,
                             .guid = row.again.empty() ? row.guid : row.again,
                             .time = time > 0 ? content_millis(time) : row.time,
                             .content = *content},
                            random_);
  if (!sealed) return std::unexpected(sealed.error());
  row.native = std::move(*sealed);
  native_used_ = true;
  if (plan->state == NativeState::off) return note_secrecy(row.to, *plan, lines);
  return {};
}

Result<bool> Messenger::is_forward_secret(const Id& peer) {
  auto plan = native_plan({.guid = {}, .kind = "receipt", .to = peer.bare()});
  if (!plan && plan.error().code == Errc::native) return false;
  if (!plan) return std::unexpected(plan.error());
  return plan->way == NativeWay::native;
}

/// Bytes of a content's JSON. Own devices are told all of it too.
std::size_t Messenger::content_limit(const Id& to) {
  const auto self = native_self(home_.vault(), home_.account());
  if (!self || !*self) return kContentBytes;
  const auto may_be_native = [&](const Id& whom, std::size_t least) {
    const auto devices = native_devices(home_.directory(), whom);
    return !devices || (devices->without.empty() && devices->with.size() >= least);
  };
  const bool native = (to.is_user() && may_be_native(to, 1)) ||
                      (has_other_devices() && may_be_native(home_.account().id, 1));
  return native ? kNativeContentBytes : kContentBytes;
}

/// What goes out in the old form says of messages that were forward secret what who steals all keys
/// later can read after all: the text of an edit, what the own devices are told. Their labels say
/// so.
Status Messenger::weaken_labels(const OutboxRow& row) {
  if (row.kind != "receipt" || row.group || !row.native.empty()) return {};
  std::vector<const JsonObject*> told;
  if (row.content.contains("said") || is_edit(row.content)) told.push_back(&row.content);
  if (const Json* entries = row.content.find("entries");
      entries != nullptr && entries->array() != nullptr) {
    for (const Json& one : *entries->array()) {
      if (one.object() != nullptr) told.push_back(one.object());
    }
  }
  for (const JsonObject* one : told) {
    const auto named = Id::parse(text_in(*one, "peer"));
    auto entry = history_.find(named ? named->bare() : row.to, text_in(*one, "guid"));
    if (!entry) return std::unexpected(entry.error());
    if (!*entry || (*entry)->label != Label::secure) continue;
    (*entry)->label = Label::secure_old;
    if (auto put = history_.put(**entry); !put) return put;
  }
  return {};
}

// ---- opening

/// A native content that came in an ordinary message: true when what was in it stands in its place.
/// Otherwise it waits, or was shown as one that cannot be read.
Result<bool> Messenger::take_native(Arrived& arrived, Opened& opened,
                                    std::vector<HistoryEntry>& show) {
  const Account& account = home_.account();
  const Envelope& envelope = opened.message.envelope;
  const auto done = [](const Status& status) -> Result<bool> {
    if (!status) return std::unexpected(status.error());
    return false;
  };
  const auto reject = [&](const Error& error) {
    return done(reject_native(arrived, opened, error, show));
  };
  if (opened.label != Label::secure_old || envelope.group ||
      !envelope.receiver.same_entity(account.id)) {
    return reject({Errc::content,
                   "a forward secret content came in a message that was not sealed for you alone"});
  }
  auto content = NativeContent::parse(opened.message.content);
  if (!content) return reject(content.error());
  const Id sender = envelope.sender.bare();
  if (sender.same_entity(account.id) && content->device == account.visa.terminal())
    return false;  // this device has written it, for the others
  auto self = native_self(home_.vault(), account);
  if (!self && self.error().code != Errc::native) return std::unexpected(self.error());
  if (!self || !*self)
    return reject({Errc::native, "this home has no keys for forward secret messages"});
  if (auto gone = drop_native_sessions(home_.vault(), home_.directory(), sender); !gone)
    return std::unexpected(gone.error());
  auto peer = native_device(home_.directory(), sender, content->device);
  if (!peer) return reject(peer.error());
  auto inner = *peer ? open_native(home_.vault(), **self, **peer, *content, clock_.now())
                     : Result<NativeOpened>(NativeOpened{NativeOpened::Lacks::their_visa});
  if (!inner && (inner.error().code == Errc::native || inner.error().code == Errc::content))
    return reject(inner.error());
  if (!inner && inner.error().code == Errc::replay) return false;
  if (!inner) return std::unexpected(inner.error());
  if (inner->lacks != NativeOpened::Lacks::nothing) {
    const bool own = inner->lacks == NativeOpened::Lacks::own_visa;
    const Id whose = own ? account.id.bare() : sender;
    if (native_decided_.contains(whose.text())) {
      return reject(
          {Errc::native, "it was sealed with keys of a device that this home does not know"});
    }
    return done(wait_for_visa(arrived.push, whose, show));
  }
  native_used_ = true;
  if (asks_again(inner->content)) {
    if (auto seen = note_seen(arrived.message, opened, show); !seen)
      return std::unexpected(seen.error());
    return done(say_again(**peer, inner->content));
  }
  opened.message.content = std::move(inner->content);
  opened.label = Label::secure;
  const Millis ago = clock_.now() - content_millis(content_time(opened.message.content));
  opened.late = ago > kLateMs;
  if (ago > kReplayLife) return reject({Errc::content, "it was written more than 400 days ago"});
  auto asked = home_.vault().contains(kNativeAsked, asked_key(sender, content->guid));
  if (!asked) return asked;
  if (!*asked) return true;
  if (auto seen = note_seen(arrived.message, opened, show); !seen)
    return std::unexpected(seen.error());
  return take_answer(arrived, opened, *content, **peer);
}

/// Whose newest visa is not known here: they are asked for, and then it is tried again.
Status Messenger::wait_for_visa(const Packet& push, const Id& whose,
                                std::vector<HistoryEntry>& show) {
  native_needs_.insert(whose.text());
  const Waits why = push.get("type") == "receipt" ? Waits::quietly : Waits::for_keys;
  return keep_waiting(std::string(push.get("guid")), *push.content, why, arrival_of(push), show);
}

/// One request for each of them and minute; what waits is decided by its answer.
void Messenger::ask_for_native_visas() {
  if (!is_ready() || native_needs_.empty()) return;
  for (const std::string& text : std::set(native_needs_)) {
    const auto id = Id::parse(text);
    const auto asked = native_refreshed_.find(text);
    if (asked != native_refreshed_.end() && clock_.monotonic() - asked->second < kAskAgainMs)
      continue;
    native_refreshed_[text] = clock_.monotonic();
    native_needs_.erase(text);
    if (!id) continue;
    refresh(*id, [this, text](const Status& learnt) {
      if (!learnt && learnt.error().code == Errc::unavailable) {
        native_needs_.insert(text);  // it has said nothing
        return;
      }
      native_needs_.erase(text);
      native_decided_.insert(text);
      retry_waiting();
      native_decided_.erase(text);
    });
  }
}

/// It is seen, and has its place in the order of what its sender wrote.
Status Messenger::note_seen(const SignedMessage& message, const Opened& opened,
                            std::vector<HistoryEntry>& show) {
  if (auto put = home_.vault().put(kSeen, to_base64(opened.hash), std::to_string(clock_.now()));
      !put)
    return put;
  const Id sender = opened.message.envelope.sender.bare();
  auto contact = home_.contact(sender);
  if (!contact) return std::unexpected(contact.error());
  auto chain = note_chain(message, opened, contact->value_or(Contact{.id = sender}), show);
  if (!chain) return std::unexpected(chain.error());
  return {};
}

/// It came, and nothing will ever open it here: it is shown as one that cannot be read.
Status Messenger::reject_native(const Arrived& arrived, const Opened& opened, const Error& error,
                                std::vector<HistoryEntry>& show) {
  if (auto seen = note_seen(arrived.message, opened, show); !seen) return seen;
  const std::size_t shown = show.size();
  if (auto rejected = reject(arrived.push, error, show); !rejected) return rejected;
  if (error.code != Errc::native) return {};
  if (show.size() > shown) return ask_again(opened, show.back().guid);
  if (arrived.push.get("type") != "receipt") return {};
  auto refused = is_refused(opened.message.envelope.sender);
  if (!refused) return std::unexpected(refused.error());
  if (*refused) return {};
  return ask_again(opened, {});
}

// ---- what could not be opened is said again (native.md section 9.4)

/// What is kept of a message that no person reads; nothing of one that is not said again.
std::optional<JsonObject> Messenger::quiet_to_keep(const OutboxRow& row) {
  if (row.kind != "receipt" || row.native.empty() || !row.only.empty() ||
      row.to.same_entity(home_.account().id) || text_in(row.content, "app") == kHubApp)
    return std::nullopt;  // a key that was handed over is kept nowhere beside its message
  JsonObject content = row.content;
  if (is_edit(content)) content.erase("text");  // which stays where its message is
  content.erase("origin");                      // is for peers without N1
  if (content.empty() || write_json(content).size() > kQuietBytes) return std::nullopt;
  return content;
}

/// Once: the device that has sealed it is asked, in a session that is begun for that. What was not
/// sealed for this device, nobody would say again. `entry`: the one that could not be read; empty
/// for what no person reads. Of that few are asked for: it may have been a question itself, and two
/// who cannot open each other's questions must come to an end.
Status Messenger::ask_again(const Opened& opened, const std::string& entry) {
  const auto content = NativeContent::parse(opened.message.content);
  const Id sender = opened.message.envelope.sender.bare();
  if (!content || sender.same_entity(home_.account().id)) return {};
  const std::string own = home_.account().device().text();
  if (std::ranges::find(content->keys, own, &std::pair<std::string, std::string>::first) ==
      content->keys.end())
    return {};
  auto self = native_self(home_.vault(), home_.account());
  if (!self || !*self) return {};
  const auto device = native_device(home_.directory(), sender, content->device);
  if (!device || !*device) return {};
  const std::string key = asked_key(sender, content->guid);
  auto asked = home_.vault().contains(kNativeAsked, key);
  if (!asked) return std::unexpected(asked.error());
  if (*asked) return {};
  const Millis now = clock_.now();
  if (entry.empty()) {
    auto rows = home_.vault().list(kNativeAsked);
    if (!rows) return std::unexpected(rows.error());
    const auto is_such = [&](const Vault::Row& one) {
      const auto other = parse_json_object(one.body);
      return other && text_in(*other, "entry").empty() &&
             text_in(*other, "device") == (*device)->device.text() &&
             std::abs(now - integer_in(*other, "time")) < kQuietMs;
    };
    if (std::ranges::count_if(*rows, is_such) >= kQuietAsked) return {};
  }
  JsonObject row;
  row.set("device", (*device)->device.text());
  row.set("entry", entry);
  row.set("hash", to_base64(opened.hash));
  row.set("time", now);
  if (auto put = home_.vault().put(kNativeAsked, key, write_json(row)); !put) return put;
  return enqueue({.guid = Guid::make(now, random_).text(),
                  .kind = "receipt",
                  .to = sender,
                  .time = now,
                  .content = ask_again_content(content->guid, to_base64(opened.hash), now, random_),
                  .only = (*device)->device.text(),
                  .anew = true});
}

/// What this device has asked for, by the device that it has asked: it takes the place of the entry
/// that could not be read, as if it had come so. Every other entry stays as it is.
Result<bool> Messenger::take_answer(Arrived& arrived, Opened& opened, const NativeContent& content,
                                    const native::Party& peer) {
  const Id sender = peer.device.bare();
  const std::string key = asked_key(sender, content.guid);
  auto body = home_.vault().get(kNativeAsked, key);
  if (!body) return std::unexpected(body.error());
  auto row = parse_json_object(body->value_or("{}"));
  if (!row) return std::unexpected(row.error());
  const auto hash = digest_in(text_in(*row, "hash"));
  if (text_in(*row, "device") != peer.device.text() || !hash) return false;
  const std::string place = text_in(*row, "entry");
  if (place.empty()) {  // what nobody reads: as if it had come only now. The mark counts it
    opened.chain.reset();
    return true;
  }
  auto entry = history_.find(sender, place);
  if (!entry) return std::unexpected(entry.error());
  if (auto erased = home_.vault().erase(kNativeAsked, key); !erased)
    return std::unexpected(erased.error());
  if (!*entry || (*entry)->outgoing || (*entry)->cause.empty()) return false;
  arrived.guid = (*entry)->guid;
  opened.hash = *hash;
  opened.chain.reset();  // it took its place then
  return true;
}

/// The content of a message to `person`, as far as it is still there: that of its entry, or what
/// remember_sent() has kept of one that nobody reads. The text of an edit is that of its entry now.
Result<std::optional<JsonObject>> Messenger::said_before(const Id& person, const std::string& guid,
                                                         const JsonObject& sent) {
  constexpr Millis kSayAgainMs = Millis{90} * 86'400'000;
  const Millis now = clock_.now();
  const Json* quiet = sent.find("said");
  if (quiet != nullptr && quiet->object() != nullptr) {
    if (now - integer_in(sent, "time") > kSayAgainMs) return std::nullopt;
    JsonObject content = *quiet->object();
    if (!is_edit(content)) return content;
    auto entry = history_.find(person, text_in(content, "guid"));
    if (!entry) return std::unexpected(entry.error());
    if (!*entry || !(*entry)->outgoing || (*entry)->removed) return std::nullopt;
    content.set("text", (*entry)->text);
    content.set("revision", (*entry)->revision);
    return content;
  }
  auto entry = history_.find(person, guid);
  if (!entry) return std::unexpected(entry.error());
  if (!*entry || !(*entry)->outgoing || (*entry)->removed || now - (*entry)->time > kSayAgainMs ||
      ((*entry)->expires != 0 && (*entry)->expires <= now))
    return std::nullopt;
  return history_.content(person, guid);
}

/// Somebody's device could not open what this one has sealed for it. Only that device gets it, and
/// only what it was meant for and is still there.
Status Messenger::say_again(const native::Party& peer, const JsonObject& content) {
  constexpr std::int64_t kMostTimes = 3;
  const Id person = peer.device.bare();
  const std::string guid = text_in(content, "guid"), hash = text_in(content, "hash");
  const Millis now = clock_.now();
  auto refused = is_refused(person);
  if (!refused) return std::unexpected(refused.error());
  if (*refused) return {};
  auto body = home_.vault().get(kSent, "hash " + hash);
  if (!body) return std::unexpected(body.error());
  auto sent = parse_json_object(body->value_or("{}"));
  if (!sent) return std::unexpected(sent.error());
  const Json* devices = sent->find("native");
  const bool was_for_it = devices != nullptr && devices->array() != nullptr &&
                          std::ranges::any_of(*devices->array(), [&](const Json& one) {
                            return one.text() != nullptr && *one.text() == peer.device.text();
                          });
  const std::string times = "again " + peer.device.text();
  const std::int64_t before = integer_in(*sent, times);
  if (text_in(*sent, "to") != person.text() || text_in(*sent, "guid") != guid || !was_for_it ||
      before >= kMostTimes)
    return {};
  auto said = said_before(person, guid, *sent);
  if (!said) return std::unexpected(said.error());
  if (!*said) return {};
  sent->set(times, before + 1);
  if (auto put = home_.vault().put(kSent, "hash " + hash, write_json(*sent)); !put) return put;
  return enqueue({.guid = Guid::make(now, random_).text(),
                  .kind = "receipt",
                  .to = person,
                  .time = now,
                  .content = std::move(**said),
                  .only = peer.device.text(),
                  .again = guid});
}

}  // namespace dim
