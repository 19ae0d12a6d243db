// What the readers and writers of the kinds share. Nothing outside of dim/protocol includes this.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/limits.h"
#include "dim/identity/ted.h"
#include "dim/protocol/head.h"
#include "dim/protocol/kinds.h"

namespace dim::codec {

/// Takes members out of an object one by one; what nobody takes is the rest. The first fault stays.
class Members {
 public:
  Members(JsonObject& json, const DecodeContext& context) : json_(json), context_(context) {}

  std::string text(std::string_view name);
  std::optional<JsonObject> object(std::string_view name);
  std::vector<JsonObject> objects(std::string_view name, std::size_t limit);
  std::optional<Id> id(std::string_view name);
  /// `did`, whose old name `ID` must say the same where it stands too.
  std::optional<Id> id_and_twin();
  /// Each once, without terminal. Nothing when the member is missing.
  std::optional<std::vector<Id>> ids(std::string_view name, std::size_t limit);
  /// A number or a number as text, finite; 0 when missing.
  double number(std::string_view name);
  std::optional<std::int64_t> count(std::string_view name);  ///< a whole number, not negative
  double seconds(std::string_view name);                     ///< 0 when missing or no time
  std::optional<TransportableData> data(std::string_view name);
  /// An icon, avatar, thumbnail or snapshot. Decoration: one that cannot be read stays in the rest
  /// and does not spoil the content.
  std::optional<PortableFile> picture(std::string_view name);
  void drop(std::string_view name) { json_.erase(name); }
  void fault(Literal hint);

  bool strict() const { return context_.reading == Reading::strict; }
  const DecodeContext& context() const { return context_; }
  const std::optional<Error>& error() const { return error_; }

 private:
  Json take(std::string_view name);

  JsonObject& json_;
  const DecodeContext& context_;
  std::optional<Error> error_;
};

/// type, sn, time, command, group: the order of the reference.
JsonObject head_of(const ContentHead& head, std::string_view command = {});
/// `out`, and what of `rest` it does not have.
JsonObject with_rest(JsonObject out, const JsonObject& rest);
void set_text(JsonObject& out, std::string_view name, const std::string& text);
void set_object(JsonObject& out, std::string_view name, const std::optional<JsonObject>& object);
void set_id(JsonObject& out, std::string_view name, const std::optional<Id>& id);
void set_ids(JsonObject& out, std::string_view name, const std::vector<Id>& ids);
/// Whole numbers are written as such: 100, not 100.0.
void set_number(JsonObject& out, std::string_view name, double number);
void set_picture(JsonObject& out, std::string_view name, const std::optional<PortableFile>& file);

}  // namespace dim::codec
