// What a home knows of private hubs: the memberships that it has verified, and what it has opened
// of their channels. Keys are made and used here and in dim/engine; a station has none (A29).
// docs/protocol/hubs.md section 10.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "client/home.h"
#include "dim/engine/hub_post.h"
#include "dim/engine/hub_view.h"

namespace dim {

/// Where the vault keeps messages of private hubs that were opened, by their GUIDs.
inline constexpr std::string_view kOpenedPosts = "opened posts";
/// And their memberships and keys, by the IDs of the hubs.
inline constexpr std::string_view kRosters = "rosters";

class PrivateHubs {
 public:
  PrivateHubs(Home& home, Clock& clock) : home_(home), clock_(clock) {}

  /// Which channels a hub has, and how long they keep what is written. What is over is erased.
  void learn(const HubView& hub);
  /// The private hub that a channel is in, by its ID; nothing for a channel of a public one.
  std::optional<std::string> hub_of(const Guid& channel);
  /// The memberships that this home has verified; null: none yet.
  const Roster* roster(const std::string& hub);
  /// Those that a station shows, from `epoch of roster()` on, itself among them. Durable when it
  /// returns. Errc::conflict: an older one, or another one than before (A28); Errc::signature,
  /// Errc::meta, Errc::bad_request: not signed by who has founded the hub (A29).
  Status take(const std::string& hub, const std::vector<JsonObject>& shown);
  /// Whoever has ever belonged to it, and whose keys this home does not have.
  std::vector<Id> strangers(const std::string& hub);

  /// Opens a message that a station shows, and keeps what it says; of a public hub it does nothing.
  /// What cannot be opened has `unreadable` in place of its content. What it returns says whether
  /// to try again, with newer memberships and keys: Errc::too_early, Errc::not_found.
  Status open(Post& post);
  /// The earlier texts of a message; of those that cannot be opened nothing is left.
  void open(const Post& post, std::vector<PostRevision>& earlier);
  /// Opened before in this home, with all the words, newest first. `channel`: only there; `before`:
  /// behind the place where the last ones ended (a place in the home, not a cursor).
  struct Found {
    Post post;
    std::int64_t place = 0;
  };
  Result<std::vector<Found>> search(const std::string& hub, const std::optional<Guid>& channel,
                                    std::string_view words, std::int64_t before, std::size_t limit);
  /// It was taken back, hidden or deleted: nothing of it is kept.
  Status forget(const Guid& post);

 private:
  Status keep(const std::string& hub, const Post& post);
  bool is_over(const Post& post) const;
  void sweep(const std::string& hub);

  Home& home_;
  Clock& clock_;
  bool loaded_ = false;
  std::map<Guid, std::string> channels_;    // of private hubs
  std::map<Guid, std::int64_t> retention_;  // days, of those that forget
  std::set<std::string> swept_;
  std::map<std::string, Roster, std::less<>> rosters_;
};

}  // namespace dim
