// Who may come to a station for the first time (F86), and the codes that let somebody in. Values
// without I/O; the station keeps them among its settings (dim/store/operator.h).
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dim/base/error.h"
#include "dim/base/random.h"
#include "dim/base/time.h"
#include "dim/store/store.h"

namespace dim {

namespace limits {
inline constexpr std::size_t kJoinCodes = 10'000;  // each is compared with what a stranger shows
inline constexpr Millis kJoinCodeMs = Millis{7} * 24 * 3'600'000;  // unless said otherwise
}  // namespace limits

enum class Registration : std::uint8_t {
  open,    ///< whoever proves an identity
  invite,  ///< who shows a code as well
  closed,  ///< nobody new
};
/// "open", "invite", "closed".
std::string_view to_string(Registration how);
std::optional<Registration> registration_called(std::string_view word);

/// A code as the station keeps it: not the code itself, whoever reads the disk cannot use it.
struct JoinCode {
  std::string hash{};  ///< SHA-256 of the code, 64 hex digits
  std::string by{};    ///< "operator:UID"
  Millis time = 0;
  Millis until = 0;
  std::int64_t uses = 1;  ///< that are left

  bool holds(Millis now) const { return now < until && uses > 0; }
  std::string text() const;  ///< JSON, as the store keeps it
  static Result<JoinCode> parse(std::string_view text);
};

/// 144 random bits as 24 characters of base64url.
std::string new_join_code(Random& random);
std::string join_code_hash(std::string_view code);

/// By the GUID under which the operator knows each.
class JoinCodes {
 public:
  /// An empty value takes it away. Errc::internal for what is none of ours.
  Status set(const std::string& guid, std::string_view value);
  /// The GUID of the one that this code is of and that holds now; nullptr: none. Takes as long for
  /// a code that is nearly right as for any other: all are looked at.
  const std::string* find(std::string_view code, Millis now) const;
  const std::map<std::string, JoinCode, std::less<>>& all() const { return codes_; }
  /// One use less, or one more.
  void count(const std::string& guid, std::int64_t more);

 private:
  std::map<std::string, JoinCode, std::less<>> codes_;
};

/// Whom a neighbour has brought, so that messages find them, is known here and yet nobody's guest.
/// Told by a record among their documents (records.h), which ends when they log in here.
bool came_by_neighbour(std::span<const StoredDocument> documents);
PutDocument by_neighbour_record(const std::string& user, Millis now);
/// In its place, newer than that.
PutDocument logged_in_record(const std::string& user, std::span<const StoredDocument> documents,
                             Millis now);

}  // namespace dim
