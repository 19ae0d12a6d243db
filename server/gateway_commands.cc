// What a station does itself for reference clients: commands to it, and the answers
// (docs/protocol/dimchat-gateway.md section 4).
#include <algorithm>

#include "dim/engine/verify.h"
#include "dim/packet/uri.h"
#include "dim/protocol/wire.h"
#include "server/bridge.h"
#include "server/forged_key.h"
#include "server/gateway_copy.h"
#include "server/gateway_request.h"
#include "server/login_record.h"
#include "server/records.h"

namespace dim {
namespace {

constexpr std::size_t kSeen = 65'536;
constexpr std::size_t kUndecrypted = 10'000;
constexpr std::size_t kNames = 64;
constexpr std::size_t kListed = 1'000;
constexpr int kCommandType = 136;
constexpr int kForwardType = 255;
constexpr int kArrayType = 202;

JsonObject new_command(std::string_view name, Millis now, Random& random) {
  const ContentHead head = ContentHead::make("136", now, random);
  JsonObject content;
  content.set("type", head.type);
  content.set("sn", head.sn);
  content.set("time", head.time);
  content.set("command", name);
  return content;
}

}  // namespace

bool Gateway::seen_before(const Digest32& hash) {
  if (!seen_.insert(hash).second) return true;
  seen_order_.push_back(hash);
  if (seen_order_.size() > kSeen) {
    seen_.erase(seen_order_.front());
    seen_order_.pop_front();
  }
  return false;
}

/// It could not be stored, so it is obeyed when it comes again.
void Gateway::forget_command(const SignedMessage& message) {
  const Digest32 hash = message_hash(message);
  if (seen_.erase(hash) != 0) std::erase(seen_order_, hash);
}

/// A22: after some failures nothing of that sender is decrypted for a while. Only who has signed
/// counts, so nobody can use up somebody else's.
Result<Opened> Gateway::open_local(GatewayLink& link, const SignedMessage& message) {
  const std::string sender = message.sealed.envelope.sender.bare().text();
  const auto known = undecrypted_.find(sender);
  FailedDecrypts failures = known != undecrypted_.end() ? known->second : FailedDecrypts();
  const FailedDecrypts before = failures;
  auto opened =
      open(message, core_.account_, link.directory, {}, core_.clock_.now(), {.failed = &failures});
  if (failures == before) return opened;
  if (known == undecrypted_.end()) undecrypted_order_.push_back(sender);
  undecrypted_.insert_or_assign(sender, std::move(failures));
  if (undecrypted_order_.size() > kUndecrypted) {
    undecrypted_.erase(undecrypted_order_.front());
    undecrypted_order_.pop_front();
  }
  return opened;
}

void Gateway::on_local(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket) {
  const Id& sender = message.sealed.envelope.sender;
  const Millis now = core_.clock_.now();
  const auto finished = [&] { finish(link.id, ticket); };
  if (!learn_sender(link, sender)) return give_up(link.id, ticket);
  // A reference client knows nothing of chains (I13): its newer visa counts though it breaks one.
  if (const Json* visa = message.json.find("visa"); visa != nullptr && visa->object() != nullptr)
    (void)link.directory.learn_attached(sender, *visa->object(), now, true);
  auto opened = open_local(link, message);
  if (!opened) {
    if (opened.error().code == Errc::conflict) {
      // A02, J16: two metas with proof for one ID.
      core_.event(StationEvent::Level::warn, "meta-suspect", sender.bare().text(),
                  "a second meta with proof of possession");
      ++core_.counters_.logins_refused;
    } else {
      ++core_.counters_.bad_packets;
      const Json* meta = message.json.find("meta");
      const Known* known = link.directory.find(sender);
      if (meta != nullptr && meta->object() != nullptr && known != nullptr && known->meta &&
          is_forged_for(*meta->object(), *known->meta))
        core_.event(StationEvent::Level::warn, "meta-suspect", sender.bare().text(),
                    std::string(kForgedKey));
    }
    failed(link, "gateway-refused", sender.bare().text(), opened.error());
    return finished();
  }
  if (link.user.empty()) note_terminal(link, message);
  JsonObject content = std::move(opened->message.content);
  if (content_command(content) != "handshake") {
    // A12, J23. What is in a forward is stored once under its own name.
    const bool forward = type_number(content_type(content)) == kForwardType;
    if (!forward && seen_before(opened->hash)) return finished();
    if (auto status = check_command_age(content, now); !status) {
      failed(link, "gateway-refused", sender.bare().text(), status.error());
      return finished();
    }
  }
  if (!bridge_->is_question(link, message))
    slow_down(link, left(link).history, core_.config_.quotas.history);
  Request request{link, message, std::move(content), ticket};
  request.encrypted = !message.sealed.plain;
  on_content(request, 0);
  end(request);
}

/// What nobody waits for any more: acknowledged, or not where the store could not be read.
void Gateway::end(Request& request) {
  if (request.unread) forget_command(request.message);
  if (request.waiting) return;
  if (request.unread)
    give_up(request.link.id, request.ticket);
  else
    finish(request.link.id, request.ticket);
}

/// It is not answered with what may be wrong.
void Gateway::cannot_read(Request& request, std::string_view what, const Error& error) {
  core_.event(StationEvent::Level::error, "store-read", std::string(what), error.hint);
  request.unread = true;
}

void Gateway::on_content(Request& request, int depth) {
  const int type = type_number(content_type(request.content));
  if (type == kArrayType) return on_array(request, depth);
  if (type == kForwardType) return on_forward(request);
  if (type != kCommandType) return receipt(request, "Content not support.");
  const std::string command = content_command(request.content);
  if (request.link.neighbour != nullptr &&
      !bridge_->obeys(request.link, request.message, request.content))
    return;
  using Handler = void (Gateway::*)(Request&);
  struct Row {
    std::string_view command;
    bool logged_in;
    Handler handler;
  };
  static constexpr std::array kRows{
      Row{"handshake", false, &Gateway::on_handshake},
      Row{"receipt", false, &Gateway::on_receipt},
      Row{"meta", false, &Gateway::on_meta},
      Row{"documents", false, &Gateway::on_documents},
      Row{"document", false, &Gateway::on_documents},
      Row{"ans", false, &Gateway::on_ans},
      Row{"login", true, &Gateway::on_login},
      Row{"report", true, &Gateway::on_report},
      Row{"mute", true, &Gateway::on_list},
      Row{"block", true, &Gateway::on_list},
  };
  for (const Row& row : kRows) {
    if (row.command != command) continue;
    if (row.logged_in && request.link.user.empty()) return;
    // A neighbour may say in an array that it has let this station in.
    if (request.inner && command == "handshake" && !request.link.dialled) return;
    return (this->*row.handler)(request);
  }
  JsonObject words;
  words.set("command", command.substr(0, 64));
  receipt(request, "Command not support.", "Command not support: ${command}.", std::move(words));
}

/// A32: 64 contents in all, three levels; what is more is not looked at.
void Gateway::on_array(Request& request, int depth) {
  const Json* list = request.content.find("contents");
  if (list == nullptr || list->array() == nullptr ||
      list->array()->size() > limits::kForwardMessages ||
      depth >= static_cast<int>(limits::kForwardDepth)) {
    return receipt(request, "Content not support.");
  }
  GatewayLink& link = request.link;
  for (const Json& one : *list->array()) {
    if (link.closing || link.queued() >= core_.config_.send_queue_bytes) return;
    if (request.contents >= limits::kForwardMessages) return;
    ++request.contents;
    if (!bridge_->is_question(link, request.message))
      slow_down(link, left(link).history, core_.config_.quotas.history);
    else if (!bridge_->takes_question(link, request.message.sealed.envelope.sender))
      return;
    if (one.object() == nullptr) continue;
    auto inner = from_wire(*one.object());
    if (!inner || content_type(*inner).empty()) continue;
    Request part{link, request.message, std::move(*inner), request.ticket};
    part.encrypted = request.encrypted;
    part.inner = true;
    part.contents = request.contents;
    on_content(part, depth + 1);
    request.contents = part.contents;
    // Each commit finishes one of them; the first stands for the message itself.
    if (part.waiting && request.waiting) ++link.tickets[request.ticket - link.first_ticket].open;
    request.waiting |= part.waiting;
    request.unread |= part.unread;
  }
}

/// Messages of the user inside a message to the station go on as if they had come alone: each is
/// verified, counted against this session and answered to it. Others' are not passed on (A21, A32).
void Gateway::on_forward(Request& request) {
  if (request.link.user.empty() || request.inner || request.link.neighbour != nullptr) return;
  auto content = decode_content(request.content);
  const ForwardContent* forward = content ? content->as<ForwardContent>() : nullptr;
  if (forward == nullptr) return receipt(request, "Content not support.");
  const LinkId id = request.link.id;
  for (const SignedMessage& secret : forward->secrets) {
    if (find(id) == nullptr) return;
    const Envelope& envelope = secret.sealed.envelope;
    if (envelope.sender.bare().text() != request.link.user || is_local(envelope.receiver) ||
        is_everybody(envelope.receiver) ||
        (secret.sealed.plain && !envelope.receiver.is_broadcast()) ||  // A09, J10
        !verify(secret, request.link.directory, core_.clock_.now())) {
      ++core_.counters_.messages_refused;
      continue;
    }
    GatewayTicket& ticket = request.link.tickets[request.ticket - request.link.first_ticket];
    ++ticket.open;  // relay finishes one for each
    relay(request.link, secret, request.ticket);
  }
}

// --- answers

Envelope Gateway::envelope_to(const GatewayLink& link) const {
  return {
      .sender = core_.account_.id,
      .receiver = link.terminal.empty() ? *link.known : link.known->with_terminal(link.terminal)};
}

/// The first answer introduces the station: it brings its meta and visa. So does each to somebody
/// behind a neighbour.
void Gateway::answer(GatewayLink& link, JsonObject content) {
  if (!link.known || link.closing) return;
  PlainMessage message{.envelope = envelope_to(link), .content = std::move(content)};
  const bool is_behind = link.neighbour != nullptr && !link.known_is(link.neighbour->config.id);
  if (!link.introduced || is_behind) {
    message.envelope.extra.set("meta", core_.account_.meta.json());
    message.envelope.extra.set("visa", core_.account_.visa.json());
    link.introduced = link.introduced || !is_behind;
  }
  auto sealed = seal(message, core_.account_, link.directory, {}, core_.random_);
  if (!sealed) {
    core_.event(StationEvent::Level::debug, "gateway-unanswered", link.known->text(),
                sealed.error().hint);
    return;
  }
  send_text(link, 0, write_message(*sealed));
}

void Gateway::answer(Request& request, const Content& content) {
  request.answered = true;
  answer(request.link, encode_content(content));
}

void Gateway::receipt(Request& request, std::string_view text, std::string_view pattern,
                      JsonObject replacements) {
  // Stations send each other none (wire.md 6).
  if (request.link.neighbour != nullptr && !bridge_->is_question(request.link, request.message))
    return;
  ReceiptContent receipt = ReceiptContent::make(
      text, ReceiptContent::origin_of(request.message.json, content_sn(request.content)),
      core_.clock_.now(), core_.random_);
  if (!pattern.empty()) {
    receipt.rest.set("template", pattern);
    receipt.rest.set("replacements", std::move(replacements));
  }
  answer(request, receipt);
}

/// J30: no receipt to a receipt.
void Gateway::on_receipt(Request& request) { request.answered = true; }

// --- login, report

/// A23, J25: only the signer's own, for this station or, from a neighbour, one that is listed; only
/// now, never older than the last.
void Gateway::on_login(Request& request) {
  GatewayLink& link = request.link;
  const Id& signer = request.message.sealed.envelope.sender;
  const std::string user = signer.bare().text();
  const auto refused = [&](const Error& error) {
    core_.event(StationEvent::Level::info, "login-record-refused", user, error.hint);
    receipt(request, "Login not accepted.");
  };
  const std::optional<std::string> terminal =
      link.neighbour != nullptr ? std::nullopt : std::optional(link.terminal);
  const auto kept = core_.reads_.documents(user);
  if (!kept) return cannot_read(request, user, kept.error());
  auto record = login_record(request.message, request.content, terminal, *kept,
                             bridge_->stations(link), core_.clock_.now());
  if (!record) return refused(record.error());
  if (link.neighbour != nullptr && !bridge_->takes_record(link, *record, *kept))
    return refused({Errc::too_many_requests, "a neighbour brings too many unknown IDs"});
  const Millis time = record->time;
  std::vector<Write> writes;
  writes.emplace_back(std::move(*record));
  request.waiting = true;
  core_.submit(std::move(writes),
               [this, id = link.id, ticket = request.ticket, message = request.message,
                body = request.content, user, time](const Result<std::vector<Written>>& written) {
                 GatewayLink* target = find(id);
                 const bool old = written && written->front().accepted == Accepted::conflict;
                 if (!written) forget_command(message);
                 if (written && !old) bridge_->login_kept(message, target);
                 if (target == nullptr || !written) return give_up(id, ticket);
                 if (old && target->neighbour != nullptr)
                   bridge_->login_was_old(*target, user, time);
                 Request later{*target, message, body, ticket};
                 receipt(later, old ? "Login not accepted." : "Login received.");
                 finish(id, ticket);
               });
}

void Gateway::on_report(Request& request) {
  const std::string* title = request.content.text("title");
  request.answered = true;
  if (title == nullptr) return receipt(request, "Command not support.");
  if (*title == "offline") return go_offline(request.link);
  if (*title != "online") return receipt(request, "Command not support.");
  receipt(request, "Online received.");
  go_online(request.link, false);
}

// --- names

/// Registered names, and those that everybody has. What is not known is left out and named in
/// `missed`; the reference stations then say nothing, or that the name is an ID.
void Gateway::on_ans(Request& request) {
  const std::string* names = request.content.text("names");
  if (names == nullptr || names->size() > limits::kUriBytes)
    return receipt(request, "Command not support.");
  JsonObject records;
  JsonArray missed;
  std::size_t count = 0;
  for (std::size_t at = 0; at < names->size() && count < kNames;) {
    const std::size_t end = std::min(names->find(' ', at), names->size());
    const std::string name = names->substr(at, end - at);
    at = end + 1;
    if (name.empty()) continue;
    ++count;
    if (name == "everyone" || name == "stations") {
      records.set(name, name + "@everywhere");
    } else if (name == "anyone") {
      records.set(name, "anyone@anywhere");
    } else if (name == "station") {
      records.set(name, core_.station_id_);
    } else if (const auto owner = owner_of_name(name); !owner) {
      return cannot_read(request, name, owner.error());
    } else if (*owner) {
      records.set(name, **owner);
    } else {
      missed.emplace_back(name);
    }
  }
  JsonObject content = new_command("ans", core_.clock_.now(), core_.random_);
  content.set("names", *names);
  content.set("records", std::move(records));
  if (!missed.empty()) content.set("missed", std::move(missed));
  request.answered = true;
  answer(request.link, std::move(content));
}

// --- mute, block

/// Kept for the user's devices; a blocked sender's messages are not delivered.
void Gateway::on_list(Request& request) {
  GatewayLink& link = request.link;
  const std::string command = content_command(request.content);
  const bool block = command == "block";
  const std::string_view type = block ? kBlockRecord : kMuteRecord;
  const Json* list = request.content.find("list");
  if (list == nullptr || list->is_null()) {
    const auto stored = core_.reads_.documents(link.user);
    if (!stored) return cannot_read(request, link.user, stored.error());
    JsonObject content;
    for (const StoredDocument& one : *stored) {
      if (one.type != type) continue;
      if (auto object = parse_json_object(one.document)) content = std::move(*object);
    }
    JsonObject out = new_command(command, core_.clock_.now(), core_.random_);
    const Json* kept = content.find("list");
    out.set("list", kept != nullptr ? *kept : Json(JsonArray{}));
    request.answered = true;
    return answer(link, std::move(out));
  }
  JsonArray ids;
  if (list->array() != nullptr && list->array()->size() <= kListed) {
    for (const Json& one : *list->array()) {
      const auto id =
          one.text() != nullptr ? Id::parse(*one.text()) : Result<Id>(fail(Errc::id, "none"));
      if (id) ids.emplace_back(id->bare().text());
    }
  }
  if (list->array() == nullptr || ids.size() != list->array()->size())
    return receipt(request, "The list is not accepted.");
  // A time in the future counts as now, so that a clock that is ahead locks out no other device.
  const Millis now = core_.clock_.now();
  const double time = std::min(content_time(request.content), static_cast<double>(now) / 1000);
  JsonObject record;
  record.set("list", std::move(ids));
  record.set("time", time);
  request.waiting = true;
  put_list({link.user, std::string(type), {}, static_cast<Millis>(time * 1000), write_json(record)},
           time,
           [this, id = link.id, user = link.user, block, ticket = request.ticket,
            message = request.message, body = request.content](const Result<bool>& kept) {
             core_.forget_receiver(user);
             if (!kept) forget_command(message);
             if (!kept) return give_up(id, ticket);
             const auto answered = [this, id, ticket, message, body,
                                    text = !*kept  ? "A newer list is kept."
                                           : block ? "Block list received."
                                                   : "Mute list received."] {
               GatewayLink* target = find(id);
               if (target == nullptr) return give_up(id, ticket);
               Request later{*target, message, body, ticket};
               receipt(later, text);
               finish(id, ticket);
             };
             // What somebody had sent before they were blocked is stored before that is answered.
             return block && *kept ? core_.after_writes(answered) : answered();
           });
}

/// The list that its user made last counts, by the `time` (seconds) of its command, whatever the
/// clock of the station says and however often one is sent; false: a later one is kept. The store
/// keeps what has the later time of its own, so the one in `record` only grows.
void Gateway::put_list(PutDocument record, double time,
                       std::function<void(const Result<bool>&)> done) {
  const auto stored = core_.reads_.documents(record.id);
  if (!stored) {
    core_.event(StationEvent::Level::error, "store-read", record.id, stored.error().hint);
    return done(std::unexpected(stored.error()));
  }
  for (const StoredDocument& one : *stored) {
    if (one.type != record.type) continue;
    const auto kept = parse_json_object(one.document);
    if (kept && read_seconds(kept->find("time")) > time) return done(false);
    record.time = std::max(record.time, one.time + 1);
  }
  std::vector<Write> writes;
  writes.emplace_back(record);
  core_.submit(std::move(writes), [this, record, time, done = std::move(done)](
                                      const Result<std::vector<Written>>& written) {
    if (!written) return done(std::unexpected(written.error()));
    // Another list has come in between.
    if (written->front().accepted == Accepted::conflict) return put_list(record, time, done);
    done(true);
  });
}

}  // namespace dim
