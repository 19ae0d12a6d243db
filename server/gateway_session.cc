// Who speaks on a connection of a reference client, and how they log in
// (docs/protocol/dimchat-gateway.md sections 2 and 3).
#include <algorithm>
#include <iterator>

#include "dim/base/hex.h"
#include "dim/engine/verify.h"
#include "dim/protocol/content.h"
#include "server/admin.h"
#include "server/bridge.h"
#include "server/gateway_request.h"
#include "server/records.h"

namespace dim {
namespace {

constexpr std::size_t kParked = 33;  // as the reference
constexpr std::size_t kParkedBytes = 1 * limits::kMiB;
constexpr unsigned kFailures = 20;

bool is_special(const Id& id, std::string_view name, EntityType where) {
  return id.type() == where && (id.name() == name || id.name().empty());
}

}  // namespace

/// The station itself, under its own ID or one of those that name whatever station hears it.
bool Gateway::is_local(const Id& receiver) const {
  return receiver.bare().text() == core_.station_id_ ||
         is_special(receiver, "station", EntityType::any) ||
         is_special(receiver, "anyone", EntityType::any);
}

bool Gateway::is_everybody(const Id& receiver) const {
  return is_special(receiver, "everyone", EntityType::every) ||
         is_special(receiver, "stations", EntityType::every);
}

void Gateway::on_text(GatewayLink& link, GatewayText text) {
  ++core_.counters_.packets;
  if (!text.message) text.message = SignedMessage::parse(text.text);
  const Result<SignedMessage>& message = *text.message;
  if (!message) {
    ++core_.counters_.bad_packets;
    failed(link, "gateway-bad-message", {}, message.error());
    return finish(link.id, text.ticket);
  }
  // What was verified with keys that may have changed since is verified again.
  on_message(link, *message, text.ticket,
             text.verified_by != nullptr && text.verified_by == link.keys);
}

/// `verified`: the signature is the sender's.
void Gateway::on_message(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket,
                         bool verified) {
  if (link.neighbour != nullptr) return bridge_->on_message(link, message, ticket);
  const Envelope& envelope = message.sealed.envelope;
  const bool local = is_local(envelope.receiver) || is_everybody(envelope.receiver);
  if (link.user.empty()) {
    if (local) return on_local(link, message, ticket);
    return park(link, message, ticket);
  }
  const bool own = envelope.sender.bare().text() == link.user;
  if (!own) {
    // A second user may take the connection over with a handshake of their own, nothing else (A21).
    if (local && !link.known_is(envelope.sender)) return second_user(link, message, ticket);
    ++core_.counters_.messages_refused;
    failed(link, "gateway-sender", link.user,
           {Errc::unauthorised, "the sender is not the user of this session"});
    return finish(link.id, ticket);
  }
  if (local) return on_local(link, message, ticket);
  // A09, J10: an exposed broadcast group would make a readable text a private one.
  if (message.sealed.plain && !envelope.receiver.is_broadcast()) {
    ++core_.counters_.messages_refused;
    failed(link, "gateway-plain", link.user,
           {Errc::plain_not_allowed, "a message to one person has to be encrypted"});
    return finish(link.id, ticket);
  }
  // A19: nothing is believed because it came over this connection.
  if (!verified) {
    if (auto status = verify(message, link.directory, core_.clock_.now()); !status) {
      ++core_.counters_.messages_refused;
      failed(link, "gateway-signature", link.user, status.error());
      return finish(link.id, ticket);
    }
  }
  relay(link, message, ticket);
}

/// Something wrong came. Who does nothing else is cut off; nobody is told what it was.
void Gateway::failed(GatewayLink& link, std::string_view what, std::string who,
                     const Error& error) {
  core_.event(StationEvent::Level::debug, what, std::move(who), error.hint);
  if (link.neighbour != nullptr) return;  // what a neighbour passes on is not its fault
  if (++link.failures >= kFailures) close_link(link);
  if (link.subnet == 0) return;
  // Soft: its network is read more slowly, on this connection and at the next log-ins.
  const Millis now = core_.clock_.monotonic();
  const Rate& rate = core_.config_.quotas.subnet_failures;
  TokenBucket& failures = core_.subnets_.at(link.subnet, now).failures;
  failures.charge(rate, now);
  link.held_until = std::max(link.held_until, now + failures.wait(rate, now));
}

/// Fills the link's directory with what the store knows of the sender. False when that cannot be
/// read.
bool Gateway::learn_sender(GatewayLink& link, const Id& sender) {
  link.keys.reset();  // whoever calls this is about to change the directory
  if (link.known_is(sender)) return true;
  if (link.known) link.directory.forget(*link.known);
  link.known.reset();
  if (!learn_stored(link.directory, sender)) return false;
  link.known = sender.bare();
  return true;
}

bool Gateway::learn_stored(Directory& directory, const Id& who) {
  const std::string id = who.bare().text();
  auto identity = core_.reads_.identity(id);
  auto documents = core_.reads_.documents(id);
  if (!identity || !documents) {
    core_.event(StationEvent::Level::error, "store-read", id,
                (!identity ? identity.error() : documents.error()).hint);
    return false;
  }
  if (!*identity) return true;
  auto object = parse_json_object((*identity)->meta);
  auto meta = object ? Meta::parse(*object) : Result<Meta>(std::unexpected(object.error()));
  if (!meta || !directory.learn_meta(who.bare(), *meta)) {
    core_.event(StationEvent::Level::error, "stored-meta", id,
                "a stored meta does not verify any more");
    return false;
  }
  if ((*identity)->pinned) (void)directory.prove(who.bare(), *meta);
  for (const StoredDocument& stored : *documents) {
    if (auto document = parse_json_object(stored.document))
      (void)directory.learn_document(who.bare(), *document, core_.clock_.now());
  }
  return true;
}

/// What came before the log-in waits for it, without being acknowledged: it is in memory only.
void Gateway::park(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket) {
  GatewayText text{message.wire, ticket};
  if (link.parked.size() >= kParked || link.parked_bytes + text.memory() > kParkedBytes) {
    return give_up(link.id, ticket);
  }
  link.parked_bytes += text.memory();
  link.parked.push_back(std::move(text));
  if (!learn_sender(link, message.sealed.envelope.sender)) return;
  if (!learn_attachments(message, link.directory, core_.clock_.now())) return;
  // Only who has signed is answered.
  if (!verify(message, link.directory, core_.clock_.now())) return;
  ask_to_log_in(link, true);
}

void Gateway::ask_to_log_in(GatewayLink& link, bool force) {
  HandshakeContent again =
      HandshakeContent::again(link.session_key, core_.clock_.now(), core_.random_);
  if (force) again.rest.set("force", true);
  answer(link, encode_content(again));
}

void Gateway::second_user(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket) {
  // Judged with a directory of its own, so that a forgery changes nothing for the user at hand.
  GatewayLink other(link.id, *link.link, 1);
  other.session_key = link.session_key;
  if (!learn_sender(other, message.sealed.envelope.sender)) return give_up(link.id, ticket);
  auto opened = open_local(other, message);
  if (opened && content_command(opened->message.content) == "handshake") {
    core_.event(StationEvent::Level::info, "gateway-second-user",
                message.sealed.envelope.sender.bare().text(), "the connection changes its user");
    let_go(link);
    link.opened = core_.clock_.monotonic();
    link.known.reset();
    link.terminal.clear();
    link.directory = Directory(4);
    return on_local(link, message, ticket);
  }
  ++core_.counters_.messages_refused;
  failed(link, "gateway-sender", link.user,
         {Errc::unauthorised, "the sender is not the user of this session"});
  finish(link.id, ticket);
}

// --- handshake

void Gateway::on_handshake(Request& request) {
  GatewayLink& link = request.link;
  const Json* title_json = request.content.find("title");
  const std::string title =
      title_json != nullptr && title_json->text() != nullptr ? *title_json->text() : "";
  if (link.dialled) {
    auto content = decode_content(request.content);
    const auto* handshake = content ? content->as<HandshakeContent>() : nullptr;
    if (handshake != nullptr) bridge_->on_handshake(link, *handshake);
    return;
  }
  if (title == "DIM?" || title == "DIM!") return receipt(request, "Command not support.");
  // A18: our own programs say which station they mean; somebody may have passed this on.
  if (const Json* station = request.content.find("station"); station != nullptr) {
    const std::string* named =
        station->object() != nullptr ? station->object()->text("did") : station->text();
    const auto id = named != nullptr ? Id::parse(*named) : Result<Id>(fail(Errc::id, "none"));
    if (!id || id->bare().text() != core_.station_id_) {
      core_.event(StationEvent::Level::warn, "handshake-relayed", link.known->text(),
                  "a handshake that was meant for another station");
      return failed(link, "gateway-handshake", link.known->text(),
                    {Errc::wrong_instance, "this handshake is for another station"});
    }
  }
  if (title == "Nice to meet you!") {
    HandshakeContent nice =
        HandshakeContent::again(link.session_key, core_.clock_.now(), core_.random_);
    nice.title = "Nice to meet you too!";
    nice.rest.set("message", nice.title);
    request.answered = true;
    return answer(link, encode_content(nice));
  }
  const std::string* session = request.content.text("session");
  const bool right =
      session != nullptr && equal_secret(as_bytes(*session), as_bytes(link.session_key));
  if (!right) {
    request.answered = true;
    return ask_to_log_in(link, false);
  }
  log_in(request);
}

/// The device that speaks: that of the visa it shows before it has logged in, else of its ID. The
/// visa has verified by now, or it is not in the directory.
void Gateway::note_terminal(GatewayLink& link, const SignedMessage& message) {
  const Id& sender = message.sealed.envelope.sender;
  if (!sender.terminal().empty()) link.terminal = sender.terminal();
  const Json* visa = message.json.find("visa");
  const std::string* data =
      visa != nullptr && visa->object() != nullptr ? visa->object()->text("data") : nullptr;
  const Known* known = link.directory.find(sender);
  if (data == nullptr || known == nullptr) return;
  for (const Document& document : known->documents) {
    const std::string* kept = document.json().text("data");
    if (kept != nullptr && *data == *kept) link.terminal = document.terminal();
  }
}

std::vector<Write> Gateway::what_is_new(const GatewayLink& link, const Id& id) {
  std::vector<Write> writes;
  const std::string name = id.bare().text();
  const Known* known = link.directory.find(id);
  if (known == nullptr || !known->meta) return writes;
  const auto identity = core_.reads_.identity(name);
  const auto documents = core_.reads_.documents(name);
  if (!identity || !documents) return writes;
  if (!*identity || !(*identity)->pinned)
    writes.emplace_back(PutIdentity{name, write_json(known->meta->json()), true});
  std::size_t kept = core_.count_documents(name, *documents);
  for (const Document& document : known->documents) {
    if (!document.time()) continue;
    const auto same = std::ranges::find_if(*documents, [&](const StoredDocument& one) {
      return one.type == document.type() && one.terminal == document.terminal();
    });
    if (same != documents->end() && same->time >= *document.time()) continue;
    if (auto status = check_visa_key(document); !status) {  // I12
      core_.event(StationEvent::Level::warn, "visa-refused", name, status.error().hint);
      continue;
    }
    if (same == documents->end() && ++kept > kDocumentsPerUser) continue;
    writes.emplace_back(PutDocument{name, document.type(), document.terminal(), *document.time(),
                                    write_json(document.json())});
  }
  return writes;
}

void Gateway::log_in(Request& request) {
  GatewayLink& link = request.link;
  const Id id = request.message.sealed.envelope.sender;
  const std::string user = id.bare().text();
  const auto refused = [&](const Error& error) {
    ++core_.counters_.logins_refused;
    core_.event(StationEvent::Level::info, "login-refused", user, error.hint);
    if (link.subnet != 0) {
      const Millis now = core_.clock_.monotonic();
      core_.subnets_.at(link.subnet, now)
          .failures.charge(core_.config_.quotas.subnet_failures, now);
    }
    close_link(link);
  };
  // S10, A20: a station's ID gives no trust.
  NeighbourState* neighbour = nullptr;
  if (id.type() != EntityType::user && id.type() != EntityType::bot) {
    auto admitted = bridge_->admit(link, id);
    if (!admitted) return refused(admitted.error());
    neighbour = *admitted;
  }
  if (core_.admin_->keeps_out(user))
    return refused({Errc::forbidden, "this user is banned from the station"});
  // F86: these programs have no place for the code of an invitation.
  Result<Admin::Admission> admission;
  if (neighbour == nullptr && link.user != user) {
    const auto identity = core_.reads_.identity(user);
    if (!identity) return cannot_read(request, user, identity.error());
    admission = core_.admin_->admit(user, identity->has_value(), {});
    if (!admission && admission.error().code != Errc::forbidden)
      return cannot_read(request, user, admission.error());
    if (!admission) {
      ++core_.counters_.logins_refused;
      core_.event(StationEvent::Level::info, "login-refused", user, admission.error().hint);
      receipt(request, admission.error().hint);
      return failed(link, "gateway-handshake", user, admission.error());
    }
  }
  if (link.subnet != 0) {
    // The signature is right, so nobody is locked out because of their neighbours; they wait.
    const Millis now = core_.clock_.monotonic();
    SubnetQuota& subnet = core_.subnets_.at(link.subnet, now);
    slow_down(link, subnet.logins, core_.config_.quotas.subnet_logins);
    const Millis wait = subnet.failures.wait(core_.config_.quotas.subnet_failures, now);
    link.held_until = std::max(link.held_until, now + wait);
  }
  if (link.user == user) {  // again, on a connection that is logged in
    request.answered = true;
    answer(link, encode_content(HandshakeContent::success(link.session_key, core_.clock_.now(),
                                                          core_.random_)));
    return;
  }
  link.busy = true;
  request.waiting = true;
  std::vector<Write> writes = what_is_new(link, id);
  std::ranges::move(admission->writes, std::back_inserter(writes));
  const auto finished = [this, link_id = link.id, id, user, neighbour,
                         ticket = request.ticket](const Result<std::vector<Written>>& written) {
    core_.forget_receiver(user);
    GatewayLink* target = find(link_id);
    if (target == nullptr) return;
    target->busy = false;
    if (!written) return close_link(*target);
    if (core_.admin_->keeps_out(user)) {  // since a moment ago
      ++core_.counters_.logins_refused;
      core_.event(StationEvent::Level::info, "login-refused", user, "banned");
      return close_link(*target);
    }
    if (neighbour == nullptr) {
      auto inbox = core_.inbox_of(user, target->terminal);
      if (!inbox) {
        core_.event(StationEvent::Level::error, "store-read", user, inbox.error().hint);
        return close_link(*target);
      }
      target->owner = std::move(*inbox);
    }
    target->neighbour = neighbour;
    logged_in(*target, id);
    answer(*target, encode_content(HandshakeContent::success(target->session_key,
                                                             core_.clock_.now(), core_.random_)));
    finish(link_id, ticket);
    target->texts_bytes += target->parked_bytes;
    target->texts.insert(target->texts.begin(), std::make_move_iterator(target->parked.begin()),
                         std::make_move_iterator(target->parked.end()));
    target->parked.clear();
    target->parked_bytes = 0;
    wake(*target);
  };
  if (writes.empty()) return finished(std::vector<Written>{});
  core_.submit(std::move(writes), finished);
}

void Gateway::logged_in(GatewayLink& link, const Id& id) {
  const std::string user = id.bare().text();
  auto& sessions = users_[user];
  if (sessions.size() >= core_.config_.sessions_per_user) {
    GatewayLink* oldest = *std::ranges::min_element(sessions, {}, &GatewayLink::last_active);
    core_.event(StationEvent::Level::info, "session-replaced", user,
                "the oldest of too many sessions ended");
    close_link(*oldest);
  }
  link.user = user;
  if (link.neighbour != nullptr) link.owner = user;
  link.device = *Id::parse(link.owner);
  link.last_active = core_.clock_.monotonic();
  link.failures = 0;
  users_[user].push_back(&link);
  ++sessions_;
  link.link->proven();
  ++core_.counters_.logins;
  core_.known_.insert_or_assign(user, true);
  // A18: nothing ties this log-in to its connection.
  core_.event(StationEvent::Level::info, "login", user, "dimchat gateway, unbound");
  core_.tell_sessions(user, "unbound-login", nullptr);
  if (link.neighbour != nullptr) return bridge_->arrived(link);
  bridge_->is_here(user);
  go_online(link, true);
}

/// Out of its user's sessions; what it has acknowledged stays acknowledged.
void Gateway::let_go(GatewayLink& link) {
  if (link.user.empty()) return;
  send_receipts(link);
  const std::string user = std::exchange(link.user, {});
  go_offline(link);
  link.unacked.clear();
  link.unacked_bytes = 0;
  link.sent = link.acked = link.given_up = 0;
  link.introduced = false;
  const auto found = users_.find(user);
  if (found != users_.end()) {
    std::erase(found->second, &link);
    if (found->second.empty()) {
      users_.erase(found);
      groups_.erase(user);
    }
  }
  --sessions_;
}

}  // namespace dim
