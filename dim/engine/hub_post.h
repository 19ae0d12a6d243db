// A message in a channel of a private hub: a DIMP message to the hub's ID, signed by its author,
// encrypted with a key of its own for the devices of who belongs to the hub then. Inside stands
// where it belongs, so that a station cannot move it (docs/protocol/hubs.md section 10).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "dim/engine/engine.h"
#include "dim/engine/hub_roster.h"
#include "dim/packet/guid.h"
#include "dim/store/posts.h"

namespace dim {

/// Where a message stands, and what it is about. `revision` counts from 1.
struct PostPlace {
  Guid channel, message;
  std::int64_t revision = 1;
  std::optional<Guid> reply{}, thread{};
  Millis expires = 0;                   ///< 0: never
  std::vector<std::string> mentions{};  ///< as in Post; their order says nothing
};
/// Of one that a station shows, or of another revision of it.
PostPlace place_of(const Post& post, std::int64_t revision);

/// The time to show for a message or an edit: that which its author has signed, where the station's
/// is more than 10 minutes away from it.
Millis time_of_post(Millis shown, Millis signed_time);

/// The JSON text for CREATE or EDIT. `readers`: user IDs of the roster whom it is for, as far as
/// `directory` has their keys; oneself always can read it, and is in `directory`. Errc::forbidden
/// when `author` is not in the roster (A27), Errc::too_large beyond what the station takes.
Result<std::string> seal_post(std::string_view text, const PostPlace& place, const Roster& roster,
                              const std::vector<std::string>& readers, const Account& author,
                              const Directory& directory, Millis now, Random& random);

/// Is this in the form of such a message? What a station checks: it has no keys (A29).
/// Errc::plain_not_allowed for anything but a sealed message, Errc::bad_request for one of somebody
/// else or to another group, Errc::too_large.
Status check_sealed_post(std::string_view content, std::string_view hub, std::string_view author);
/// The other way round: true for a sealed message to `hub`, which a public one does not take.
bool is_sealed_post(std::string_view content, std::string_view hub);

struct OpenedPost {
  std::string text;
  std::string author;  ///< user ID, whose key has signed it
  std::int64_t epoch = 0;
  Millis time = 0;      ///< as its author has signed it
  SymmetricKey key;     ///< that it was opened with: for it alone
  bool handed = false;  ///< that key was handed over
};

/// `handed`: a key of it that somebody has handed over (F23), for where it has none for this
/// device; Errc::forbidden where the roster does not show `reader` what is so old. Errc::not_found:
/// the author's keys are not known. Errc::too_early: a membership newer than `roster`, or a time of
/// the future. Errc::unauthorised: it has no key for this device. Errc::forbidden: its author did
/// not belong to the hub then (A27). Errc::conflict: another membership than the one that is known
/// (A28). Errc::rebound: it was written elsewhere. Else as open().
Result<OpenedPost> open_post(std::string_view content, const PostPlace& place, const Roster& roster,
                             const Account& reader, Directory& directory, Millis now,
                             const SymmetricKey* handed = nullptr);

}  // namespace dim
