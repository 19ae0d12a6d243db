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

#include "client/handed_keys.h"
#include "client/home.h"
#include "dim/engine/hub_post.h"
#include "dim/engine/hub_view.h"

namespace dim {

/// Where the vault keeps messages of private hubs that were opened, by their GUIDs.
inline constexpr std::string_view kOpenedPosts = "opened posts";
/// And their memberships and keys, by the IDs of the hubs.
inline constexpr std::string_view kRosters = "rosters";
/// The newest membership that has verified, by its digest: whether a roster in memory is the kept
/// one, and what a hub that was destroyed has to go on from, should it be shown again. Never
/// erased.
inline constexpr std::string_view kRosterHeads = "roster heads";

/// Erases what was opened of `hub`, and the keys that were handed over: in `channels`, or all. For
/// who leaves it; what a station does not list any more stays.
Status erase_opened(Home& home, const std::string& hub,
                    const std::optional<std::set<Guid>>& channels = {});
/// Errc::conflict for a message that this home could not open: who edits it would sign a revision
/// that the station has made up.
Status check_editable(const std::string& hub, const Post& post);

class PrivateHubs {
 public:
  PrivateHubs(Home& home, Clock& clock) : home_(home), clock_(clock) {}

  /// Which channels a hub has, for ever (keep_private), and how long they keep what is written.
  Status learn(const HubView& hub);
  /// Erases what is over: at most once a minute, so that it may be called as often as one likes.
  void tick();
  /// The memberships that this home has verified; null: none yet.
  const Roster* roster(const std::string& hub);
  /// Those that a station shows, from `epoch of roster()` on, itself among them. Durable when it
  /// returns. Errc::conflict: an older one, or another one than before (A28), also where the hub
  /// was destroyed in between; Errc::signature, Errc::meta, Errc::bad_request: not signed by who
  /// has founded the hub (A29).
  Status take(const std::string& hub, const std::vector<JsonObject>& shown);
  /// Whoever has ever belonged to it, and whose keys this home does not have.
  std::vector<Id> strangers(const std::string& hub);

  /// Opens a message that a station shows in `hub`, which was asked for or is followed, and keeps
  /// what it says; of a public hub it does nothing. What cannot be opened has no content, and says
  /// why in `unreadable`. Errc::conflict: an older text than this home has opened, or a channel of
  /// another, private hub. Others as open_post(). `key`: of what was opened, for handing it over.
  Status open(const std::string& hub, Post& post, std::optional<PostKey>* key = nullptr);
  /// The earlier texts of a message; of those that cannot be opened nothing is left.
  void open(const std::string& hub, const Post& post, std::vector<PostRevision>& earlier);
  /// Whether to ask for memberships and keys anew, because of what open() has said of a live
  /// message: when it is Errc::too_early or Errc::not_found, and once in 30 s for each hub, because
  /// any member can write such messages.
  bool asks_anew(const std::string& hub, const Status& opened);
  /// Opened before in this home, with all the words (WordSearch), newest first. `channel`: only
  /// there; `before`: go on behind the one with this place (in the home, not a cursor).
  struct Found {
    Post post;
    std::int64_t place = 0;
  };
  Result<std::vector<Found>> search(const std::string& hub, const std::optional<Guid>& channel,
                                    std::string_view words, std::int64_t before, std::size_t limit);
  /// It was taken back, hidden or deleted: nothing of it is kept. Only what is hidden can come
  /// back, and so a key of it that was handed over stays.
  Status forget(const Guid& post, PostState state);

 private:
  Result<const Roster*> kept(const std::string& hub);
  Result<const Roster*> newest(const std::string& hub);
  Status owe_newcomers(const Roster& roster, std::int64_t behind);
  Status keep_roster(Roster roster);
  /// `before`: the row that the vault has of it, empty for none.
  Status keep(const std::string& hub, const Post& post, std::string_view before);
  std::int64_t retention(const Guid& channel);
  bool is_over(const Post& post);

  Home& home_;
  Clock& clock_;
  std::map<Guid, std::int64_t> retention_;  // days, as in the vault; 0: for ever
  Millis sweep_at_ = 0;                     // nothing is over before
  std::map<std::string, Millis> asked_at_;  // monotonic
  std::map<std::string, Roster, std::less<>> rosters_;
};

}  // namespace dim
