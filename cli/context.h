// What every verb that talks to the station starts with: an open home, sockets, a messenger, and
// how it ended.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "cli/output.h"
#include "cli/verbs.h"
#include "client/home.h"
#include "client/link.h"
#include "client/messenger.h"
#include "dim/crypto/os_random.h"
#include "net/system_clock.h"

namespace dim {

/// Reads the passphrase from the file, or asks at the terminal without echo when the home is
/// locked.
Result<std::optional<Secret>> passphrase_for(const CommonOptions& common, bool ask);

/// How long a verb waits for the station, where nothing else is said.
inline constexpr Millis kConnectMs = 10'000;

class Context {
 public:
  /// `sink`: takes what people are told, instead of the terminal.
  explicit Context(const CommonOptions& options, Output::Sink sink = {})
      : common(options), out(options.json, std::move(sink)) {}

  /// Opens the home; prints what is wrong and returns false when it cannot.
  bool open_home();
  /// Makes the messenger; `events` may be given before.
  void make_messenger(Messenger::Options options);
  /// Dials, unless there is a session, and waits until it is ready or has failed; `failure` says
  /// why.
  bool connect(Millis timeout_ms);
  /// The name a person goes by here: alias, registered name, name in the visa, short ID.
  std::string name_of(const Id& id);
  /// Prints a message with the names and the content that belong to it.
  void show(const HistoryEntry& entry);
  /// Finds WHO, asking the station when that is needed; prints what is wrong otherwise.
  std::optional<Id> find(const std::string& who, Millis timeout_ms);
  /// As find(), but the station is dialled only for a name that is not known here.
  std::optional<Id> find_here(const std::string& who);
  /// The same for a group, which its name names too.
  std::optional<Id> find_group(const std::string& group);
  /// The message with `peer` whose GUID ends with `digits`, or the newest that `wanted` takes when
  /// they are empty; prints what is wrong otherwise.
  std::optional<HistoryEntry> find_message(const Id& peer, std::string_view digits,
                                           const std::function<bool(const HistoryEntry&)>& wanted);
  /// The message of any conversation whose GUID ends with `digits`; prints what is wrong otherwise.
  std::optional<HistoryEntry> find_message_anywhere(std::string_view digits);
  /// Exit code for somebody who could not be found, after find() has printed why.
  int unknown_exit() const;
  /// Says what is about to happen and asks, unless `yes`. 0: go on; else the exit code, and it is
  /// said why.
  int confirm(const std::string& what, bool yes);
  /// Waits until everything that was written has left, or the time is over.
  void drain(Millis timeout_ms);
  /// Waits until what is to be handed over in private hubs has left. False: the rest goes on with
  /// the next commands.
  bool hand_over();
  /// Prints the failure of the session and returns its exit code.
  int report_failure();
  /// Prints a message to a channel that was refused, so that its text is not lost, and forgets it;
  /// returns the exit code.
  int report_post(const RefusedPost& post);

  CommonOptions common;
  Output out;
  OsRandom random;
  SystemClock clock;
  std::optional<Home> home;
  Link link;
  MessengerEvents events;
  /// The station has answered a message to a channel. A refusal is printed already.
  std::function<void(const Guid& post, const Packet& answer)> on_posted;
  std::unique_ptr<Messenger> messenger;
  std::optional<Error> failure;
  std::string station_message;
  bool ids = false;  ///< show the ends of GUIDs
  /// Asks the person for a yes, for who draws a screen; empty: at the terminal.
  std::function<bool(const std::string& what)> ask;
  /// How far a file is, for who draws a screen; empty: a line at the terminal.
  std::function<void(const std::string& line)> on_progress;

 private:
  std::set<std::string> strangers_;  ///< IDs that the person has been told how to accept
  Millis told_ahead_ = 0;            ///< by how much the clocks differ, as it was told last
};

}  // namespace dim
