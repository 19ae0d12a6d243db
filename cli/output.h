// What the verbs print: for people, or one JSON object a line (docs/cli-json.md). Nothing from a
// peer reaches the terminal unescaped (C11).
#pragma once
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "client/messenger.h"
#include "terminal/printable.h"

namespace dim {

/// Exit codes of `dim`, for scripts (docs/cli-json.md).
enum class Exit : int {
  ok = 0,
  failed = 1,
  usage = 2,
  nothing = 3,      ///< nothing came within --timeout
  unreachable = 4,  ///< the station cannot be reached
  security = 5,     ///< another station or a changed key: nothing was sent
  unknown_person = 6,
  home = 7,           ///< no home here, or it does not open
  interrupted = 130,  ///< stopped by Ctrl-C; what it did so far is kept
};
Exit exit_of(const Error& error);
inline int code(Exit exit) { return static_cast<int>(exit); }

class Output {
 public:
  /// Takes what people are told, a line or more without the last line break.
  using Sink = std::function<void(std::string_view text)>;

  /// `sink`: instead of standard output and standard error, for who draws a screen.
  explicit Output(bool json, Sink sink = {}) : json_(json), sink_(std::move(sink)) {}
  bool json() const { return json_; }
  /// What goes to standard output goes to standard error from now on, because something else is
  /// written to the former.
  void leave_stdout() { to_stderr_ = true; }

  /// One object; `event` is its first member.
  void object(std::string_view event, JsonObject members) const;
  /// A line for people, not printed with --json.
  void line(std::string_view text) const;
  /// Something for people that is not the result: on standard error, not printed with --json.
  void note(std::string_view text) const;
  void error(const Error& error, std::string_view station_message = {}) const;
  /// Names and contents that an entry itself does not hold.
  struct Around {
    std::string peer_name{};
    std::string sender_name{};  ///< where the peer is a group
    std::optional<JsonObject> outline{};
    std::int64_t answers = 0;  ///< how many stand in the thread about it
    bool stranger = false;     ///< its sender is new to the person here
    bool ids = false;  ///< people see the end of the GUID, which names the message in other verbs
  };
  void message(const HistoryEntry& entry, const Around& around) const;
  /// A notice about the peer's keys (is_key_notice), which may be that of a new device.
  void alarm(const HistoryEntry& notice, std::string_view peer_name) const;
  /// What the author of a message has done to it; the entry is as it is now.
  /// `sender_name`: where the peer is a group.
  void changed(const HistoryEntry& entry, MessageAct act, std::string_view peer_name,
               std::string_view sender_name = {}) const;
  /// With what one of the two answers it now (react), or that they have pinned it or taken its pin
  /// away (pin); `mine`: the person here.
  void added(const HistoryEntry& entry, MessageAct act, bool mine,
             std::string_view peer_name) const;
  /// An earlier text of one that was edited.
  void revision(const HistoryEntry& entry, const PostRevision& revision) const;
  /// Behind the messages: how many there were, and where the next ones begin for --`direction`.
  void page(std::size_t count, std::optional<std::int64_t> next, std::string_view direction) const;
  /// What waits of a person or group.
  void unread(const Id& peer, std::int64_t count, std::string_view peer_name) const;
  void typing(const Id& peer, bool on, std::string_view peer_name) const;
  /// The station's clock is so much ahead of ours; negative: behind.
  void clocks_differ(Millis ahead) const;
  void presence(const Id& peer, std::string_view state, std::string_view peer_name) const;

 private:
  std::FILE* results() const { return to_stderr_ ? stderr : stdout; }

  bool json_;
  bool to_stderr_ = false;
  Sink sink_;
};

/// "  👍 2  🎉 1", fit for terminals; empty without any.
std::string reactions_in_words(const std::vector<ReactionCount>& reactions);

/// What names a message at the command line: the last digits of its GUID.
std::string short_guid(std::string_view guid);

}  // namespace dim
