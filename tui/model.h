// What the full-screen chat shows, as values. All texts are as they came: view.cc makes them fit
// for a terminal.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tui/composer.h"
#include "tui/picture.h"

namespace dim::tui {

/// How far an own message has got.
enum class Progress : std::uint8_t { none, queued, sent, delivered, read, failed };

struct Message {
  std::string id;      ///< names it in commands by its end; unique in its conversation
  std::string day;     ///< "Thursday 26 November 2026"
  std::string clock;   ///< "16:52"
  std::string author;  ///< what they go by here; "you"
  std::string author_id;
  bool mine = false;
  std::string text{};
  std::string answers{};   ///< what it answers, in words
  std::string words{};     ///< what it is where it is no text: "picture sunset.jpg, 81 KiB"
  std::string cause{};     ///< why it was not sent, or cannot be read
  std::string alarm{};     ///< of the program, not of a person: keys have changed
  std::string security{};  ///< "secure, old protocol"; of others
  std::vector<std::string> labels{};  ///< "edited", "old protocol, addressee not proven"
  std::vector<std::pair<std::string, std::int64_t>> reactions{};
  Progress progress = Progress::none;
  std::int64_t missing = 0;          ///< messages before it that have not come
  bool names_me = false;             ///< somebody is speaking to the person here
  std::optional<Picture> picture{};  ///< stands below the rest
};

/// The lowest row that is seen: a row of a message.
struct Anchor {
  std::string message;
  int part = 0;
};

enum class Kind : std::uint8_t { person, group, channel };

struct Conversation {
  std::string id;  ///< of the person, group or channel
  Kind kind = Kind::person;
  std::string title;  ///< of a channel: its name alone
  std::string hub{};  ///< of a channel: its hub's name
  std::string hub_id{};
  std::pair<std::int64_t, std::int64_t> place{};  ///< of a channel in its hub: category, position
  std::string about{};                            ///< security, topic, members
  std::string state{};                            ///< "online"
  std::int64_t unread = 0;
  bool names_me = false;            ///< in what is unread
  std::vector<Message> messages{};  ///< oldest first
  bool loaded = false, loading = false;
  bool whole = false;              ///< nothing is older
  std::string new_from{};          ///< the first message that is new: a line stands above it
  std::optional<Anchor> anchor{};  ///< nothing: the newest message is seen
  std::string selected{};          ///< message that commands are about
  std::set<std::string> typing{};  ///< names
  Composer composer{};

  /// "bobby", or "gardeners/general".
  std::string name() const { return hub.empty() ? title : hub + "/" + title; }
};

/// Text to be read in place of the conversation: help, what a command has found.
struct Pager {
  std::string title;
  std::vector<std::string> lines{};  ///< one each
  int top = 0;                       ///< the first row that is seen
};

enum class Connection : std::uint8_t { connecting, connected, away };

struct Model {
  std::vector<Conversation> conversations{};  ///< in the order of the list
  std::size_t current = 0;
  std::string me;
  std::string station;
  Connection connection = Connection::connecting;
  std::string trouble{};   ///< why the station is away
  std::size_t queued = 0;  ///< own messages that wait for the station
  std::string notice{};    ///< one line that the last deed has left
  bool notice_is_bad = false;
  std::string question{};              ///< waits for y or n
  std::vector<std::string> choices{};  ///< what could be completed
  std::optional<Pager> pager{};
  bool ids = false;  ///< show the ends of IDs of messages
  Composer lobby{};  ///< where one writes while there is no conversation

  Composer& composer();
  const Composer& composer() const;

  Conversation* now();
  const Conversation* now() const;
  Conversation* find(std::string_view id);
  /// Puts it where it belongs, or gives the one that is there; what is current stays so.
  Conversation& add(Conversation conversation);
  void remove(std::string_view id);
  void select(std::size_t at);
  void next(int step);
  /// The next one with something unread, those where somebody speaks to the person here first.
  bool next_unread();
  std::int64_t unread_elsewhere() const;
};

/// Of a conversation: the message of that ID, else nullptr.
Message* find_message(Conversation& conversation, std::string_view id);
/// The only message whose ID ends with `digits`; nullptr for none and for several.
Message* find_by_digits(Conversation& conversation, std::string_view digits);
/// Marks the message before (-1) or behind (+1) the marked one; beyond the newest nothing is
/// marked.
void select_message(Conversation& conversation, int step);
/// Whether a text has `name` in it as a word, without regard to case.
bool names_person(std::string_view text, std::string_view name);
/// What names a message in commands.
std::string short_id(std::string_view id);

}  // namespace dim::tui
