// Hands the keys of older messages in private hubs to whoever was let in, as far as the founder has
// signed that new members may read them (F23), and to other devices of one's own. What is still to
// be handed over is in the home, page by page, so that it goes on after a kill
// (docs/protocol/hubs.md section 10).
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "client/hub_client.h"

namespace dim {

/// The newest messages of one channel that are handed over at most.
inline constexpr std::int64_t kHandedMost = 10'000;

/// Notes that `who` (a user ID, also one's own) is to be handed what they may read of `hub`, from
/// the beginning.
Status owe_handing(Vault& vault, const std::string& hub, const std::string& who);
/// Nothing of that hub, or of any channel of it, is handed over any more.
Status forget_handing(Vault& vault, const std::string& hub);

class HubHanding {
 public:
  /// Puts a content for `to` into the outbox; the GUID of its row.
  using Send = std::function<Result<std::string>(const Id& to, const JsonObject& content)>;
  HubHanding(HubClient& client, Home& home, Clock& clock, Random& random, Send send)
      : client_(client), home_(home), clock_(clock), random_(random), send_(std::move(send)) {}

  /// A new session: what was asked before is not answered any more.
  void begin();
  /// Every second or so, while a session is ready: one page at a time goes into the outbox, for
  /// others when the one before has left it.
  void tick();
  /// Nothing is left to hand over, or what is left waits for the station or the outbox.
  bool rests();

 private:
  struct Owed {
    std::string hub, who;
    std::string channel{};    ///< GUID: those before it are done with
    std::int64_t before = 0;  ///< a cursor in it; 0: from the newest on
    std::int64_t count = 0;   ///< of messages that were looked at in it
    std::string last{};       ///< GUID of the row of the outbox with the last page
    std::string key() const { return hub + " " + who; }
  };
  static std::optional<Owed> read(const std::string& body);
  Status put(const Owed& owed);
  Result<std::optional<Owed>> due();
  Result<bool> still(const Owed& owed);
  bool is_mine(const Owed& owed) const;
  void check(const Owed& owed);
  void choose(const Owed& owed, const HubView& hub);
  void ask_page(const Owed& owed, const Guid& channel);
  void take_page(Owed owed, const Guid& channel, PostsPage page);
  void skip(Owed owed, const Guid& channel);
  void finish(const Owed& owed);
  void failed(const Owed& owed, const HubRefusal& why);

  HubClient& client_;
  Home& home_;
  Clock& clock_;
  Random& random_;
  Send send_;
  bool busy_ = false;  // a question is on its way
  std::uint64_t session_ = 0;
  std::map<std::string, Millis> later_;  // by Owed::key(), monotonic
};

}  // namespace dim
