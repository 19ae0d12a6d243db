// The verbs of public hubs on the command line: what may be given, and what was.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/verbs.h"
#include "dim/base/error.h"
#include "dim/base/time.h"

namespace CLI {
class App;
}

namespace dim {

struct HubOptions {
  std::string verb;    ///< "hub", "channel", "post", …
  std::string action;  ///< "create", "list", …; empty for verbs that do one thing
  std::string place;   ///< HUB or HUB/CHANNEL
  std::string object;  ///< name or GUID of a category, role or invite
  std::string who;
  std::string name, topic, kind, category;
  std::string link;
  std::string message;  ///< last digits of its GUID
  std::string reply_to;
  std::string thread;              ///< last digits of the GUID of the message that it is about
  std::string expires;             ///< a duration
  std::string level;               ///< all, mentions, none
  std::string text;                ///< "-": standard input
  std::vector<std::string> files;  ///< paths; they go with the text
  bool no_preview = false;
  std::string symbol;
  std::string history;  ///< what new members of a private hub read: all, none, 30d
  std::string reason;
  std::string duration;
  std::vector<std::string> permissions;
  std::optional<std::int64_t> rank, position, uses, before, after, upto, retention;
  bool topic_given = false, category_given = false, permissions_given = false;
  bool approval = false;
  bool is_private = false;
  bool off = false;  ///< the other way round: take a reaction, pin, ban or mute away, show again
  bool yes = false;
  bool ids = false;
  int limit = 50;
  int timeout_s = 10;
  int wait_s = 5;  ///< for receipts of what was destroyed
};

/// Adds the verbs; the one that is given is in `options` after parsing.
void add_hub_verbs(CLI::App& app, HubOptions& options);

/// "90s", "30m", "12h", "7d": milliseconds, up to ten years. Errc::usage.
Result<Millis> parse_duration(std::string_view text);

/// One of the verbs that add_hub_verbs() adds.
int verb_hub(const CommonOptions& common, const HubOptions& options);

}  // namespace dim
