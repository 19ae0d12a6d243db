// CONNECT: log-in, lanes, resume (docs/protocol/connect.md).
#include <algorithm>

#include "dim/base/base64.h"
#include "dim/base/fault.h"
#include "dim/base/hex.h"
#include "dim/packet/uri.h"
#include "server/admin.h"
#include "server/bridge.h"
#include "server/core.h"
#include "server/forged_key.h"
#include "server/live.h"
#include "server/records.h"

namespace dim {
namespace {

constexpr unsigned kFailures = 3;  // wrong proofs on one connection
constexpr std::size_t kSecretBytes = 32;

std::string new_secret_hash(const Bytes& secret) { return to_hex(sha256(secret)); }

Bytes random_bytes(Random& random) {
  const auto bytes = random.array<kSecretBytes>();
  return {bytes.begin(), bytes.end()};
}

/// The documents among them, of that user.
std::vector<Document> parsed_documents(const std::vector<StoredDocument>& stored, const Id& id,
                                       const Meta& meta) {
  std::vector<Document> out;
  for (const StoredDocument& one : stored) {
    if (is_record(one.type)) continue;
    auto object = parse_json_object(one.document);
    if (!object) continue;
    if (auto document = Document::parse(*object, id.bare(), meta))
      out.push_back(std::move(*document));
  }
  return out;
}

/// A field of exactly 32 bytes in base64.
Result<Bytes> read_32(const Packet& packet, std::string_view key) {
  auto bytes = from_base64(packet.get(key));
  if (!bytes || bytes->size() != kSecretBytes) {
    return fail(Errc::bad_request, "nonce, challenge, proof and resume are 32 bytes in base64");
  }
  return bytes;
}

}  // namespace

void StationCore::on_connect(LinkState& link, const Packet& packet) {
  const std::string_view reply = packet.get("id");
  if (link.session != nullptr) {
    const bool live = link.info.lane == Lane::audio || link.info.lane == Lane::video;
    if (live && !packet.has("session")) return live_->join(link, packet);
    return refuse(
        link, reply,
        error_of(Errc::conflict, "this connection is logged in already; open another one"));
  }
  if (memory_ == MemoryLevel::no_work) {
    refuse_overload(link, reply);
    return close_link(link);
  }
  if (link.info.lane == Lane::control) return connect_control(link, packet);
  connect_lane(link, packet);
}

// --- 8800
// ---------------------------------------------------------------------------------------------------------

void StationCore::connect_control(LinkState& link, const Packet& packet) {
  const std::string_view reply = packet.get("id");
  if (packet.has("encryption")) {
    auto names = packet.list("encryption");
    if (!names) return refuse(link, reply, names.error());
    if (std::ranges::find(*names, "AES") == names->end()) {
      Packet answer_packet = Packet::response(
          error_of(Errc::better_encryption,
                   "none of these ciphers is accepted; offer AES, which means TLS 1.3"),
          reply);
      answer_packet.set("encryption", "[AES]");
      return send(link, answer_packet);
    }
  }
  auto author = Id::parse(packet.get("author"));
  if (!author) return refuse(link, reply, author.error());
  // S10: a station's ID gives no trust here; neighbours are not part of this edition, so no station
  // is on a list.
  if (author->type() != EntityType::user && author->type() != EntityType::bot) {
    ++counters_.logins_refused;
    return refuse_and_close(
        link, reply,
        error_of(Errc::forbidden, "only users and bots log in here; this author is another kind"));
  }
  const std::string user = author->bare().text();
  link.terminal = author->terminal();
  if (packet.has("resume")) return resume(link, packet, user);
  if (packet.has("challenge")) return proof(link, packet, user);
  hello(link, packet, user);
}

/// The quotas of a network for log-ins and for failed ones.
bool StationCore::admit_login(LinkState& link, std::string_view reply) {
  if (link.subnet == 0) return true;
  const Millis now = clock_.monotonic();
  SubnetQuota& subnet = subnets_.at(link.subnet, now);
  Millis wait = subnet.failures.wait(config_.quotas.subnet_failures, now);
  if (wait == 0) wait = subnet.logins.take(config_.quotas.subnet_logins, now);
  if (wait == 0) return true;
  ++counters_.refused_quota;
  Packet packet = Packet::response(
      error_of(Errc::too_many_requests,
               "too many log-ins from this network; wait as long as retry-after says"),
      reply);
  packet.set("retry-after", std::to_string((wait + 999) / 1000));
  send(link, packet);
  close_link(link);
  return false;
}

void StationCore::hello(LinkState& link, const Packet& packet, const std::string& author) {
  const std::string_view reply = packet.get("id");
  const std::string_view target = packet.get("target");
  if (target.empty()) {
    return refuse(
        link, reply,
        error_of(Errc::bad_request, "a log-in needs target: the station's ID or its IPv6 address"));
  }
  if (auto id = Id::parse(target); id) {
    if (id->bare().text() != station_id_) {
      return refuse(link, reply,
                    error_of(Errc::wrong_instance, "this is another station; its ID is its own"));
    }
  } else if (auto address = parse_target_address(target); !address) {
    return refuse(link, reply, address.error());
  }
  auto nonce = read_32(packet, "nonce");
  if (!nonce) return refuse(link, reply, nonce.error());
  std::string chosen = "sha256";
  if (packet.has("checksums")) {
    auto offered = packet.list("checksums");
    if (!offered) return refuse(link, reply, offered.error());
    if (std::ranges::find(*offered, "crc32c") != offered->end()) chosen = "crc32c";
  }
  if (!admit_login(link, reply)) return;
  auto challenge = std::make_unique<LoginChallenge>();
  challenge->author = author;
  challenge->target = target;
  challenge->nonce = std::move(*nonce);
  challenge->chosen = std::move(chosen);
  challenge->offered = packet.get("checksums");
  link.challenge = std::move(challenge);
  auto known = reads_.identity(author);
  if (!known) return read_failed(link, reply, known.error());
  send_challenge(link, reply, known->has_value());
}

void StationCore::send_challenge(LinkState& link, std::string_view reply, bool known) {
  LoginChallenge& state = *link.challenge;
  state.challenge = random_bytes(random_);
  state.issued = clock_.monotonic();
  link.phase = LinkState::Phase::challenged;
  ConnectInput input;
  input.station = true;
  input.station_id = station_id_;
  input.author_id = state.author;
  input.port = draft_port(Lane::control);
  input.channel_binding = link.info.channel_binding;
  input.challenge = state.challenge;
  input.nonce = state.nonce;
  input.offered = state.offered;
  input.chosen = state.chosen;
  Packet packet = Packet::response(418, reply);
  packet.set("author", station_id_)
      .set("challenge", to_base64(state.challenge))
      .set("chosen", state.chosen)
      .set("known", known ? "yes" : "no")
      .set("signature", to_base64(account_.identity_key.sign(connect_signing_input(input))));
  packet.content = credentials_;
  send(link, packet);
}

void StationCore::login_failed(LinkState& link, std::string_view reply, const Error& error,
                               std::string who) {
  ++counters_.logins_refused;
  link.challenge.reset();
  link.phase = LinkState::Phase::hello;
  if (link.subnet != 0) {
    const Millis now = clock_.monotonic();
    subnets_.at(link.subnet, now).failures.charge(config_.quotas.subnet_failures, now);
  }
  event(StationEvent::Level::info, "login-refused", who, error.hint);
  if (!who.empty()) {
    // Soft: who has the right key is let in before this is asked (ADR 9).
    const Millis now = clock_.monotonic();
    const Rate& rate = config_.quotas.claimed_failures;
    TokenBucket& failures = claimed_.at(who, now).failures;
    const Millis wait = failures.wait(rate, now);
    failures.charge(rate, now);
    if (wait != 0) {
      ++counters_.refused_quota;
      Packet packet = Packet::response(
          error_of(Errc::too_many_requests,
                   "too many failed log-ins with this ID; the right key is let in at any time"),
          reply);
      send(link, packet.set("retry-after", std::to_string((wait + 999) / 1000)));
      return close_link(link);
    }
  }
  refuse(link, reply, error);
  if (++link.failures >= kFailures) close_link(link);
}

std::vector<PublicKey> StationCore::keys_of(const std::string& id, const Meta& meta) {
  std::vector<PublicKey> keys{meta.key()};
  auto owner = Id::parse(id);
  auto documents = reads_.documents(id);
  if (!owner || !documents) return keys;
  std::erase_if(*documents, [](const StoredDocument& one) { return one.type != "visa"; });
  const std::vector<Document> visas = parsed_documents(*documents, *owner, meta);
  for (const Document& visa : visas) {
    if (!may_prove(visa, visas)) continue;
    if (auto key = visa.message_key()) keys.push_back(std::move(*key));
  }
  return keys;
}

void StationCore::proof(LinkState& link, const Packet& packet, const std::string& author) {
  const std::string_view reply = packet.get("id");
  auto challenge = read_32(packet, "challenge");
  auto signature = from_base64(packet.get("signature"));
  if (!challenge) return refuse(link, reply, challenge.error());
  if (!signature || signature->empty()) {
    return refuse(link, reply, error_of(Errc::bad_request, "the proof needs signature in base64"));
  }
  if (link.phase != LinkState::Phase::challenged ||
      !equal_secret(link.challenge->challenge, *challenge)) {
    return login_failed(
        link, reply,
        error_of(Errc::unauthorised, "this challenge is not open here; ask for one with CONNECT"),
        author);
  }
  const std::unique_ptr<LoginChallenge> state =
      std::move(link.challenge);  // works once, whatever comes of it
  link.phase = LinkState::Phase::hello;
  if (clock_.monotonic() - state->issued > limits::kChallengeMs) {
    return login_failed(
        link, reply,
        error_of(Errc::request_timeout, "the challenge was answered after more than 30 seconds"),
        author);
  }
  // The target may be the station's ID now even if an address was dialled first; another station's
  // is not ours.
  const std::string_view target = packet.get("target");
  if (author != state->author || (target != state->target && target != station_id_)) {
    return login_failed(
        link, reply,
        error_of(Errc::unauthorised, "author and target of the proof are not those of the log-in"),
        author);
  }
  auto id = Id::parse(author);
  auto stored = reads_.identity(author);
  if (!stored) return read_failed(link, reply, stored.error());

  std::optional<Meta> meta;
  if (*stored) {
    auto object = parse_json_object((*stored)->meta);
    auto parsed = object ? Meta::parse(*object) : Result<Meta>(std::unexpected(object.error()));
    if (!parsed) {
      event(StationEvent::Level::error, "stored-meta", author,
            "a stored meta does not verify any more");
      return refuse(
          link, reply,
          error_of(Errc::internal, "what this station stored of the author cannot be read"));
    }
    meta = std::move(*parsed);
  }

  std::optional<Meta> shown;
  std::optional<Document> visa;
  if (packet.content) {
    auto object = parse_json_object(*packet.content);
    if (!object) return login_failed(link, reply, object.error(), author);
    const Json* meta_json = object->find("meta");
    const Json* visa_json = object->find("visa");
    if (meta_json != nullptr) {
      if (meta_json->object() == nullptr) {
        return login_failed(link, reply, error_of(Errc::meta, "meta is not a JSON object"), author);
      }
      auto parsed = Meta::parse(*meta_json->object());
      if (!parsed) {
        if (meta && is_forged_for(*meta_json->object(), *meta))
          event(StationEvent::Level::warn, "meta-suspect", author, std::string(kForgedKey));
        return login_failed(link, reply, parsed.error(), author);
      }
      if (!parsed->matches(*id)) {
        return login_failed(link, reply,
                            error_of(Errc::meta, "this meta does not belong to the author's ID"),
                            author);
      }
      shown = std::move(*parsed);
    }
    const Meta* verifying = meta ? &*meta : shown ? &*shown : nullptr;
    if (visa_json != nullptr && !visa_json->is_null() && verifying != nullptr &&
        (!meta || !shown || meta->digest() == shown->digest())) {
      if (visa_json->object() == nullptr) {
        return login_failed(link, reply, error_of(Errc::document, "visa is not a JSON object"),
                            author);
      }
      auto parsed = Document::parse(*visa_json->object(), id->bare(), *verifying);
      if (!parsed) return login_failed(link, reply, parsed.error(), author);
      if (auto status = check_document_time(*parsed, std::nullopt, clock_.now());
          !status && !admin_->clock_is_wrong()) {
        return login_failed(link, reply, status.error(), author);
      }
      if (auto status = check_visa_key(*parsed); !status) {
        return login_failed(link, reply, status.error(), author);
      }
      visa = std::move(*parsed);
    }
  }
  if (!meta && !shown) {
    // S07: asks for the meta, with a fresh challenge for the same log-in.
    link.challenge = std::make_unique<LoginChallenge>(*state);
    return send_challenge(link, reply, false);
  }

  if (admin_->clock_is_wrong()) {
    // C07: whoever is known comes in with the key that is known. Nobody is new, and no visa is
    // newer, by a clock that is wrong.
    if (!meta) return refuse(link, reply, Admin::clock_error());
    visa.reset();
  }

  ConnectInput input;
  input.station = false;
  input.station_id = station_id_;
  input.author_id = author;
  input.port = draft_port(Lane::control);
  input.channel_binding = link.info.channel_binding;
  input.challenge = state->challenge;
  input.nonce = state->nonce;
  input.offered = state->offered;
  input.chosen = state->chosen;
  const Bytes signed_bytes = connect_signing_input(input);
  const Meta& known = meta ? *meta : *shown;
  bool newer_visa = false, has_place = true;
  if (visa) {
    auto documents = reads_.documents(author);
    if (!documents) return read_failed(link, reply, documents.error());
    const auto same = std::ranges::find_if(*documents, [&](const StoredDocument& one) {
      return one.type == visa->type() && one.terminal == visa->terminal();
    });
    newer_visa = visa->time() && (same == documents->end() || same->time < *visa->time());
    if (newer_visa && same == documents->end())
      newer_visa = check_new_place(*visa, parsed_documents(*documents, *id, known), clock_.now())
                       .has_value();
    has_place = same != documents->end() || count_documents(author, *documents) < kDocumentsPerUser;
  }
  const bool unbound = link.info.channel_binding.empty();
  const bool keep_keys = unbound || config_.verify == VerifyMode::always;
  bool proven = known.key().verify(signed_bytes, *signature);
  if (DIM_FAULT("login-unbound")) {
    input.channel_binding = {};
    proven = proven || known.key().verify(connect_signing_input(input), *signature);
  }
  std::vector<PublicKey> keys;
  if (!proven || keep_keys) {  // most prove with the key of the meta: no other is read then
    keys = keys_of(author, known);
    // A04: the key of a visa that has been replaced proves nothing any more.
    if (newer_visa) {
      if (auto key = visa->message_key()) keys.push_back(std::move(*key));
    }
    proven = proven || std::ranges::any_of(keys, [&](const PublicKey& key) {
               return key.verify(signed_bytes, *signature);
             });
  }
  if (!proven) {
    if (meta && shown && meta->digest() != shown->digest() &&
        shown->key().verify(signed_bytes, *signature)) {
      // A02, J16: two metas with proof for one ID.
      event(StationEvent::Level::warn, "meta-suspect", author,
            "a second meta with proof of possession");
      return login_failed(
          link, reply,
          error_of(Errc::conflict, "another key is pinned for this ID; ask the operator"), author);
    }
    return login_failed(link, reply,
                        error_of(Errc::unauthorised, "the signature does not prove this author"),
                        author);
  }
  if (admin_->keeps_out(author)) return refuse_banned(link, reply, author);
  auto admission = admin_->admit(author, meta.has_value(), packet.get("invite-code"));
  if (!admission) {
    if (admission.error().code != Errc::forbidden)
      return read_failed(link, reply, admission.error());
    return refuse_stranger(link, reply, author, admission.error());
  }

  std::vector<Write> writes = std::exchange(admission->writes, {});
  if (!meta || !(*stored)->pinned) {
    writes.emplace_back(PutIdentity{author, write_json((meta ? *meta : *shown).json()), true});
  }
  if (newer_visa && !has_place) {
    event(StationEvent::Level::warn, "visa-refused", author,
          "the station keeps 16 documents of a user");
  } else if (newer_visa) {
    writes.emplace_back(PutDocument{author, visa->type(), visa->terminal(), *visa->time(),
                                    write_json(visa->json())});
  }
  const Guid guid = Guid::make(clock_.now(), random_);
  const Bytes secret = random_bytes(random_);
  ResumeState resume_state{new_secret_hash(secret), {}, true};
  const Millis expires = clock_.now() + limits::kTokenMs;
  writes.emplace_back(PutResume{author, guid, resume_state.text(), expires});

  link.busy = true;
  // R14: whoever is known reads on a full disk too, which is what makes room. Their session cannot
  // be resumed then.
  const bool known_already = meta.has_value() && (*stored)->pinned && admission->code.empty();
  if (!keep_keys) keys.clear();
  const Checksum checksum = state->chosen == "crc32c" ? Checksum::crc32c : Checksum::sha256;
  submit(std::move(writes),
         [this, link_id = link.id, reply_id = std::string(reply), author, guid, secret,
          resume_state, expires, keys, checksum, unbound, known_already,
          admission = std::move(*admission)](const Result<std::vector<Written>>& written) {
           admin_->settle(admission, written.has_value());
           LinkState* target_link = find(link_id);
           if (target_link == nullptr) return;
           target_link->busy = false;
           wake(*target_link);
           if (!written && (!known_already || written.error().code != Errc::insufficient_storage)) {
             return refuse_and_close(*target_link, reply_id, written.error());
           }
           forget_receiver(author);
           if (admin_->keeps_out(author)) return refuse_banned(*target_link, reply_id, author);
           const auto inbox = inbox_of(author, target_link->terminal);
           if (!inbox) return unreadable_login(*target_link, reply_id, inbox.error());
           const std::size_t most = config_.sessions_per_user + (DIM_FAULT("sessions-9") ? 1 : 0);
           while (UserSession* oldest = sessions_.oldest_beyond(author, most)) {
             event(StationEvent::Level::info, "session-replaced", author,
                   "the oldest of too many sessions ended");
             end_session(*oldest, "replaced", true);
           }
           UserSession& session = sessions_.add(guid, author);
           session.resume = resume_state;
           session.expires = expires;
           session.checksum = checksum;
           session.bound = !unbound;
           session.keys = keys;
           session.inbox = *inbox;
           known_.insert_or_assign(author, true);
           ++counters_.logins;
           event(StationEvent::Level::info, "login", author);
           welcome(*target_link, session, reply_id, secret);
         });
}

/// Who has proven an identity that is new here, where not everybody may come (F86). Guesses of
/// codes are counted as wrong proofs are.
void StationCore::refuse_stranger(LinkState& link, std::string_view reply,
                                  const std::string& author, const Error& error) {
  ++counters_.logins_refused;
  event(StationEvent::Level::info, "login-refused", author, error.hint);
  if (link.subnet != 0) {
    const Millis now = clock_.monotonic();
    subnets_.at(link.subnet, now).failures.charge(config_.quotas.subnet_failures, now);
  }
  refuse(link, reply, error);
  if (++link.failures >= kFailures) close_link(link);
}

/// Asked before the commit of a log-in and after it: the list may have changed meanwhile.
void StationCore::refuse_banned(LinkState& link, std::string_view reply,
                                const std::string& author) {
  ++counters_.logins_refused;
  event(StationEvent::Level::info, "login-refused", author, "banned");
  refuse_and_close(link, reply, error_of(Errc::forbidden, "this user is banned from the station"));
}

/// Without its user's devices nobody knows which inbox a session would read.
void StationCore::unreadable_login(LinkState& link, std::string_view reply, const Error& error) {
  read_failed(link, reply, error);
  close_link(link);
}

/// Step 4: the session is durable, its secrets go to the client.
void StationCore::welcome(LinkState& link, UserSession& session, std::string_view reply,
                          const Bytes& secret) {
  session.token = Secret::random(kSecretBytes, random_);
  session.token_until = clock_.monotonic() + limits::kTokenMs;
  session.last_active = clock_.monotonic();
  session.lanes[static_cast<std::size_t>(Lane::control)] = &link;
  sessions_.attach(session.user, session.guid);
  gateway_->bridge().is_here(session.user);
  const auto newest = reads_.newest(session.inbox);
  Packet packet = Packet::response(200, reply);
  packet.set("session", session.guid.text())
      .set("token", to_base64(session.token.view()))
      .set("expires", format_time(session.expires))
      .set("resume", to_base64(secret))
      .set("chosen", session.checksum == Checksum::crc32c ? "crc32c" : "sha256")
      .set("time", format_time(clock_.now()))
      .set("limit-control", std::to_string(content_limit(Lane::control)))
      .set("limit-text", std::to_string(content_limit(Lane::text)))
      .set("limit-messages",
           std::to_string(static_cast<std::int64_t>(config_.quotas.messages.per_second)))
      .set("cursor", std::to_string(newest ? *newest : 0));
  send(link, packet);
  link.session = &session;
  link.link->proven();
  link.phase = LinkState::Phase::proven;
  link.failures = 0;
  link.reader.set_options({.lane = link.info.lane,
                           .checksum_required = true,
                           .crc32c_agreed = session.checksum == Checksum::crc32c,
                           .lanes = true});
}

// --- resume
// -------------------------------------------------------------------------------------------------------

void StationCore::resume(LinkState& link, const Packet& packet, const std::string& author) {
  const std::string_view reply = packet.get("id");
  auto guid = Guid::parse(packet.get("target"));
  if (!guid) {
    return refuse(link, reply,
                  error_of(Errc::bad_request, "to resume, target is the GUID of the session"));
  }
  auto secret = read_32(packet, "resume");
  if (!secret) return refuse(link, reply, secret.error());
  if (!admit_login(link, reply)) return;
  auto stored = reads_.resume(*guid);
  if (!stored) return read_failed(link, reply, stored.error());
  const Error gone = error_of(Errc::token_invalid, "this session cannot be resumed; log in");
  // How long the secret holds is judged by the time (C07). It is no wrong proof.
  if (admin_->clock_is_wrong()) return refuse(link, reply, gone);
  const bool own = *stored && !dropped_.contains(*guid) &&
                   ((*stored)->user == author || DIM_FAULT("resume-unbound"));
  // Which device a session belongs to is not kept: after one was removed all prove themselves anew.
  bool before_removal = false;
  if (own) {
    const auto devices = receiver_of(author);
    if (!devices) return read_failed(link, reply, devices.error());
    before_removal = (*stored)->expires - limits::kTokenMs <= (*devices)->removed_at;
  }
  if (!own || before_removal || (*stored)->expires <= clock_.now()) {
    return login_failed(link, reply, gone, author);
  }
  if (admin_->keeps_out(author)) return refuse_banned(link, reply, author);
  const ResumeState before = ResumeState::parse((*stored)->secret_sha256);
  switch (before.match(*secret)) {
    case ResumeState::Match::unknown:
      return login_failed(link, reply, gone, author);
    case ResumeState::Match::used:
      if (DIM_FAULT("resume-forever")) break;
      ++counters_.thefts;
      event(StationEvent::Level::warn, "resume-theft", author,
            "a used resume secret was shown; session ended");
      if (UserSession* session = sessions_.find(*guid)) {
        end_session(*session, "theft", true);
      } else {
        drop_resume(*guid);
      }
      tell_sessions(author, "theft", nullptr);
      return login_failed(link, reply, gone, author);
    case ResumeState::Match::good:
      break;
  }
  std::vector<PublicKey> keys;
  if (config_.verify == VerifyMode::always || link.info.channel_binding.empty()) {
    auto identity = reads_.identity(author);
    if (identity && *identity) {
      auto object = parse_json_object((*identity)->meta);
      if (object) {
        if (auto meta = Meta::parse(*object)) keys = keys_of(author, *meta);
      }
    }
    if (keys.empty()) return login_failed(link, reply, gone, author);
  }
  const auto offered = packet.list("checksums");
  const bool crc32c = offered && std::ranges::find(*offered, "crc32c") != offered->end();
  const UserSession* live = sessions_.find(*guid);
  const Checksum checksum =
      live != nullptr ? live->checksum : (crc32c ? Checksum::crc32c : Checksum::sha256);

  const Bytes next = random_bytes(random_);
  // What was shown just now is the one that may come again if our answer gets lost.
  const ResumeState after{new_secret_hash(next), new_secret_hash(*secret), false};
  const Millis expires = clock_.now() + limits::kTokenMs;
  link.busy = true;
  std::vector<Write> writes;
  writes.emplace_back(PutResume{author, *guid, after.text(), expires});
  submit(std::move(writes), [this, link_id = link.id, reply_id = std::string(reply), author,
                             guid = *guid, next, after, expires, keys,
                             checksum](const Result<std::vector<Written>>& written) {
    LinkState* target_link = find(link_id);
    if (target_link == nullptr) return;
    target_link->busy = false;
    wake(*target_link);
    if (!written && written.error().code == Errc::insufficient_storage) {
      return refuse(
          *target_link, reply_id,
          error_of(Errc::token_invalid, "the disk is full, so no session can be resumed; log in"));
    }
    if (!written) return refuse_and_close(*target_link, reply_id, written.error());
    if (admin_->keeps_out(author)) return refuse_banned(*target_link, reply_id, author);
    const auto inbox = inbox_of(author, target_link->terminal);
    if (!inbox) return unreadable_login(*target_link, reply_id, inbox.error());
    UserSession* session = sessions_.find(guid);
    if (session != nullptr) {
      // The connections of before are dead or about to be: the newest one counts.
      for (LinkState*& lane : session->lanes) {
        if (lane == nullptr) continue;
        LinkState& old = *std::exchange(lane, nullptr);
        old.session = nullptr;
        close_link(old);
      }
    } else {
      while (UserSession* oldest = sessions_.oldest_beyond(author, config_.sessions_per_user)) {
        end_session(*oldest, "replaced", true);
      }
      session = &sessions_.add(guid, author);
      session->checksum = checksum;
    }
    session->resume = after;
    session->expires = expires;
    session->keys = keys;
    session->inbox = *inbox;
    session->bound = !target_link->info.channel_binding.empty();
    known_.insert_or_assign(author, true);
    ++counters_.resumes;
    event(StationEvent::Level::info, "resume", author);
    welcome(*target_link, *session, reply_id, next);
  });
}

/// The client has used what only the answer could have told it: the secret before is worthless now.
void StationCore::confirm_resume(UserSession& session) {
  if (session.resume.confirmed) return;
  session.resume.confirmed = true;
  submit(PutResume{session.user, session.guid, session.resume.text(), session.expires});
}

/// Nobody resumes this session from now on, not even before the disk knows it.
void StationCore::drop_resume(const Guid& guid) {
  dropped_.insert(guid);
  submit({DropResume{guid}}, [this, guid](const Result<std::vector<Written>>& written) {
    if (written) dropped_.erase(guid);
  });
}

void StationCore::end_session(UserSession& session, std::string_view state, bool forget) {
  LinkState* control = session.lanes[static_cast<std::size_t>(Lane::control)];
  if (control != nullptr) {
    Packet notice = Packet::request(Operation::notify);
    notice.set("type", "session").set("author", station_id_).set("state", std::string(state));
    send(*control, notice);
  }
  if (forget) drop_resume(session.guid);
  const std::string user = session.user;
  const Guid guid = session.guid;
  for (LinkState*& lane : session.lanes) {
    if (lane == nullptr) continue;
    LinkState& link = *std::exchange(lane, nullptr);
    if (link.pushing) remember_ack(session.inbox, session.acked);
    link.session = nullptr;
    close_link(link);
  }
  sessions_.attach(user, guid);  // nothing is left to resume
  sessions_.remove(session);
}

void StationCore::tell_sessions(std::string_view user, std::string_view state,
                                const UserSession* except) {
  Packet notice = Packet::request(Operation::notify);
  notice.set("type", "session").set("author", station_id_).set("state", std::string(state));
  for (UserSession* session : sessions_.of(user)) {
    LinkState* control = session->lanes[static_cast<std::size_t>(Lane::control)];
    if (session != except && control != nullptr) send(*control, notice);
  }
}

// --- 8801 to 8804, and lanes in the connection of 8800
// -------------------------------------------------------------------------------------------------

void StationCore::connect_lane(LinkState& link, const Packet& packet) {
  const std::string_view reply = packet.get("id");
  if (!packet.has("session") && packet.has("author")) {
    Packet wrong =
        Packet::response(error_of(Errc::wrong_instance,
                                  "log in on 8800; this port takes CONNECT with session and proof"),
                         reply);
    return send(link, wrong.set("port", std::to_string(draft_port(Lane::control))));
  }
  auto guid = Guid::parse(packet.get("session"));
  if (!guid)
    return refuse(link, reply, error_of(Errc::bad_request, "session is a GUID of 32 hex digits"));
  std::optional<std::int64_t> after;
  if (packet.has("after")) {
    after = parse_count(packet.get("after"));
    if (!after || link.info.lane != Lane::text) {
      return refuse(
          link, reply,
          error_of(Errc::bad_request, "after is a cursor (a whole number), on 8801 only"));
    }
  }
  UserSession* session = sessions_.find(*guid);
  const auto shown = from_base64(packet.get("proof"));
  const auto proven_on = [&](const LinkState* on) {
    return on != nullptr &&
           equal_secret(*shown, port_proof(session->token.view(), draft_port(link.info.lane),
                                           on->info.channel_binding));
  };
  const bool right =
      session != nullptr && shown && clock_.monotonic() < session->token_until &&
      (link.carrier == nullptr || link.carrier->session == session) &&
      (proven_on(&link) || (DIM_FAULT("token-anywhere") && proven_on(session->lanes.front())));
  if (!right) {
    return login_failed(
        link, reply,
        error_of(Errc::token_invalid, "this is not a proof of that session for this connection"),
        {});
  }
  LinkState*& lane = session->lanes[static_cast<std::size_t>(link.info.lane)];
  if (lane != nullptr && !DIM_FAULT("lane-twice")) {
    return refuse(link, reply,
                  error_of(Errc::conflict, "the session has a connection on this port already"));
  }
  lane = &link;
  link.session = session;
  link.link->proven();
  link.phase = LinkState::Phase::proven;
  link.failures = 0;
  session->last_active = clock_.monotonic();
  link.reader.set_options({.lane = link.info.lane,
                           .checksum_required = true,
                           .crc32c_agreed = session->checksum == Checksum::crc32c});
  confirm_resume(*session);
  send(link, Packet::response(200, reply));
  if (after) start_pushing(link, *after);
}

}  // namespace dim
