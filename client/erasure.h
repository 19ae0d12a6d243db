// What a home does about a message of a channel that was destroyed: it erases what it keeps of it,
// and says so with a signed receipt, which stays in the home until the station has it (N1).
#pragma once
#include <map>

#include "client/hub_client.h"

namespace dim {

/// What waits to be sent of this post is forgotten, with what was refused, and the vault's files
/// hold nothing of it any more. Errc::unavailable: another program reads the vault; try again.
Status erase_copies(Home& home, const Guid& post);

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
  /// Every second or so: sends what is owed.
  void tick();
  std::size_t owed() const { return owed_.size(); }

 private:
  struct Owed {
    Guid channel;
    bool sent = false;
  };
  void answered(const Guid& post, const HubResult<Packet>& answer);

  HubClient& client_;
  Home& home_;
  Clock& clock_;
  std::map<Guid, Owed> owed_;
  Millis wait_until_ = 0;  // monotonic, after a refusal that passes
  std::uint64_t session_ = 0;
};

}  // namespace dim
