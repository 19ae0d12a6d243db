// Documents: what an entity says of itself, signed with its meta key. A visa for users, a bulletin for groups.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dim/base/json.h"
#include "dim/base/time.h"
#include "dim/identity/meta.h"

namespace dim {

/// A document whose signature verified with the meta of its ID. The signed text is kept as it came.
class Document {
 public:
  /// Checks: did inside and outside agree with `id`, signature over the bytes of `data`, JSON of `data`, size (16 KiB).
  /// Time rules (A04, I11) are `check_document_time`.
  static Result<Document> parse(const JsonObject& object, const Id& id, const Meta& meta);
  /// Signs; `properties` gets `did`, `type` and `time` inside, as security.md 2.6 wants.
  static Document make(const Id& id, std::string type, JsonObject properties, Millis time, const PrivateKey& key);

  const Id& id() const { return id_; }
  const std::string& type() const { return type_; }        ///< "visa", "bulletin", "profile"
  const std::string& terminal() const { return terminal_; }
  std::optional<Millis> time() const { return time_; }
  const JsonObject& properties() const { return properties_; }
  std::string name() const;
  /// Visa: the key that messages to this entity are encrypted with, when it is a public key we can use. A private
  /// key published by mistake is Errc::document with a hint that says so (I12).
  Result<PublicKey> message_key() const;
  const JsonObject& json() const { return json_; }  ///< with `did` and `ID`
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

/// Not in the future (5 min), not older than `stored` of the same (type, terminal); Errc::document or Errc::conflict.
Status check_document_time(const Document& document, std::optional<Millis> stored, Millis now);

}  // namespace dim
