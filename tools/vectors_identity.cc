// Kinds of identity*.json, metas*.json and documents*.json. Everything is checked at the codec
// level; beside that, what the codec refuses the trust boundary must refuse too.
#include <array>

#include "dim/base/hex.h"
#include "dim/identity/document.h"
#include "dim/identity/id.h"
#include "dim/identity/meta.h"
#include "dim/identity/ted.h"
#include "tools/vectors.h"

namespace dim::vectors {
namespace {

using Outcome = std::optional<std::string>;

Json or_null(const std::optional<std::string>& text) { return text ? Json(*text) : Json(); }

std::string class_of(AddressKind kind) {
  switch (kind) {
    case AddressKind::btc:
      return "BTCAddress";
    case AddressKind::eth:
      return "ETHAddress";
    case AddressKind::broadcast:
      return "BroadcastAddress";
    case AddressKind::added:
      break;
  }
  return {};
}

JsonObject describe(const WireId& id) {
  JsonObject out;
  out.set("string", id.text);
  out.set("name", or_null(id.name));
  out.set("address", id.address.text);
  out.set("terminal", or_null(id.terminal));
  out.set("network", static_cast<int>(id.address.network));
  out.set("type", static_cast<int>(id.address.network));
  out.set("address_class", class_of(id.address.kind));
  out.set("is_user", id.is_user());
  out.set("is_group", id.is_group());
  out.set("is_broadcast", id.is_broadcast());
  return out;
}

Outcome compare_id(const Json& expected, const Result<WireId>& id) {
  const JsonObject* object = expected.object();
  if (object == nullptr) return id ? std::optional(differs(expected, describe(*id))) : std::nullopt;
  if (!id) return differs(expected, to_string(id.error()));
  return compare_members(*object, describe(*id));
}

// The type as the reference's programs see it, beside the byte that its core reads.
JsonObject describe_type(const WireId& id) {
  JsonObject out;
  out.set("type", static_cast<int>(id.type()));
  out.set("is_user", (id.type() & 1) == 0);
  out.set("is_group", (id.type() & 1) != 0);
  out.set("is_broadcast", (id.type() & 0x80) != 0);
  return out;
}

Outcome id_parse(const Case& test, const Accounts&) {
  const std::string& text = text_member(test.input, "string");
  const auto id = WireId::parse(text);
  if (auto wrong = check_verdict(test, id.has_value())) return wrong;
  if (!id && Id::parse(text)) return differs("the trust boundary", "reject", "accept");
  const JsonObject* expected = test.expected.object();
  const Json* strict = expected != nullptr ? expected->find("strict") : nullptr;
  if (auto wrong = compare_id(strict != nullptr ? *strict : test.expected, id)) return wrong;
  for (const std::string_view generation : {"compat", "compat_2026"}) {
    const Json* compat = id && expected != nullptr ? expected->find(generation) : nullptr;
    if (compat == nullptr || compat->object() == nullptr) continue;
    const JsonObject type = describe_type(*id);
    for (const auto& [name, value] : type) {
      const Json* wanted = compat->object()->find(name);
      if (wanted != nullptr && !(*wanted == value)) return differs(name, *wanted, value);
    }
  }
  return std::nullopt;
}

Result<WireId> id_of_meta(const Meta& meta, const JsonObject& input) {
  const Json* network = input.find("network");
  auto address =
      meta.address(static_cast<std::uint8_t>(network != nullptr ? network->number() : 0));
  if (!address) return std::unexpected(address.error());
  std::optional<std::string> terminal;
  if (const std::string* text = input.text("terminal")) terminal = *text;
  return WireId::of(meta.seed(), std::move(*address), std::move(terminal));
}

Outcome id_from_meta(const Case& test, const Accounts&) {
  const auto meta = Meta::parse(object_member(test.input, "meta"), Reading::codec);
  if (!meta) return check_verdict(test, false);
  const auto id = id_of_meta(*meta, test.input);
  if (auto wrong = check_verdict(test, id.has_value())) return wrong;
  if (id && !meta->matches(*id)) return differs("the ID matches its meta", true, false);
  // Here the reference answers with the types of its programs, not with the bytes of its core.
  const JsonObject* expected = test.expected.object();
  if (!id || expected == nullptr) return compare_id(test.expected, id);
  JsonObject got = describe(*id);
  for (const auto& [name, value] : describe_type(*id)) got.set(name, value);
  return compare_members(*expected, got);
}

Outcome compare_flag(const Case& test, std::string_view name, bool got) {
  if (auto wrong = check_verdict(test, got)) return wrong;
  JsonObject object;
  object.set(name, got);
  return test.expected.object() != nullptr ? compare_members(*test.expected.object(), object)
                                           : std::nullopt;
}

Outcome id_matches_meta(const Case& test, const Accounts&) {
  const auto id = WireId::parse(text_member(test.input, "id"));
  const auto meta = Meta::parse(object_member(test.input, "meta"), Reading::codec);
  return compare_flag(test, "match", id && meta && meta->matches(*id));
}

Outcome id_equal(const Case& test, const Accounts&) {
  const auto a = WireId::parse(text_member(test.input, "a"));
  const auto b = WireId::parse(text_member(test.input, "b"));
  return compare_flag(test, "equal", a && b && a->text == b->text);
}

Outcome id_same(const Case& test, const Accounts&) {
  const auto a = WireId::parse(text_member(test.input, "a"));
  const auto b = WireId::parse(text_member(test.input, "b"));
  return compare_flag(test, "same", a && b && a->same_entity(*b));
}

Outcome id_terminal(const Case& test, const Accounts&) {
  const auto id = WireId::parse(text_member(test.input, "id"));
  if (auto wrong = check_verdict(test, id.has_value())) return wrong;
  if (!id || test.expected.object() == nullptr) return std::nullopt;
  return compare_members(*test.expected.object(),
                         describe(id->with_terminal(text_member(test.input, "terminal"))));
}

// Addresses for the networks that the vectors ask for; those that the meta cannot make are left
// out.
JsonObject addresses_of(const Meta& meta) {
  JsonObject out;
  for (const int network : {0, 1, 2, 3, 4, 5, 8}) {
    if (const auto address = meta.address(static_cast<std::uint8_t>(network)))
      out.set(std::to_string(network), address->text);
  }
  return out;
}

Outcome meta_valid(const Case& test, const Accounts&) {
  const JsonObject& object = object_member(test.input, "meta");
  const auto meta = Meta::parse(object, Reading::codec);
  if (auto wrong = check_verdict(test, meta.has_value())) return wrong;
  if (!meta)
    return Meta::parse(object) ? std::optional(differs("the trust boundary", "reject", "accept"))
                               : std::nullopt;
  JsonObject got;
  got.set("valid", true);
  got.set("type", type_text(*object.find("type")));
  got.set("seed", meta->seed().empty() ? Json() : Json(meta->seed()));
  got.set("key_data_hex", to_hex(meta->key().data()));
  got.set("addresses", addresses_of(*meta));
  return test.expected.object() != nullptr ? compare_members(*test.expected.object(), got)
                                           : std::nullopt;
}

Outcome compare_object(const Case& test, std::string_view name, JsonObject got) {
  if (auto wrong = check_verdict(test, true)) return wrong;
  const JsonObject* expected = test.expected.object();
  const Json* value = expected != nullptr ? expected->find(name) : nullptr;
  if (value == nullptr || !(*value == Json(got)))
    return differs(value != nullptr ? *value : Json(), std::move(got));
  return std::nullopt;
}

Outcome meta_compat_fix(const Case& test, const Accounts&) {
  return compare_object(test, "meta", meta_for_wire(object_member(test.input, "meta")));
}

Outcome document_compat_fix(const Case& test, const Accounts&) {
  return compare_object(test, "document", fix_document(object_member(test.input, "document")));
}

Json property(const SignedData& document, std::string_view name) {
  const Json* value = document.properties.find(name);
  return value != nullptr ? *value : Json();
}

Json visa_key(const SignedData& document) {
  const Json* value = document.properties.find("key");
  if (value == nullptr || value->object() == nullptr || !PublicKey::parse(*value->object()))
    return {};
  return *value;
}

Json avatar(const SignedData& document) {
  const Json* value = document.properties.find("avatar");
  if (value == nullptr) return {};
  const auto file = PortableFile::parse(*value, Reading::codec);
  return file ? file->json() : Json();
}

Json assistants(const SignedData& document) {
  if (const Json* list = document.properties.find("assistants");
      list != nullptr && list->array() != nullptr)
    return *list;
  const std::string* one = document.properties.text("assistant");
  return one != nullptr ? Json(JsonArray{Json(*one)}) : Json(JsonArray{});
}

JsonObject describe(const SignedData& document) {
  JsonObject out;
  const bool visa = document.type == "visa";
  const bool bulletin = document.type == "bulletin";
  out.set("valid", true);
  out.set("class", visa ? "BaseVisa" : bulletin ? "BaseBulletin" : "BaseDocument");
  out.set("did", document.did.text);
  out.set("properties", document.properties);
  out.set("time", document.time ? Json(*document.time) : Json());
  out.set("terminal", or_null(document.terminal));
  out.set("name", property(document, "name"));
  out.set("visa_key", visa_key(document));
  out.set("avatar", avatar(document));
  out.set("founder", property(document, "founder"));
  out.set("assistants", assistants(document));
  return out;
}

bool boundary_accepts(const JsonObject& document, const JsonObject& meta_object) {
  const auto id = Id::parse(text_member(document, "did"));
  const auto meta = Meta::parse(meta_object);
  return id && meta && Document::parse(document, *id, *meta);
}

Outcome document_verify(const Case& test, const Accounts&) {
  const JsonObject& object = object_member(test.input, "document");
  const JsonObject& meta_object = object_member(test.input, "meta");
  const auto meta = Meta::parse(meta_object, Reading::codec);
  if (!meta) return check_verdict(test, false);
  const auto document = verify_document(object, meta->key(), Reading::codec);
  if (auto wrong = check_verdict(test, document.has_value())) return wrong;
  if (!document) {
    return boundary_accepts(object, meta_object)
               ? std::optional(differs("the trust boundary", "reject", "accept"))
               : std::nullopt;
  }
  return test.expected.object() != nullptr
             ? compare_members(*test.expected.object(), describe(*document))
             : std::nullopt;
}

// Index of the private key whose public half the visa holds.
Json index_of_key(const Document& visa, const JsonArray& private_keys) {
  const auto key = visa.message_key();
  for (std::size_t i = 0; key && i < private_keys.size(); ++i) {
    const auto own = private_keys[i].object() != nullptr
                         ? PrivateKey::parse(*private_keys[i].object())
                         : Result<PrivateKey>(fail(Errc::key, "a key must be an object"));
    if (own && own->public_key().data() == key->data()) return static_cast<int>(i);
  }
  return {};
}

Outcome document_select(const Case& test, const Accounts&) {
  const auto meta = Meta::parse(object_member(test.input, "meta"));
  const Json* list = test.input.find("documents");
  const Json* keys = test.input.find("private_keys");
  if (!meta || list == nullptr || list->array() == nullptr || keys == nullptr ||
      keys->array() == nullptr) {
    return differs("a meta, documents and private keys", "readable", "not readable");
  }
  std::vector<Document> documents;
  for (const Json& entry : *list->array()) {
    const auto id = entry.object() != nullptr
                        ? Id::parse(text_member(*entry.object(), "did"))
                        : Result<Id>(fail(Errc::document, "a document must be an object"));
    auto document = id ? Document::parse(*entry.object(), *id, *meta)
                       : Result<Document>(std::unexpected(id.error()));
    if (!document) return differs("a document", "accept", to_string(document.error()));
    documents.push_back(std::move(*document));
  }
  JsonObject got, encrypt_for;
  const auto last = newest_visa(documents, text_member(test.input, "terminal"));
  got.set("last_visa", last ? Json(static_cast<int>(*last)) : Json());
  for (const auto& [terminal, index] : newest_visas(documents)) {
    encrypt_for.set(terminal.empty() ? "/" : terminal,
                    index_of_key(documents[index], *keys->array()));
  }
  got.set("encrypt_for", std::move(encrypt_for));
  if (auto wrong = check_verdict(test, true)) return wrong;
  return test.expected.object() != nullptr ? compare_members(*test.expected.object(), got)
                                           : std::nullopt;
}

}  // namespace

void add_identity_checks(CheckTable& table) {
  table["id_parse"] = id_parse;
  table["id_from_meta"] = id_from_meta;
  table["id_matches_meta"] = id_matches_meta;
  table["id_equal"] = id_equal;
  table["id_same"] = id_same;
  table["id_terminal"] = id_terminal;
  table["meta_valid"] = meta_valid;
  table["meta_compat_fix"] = meta_compat_fix;
  table["document_verify"] = document_verify;
  table["document_compat_fix"] = document_compat_fix;
  table["document_select"] = document_select;
}

}  // namespace dim::vectors
