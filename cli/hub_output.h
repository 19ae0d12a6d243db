// What the verbs of public hubs print. Whatever comes from others is escaped for people (C11).
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "cli/output.h"
#include "client/hub_client.h"
#include "client/hub_names.h"
#include "dim/engine/hub_view.h"

namespace dim {

/// How people are told of which kind a hub is.
std::string kind_in_words(std::string_view hub);

class HubOutput {
 public:
  /// `name`: what a person goes by here, by their ID.
  HubOutput(const Output& out, std::string me, std::function<std::string(const std::string&)> name)
      : out_(out), me_(std::move(me)), name_(std::move(name)) {}

  void hub(const HubView& hub) const;
  void category(const HubView& hub, const Guid& guid) const;
  /// `roster`: of a private hub, where it is known: what new members may read stands there.
  void channel(const HubView& hub, const Guid& guid, const Roster* roster = nullptr) const;
  /// The founder has signed what new members may read.
  void history(const HubView& hub, const HistoryRule& rule, Millis time) const;
  void role(const HubView& hub, const Guid& guid) const;
  /// `reads`: of a private hub, whether they belong to it as its founder has signed.
  void member(const HubView& hub, const HubMemberView& member,
              std::optional<bool> reads = {}) const;
  void penalty(const HubView& hub, bool ban, const HubPenaltyView& penalty) const;
  void request(const HubView& hub, const HubRequestView& request) const;
  void act(const HubView& hub, const HubActView& act) const;
  /// `link`: empty where it is only listed.
  void invite(const HubView& hub, const Guid& guid, const HubInvite& invite,
              const std::string& link) const;
  void unread(const HubView& hub, const Guid& channel, const ReadMark& mark) const;

  enum class Fate : std::uint8_t { stored, queued };
  /// `changed`: it was told before, and is otherwise now.
  void post(const HubView& hub, const Post& post, bool changed, Fate fate = Fate::stored) const;
  void event(const HubView& hub, const PostEvent& event) const;
  /// Whose programs have signed that they have erased a message, or else the channel or hub that
  /// `place` is, of how many who may read it, or could.
  void erased(const HubPlace& place, const std::optional<Guid>& post,
              const std::vector<std::string>& by, std::int64_t members) const;
  /// What was reported, as it was then.
  void report(const HubView& hub, const StoredReport& report) const;
  void revision(const HubView& hub, const Post& post, const PostRevision& revision) const;
  /// A change of a hub, by oneself or another. `more`: what the station says about it beside.
  void notice(const HubNotice& notice, const std::string& hub_name,
              const JsonObject& more = {}) const;
  void left(const HubView& hub) const;
  /// A hub, a channel, or (without a hub) the list of hubs cannot be read now; it is tried again.
  void trouble(const HubView* hub, const std::optional<Guid>& channel, const HubRefusal& why) const;

  /// "HUB/CHANNEL", fit for terminals.
  std::string where(const HubView& hub, const Guid& channel) const;

  bool ids = false;  ///< the ends of GUIDs, which name messages in other verbs

 private:
  std::string who(const std::string& id) const;  ///< for people: "you", or a name
  /// What a message says: its text and files.
  static void say(JsonObject& members, const std::string& content);
  JsonObject about(const HubView& hub) const;
  JsonObject about(const HubView& hub, const Guid& channel) const;

  const Output& out_;
  std::string me_;
  std::function<std::string(const std::string&)> name_;
};

}  // namespace dim
