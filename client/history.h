// What was said with whom, and what of it nobody has seen yet, in the home's vault.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/word_search.h"
#include "dim/engine/engine.h"
#include "dim/engine/pin.h"
#include "dim/engine/reaction.h"
#include "dim/engine/thread.h"
#include "dim/store/posts.h"
#include "sqlite/vault.h"

namespace dim {

/// How far an own message has got. Only grows, except into `failed`.
enum class Tick : std::uint8_t { queued, sent, delivered, read, failed };
std::string_view to_string(Tick tick);

/// One line of a conversation, as history keeps and shows it.
struct HistoryEntry {
  std::string guid;
  Id peer;  ///< the other person, or a group
  bool outgoing = false;
  Millis time = 0;             ///< signed time of the content; arrival where there is none
  std::string text{};          ///< what was said; empty where there is no text
  std::string words{};         ///< what it is, in words, where it is no text (describe.h)
  std::string content_type{};  ///< "text", or another kind; "group": who came and went
  std::int64_t sn = 0;         ///< of the content: what answers name it by
  Label label = Label::addressee_unproven;
  Tick tick = Tick::queued;    ///< outgoing
  std::string hash{};          ///< base64 of message_hash
  std::string cause{};         ///< why it could not be read ("E_DECRYPT: …"), or why sending failed
  bool late = false;           ///< A13
  std::optional<Id> sender{};  ///< who wrote it, where the peer is a group
  std::int64_t missing = 0;   ///< messages of the sender's chain that should have come before (A13)
  bool forked = false;        ///< it does not follow on what its sender had written before (A13)
  std::int64_t revision = 1;  ///< of the text, counted up by each edit
  Millis edited = 0;          ///< when it was edited last; 0: never
  bool removed = false;       ///< its author has taken it back: the text is gone
  Millis expires = 0;         ///< it is erased then; 0: never
  Reactions mine{};           ///< what the person here answers it with
  Reactions theirs{};         ///< what the peer does
  Pin pin{};                  ///< of both
  std::optional<ThreadRoot> thread{};  ///< it stands in the thread about that message
};

/// How many of the two answer it with which symbol, most first.
std::vector<ReactionCount> reaction_counts(const HistoryEntry& entry);

/// What the two have added to it: members `mine`, `theirs` and `pin`, where there ever was
/// something.
void write_added(const HistoryEntry& entry, JsonObject& to);
/// What is malformed is nothing.
void read_added(const JsonObject& from, HistoryEntry& entry);

/// How an entry lies in the vault; `parse` refuses what is no entry.
std::string write_entry(const HistoryEntry& entry);
Result<HistoryEntry> parse_entry(std::string_view body);

/// Pinned messages between two people.
inline constexpr std::int64_t kPinnedMost = 500;

/// What is asked for of one conversation: the newest entries, those before or behind a place (at
/// most one of the two), or those that hold words, newest first.
struct HistoryPart {
  std::optional<std::int64_t> before{}, after{};
  std::size_t limit = 50;
};
struct HistoryPage {
  std::vector<HistoryEntry> entries{};
  /// Where the next ones begin, for the same direction; nothing: there are no more.
  std::optional<std::int64_t> next{};
};

class History {
 public:
  explicit History(Vault& vault) : vault_(vault) {}

  /// Writes or replaces the entry of that GUID; a replaced one keeps its place.
  Status put(const HistoryEntry& entry);
  Result<std::optional<HistoryEntry>> find(const Id& peer, std::string_view guid);
  /// With its content, which may be large.
  Status put(const HistoryEntry& entry, const JsonObject& content);
  /// Erases what disappears up to `now`: entry, content, and that nobody has seen it. GUIDs of what
  /// that was.
  Result<std::vector<std::string>> expire(Millis now);
  /// The content of an entry as it was sent or came; nothing for entries of earlier versions.
  Result<std::optional<JsonObject>> content(const Id& peer, std::string_view guid);
  /// Before an edit: the text is kept among the earlier ones, the newest kPostRevisions of them.
  Status keep_earlier(const HistoryEntry& entry);
  /// Oldest first.
  Result<std::vector<PostRevision>> earlier(const HistoryEntry& entry);
  /// Content and earlier texts are gone.
  Status forget_texts(const HistoryEntry& entry);
  /// The same, and the entry.
  Status erase(const HistoryEntry& entry);
  /// The newest `limit` entries with `peer`, oldest first.
  Result<std::vector<HistoryEntry>> newest(const Id& peer, std::size_t limit);

  /// Oldest first. A place is where an entry was first written in this home.
  Result<HistoryPage> page(const Id& peer, const HistoryPart& part);
  /// Newest first; before `part.before`. What was taken back, could not be read, is of the program
  /// itself, or is over at `now`, is not found.
  Result<HistoryPage> search(const Id& peer, std::string_view words, const HistoryPart& part,
                             Millis now);

  Result<std::int64_t> count_pinned(const Id& peer);
  /// In the order of their revisions, which is the same in all homes.
  Result<std::vector<HistoryEntry>> pinned(const Id& peer);
  /// What stands in the thread about `root` and was not taken back; oldest first. A place is of the
  /// thread.
  Result<HistoryPage> thread(const Id& peer, const ThreadRoot& root, const HistoryPart& part);
  /// How many that are.
  Result<std::int64_t> answers(const Id& peer, const ThreadRoot& root);

  /// The entry is new and nobody has seen it.
  Status put_unread(const HistoryEntry& entry);
  /// Oldest first.
  Result<std::vector<HistoryEntry>> unread(std::size_t limit);
  /// Takes it off; false when it was seen before.
  Result<bool> take_unread(const HistoryEntry& entry);

 private:
  struct Found {
    HistoryPage page{};
    std::int64_t last = 0;  ///< place of the last one
  };
  Status forget_words(const Id& peer, std::string_view guid);
  Status note_places(const HistoryEntry& entry, bool there);
  Status find_all(const Id& peer, const std::vector<Vault::Row>& rows,
                  std::vector<HistoryEntry>& out);
  Result<bool> search_part(const Id& peer, WordSearch& wanted, std::int64_t first,
                           std::int64_t behind, std::size_t limit, Millis now, Found& found);

  Vault& vault_;
};

}  // namespace dim
