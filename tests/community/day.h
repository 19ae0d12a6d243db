// A day in a community: people at one station, two public hubs with ten channels and a private one
// with two; they write, in threads too, mention, edit, react, take back, delete, destroy, hide,
// pin, post files, write what disappears, send letters, are put out, banned and let in again, while
// the station is killed and restarted and so are their programs. A ledger says what must have come
// of it; at the end everybody's client, a second device, and the station are held against it, its
// files and the homes too.
#pragma once
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bench/load.h"
#include "dim/crypto/os_random.h"
#include "tests/community/person.h"

namespace dim::community {

struct DayOptions {
  std::size_t people = 50;
  std::size_t posts = 5'000;
  std::size_t kills = 8;  ///< of the station
  std::uint64_t seed = 1;
};

class Day {
 public:
  explicit Day(const DayOptions& options);
  /// How many things were wrong; each is printed to standard error.
  std::size_t run();

 private:
  struct Channel {
    Guid guid;
    std::size_t hub;
    std::string kind;
    bool closed = false;  ///< about to be destroyed, or destroyed
  };
  struct Hub {
    std::string id;
    std::size_t owner;
    std::string invite{};
  };
  /// What became of a message, as its author knows it, and those who changed it.
  struct Message {
    std::size_t author, channel;
    std::string text;
    std::optional<Guid> reply{}, thread{};
    std::vector<std::string> mentions{};
    Millis expires = 0;
    std::optional<std::size_t> file{};  ///< of files_
    bool acked = false, refused = false;
    bool busy = false;  ///< something is done to it: one thing at a time
    PostState state = PostState::shown;
    std::int64_t revision = 1;
    bool pinned = false;
    std::map<std::string, std::set<std::size_t>> reactions{};
    std::size_t number = 0;             ///< in the order of writing
    bool was_hidden = false;            ///< now or earlier
    bool forbidden = false;             ///< by somebody who may not
    std::vector<std::string> traces{};  ///< what the station's files had of it at some moment
  };
  struct File {
    MediaLink link;
    std::shared_ptr<const Bytes> data;
    std::string piece;  ///< of its sealed bytes
    std::size_t owner;
    std::optional<Guid> message{};
  };
  /// Somebody is put out of a hub, from one message on.
  struct Absence {
    std::size_t who, hub;
    std::size_t from = SIZE_MAX;  ///< SIZE_MAX: not answered yet
    bool over = false;
  };
  using Pages = std::map<std::size_t, std::vector<Post>>;  ///< by channel, oldest first

  // day.cc
  void gather();
  void live();
  void act();
  void write(std::size_t who);
  Guid write_in(std::size_t who, std::size_t channel, std::optional<std::size_t> file = {});
  void edit_late(std::size_t who);
  void edit(std::size_t who);
  void edit_private(std::size_t who, const Guid& guid, std::string text);
  void on_edited(const Guid& guid, const std::string& text);
  void react(std::size_t who);
  void take_away(std::size_t who);
  void hide_or_show(std::size_t owner);
  void pin(std::size_t owner);
  void write_letter(std::size_t who);
  void send_file(std::size_t who);
  void read_file(std::size_t reader, std::size_t file);
  void put_out(std::size_t hub, bool ban);
  void let_in(std::size_t who, std::size_t hub, bool banned, std::size_t absence);
  void mute(std::size_t hub);
  void plan();
  void found_private();
  void kill_station();
  void kill_program();
  void settle();
  void on_posted(const Guid& guid, int code);
  void on_told(std::size_t who, const Post& post);

  // day_destroy.cc
  void doom();
  void destroy_doomed();
  void destroy(const Guid& guid);
  void destroy_channel(std::size_t channel);
  void check_destroyed();
  void check_receipts(const std::string& object, std::size_t asks,
                      const std::vector<std::size_t>& readers);
  void check_files();
  void check_disk();
  /// Who reads it, and hears of what happens there.
  std::vector<std::size_t> listeners(std::size_t channel) const;

  // day_check.cc
  void check();
  Pages read_all(std::size_t who);
  void read_pages(std::size_t who, std::size_t channel, Cursor after, Pages& out,
                  std::size_t& open);
  void check_ledger(const Pages& station);
  /// What somebody was told and what is there; empty: the same.
  std::string difference(std::size_t who, const Pages& station);
  void check_reader(std::size_t who, const Pages& station);
  void check_marks(std::size_t who, const Pages& station);
  void check_device(std::size_t who, const Pages& station);
  ReadMark mark_of(std::size_t who, std::size_t channel);
  void check_search(const Pages& station);
  void check_private_search();
  void check_threads(const Pages& station);
  std::int64_t unread_of(std::size_t who, const std::vector<Post>& posts, Cursor mark) const;
  std::int64_t mentions_of(std::size_t who, const std::vector<Post>& posts, Cursor mark) const;
  /// Nothing: it was refused, which is told.
  std::optional<PostsPage> page_of(std::size_t who, const PostQuery& query);

  std::uint64_t below(std::uint64_t end);
  bool one_in(std::uint64_t many) { return below(many) == 0; }
  std::optional<Guid> some_message(std::size_t who,
                                   const std::function<bool(const Message&)>& good);
  bool is_private(std::size_t channel) const { return channels_[channel].hub == kPrivate; }
  bool is_gone(const Message& message) const {
    return message.state == PostState::removed || message.state == PostState::deleted ||
           message.state == PostState::destroyed || channels_[message.channel].closed;
  }
  bool may_read(std::size_t who, std::size_t channel) const;
  bool reads(std::size_t who, std::size_t channel) const {
    return !channels_[channel].closed && may_read(who, channel);
  }
  bool writes(std::size_t who, std::size_t channel) const;
  bool is_insider(std::size_t who) const { return who % 3 == 0; }
  bool follows(std::size_t who) const { return who % 5 != 4; }
  bool was_put_out(std::size_t who, std::size_t hub) const;
  void change(std::size_t who, const Guid& guid, Packet packet, std::vector<int> good,
              std::function<void(Message&, Cursor)> then);
  Person::Done must(std::string what, std::vector<int> good, std::function<void()> then);
  Guid make(std::size_t owner, HubObject object, const std::string& hub, std::string body);
  /// `what`, when `when` is true: asked after each turn.
  void later(std::function<bool()> when, std::function<void()> what);
  std::optional<std::size_t> victim(std::size_t hub);
  void wrong(std::string what);
  void pass(Millis ms);
  template <class Until>
  void wait(const char* what, Until until);

  static constexpr std::size_t kPrivate = 2;  ///< hub

  DayOptions options_;
  std::uint64_t random_state_;
  OsRandom random_;
  SystemClock clock_;
  bench::StationProcess station_;
  Reactor reactor_;
  std::shared_ptr<const TlsContext> tls_ = TlsContext::client().value();
  std::vector<std::unique_ptr<Person>> people_;
  std::vector<Hub> hubs_;
  std::vector<Channel> channels_;
  std::vector<std::vector<bool>> members_;  ///< by person, by hub
  std::vector<bool> frozen_;                ///< begins nothing but what it must
  std::vector<std::size_t> unanswered_;     ///< own posts, by person
  std::map<Guid, Message> ledger_;
  std::vector<Guid> acked_;
  std::vector<Absence> absences_;
  std::map<std::string, std::size_t> letters_;  ///< sent, and how often they came
  std::vector<File> files_;
  std::vector<Guid> doomed_;  ///< will be destroyed, and are in the traces
  std::optional<std::size_t> destroyed_channel_;
  std::vector<std::size_t> channel_readers_;  ///< of that one: who has to sign
  std::size_t written_ = 0, progress_ = 0, problems_ = 0;
  std::size_t edits_ = 0, reactions_ = 0, taken_ = 0, put_out_ = 0, files_read_ = 0,
              programs_killed_ = 0, refused_ = 0, destroyed_ = 0, receipts_ = 0, threads_ = 0,
              sending_ = 0;
  bool down_ = false;      ///< the station
  bool busy_out_ = false;  ///< somebody is being put out or muted
  std::list<std::pair<std::function<bool()>, std::function<void()>>> later_;
  Millis ticked_ = 0;
};

}  // namespace dim::community
