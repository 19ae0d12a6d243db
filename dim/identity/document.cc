#include "dim/identity/document.h"

#include <algorithm>
#include <cmath>

#include "dim/base/base64.h"
#include "dim/base/limits.h"
#include "dim/base/utf8.h"
#include "dim/crypto/rsa_numbers.h"
#include "dim/identity/ted.h"

namespace dim {
namespace {

constexpr std::size_t kTypeBytes = 32;
constexpr std::size_t kSignatureText = 2 * limits::kKiB;
constexpr Millis kNewPlace = 600'000;

const std::string* twin_text(const JsonObject& object, std::string_view name,
                             std::string_view other) {
  const std::string* text = object.text(name);
  return text != nullptr ? text : object.text(other);
}

std::optional<std::string> some(const std::string* text) {
  if (text == nullptr || text->empty() || *text == "*") return std::nullopt;
  return *text;
}

// Outside first: that is what peers go by. Strict reading lets the signed text inside decide where
// nothing stands outside.
std::string type_of(const JsonObject& object, const SignedData& document, Reading reading) {
  if (const std::string* type = object.text("type"); type != nullptr && !type->empty())
    return *type;
  const std::string* inner = document.properties.text("type");
  if (reading == Reading::strict && inner != nullptr && !inner->empty()) return *inner;
  return document.did.is_group() ? "bulletin" : "visa";
}

bool right_type(std::string_view type) {
  if (type.empty() || type.size() > kTypeBytes) return false;
  return std::ranges::all_of(type, [](char c) { return c > ' ' && c < 127; });
}

Status check_forms(const JsonObject& object) {
  const std::string* data = object.text("data");
  if (data != nullptr && data->size() > limits::kDocumentBytes)
    return fail(Errc::too_large, "a document has 16 KiB at most");
  if (const std::string* signature = object.text("signature");
      signature != nullptr && signature->size() > kSignatureText) {
    return fail(Errc::too_large, "the signature of a document is too long");
  }
  const std::string* did = object.text("did");
  const std::string* old = object.text("ID");
  if (did != nullptr && old != nullptr && *did != *old)
    return fail(Errc::document, "did and ID of a document disagree");
  return {};
}

// What stands inside is signed and must say the same as what stands outside (A04).
Status check_inside(const SignedData& document, const Id& id) {
  if (const Json* did = document.properties.find("did")) {
    if (did->text() == nullptr) return fail(Errc::document, "did inside a document must be text");
    const auto inner = Id::parse_near(*did->text(), id);
    if (!inner || !inner->same_entity(id))
      return fail(Errc::document, "the document was signed for another ID");
    const std::string inner_terminal = inner->terminal() == "*" ? "" : inner->terminal();
    if (inner_terminal != document.terminal.value_or("")) {
      return fail(Errc::document, "the document was signed for another device");
    }
  }
  if (const Json* type = document.properties.find("type")) {
    if (type->text() == nullptr || *type->text() != document.type) {
      return fail(Errc::document, "the document was signed as another type");
    }
  }
  return {};
}

Millis to_millis(double seconds) {
  constexpr double kLast =
      9e12;  // far beyond any plausible time, within what a double counts exactly
  return seconds < kLast ? static_cast<Millis>(std::llround(seconds * 1000))
                         : static_cast<Millis>(kLast);
}

Result<WireId> read_did(std::string_view text, const Id* known) {
  auto id = WireId::parse(text);
  if (id || known == nullptr || known->address().form() == nullptr) return id;
  auto near = Id::parse_near(text.substr(0, text.find_last_not_of('/') + 1), *known);
  if (!near) return std::unexpected(near.error());
  WireAddress address{AddressKind::added, near->address().network_byte(), near->address().text()};
  const std::string& terminal = near->terminal();
  return WireId::of(near->name(), std::move(address),
                    terminal.empty() ? std::nullopt : std::optional(terminal));
}

Result<SignedData> verify_signed_data(const JsonObject& object, const PublicKey& key,
                                      Reading reading, const Id* known) {
  const bool strict = reading == Reading::strict;
  if (strict) {
    if (auto right = check_forms(object); !right) return std::unexpected(right.error());
  }
  const std::string* did = twin_text(object, "did", "ID");
  const std::string* data = object.text("data");
  const Json* signature = object.find("signature");
  if (did == nullptr || data == nullptr || signature == nullptr) {
    return fail(Errc::document, "a document needs did, data and signature");
  }
  auto id = read_did(*did, known);
  if (!id) return std::unexpected(id.error());
  const auto bytes = read_data(*signature, reading);
  if (!bytes) return fail(Errc::document, "the signature of a document must be base64");
  if (!key.verify(as_bytes(*data), *bytes))
    return fail(Errc::signature, "the document is not signed by the key of its meta");

  auto properties = parse_json_object(*data);
  if (!properties) return std::unexpected(properties.error());
  SignedData out{.did = std::move(*id)};
  out.properties = std::move(*properties);
  out.terminal = some(object.text("terminal"));
  const auto named = some(out.did.terminal ? &*out.did.terminal : nullptr);
  if (strict && out.terminal && named && out.terminal != named) {
    return fail(Errc::document, "terminal and did of a document name different devices");
  }
  if (!out.terminal) out.terminal = named;
  out.type = type_of(object, out, reading);
  if (const Json* time = out.properties.find("time")) out.time = read_time(*time);
  return out;
}

}  // namespace

Result<SignedData> verify_document(const JsonObject& object, const PublicKey& key,
                                   Reading reading) {
  return verify_signed_data(object, key, reading, nullptr);
}

Result<SignedData> verify_document(const JsonObject& object, const PublicKey& key,
                                   const Id& known) {
  return verify_signed_data(object, key, Reading::strict, &known);
}

Result<Document> Document::parse(const JsonObject& object, const Id& id, const Meta& meta) {
  if (auto right = check_forms(object); !right) return std::unexpected(right.error());
  if (!meta.matches(id))
    return fail(Errc::document, "the meta does not make the ID of the document");
  const std::string* did = twin_text(object, "did", "ID");
  if (did == nullptr) return fail(Errc::document, "a document needs its did");
  // "<ID>//" and "<ID>/" are what 2026 stations write for no device at all.
  const auto outer =
      Id::parse_near(std::string_view(*did).substr(0, did->find_last_not_of('/') + 1), id);
  if (!outer) return std::unexpected(outer.error());
  if (!outer->same_entity(id)) return fail(Errc::document, "the document belongs to another ID");

  auto verified = verify_document(object, meta.key(), id);
  if (!verified) return std::unexpected(verified.error());
  if (!right_type(verified->type))
    return fail(Errc::document, "the type of a document has 1 to 32 printable characters");
  if (verified->terminal) {
    if (!Id::parse_near(id.bare().text() + "/" + *verified->terminal, id)) {
      return fail(
          Errc::document,
          "the terminal of a document has 1 to 32 letters, digits, dots, hyphens or underscores");
    }
  }
  if (auto right = check_inside(*verified, id); !right) return std::unexpected(right.error());

  Document document(id.bare(), std::move(verified->type));
  document.terminal_ = verified->terminal.value_or("");
  if (verified->time) document.time_ = to_millis(*verified->time);
  document.properties_ = std::move(verified->properties);
  const std::string name = document.terminal_.empty()
                               ? document.id_.text()
                               : document.id_.with_terminal(document.terminal_).text();
  document.json_.set("did", name);
  document.json_.set("type", document.type_);
  document.json_.set("data", *object.text("data"));
  document.json_.set("signature", *object.find("signature"));
  document.json_.set("ID", name);
  return document;
}

Document Document::make(const Id& id, std::string type, JsonObject properties, Millis time,
                        const PrivateKey& key) {
  const Id named = id.terminal() == "*" ? id.bare() : id;
  Document document(id.bare(), std::move(type));
  document.terminal_ = named.terminal();
  document.time_ = time;
  document.properties_.set("type", document.type_);
  document.properties_.set("did", named.text());
  for (const auto& [name, value] : properties) {
    if (name != "type" && name != "did" && name != "time") document.properties_.set(name, value);
  }
  document.properties_.set("time", static_cast<double>(time) / 1000);
  const std::string data = write_json(document.properties_, JsonStyle::reference);
  document.json_.set("did", named.text());
  document.json_.set("type", document.type_);
  document.json_.set("data", data);
  document.json_.set("signature", to_base64(key.sign(as_bytes(data))));
  document.json_.set("ID", named.text());
  return document;
}

std::string Document::name() const {
  const std::string* text = properties_.text("name");
  return text != nullptr ? *text : std::string();
}

Result<PublicKey> Document::message_key() const {
  const Json* value = properties_.find("key");
  if (value == nullptr) return fail(Errc::not_found, "the document has no key");
  const JsonObject* object = value->object();
  if (object == nullptr) return fail(Errc::key, "the key of a document must be an object");
  if (PrivateKey::parse(*object)) {
    return fail(Errc::document,
                "you published a private key: make a new message key and a new visa at once");
  }
  auto key = PublicKey::parse(*object);
  if (!key) return key;
  if (!key->can_encrypt()) return fail(Errc::key, "the key of a visa must be able to encrypt: RSA");
  return key;
}

Digest32 Document::digest() const { return sha256(as_bytes(*json_.text("data"))); }

Status check_document_time(const Document& document, std::optional<Millis> stored, Millis now) {
  const std::optional<Millis> time = document.time();
  if (!time) return fail(Errc::bad_request, "a document needs its time");
  if (!plausible_time(*time, now))
    return fail(Errc::bad_request, "the time of the document is before 2018 or in the future");
  if (stored && *time < *stored)
    return fail(Errc::conflict, "a newer document of this type is known");
  return {};
}

bool names_place(const Document& document) { return document.properties().contains("did"); }

Status check_new_place(const Document& document, std::span<const Document> known, Millis now) {
  const auto same_place = [&](const Document& one) {
    return one.type() == document.type() && one.terminal() == document.terminal();
  };
  if (names_place(document) || std::ranges::any_of(known, same_place)) return {};
  const Millis time = document.time().value_or(0);
  const bool fresh = time >= now - kNewPlace;
  for (const Document& one : known) {
    if (one.digest() == document.digest())
      return fail(Errc::conflict, "this document is known as another device's");
    if (!fresh && time < one.time().value_or(0))
      return fail(Errc::conflict, "a newer document is known, and this one may have been replaced");
  }
  return {};
}

bool may_prove(const Document& document, std::span<const Document> known) {
  return names_place(document) || std::ranges::none_of(known, [&](const Document& one) {
           return one.properties().contains("key") && one.time() > document.time();
         });
}

Status check_visa_key(const Document& document) {
  if (document.type() != "visa" || !document.properties().contains("key")) return {};
  const auto key = document.message_key();
  if (!key) return std::unexpected(key.error());
  const Bytes spki = key->data();
  const auto numbers = rsa::read_public(spki);
  if (!numbers || !rsa::composite(numbers->n))
    return fail(Errc::key,
                "the modulus of this RSA key is a prime, so everybody could read with it");
  return {};
}

std::map<std::string, std::size_t> newest_visas(std::span<const Document> documents) {
  std::map<std::string, std::size_t> out;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (documents[i].type() != "visa") continue;
    const auto [place, fresh] = out.emplace(documents[i].terminal(), i);
    if (!fresh && documents[place->second].time() < documents[i].time()) place->second = i;
  }
  return out;
}

std::optional<std::size_t> newest_visa(std::span<const Document> documents,
                                       std::string_view terminal) {
  std::optional<std::size_t> out;
  for (const auto& [device, index] : newest_visas(documents)) {
    if (terminal != "*" && terminal != device) continue;
    if (!out || documents[*out].time() < documents[index].time()) out = index;
  }
  return out;
}

JsonObject fix_document(const JsonObject& document) {
  JsonObject out = document;
  const Json* did = document.find("did");
  const Json* old = document.find("ID");
  if (did != nullptr && old == nullptr) out.set("ID", *did);
  if (did == nullptr && old != nullptr) out.set("did", *old);
  return out;
}

}  // namespace dim
