// What a station keeps of hubs: their changes, and what is written in their channels. One stored
// copy of each message, however many read it.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/error.h"
#include "dim/base/time.h"
#include "dim/packet/guid.h"
#include "dim/store/reports.h"

namespace dim {

using Cursor = std::int64_t;

/// The next change of a hub: `conflict` when `number` is not the one behind the last.
struct PutHubChange {
  std::string hub;
  std::int64_t number = 0;  ///< from 1
  std::string change;       ///< HubChange::text()
};

/// The write behind it in the batch is done only when the hub has that many changes: `conflict` for
/// both otherwise. So that nothing rests on a right whose change could not be stored. Number 0
/// always holds.
struct RequireHub {
  std::string hub{};
  std::int64_t number = 0;
};

enum class PostState : std::uint8_t {
  shown,
  hidden,     ///< by a moderator: only they and the author see the content
  removed,    ///< the author took it back: the content is gone
  deleted,    ///< gone but for its place
  destroyed,  ///< the same, and nothing that could bring it back is left
};

struct ReactionCount {
  std::string symbol;
  std::int64_t count = 0;
  bool operator==(const ReactionCount&) const = default;
};

/// Who is meant by "everyone" in Post::mentions.
inline constexpr std::string_view kEveryone = "everyone";

/// A message in a channel. Cursors count what happens in a channel, from 1: a message has the one
/// of its making for ever, and the one of its last change.
struct Post {
  Guid guid;
  Guid channel;
  Cursor cursor = 0;   ///< set by the store
  Cursor changed = 0;  ///< set by the store
  Millis time = 0;
  std::string author{};
  std::optional<Guid> reply{};
  std::int64_t revision = 1;
  Millis edited = 0;  ///< 0: never
  PostState state = PostState::shown;
  Millis pinned = 0;  ///< 0: not
  std::string content{};
  std::vector<ReactionCount> reactions{};  ///< most first
  bool damaged = false;          ///< its key or its bytes are broken: `content` is lost, and empty
  std::optional<Guid> thread{};  ///< the message that its thread is about
  std::vector<std::string> mentions{};  ///< user IDs, and kEveryone
  Millis expires = 0;                   ///< it is forgotten then (ExpirePosts); 0: never
  std::int64_t answers = 0;             ///< set by the store: shown messages of its thread
  Cursor answered = 0;                  ///< set by the store: of the newest of these
  /// Set by a client, where this is of a private hub and could not be opened, or in no form: why.
  std::string_view unreadable{};
  /// Set by a client, where this is of a private hub and was opened with a key that somebody has
  /// handed over: their ID.
  std::string handed_by{};
};

/// `repeated` (with its cursor) for the same GUID, channel, author, reply, thread, mentions, expiry
/// and content as at first, `conflict` for the same GUID with anything else, and for one that was
/// destroyed. For as long as the message is there: only ExpirePosts and DropChannel forget one.
struct PutPost {
  Post post;
  std::vector<Guid> media{};  ///< objects that it uses (media.h); those that cannot be are left out
};

enum class PostAct : std::uint8_t {
  edit,
  hide,
  show,
  take_back,
  erase,
  destroy,
  react,
  unreact,
  pin,
  unpin
};

/// `repeated` when it is so already, `conflict` for a stale revision or a message that is not there
/// any more; `stored` gives it, and tells, the channel's next cursor. An edit keeps the content
/// that it replaces, and drops the oldest one kept beyond kPostRevisions. Of one that is
/// damaged nothing is changed: `conflict`. `destroy` is done when
/// commit() returns: the key of the message and of everything about its words is overwritten on
/// the disk, its bytes are, and a process that is killed on the way finishes it at its next start.
struct ChangePost {
  Guid guid;
  PostAct act = PostAct::edit;
  std::string who{};   ///< react, unreact: whose
  std::string text{};  ///< edit: the new content; react, unreact: the symbol
  Millis time = 0;
  std::optional<std::int64_t> revision{};  ///< edit: of what the editor has seen
  /// edit: objects that it uses from now on; none: those that it has used. What an earlier text has
  /// used is used as long as that text is kept.
  std::optional<std::vector<Guid>> media{};
};

/// Up to where somebody has read, and no further than what is there. Never goes back.
struct PutMark {
  Guid channel;
  std::string user;
  Cursor upto = 0;
};

/// What somebody wants to be told of in a channel.
enum class NotifyLevel : std::uint8_t { all, mentions, none };

/// Their own setting, on all devices.
struct PutLevel {
  Guid channel;
  std::string user;
  NotifyLevel level = NotifyLevel::all;
};

/// Messages whose time is over are gone without a trace: rows, earlier texts, reactions, mentions
/// and receipts; the keys of their contents and of what the index held of them are overwritten on
/// the disk when commit() returns. One bounded step, kExpireStep messages at most, oldest first:
/// `stored` with the number of them as its cursor, `repeated` when there was nothing to do.
struct ExpirePosts {
  std::optional<Guid> channel{};  ///< written before `before` there; none: Post::expires is over
  Millis before = 0;
  Millis now = 0;  ///< kept as the time of the last sweep
};
inline constexpr std::size_t kExpireStep = 1'000;

/// The channel is deleted: nothing reads it from now on. Its messages, and their keys, are
/// destroyed slice by slice (Store::tidy, or Shred).
struct DropChannel {
  Guid channel;
  bool destroy = false;  ///< objects of media that go with it are destroyed, and not deleted
  Millis time = 0;
};

/// What the changes of a hub say about a channel in words (name, topic) is written over where it
/// stands. The changes stay: they can be folded as before.
struct ForgetChannelWords {
  std::string hub;
  Guid channel;
};

/// One slice of destroying channels that were dropped and, where `hub` is named, the texts of all
/// its changes before `number`, in the place of which spaces stand; then of overwriting the bytes
/// of media that were destroyed. `stored` while more is left, `repeated` when no file of the store
/// holds anything of it any more. What a process that is killed leaves of channels and media goes
/// on by itself (Store::tidy).
struct Shred {
  std::vector<Guid> channels;
  std::string hub{};
  std::int64_t number = 0;
};

/// These people are to sign that they have erased `object`: a channel's GUID or a hub's ID.
struct ExpectErasures {
  std::string object;
  std::vector<std::string> users;
};

/// What somebody has signed about a message that was destroyed: that nothing of it is left on their
/// device. The first one of each person counts: `repeated` for another. `conflict` when the message
/// was not destroyed, or, of another `object`, when they are not expected to sign.
struct PutErasure {
  std::optional<Guid> post{};
  std::string user{};
  std::string receipt{};  ///< JSON, docs/protocol/hubs.md section 7
  std::string object{};   ///< in place of a message: a channel's GUID or a hub's ID
};

/// Who is expected to sign, and what they have signed; empty: not yet.
struct ExpectedErasure {
  std::string user;
  std::string receipt;
};

struct StoredHubChange {
  std::int64_t row = 0;
  std::string hub;
  std::int64_t number = 0;
  std::string change;
};

/// Earlier texts that are kept of one message: the newest ones.
inline constexpr std::size_t kPostRevisions = 100;

struct PostRevision {
  std::int64_t number = 0;
  Millis time = 0;
  std::string content;
};

/// Which page of a channel.
struct PostPage {
  enum class Order : std::uint8_t {
    forward,   ///< cursor > from, oldest first
    backward,  ///< cursor < from, newest first
    changes,   ///< changed > from, in order of changes
    pinned,    ///< pinned ones with cursor < from, newest first
  };
  Order order = Order::backward;
  Cursor from = 0;
  std::size_t limit = 0;
  std::size_t bytes = 0;         ///< of content; at least one message
  std::optional<Guid> thread{};  ///< forward, backward: only what stands in this thread
};

struct ReadState {
  Cursor upto = 0;            ///< read up to there
  Cursor newest = 0;          ///< of the channel
  std::int64_t unread = 0;    ///< shown messages of others behind it
  std::int64_t mentions = 0;  ///< of these, those that mention this person or everyone
  NotifyLevel level = NotifyLevel::all;
};

struct FoundPost {
  std::int64_t place = 0;  ///< to go on before
  Post post;
};

/// The reading half; see Store for threads and errors.
class PostReads {
 public:
  virtual ~PostReads() = default;
  /// In order of rows after `row`, at most `limit`.
  virtual Result<std::vector<StoredHubChange>> hub_changes(std::int64_t row, std::size_t limit) = 0;
  virtual Result<std::optional<Post>> post(const Guid& guid) = 0;
  virtual Result<std::vector<Post>> posts(const Guid& channel, const PostPage& page) = 0;
  /// Earlier contents with numbers behind `after`, oldest first, at most kPostRevisions, and at
  /// most `bytes` of content (at least one).
  virtual Result<std::vector<PostRevision>> revisions(const Guid& guid, std::int64_t after,
                                                      std::size_t bytes) = 0;
  /// Receipts of PutErasure, in order of users.
  virtual Result<std::vector<std::string>> erasures(const Guid& guid) = 0;
  /// About messages of these channels, in order of rows after `row`, at most `limit`.
  virtual Result<std::vector<StoredReport>> reports(std::span<const Guid> channels,
                                                    std::int64_t row, std::size_t limit) = 0;
  /// Of a channel or hub, in order of users.
  virtual Result<std::vector<ExpectedErasure>> expected_erasures(const std::string& object) = 0;
  virtual Result<ReadState> read_state(const Guid& channel, const std::string& user) = 0;
  /// When the first message with Post::expires is over; 0: there is none.
  virtual Result<Millis> next_expiry() = 0;
  /// ExpirePosts::now of the last one; 0: there was none.
  virtual Result<Millis> last_swept() = 0;
  /// Shown messages of these channels that hold every word of `words`, newest first, from before
  /// `place` (0: the newest).
  virtual Result<std::vector<FoundPost>> search(std::span<const Guid> channels,
                                                std::string_view words, std::int64_t place,
                                                std::size_t limit) = 0;
};

/// A change of a hub of which nothing but its place is left (Shred).
bool is_shredded(std::string_view change);
/// A change without what it says of this channel in words, exactly as long as it was, so that it
/// lies where it lay; nothing for one that says nothing of it.
std::optional<std::string> without_words(std::string_view change, const Guid& channel);

/// What of a message is searched: its first 8 KiB, so that making a part of an index anew has an
/// end. Of what is sealed nothing: there are no words in it, and the index learns none.
std::string_view indexed_text(std::string_view content);

/// What is searched for: the words of a text as an index of words sees them. Scripts that are
/// written without spaces (Han, Kana, Hangul) have a space around each character, so that a word of
/// any length is a sequence of words.
std::string spaced_words(std::string_view text);

}  // namespace dim
