// What a home does about a message of a channel, a channel or a hub that was destroyed: it erases
// what it keeps of it, and says so with a signed receipt, which stays in the home until the station
// has it (N1).
#pragma once
#include <map>
#include <string>
#include <vector>

#include "client/hub_client.h"

namespace dim {

/// What waits to be sent of this post is forgotten, with what was refused, and the vault's files
/// hold nothing of it any more. Errc::unavailable: another program reads the vault; try again.
Status erase_copies(Home& home, const Guid& post);
/// The same of all that was to go into a channel (its GUID) or hub (its ID).
Status erase_copies_of(Home& home, const std::string& object);

/// Channels (GUIDs) and hubs (IDs) that are in `before` and not in `now`.
std::vector<std::string> vanished_of(const std::vector<HubView>& before,
                                     const std::vector<HubView>& now);
/// keep_hubs(), after which the next session asks about what has vanished (Erasures::vanished).
Status keep_new_hubs(Home& home, const std::vector<HubView>& hubs);

/// Receipts that are owed, kept in the home.
class Erasures {
 public:
  Erasures(HubClient& client, Home& home, Clock& clock)
      : client_(client), home_(home), clock_(clock) {}

  /// A session is ready: what an earlier one owes goes out with the next tick.
  void begin();
  /// This message was destroyed. The copies are gone from the outbox, and the receipt is owed, when
  /// it returns; a linked device owes none.
  Status destroyed(const Guid& channel, const Guid& post);
  /// The same of a channel (its GUID) or hub (its ID), with all that was to go there.
  Status object_destroyed(const std::string& object);
  /// A channel or hub that was there is not any more: the station is asked whether it was
  /// destroyed.
  Status vanished(const std::string& object);
  /// Every second or so: sends what is owed.
  void tick();
  std::size_t owed() const { return owed_.size(); }

 private:
  struct Owed {
    std::string channel;
    bool asks = false;  ///< it has vanished, and nobody has said yet that it was destroyed
    bool sent = false;
  };
  Status owe(const std::string& object, const Owed& owed);
  void answered(const std::string& object, const HubResult<Packet>& answer);

  HubClient& client_;
  Home& home_;
  Clock& clock_;
  std::map<std::string, Owed> owed_;  // by what was erased
  Millis wait_until_ = 0;             // monotonic, after a refusal that passes
  std::uint64_t session_ = 0;
};

}  // namespace dim
