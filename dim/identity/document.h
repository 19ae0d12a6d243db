// Documents: what an entity says of itself, signed with its meta key. A visa for users, a bulletin
// for groups.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/json.h"
#include "dim/base/time.h"
#include "dim/identity/meta.h"

namespace dim {

/// What a document says, before anybody asked whether it may speak for its ID.
struct SignedData {
  WireId did{};
  std::string type{};  ///< as outside, else as inside (strict), else by the ID: visa or bulletin
  std::optional<std::string>
      terminal{};                ///< field `terminal`, else that of `did`; nothing for "" and "*"
  std::optional<double> time{};  ///< seconds
  JsonObject properties{};
};

/// Checks the form and the signature over the bytes of `data` (wire.md 3.4): nothing else. The
/// signature covers neither `did` nor `type` nor `terminal`. Errc::document, ::too_large (data over
/// 16 KiB, strict), ::signature, or ::json.
Result<SignedData> verify_document(const JsonObject& object, const PublicKey& key,
                                   Reading reading = Reading::strict);
/// As above, for an ID whose address may have an added form (address_table.h).
Result<SignedData> verify_document(const JsonObject& object, const PublicKey& key, const Id& known);

/// A document that its entity has signed and that belongs to its ID. The signed text is kept as it
/// came.
class Document {
 public:
  /// Checks, in this order: size (16 KiB), that `meta` makes `id` and that `did` outside names the
  /// same entity, signature over the bytes of `data`, its JSON, that `did`, `type` and `terminal`
  /// inside agree where they are. Errc::too_large, ::document,
  /// ::signature, ::json or ::id. Time rules (A04, I11) are `check_document_time`.
  static Result<Document> parse(const JsonObject& object, const Id& id, const Meta& meta);
  /// Signs; `properties` gets `did`, `type` and `time` inside, as security.md 2.6 wants. A terminal
  /// of `id` names the device.
  static Document make(const Id& id, std::string type, JsonObject properties, Millis time,
                       const PrivateKey& key);

  const Id& id() const { return id_; }                       ///< without terminal
  const std::string& type() const { return type_; }          ///< "visa", "bulletin", "profile"
  const std::string& terminal() const { return terminal_; }  ///< empty when there is none
  std::optional<Millis> time() const { return time_; }
  const JsonObject& properties() const { return properties_; }
  std::string name() const;  ///< for people; empty when there is none
  /// Visa: the key that messages to this entity are encrypted with, when it is a public key we can
  /// use. Errc::not_found without one, Errc::key for one that is too weak or cannot encrypt. A
  /// private key published by mistake is Errc::document with a hint that says so (I12).
  Result<PublicKey> message_key() const;
  const JsonObject& json() const {
    return json_;
  }  ///< with `did` and `ID`; unsigned extras are left out
  Digest32 digest() const;  ///< SHA-256 of `data`

 private:
  Document(Id id, std::string type) : id_(std::move(id)), type_(std::move(type)) {}
  Id id_;
  std::string type_;
  std::string terminal_;
  std::optional<Millis> time_;
  JsonObject properties_;
  JsonObject json_;
};

/// Not without time, not before 2018, not in the future (5 min): Errc::bad_request. Not older than
/// `stored`, the one known of the same (type, terminal): Errc::conflict.
Status check_document_time(const Document& document, std::optional<Millis> stored, Millis now);
/// Whether its place, the (type, terminal) it stands for, is signed: `did` stands in `data`. That
/// of others, as reference clients have them, is whatever somebody has written beside `data`.
bool names_place(const Document& document);
/// A04, for a document that came unsigned beside something else: it replaces what is in `known`, or
/// its place is signed, or it is none that was replaced: other `data` than that of `known`, and
/// newer than all of it or made in the last ten minutes (clocks differ). Errc::conflict otherwise.
Status check_new_place(const Document& document, std::span<const Document> known, Millis now);
/// A04: whether its key may prove who signs. Of those whose place nobody has signed only the
/// newest: an older one may have been replaced.
bool may_prove(const Document& document, std::span<const Document> known);
/// What a station may keep and hand out (I12): a visa without a key, or with one that
/// `message_key` takes; its errors otherwise. Other documents always.
Status check_visa_key(const Document& document);

/// The newest visa of each device: terminal ("" for none) to index in `documents`. Of two with the
/// same time the first counts.
std::map<std::string, std::size_t> newest_visas(std::span<const Document> documents);
/// Index of the newest visa of one device, or of all with "*"; nothing when there is none.
std::optional<std::size_t> newest_visa(std::span<const Document> documents,
                                       std::string_view terminal);

/// Twin fields of the reference (wire.md 2.1): `did` and `ID`, each from the other.
JsonObject fix_document(const JsonObject& document);

}  // namespace dim
