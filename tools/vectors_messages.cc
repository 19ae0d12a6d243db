// Kinds of messages*.json: whole messages on their way from content to wire and back.
#include <algorithm>
#include <memory>

#include "dim/base/base64.h"
#include "dim/crypto/os_random.h"
#include "dim/engine/engine.h"
#include "dim/engine/steps.h"
#include "dim/message/delivery.h"
#include "dim/protocol/content.h"
#include "dim/protocol/wire.h"
#include "tools/vectors.h"

namespace dim::vectors {
namespace {

using Outcome = std::optional<std::string>;

// All test accounts of one generation, and everything that is public about them.
struct Cast {
  std::map<std::string, Account, std::less<>> accounts;  // "bob", "dave/phone"
  std::map<std::string, Id, std::less<>> ids;            // groups too
  std::map<std::string, std::vector<Id>, std::less<>> members;
  Directory directory;
  Millis now = 0;
};

// Vectors carry times of their own; the clock stands a day after the newest document.
Millis newest_time(const JsonObject& accounts) {
  double newest = 0;
  for (const auto& [name, value] : accounts) {
    if (value.object() == nullptr) continue;
    for (const std::string_view member : {"visa", "bulletin"}) {
      auto data = parse_json_object(text_member(object_member(*value.object(), member), "data"));
      if (data) newest = std::max(newest, read_seconds(data->find("time")));
    }
  }
  return static_cast<Millis>(newest * 1000) + Millis{24} * 3'600'000;
}

void add_account(Cast& cast, const std::string& name, const Id& id, const Meta& meta,
                 const JsonObject& keys, const JsonObject& device) {
  auto visa = Document::parse(object_member(device, "visa"), id, meta);
  auto identity = PrivateKey::parse(object_member(keys, "identity_private_key"));
  auto message_key = PrivateKey::parse(object_member(device, "message_private_key"));
  if (!visa || !identity || !message_key) return;
  std::vector<PrivateKey> message_keys;
  message_keys.push_back(std::move(*message_key));
  const Id own = visa->terminal().empty() ? id : id.with_terminal(visa->terminal());
  cast.accounts.emplace(
      name, Account{own, meta, std::move(*visa), std::move(*identity), std::move(message_keys)});
}

void add_entity(Cast& cast, const std::string& name, const JsonObject& entity) {
  auto id = Id::parse(text_member(entity, "id"));
  auto meta = Meta::parse(object_member(entity, "meta"));
  if (!id || !meta || !cast.directory.learn_meta(*id, *meta)) return;
  cast.ids.emplace(name, *id);
  std::vector<const JsonObject*> documents;
  if (const Json* visas = entity.find("visas"); visas != nullptr && visas->array() != nullptr) {
    for (const Json& visa : *visas->array()) {
      if (visa.object() != nullptr) documents.push_back(visa.object());
    }
  } else {
    for (const std::string_view member : {"visa", "bulletin"}) {
      if (entity.contains(member)) documents.push_back(&object_member(entity, member));
    }
  }
  for (const JsonObject* document : documents)
    (void)cast.directory.learn_document(*id, *document, cast.now);
  add_account(cast, name, *id, *meta, entity, entity);
  for (const auto& [terminal, device] : object_member(entity, "terminals")) {
    if (device.object() != nullptr)
      add_account(cast, name + "/" + terminal, *id, *meta, entity, *device.object());
  }
  if (const Json* list = entity.find("members"); list != nullptr && list->array() != nullptr) {
    for (const Json& member : *list->array()) {
      if (auto member_id = member.text() != nullptr ? Id::parse(*member.text()) : Id::parse("")) {
        cast.members[name].push_back(*member_id);
      }
    }
  }
}

std::shared_ptr<const Cast> assemble(const JsonObject& accounts) {
  auto cast = std::make_shared<Cast>();
  cast->now = newest_time(accounts);
  for (const auto& [name, entity] : accounts) {
    if (entity.object() != nullptr) add_entity(*cast, name, *entity.object());
  }
  return cast;
}

// Assembled once for each generation: parsing and checking the keys takes longer than the cases.
class Casts {
 public:
  const Cast& of(const Case& test, const Accounts& accounts) {
    std::shared_ptr<const Cast>& cast = casts_[test.generation];
    if (!cast) cast = assemble(accounts.of(test));
    return *cast;
  }

 private:
  std::map<std::string, std::shared_ptr<const Cast>> casts_;
};

const Account* find_account(const Cast& cast, std::string_view name) {
  const auto found = cast.accounts.find(name);
  return found != cast.accounts.end() ? &found->second : nullptr;
}

// How far a message got.
struct Received {
  std::string stage;
  std::optional<JsonObject> content;
};

Received receive(std::string_view bytes, const Account& receiver, const Cast& cast, KeyRing& keys,
                 Reading reading) {
  auto message = SignedMessage::parse(bytes, reading);
  if (!message) return {"parse", {}};
  Directory directory = cast.directory;
  OpenRules rules{.reading = reading, .keys = &keys};
  auto opened = open(*message, receiver, directory, nullptr, cast.now, rules);
  if (opened) return {"ok", std::move(opened->message.content)};
  const Errc code = opened.error().code;
  const bool unverified =
      code == Errc::signature || code == Errc::not_found || code == Errc::conflict;
  return {unverified ? "verify" : "decrypt", {}};
}

// The case holds text; with "latin1" each character stands for one byte.
std::string wire_bytes(const JsonObject& input, std::string_view name) {
  const std::string& text = text_member(input, name);
  if (text_member(input, "encoding") != "latin1") return text;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80 || i + 1 == text.size()) {
      out += text[i];
    } else {
      ++i;
      out += static_cast<char>((lead & 0x03) << 6 | (static_cast<unsigned char>(text[i]) & 0x3F));
    }
  }
  return out;
}

// Old names may stand in the expected content as they were sent.
Json completed(const Json& content) {
  if (content.object() == nullptr) return content;
  auto full = from_wire(*content.object());
  return full ? Json(std::move(*full)) : content;
}

Outcome message_receive(const Case& test, const Cast& cast) {
  const Account* receiver = find_account(cast, text_member(test.input, "receiver"));
  if (receiver == nullptr) return "expected an account, got an unknown receiver";
  KeyRing keys;
  if (test.input.contains("previous_wire")) {
    const Received before =
        receive(wire_bytes(test.input, "previous_wire"), *receiver, cast, keys, Reading::codec);
    if (before.stage != "ok") return differs("previous_wire", "ok", before.stage);
  }
  const std::string wire = wire_bytes(test.input, "wire");
  const Received got = receive(wire, *receiver, cast, keys, Reading::codec);
  if (auto wrong = check_verdict(test, got.stage == "ok")) return wrong;
  const JsonObject* expected = test.expected.object();
  if (expected == nullptr) return std::nullopt;
  if (const std::string& stage = text_member(*expected, "stage"); stage != got.stage) {
    return differs("stage", stage, got.stage);
  }
  if (got.content) {
    const Json* detail = expected->find("detail");
    if (detail != nullptr && !(completed(*detail) == Json(*got.content)))
      return differs("content", *detail, *got.content);
    return std::nullopt;
  }
  KeyRing none;
  if (receive(wire, *receiver, cast, none, Reading::strict).stage == "ok") {
    return differs("the trust boundary", "reject", "accept");
  }
  return std::nullopt;
}

Outcome message_route(const Case& test, const Cast&) {
  const auto route = route_of(object_member(test.input, "envelope"));
  if (auto wrong = check_verdict(test, route.has_value())) return wrong;
  if (!route || test.expected.object() == nullptr) return std::nullopt;
  JsonObject got;
  got.set("sender", route->sender.text());
  got.set("receiver", route->receiver.text());
  return compare_members(*test.expected.object(), got);
}

Outcome message_explode(const Case& test, const Cast&) {
  auto message = SignedMessage::from_json(object_member(test.input, "reliable"), Reading::codec);
  auto receiver = Id::parse(text_member(test.input, "receiver"));
  if (auto wrong = check_verdict(test, message && receiver)) return wrong;
  if (!message || !receiver || test.expected.object() == nullptr) return std::nullopt;
  std::vector<std::string> terminals;
  if (const Json* list = test.input.find("terminals");
      list != nullptr && list->array() != nullptr) {
    for (const Json& terminal : *list->array()) {
      if (terminal.text() != nullptr) terminals.push_back(*terminal.text());
    }
  }
  JsonObject got;
  for (auto& [target, copy] : copies_for_devices(*message, *receiver, terminals))
    got.set(target, std::move(copy));
  const JsonObject& expected = object_member(*test.expected.object(), "copies");
  return got == expected ? std::nullopt : std::optional(differs("copies", expected, got));
}

// One roundtrip: everything that is not random must come out as the case says, and what is random
// must be readable.
class Roundtrip {
 public:
  Roundtrip(const Case& test, const Cast& cast)
      : test_(test),
        cast_(cast),
        expected_(object_member_of(test.expected)),
        reliable_(object_member(expected_, "reliable")),
        received_(object_member(expected_, "received")) {}

  Outcome run() {
    const JsonObject& instant = object_member(test_.input, "instant");
    sender_ = find_account(cast_, text_member(test_.input, "sender"));
    auto envelope = read_envelope(instant);
    if (sender_ == nullptr || !envelope) return "expected a sender and an envelope, got none";
    const JsonObject content = to_wire(object_member(instant, "content"), WireForm::reference);
    if (auto wrong = same("content_sent", expected_, content)) return wrong;
    envelope->type = content_type(content);

    auto built = build(std::move(*envelope), content);
    if (!built) return differs("sealing", "a message", to_string(built.error()));
    if (auto wrong = check_text(*built)) return wrong;
    auto parsed = SignedMessage::parse(text_member(expected_, "wire"), Reading::codec);
    if (!parsed) return differs("wire", "a message", to_string(parsed.error()));
    if (auto wrong = check_key_names(*built, *parsed)) return wrong;
    if (auto wrong = check_split(*parsed)) return wrong;
    if (auto wrong = check_receivers(*parsed)) return wrong;
    return check_receivers(*built);
  }

 private:
  static const JsonObject& object_member_of(const Json& value) {
    static const JsonObject kNone;
    return value.object() != nullptr ? *value.object() : kNone;
  }

  static Outcome same(std::string_view name, const JsonObject& expected, const JsonObject& got) {
    const Json* value = expected.find(name);
    if (value == nullptr) return std::nullopt;
    return *value == Json(got) ? std::nullopt : std::optional(differs(name, *value, got));
  }

  static Result<Envelope> read_envelope(const JsonObject& instant) {
    auto sender = Id::parse(text_member(instant, "sender"));
    auto receiver = Id::parse(text_member(instant, "receiver"));
    if (!sender) return std::unexpected(sender.error());
    if (!receiver) return std::unexpected(receiver.error());
    Envelope envelope{
        .sender = *sender, .receiver = *receiver, .time = read_seconds(instant.find("time"))};
    if (const std::string& group = text_member(instant, "group"); !group.empty()) {
      auto id = Id::parse(group);
      if (!id) return std::unexpected(id.error());
      envelope.group = *id;
    }
    for (const auto& [name, value] : instant) {
      const bool own = name == "sender" || name == "receiver" || name == "time" ||
                       name == "group" || name == "content";
      if (!own) envelope.extra.set(name, value);
    }
    return envelope;
  }

  std::vector<Recipient> recipients(const Envelope& envelope) const {
    std::vector<Recipient> out;
    if (!envelope.receiver.is_group()) return cast_.directory.message_keys(envelope.receiver);
    const auto members = cast_.members.find(text_member(test_.input, "receiver"));
    if (members == cast_.members.end()) return out;
    for (const Id& member : members->second) {
      auto keys = cast_.directory.message_keys(member);
      std::move(keys.begin(), keys.end(), std::back_inserter(out));
    }
    return out;
  }

  // Our own message with the symmetric key and IV of the case.
  Result<SignedMessage> build(Envelope envelope, const JsonObject& content) {
    const std::string text = write_json(content, JsonStyle::reference);
    if (is_plain(envelope))
      return sign(without_encryption(std::move(envelope), text), sender_->identity_key);
    auto key = SymmetricKey::parse(object_member(test_.input, "symmetric_key"), Reading::codec);
    if (!key) return std::unexpected(key.error());
    auto iv = from_base64(text_member(reliable_, "IV"));
    AesIv fixed{};
    if (!iv || iv->size() != fixed.size())
      return fail(Errc::decrypt, "the case needs an IV of 16 bytes");
    std::copy(iv->begin(), iv->end(), fixed.begin());
    const std::vector<Recipient> to = recipients(envelope);
    auto sealed = encrypt(std::move(envelope), as_bytes(text), *key, fixed, to, random_);
    if (!sealed) return std::unexpected(sealed.error());
    return sign(std::move(*sealed), sender_->identity_key);
  }

  // With the random parts of the case (encrypted keys, signature) the text must be the same, byte
  // by byte.
  Outcome check_text(const SignedMessage& built) const {
    auto theirs = SignedMessage::from_json(reliable_, Reading::codec);
    if (!theirs) return differs("reliable", "a message", to_string(theirs.error()));
    SignedMessage message = built;
    if (message.sealed.data != theirs->sealed.data) {
      return differs("data", text_member(reliable_, "data"), to_base64(message.sealed.data));
    }
    message.sealed.keys = theirs->sealed.keys;
    message.sealed.key = theirs->sealed.key;
    message.signature = theirs->signature;
    const std::string& wire = text_member(expected_, "wire");
    const std::string text = write_message(message);
    if (text != wire) return differs("wire", wire, text);
    JsonObject secure = reliable_;
    secure.erase("signature");
    return same("secure", expected_, secure);
  }

  static Outcome check_key_names(const SignedMessage& built, const SignedMessage& parsed) {
    if (parsed.sealed.keys.empty()) return std::nullopt;
    const auto names = [](const SignedMessage& message) {
      std::vector<std::string> out;
      for (const auto& [name, key] : message.sealed.keys) out.push_back(name);
      std::sort(out.begin(), out.end());
      JsonArray list;
      for (std::string& name : out) list.emplace_back(std::move(name));
      return Json(std::move(list));
    };
    const Json expected = names(parsed);
    const Json got = names(built);
    return expected == got ? std::nullopt : std::optional(differs("names of keys", expected, got));
  }

  Outcome check_split(const SignedMessage& parsed) const {
    for (const auto& [name, copy] : object_member(received_, "split")) {
      const auto member = cast_.ids.find(name);
      if (member == cast_.ids.end()) return "expected an account, got an unknown member";
      const JsonObject got = copy_for_member(parsed, member->second, false);
      if (!(Json(got) == copy)) return differs("split for " + name, copy, got);
    }
    return std::nullopt;
  }

  Outcome check_receivers(const SignedMessage& message) const {
    for (const auto& [name, content] : object_member(received_, "content")) {
      const Account* receiver = find_account(cast_, name);
      if (receiver == nullptr) return "expected an account, got an unknown receiver";
      const bool split = message.sealed.envelope.receiver.is_group() && !message.sealed.plain;
      const JsonObject json = split ? copy_for_member(message, receiver->id) : to_json(message);
      KeyRing keys;
      const Received got = receive(write_json(json), *receiver, cast_, keys, Reading::codec);
      if (!got.content) return differs("stage for " + name, "ok", got.stage);
      if (!(completed(content) == Json(*got.content)))
        return differs("content for " + name, content, *got.content);
    }
    return std::nullopt;
  }

  const Case& test_;
  const Cast& cast_;
  const JsonObject& expected_;
  const JsonObject& reliable_;
  const JsonObject& received_;
  const Account* sender_ = nullptr;
  mutable OsRandom random_;
};

Outcome message_roundtrip(const Case& test, const Cast& cast) {
  const Outcome wrong = Roundtrip(test, cast).run();
  if (test.accepts()) return wrong;
  return wrong ? std::nullopt : check_verdict(test, true);
}

}  // namespace

void add_message_checks(CheckTable& table) {
  auto casts = std::make_shared<Casts>();
  const auto with_cast = [&](Outcome (*check)(const Case&, const Cast&)) {
    return [casts, check](const Case& test, const Accounts& accounts) {
      return check(test, casts->of(test, accounts));
    };
  };
  table["message_roundtrip"] = with_cast(message_roundtrip);
  table["message_receive"] = with_cast(message_receive);
  table["message_route"] = with_cast(message_route);
  table["message_explode"] = with_cast(message_explode);
}

}  // namespace dim::vectors
