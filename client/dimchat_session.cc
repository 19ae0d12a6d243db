#include "client/dimchat_session.h"

#include <algorithm>
#include <utility>

#include "client/fields.h"
#include "dim/base/hex.h"
#include "dim/identity/device_beside.h"
#include "dim/message/message.h"

namespace dim {
namespace {

constexpr Millis kLoginMs = 30'000;
constexpr Millis kPingAfterMs = 16'000;
constexpr Millis kDeadAfterMs = 128'000;
constexpr Millis kAckMs = 120'000;
constexpr Millis kStayOnlineMs = 300'000;
constexpr Millis kQuestionMs = 10'000;
constexpr int kChallenges = 8;  // in one session; more and the station does not want us
constexpr std::size_t kEarly = 1'000;
constexpr double kLastSecond = 1e11;  // what a Millis holds many times over
constexpr std::string_view kAgent = "DIM";

Id everyone() { return Id("everyone", Address::everywhere()); }
Id any_station() { return Id("station", Address::anywhere()); }

}  // namespace

DimchatSession::DimchatSession(StationTarget target, const Account& account, Directory& directory,
                               SessionHost& host, Clock& clock, Random& random, std::int64_t after)
    : target_(std::move(target)),
      account_(account),
      directory_(directory),
      host_(host),
      clock_(clock),
      random_(random),
      stream_({.framing = Framing::mtp, .first_sn = random.u64()}),
      cursor_(after),
      started_(clock.monotonic()),
      last_received_(started_) {
  if (auto id = Id::parse(target_.id)) station_ = *id;
}

void DimchatSession::send(std::string bytes) { host_.send(Lane::control, std::move(bytes)); }

void DimchatSession::opened(Lane, Bytes, Digest32) {
  if (state_ != State::dialling) return;
  state_ = State::hello;
  last_received_ = clock_.monotonic();
  HandshakeContent hello = HandshakeContent::start(clock_.now(), random_);
  hello.head.group = Id("stations", Address::everywhere());
  if (station_) hello.rest.set("station", station_->text());
  tell(any_station(), Content(std::move(hello)), true);
}

// --- receiving

void DimchatSession::received(Lane, std::string_view bytes) {
  if (state_ == State::over || bytes.empty()) return;
  last_received_ = clock_.monotonic();
  stream_.feed(bytes);
  while (state_ != State::over) {
    auto next = stream_.next(clock_.monotonic());
    if (std::holds_alternative<std::monostate>(next)) return;
    if (const auto* bad = std::get_if<BadFrame>(&next)) return abandon(bad->error);
    on_event(std::get<FrameEvent>(std::move(next)));
  }
}

void DimchatSession::on_event(FrameEvent event) {
  if (!event.reply.empty()) send(std::move(event.reply));
  if (event.acked) {
    const auto found = sent_.find(*event.acked);
    if (found != sent_.end()) {
      const Handler handler = std::move(found->second.handler);
      sent_.erase(found);
      if (handler) handler(Packet::response(202));
    }
  }
  bool kept = false;
  for (std::string& text : event.texts) {
    if (state_ == State::over) return;
    if (take(std::move(text))) kept = true;
  }
  if (event.ack.empty() || state_ == State::over) return;
  if (kept) {
    acks_[cursor_] = std::move(event.ack);
  } else {
    send(std::move(event.ack));
  }
}

// True when somebody has to keep the message before it may be acknowledged.
bool DimchatSession::take(std::string text) {
  auto message = SignedMessage::parse(text);
  if (!message) return false;  // nothing to be shown: not even a sender that could be trusted
  const Id sender = message->sealed.envelope.sender.bare();
  if (sender.type() == EntityType::station) {
    if (!station_ && state_ == State::hello) station_ = sender;  // trust on first use
    if (station_ && sender.same_entity(*station_)) {
      take_from_station(*message);
    } else if (state_ != State::ready) {
      // J31, A18: whoever passes on another station's challenge gets no signature for it.
      abandon({Errc::station_changed,
               "another station answers at this address; nothing was signed for it. If it moved on "
               "purpose, join with its new link"});
    }
    return false;
  }
  if (state_ != State::ready && early_.size() >= kEarly) {
    // It must not be counted as kept: the station pushes it again in the next session.
    abandon({Errc::overloaded, "the station pushes too much before the log-in is complete"});
    return false;
  }
  const std::string hash = to_hex(message_hash(*message));
  Packet push = Packet::request(Operation::create);
  push.set("type", "message").set("author", sender.text()).set("guid", hash.substr(0, 32));
  push.set("cursor", std::to_string(++cursor_));
  push.content = std::move(text);
  if (state_ == State::ready) {
    host_.pushed(Lane::text, std::move(push));
  } else {
    early_.push_back(std::move(push));
  }
  return true;
}

void DimchatSession::take_from_station(const SignedMessage& message) {
  // I11: by the station's own clock, which a slow one here takes for the future. That its time is
  // the signed one, open() sees to.
  const double told = std::clamp(message.sealed.envelope.time, 0.0, kLastSecond);
  const Millis now = std::max(clock_.now(), static_cast<Millis>(told * 1000));
  auto opened = open(message, account_, directory_, [](const Digest32&) { return false; }, now,
                     {.station = station_});
  if (!opened) {
    if (state_ == State::ready) return;
    return abandon(opened.error());
  }
  auto content = decode_content(std::move(opened->message.content));
  if (content) handle(*content);
}

void DimchatSession::handle(const Content& content) {
  if (state_ == State::over) return;
  if (const auto* array = content.as<ArrayContent>()) {
    for (const Content& inner : array->contents) handle(inner);
  } else if (const auto* handshake = content.as<HandshakeContent>()) {
    on_handshake(*handshake);
  } else if (const auto* documents = content.as<DocumentsContent>()) {
    on_documents(documents->did, documents->meta, documents->documents);
  } else if (const auto* meta = content.as<MetaContent>()) {
    if (meta->meta) on_documents(meta->did, meta->meta, {});
  } else if (const auto* receipt = content.as<ReceiptContent>()) {
    on_receipt(*receipt);
  } else if (const auto* ans = content.as<AnsContent>()) {
    for (const auto& [name, id] : ans->records) {
      Packet response = Packet::response(200);
      response.set("owner", id.text());
      answer(names_, name, response);
    }
    for (const std::string& name : ans->names) answer(names_, name, Packet::response(404));
  }
}

void DimchatSession::on_handshake(const HandshakeContent& handshake) {
  switch (handshake.state()) {
    case HandshakeState::again: {
      if (handshake.session.empty() || ++challenges_ > kChallenges) {
        return abandon({Errc::unauthorised, "the station refused the log-in"});
      }
      session_key_ = handshake.session;
      HandshakeContent proof = HandshakeContent::restart(session_key_, clock_.now(), random_);
      proof.rest.set("station", station_->text());  // A18: good for nobody else
      if (state_ != State::ready) state_ = State::proving;
      return tell_station(Content(std::move(proof)));
    }
    case HandshakeState::success:
      if (state_ != State::proving) return;
      if (handshake.session == session_key_)
        clock_offset_ = static_cast<Millis>(handshake.head.time * 1000) - clock_.now();
      return become_ready();
    default:
      return;  // a station does not say hello
  }
}

void DimchatSession::on_documents(const Id& did, const std::optional<JsonObject>& meta,
                                  const std::vector<JsonObject>& documents) {
  JsonObject content;
  const Known* known = directory_.find(did);
  if (meta) {
    content.set("meta", *meta);
  } else if (known != nullptr && known->meta) {
    content.set("meta", known->meta->json());
  } else {
    return;  // the rest may still come
  }
  JsonArray list;
  for (const JsonObject& document : documents) list.emplace_back(document);
  content.set("documents", std::move(list));
  Packet response = Packet::response(200);
  response.content = write_json(content);
  answer(documents_, did.bare().text(), response);
}

// Of receipts only those count here that answer a question: that a message was cached or queued
// says no more than its OK, and what the receiver has got only the receiver says (A16).
void DimchatSession::on_receipt(const ReceiptContent& receipt) {
  if (!receipt.origin) return;
  const Json* sn = receipt.origin->find("sn");
  if (sn == nullptr || sn->integer() == nullptr) return;
  for (Questions* questions : {&documents_, &names_}) {
    const auto found = std::ranges::find_if(
        *questions, [&](const auto& each) { return each.second.sn == *sn->integer(); });
    if (found != questions->end()) {
      const std::string key = found->first;
      return answer(*questions, key, Packet::response(404));
    }
  }
}

void DimchatSession::become_ready() {
  state_ = State::ready;
  tell_documents();
  tell_station(Content(ReportContent::online(clock_.now(), random_)));
  log_in_again();
  host_.ready();
  while (!early_.empty() && state_ == State::ready) {
    Packet push = std::move(early_.front());
    early_.pop_front();
    host_.pushed(Lane::text, std::move(push));
  }
}

void DimchatSession::tell_documents() {
  told_visa_ = account_.visa.digest();
  tell(everyone(),
       Content(DocumentsContent::answer(account_.id.bare(), account_.meta.json(),
                                        {account_.visa.json()}, clock_.now(), random_)));
}

void DimchatSession::log_in_again() {
  last_login_ = clock_.monotonic();
  JsonObject at;
  at.set("did", station_->text());
  at.set("host", target_.host);
  at.set("port", static_cast<std::int64_t>(target_.port));
  tell(everyone(),
       Content(LoginContent::make(account_.id, std::move(at), kAgent, clock_.now(), random_)));
}

// --- sending

void DimchatSession::tell(const Id& receiver, const Content& content, bool introduce) {
  PlainMessage message{.envelope = {.sender = account_.id.bare(),
                                    .receiver = receiver,
                                    .time = static_cast<double>(clock_.now()) / 1000},
                       .content = encode_content(content)};
  if (introduce) {
    message.envelope.extra.set("meta", account_.meta.json());
    const Document& visa = account_.visa;
    message.envelope.extra.set(
        "visa", with_device_beside(visa.json(), visa.id().bare().text(), visa.terminal()));
  }
  auto sealed = seal(message, account_, directory_, {}, random_);
  if (!sealed) return abandon(sealed.error());
  OutgoingFrame frame = stream_.encode_message(write_message(*sealed));
  sent_[frame.handle] = {.handler = {}, .at = clock_.monotonic()};
  send(std::move(frame.bytes));
}

// Encrypted where the station has a key for it.
void DimchatSession::tell_station(const Content& content) {
  tell(directory_.message_keys(*station_).empty() ? any_station() : station_->bare(), content);
}

void DimchatSession::request(Lane, Packet packet, Handler handler) {
  if (state_ == State::over) return;
  const std::string_view type = packet.get("type");
  const bool create = packet.operation == Operation::create;
  if (create && (type == "message" || type == "receipt") && packet.content) {
    OutgoingFrame frame = stream_.encode_message(*packet.content);
    sent_[frame.handle] = {.handler = std::move(handler), .at = clock_.monotonic()};
    return send(std::move(frame.bytes));
  }
  if (packet.operation == Operation::notify) {
    if (type == "cursor") acknowledge(number_in(packet.get("cursor")));
    return;
  }
  if (packet.operation == Operation::get && type == "document") {
    return ask_documents(packet, std::move(handler));
  }
  if (packet.operation == Operation::get && type == "name") {
    return ask_name(packet, std::move(handler));
  }
  if (create && type == "document") {
    if (state_ == State::ready && told_visa_ != account_.visa.digest()) tell_documents();
    if (handler) handler(Packet::response(201));
    return;
  }
  if (handler) handler(Packet::response(501));
}

void DimchatSession::acknowledge(std::int64_t cursor) {
  while (!acks_.empty() && acks_.begin()->first <= cursor) {
    send(std::move(acks_.begin()->second));
    acks_.erase(acks_.begin());
  }
}

void DimchatSession::ask_documents(const Packet& packet, Handler handler) {
  auto id = Id::parse(packet.get("target"));
  // Stations of 2026 do not answer questions about oneself.
  if (!id || id->same_entity(account_.id)) return handler(Packet::response(404));
  const auto query = DocumentsContent::query(id->bare(), 0, clock_.now(), random_);
  documents_.emplace(id->bare().text(),
                     Asked{std::move(handler), clock_.monotonic(), query.head.sn});
  tell_station(Content(query));
}

void DimchatSession::ask_name(const Packet& packet, Handler handler) {
  const std::string name(packet.get("target"));
  const auto query = AnsContent::query({name}, clock_.now(), random_);
  names_.emplace(name, Asked{std::move(handler), clock_.monotonic(), query.head.sn});
  tell_station(Content(query));
}

void DimchatSession::answer(Questions& questions, std::string_view key, const Packet& response) {
  const auto [begin, end] = questions.equal_range(key);
  std::vector<Handler> handlers;
  for (auto each = begin; each != end; ++each) handlers.push_back(std::move(each->second.handler));
  questions.erase(begin, end);
  for (const Handler& handler : handlers) {
    if (handler) handler(response);
  }
}

Result<Id> DimchatSession::owner_of(std::string_view, const Packet& response) const {
  auto owner = Id::parse(response.get("owner"));
  if (response.code != 200 || !owner || !owner->is_user()) {
    return fail(Errc::not_found, "nobody has that name at this station");
  }
  return *owner;
}

// --- time

void DimchatSession::give_up_old(Questions& questions, Millis now) {
  for (;;) {
    const auto old = std::ranges::find_if(
        questions, [&](const auto& each) { return now - each.second.at > kQuestionMs; });
    if (old == questions.end()) return;
    const std::string key = old->first;
    answer(questions, key, Packet::response(404));
  }
}

void DimchatSession::tick() {
  if (state_ == State::over) return;
  const Millis now = clock_.monotonic();
  if (state_ != State::ready) {
    if (now - started_ > kLoginMs) {
      abandon({Errc::unreachable, "the station did not finish the log-in within 30 seconds"});
    }
    return;
  }
  if (now - last_received_ > kDeadAfterMs) {
    return abandon({Errc::unreachable, "the station has fallen silent"});
  }
  for (const auto& [handle, asked] : sent_) {
    if (now - asked.at > kAckMs) {
      return abandon({Errc::unreachable, "the station does not acknowledge what it gets"});
    }
  }
  if (now - last_received_ > kPingAfterMs && now - last_ping_ > kPingAfterMs) {
    last_ping_ = now;
    send(stream_.ping());
  }
  if (now - last_login_ > kStayOnlineMs) log_in_again();
  give_up_old(documents_, now);
  give_up_old(names_, now);
}

void DimchatSession::closed(Lane) {
  abandon({Errc::unreachable, "the connection to the station ended"});
}

void DimchatSession::abandon(const Error& error, int code, std::string_view message) {
  if (state_ == State::over) return;
  state_ = State::over;
  sent_.clear();
  documents_.clear();
  names_.clear();
  host_.close(Lane::control);
  host_.failed(error, code, message);
}

}  // namespace dim
