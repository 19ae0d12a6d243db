// What every verb of public hubs needs: a session, the own hubs, answers waited for, and questions
// to the person before something is gone.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/context.h"
#include "cli/hub_options.h"
#include "cli/hub_output.h"
#include "client/hub_names.h"
#include "client/mentions.h"

namespace dim {

/// What people go by here, by their IDs; oneself by the own name.
std::function<std::string(const std::string&)> names_of(Context& context);

struct HubRun {
  HubRun(Context& in, const HubOptions& given);

  Context& context;
  const HubOptions& options;
  HubOutput out;
  int exit = 0;                 ///< where something below has failed: the exit code; it is printed
  std::vector<HubView> hubs{};  ///< the own ones

  /// Dials and reads the own hubs.
  bool connect();
  /// Only dials; for what needs no more than the ID of a hub.
  bool dial();
  /// `connect` where it works, what the home remembers where the station is away.
  bool connect_or_remember(Millis patience_ms);
  /// Waits for an answer; asks again when the station says 416 and a few seconds.
  template <class T>
  std::optional<T> wait(const std::function<void(HubDone<T>)>& ask, Millis patience = kPatienceMs) {
    for (int attempt = 0;; ++attempt) {
      // Shared, because an answer may come when nobody waits any more.
      const auto result = std::make_shared<std::optional<HubResult<T>>>();
      ask([result](HubResult<T> answer) { result->emplace(std::move(answer)); });
      context.link.run_until([&] { return result->has_value() || context.failure.has_value(); },
                             patience);
      if (*result && **result) return std::move(***result);
      if (*result && attempt < 3 && pause_for((**result).error())) continue;
      refused(*result ? std::optional((**result).error()) : std::nullopt);
      return std::nullopt;
    }
  }
  std::optional<Packet> ask(const Packet& packet);
  /// The same with a JSON body.
  std::optional<Packet> ask(Packet packet, const JsonObject& body);

  /// options.place: a hub, or a channel in one.
  std::optional<HubPlace> place();
  std::optional<HubPlace> hub();
  std::optional<HubPlace> channel();
  std::optional<HubView> again(const HubPlace& place);  ///< as it is now
  std::optional<Id> who(const std::string& text);
  /// The message in a channel whose GUID ends with `digits`.
  std::optional<Post> message(const HubPlace& place, std::string digits);
  /// As many as are wanted, page after page, in the order in which they came; the last page's
  /// `next`.
  std::optional<PostsPage> collect(PostQuery query, std::size_t limit);
  std::optional<std::vector<JsonObject>> list(HubObject object, const HubView& hub);
  /// Fetches what people say of themselves, so that they are shown by name.
  /// Who is in the hub, by what they go by here, and those of `words` that are their registered
  /// names; of a very large hub nobody, and a note says so.
  std::optional<std::vector<Mentionable>> mentionable(const HubView& hub,
                                                      const std::vector<std::string>& words);
  void learn(std::vector<std::string> people);
  void learn(const std::vector<Post>& posts);

  /// Says what is about to happen; asks unless --yes was given.
  bool confirm(const std::string& what);
  int failed(const Error& error);
  /// Prints a change that was just made by oneself.
  void done(const HubPlace& place, HubObject object, Operation change,
            std::optional<Guid> guid = {}, const std::string& member = {},
            const JsonObject& more = {});
  /// Prints a channel, with what new members may read in it.
  void show_channel(const HubView& hub, const Guid& guid) const;
  /// Whether the station can read what is written in it.
  void say_kind(const std::string& hub) const;

  static constexpr Millis kPatienceMs = 10'000;

 private:
  void take_hubs(std::vector<HubView> mine);
  bool pause_for(const HubRefusal& refusal);
  void refused(const std::optional<HubRefusal>& refusal);
};

// The verbs; each returns an exit code.
int run_hub(HubRun& run);
int run_channel(HubRun& run);
int run_category(HubRun& run);
int run_role(HubRun& run);
int run_people(HubRun& run);  ///< kick, ban, mute
int run_post(HubRun& run);
int run_post_change(HubRun& run);  ///< edit, remove, delete, destroy, react, pin
int run_search(HubRun& run);
int run_thread(HubRun& run);
int run_report(HubRun& run);
int run_reports(HubRun& run);
int run_notify(HubRun& run);
int run_unread(HubRun& run);
int run_read(HubRun& run);

/// The one that the options name. The exit code.
int run_hub_verb(HubRun& run);

/// What was read of `what` at the command line, or from standard input for "-".
std::string text_or_input(const std::string& what);

/// Comes in with an invite at the station that `context` is connected to.
int join_hub(Context& context, const HubOptions& options);

/// `dim history` of a channel; the home is open.
int history_of_channel(Context& context, const HistoryOptions& options);
/// `dim chat` in a channel; the home is open.
int chat_in_channel(Context& context, const ChatOptions& options);
/// Before the messenger is made: prints what happens in hubs. `shown` becomes true when something
/// was printed; with `once` nothing more is told then.
void follow_hubs(Context& context, const ListenOptions& options, bool& shown);
/// HUB/CHANNEL or a channel's GUID, and nobody that `home` knows.
bool names_channel(Home& home, const std::string& who);

}  // namespace dim
