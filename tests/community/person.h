// Somebody in the community of dim-community: a client with its home, over real sockets, that comes
// back whenever its connection is lost, and a note of everything it was told.
#pragma once
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/messenger.h"
#include "client/transfer.h"
#include "net/connection.h"
#include "net/dial.h"
#include "net/reactor.h"
#include "net/system_clock.h"

namespace dim::community {

/// A message of somebody else as the client has told it, with what it has told since.
struct Told {
  Guid channel;
  std::string text{};
  PostState state = PostState::shown;
  std::size_t times = 0;  ///< as new
  Cursor changed = 0;     ///< of what is known: what came before it is no news
};

class Person final : private Transport {
 public:
  struct Options {
    bool follows = true;  ///< channels; otherwise nothing is told and nothing counts as read
    bool files = false;
  };
  /// What the day wants to know; all are set.
  struct Events {
    std::function<void(const Guid& post, int code)> posted;
    std::function<void(const Post& post, bool fresh)> told;
    std::function<void(const std::string& text)> letter;
    std::function<void(std::string problem)> wrong;
  };
  Person(Reactor& reactor, std::shared_ptr<const TlsContext> tls, Home home, Random& random,
         Options options, Events events);
  ~Person() override;

  void come();
  /// As when the program is killed: what is not in the home is gone.
  void vanish();
  /// Often: comes back, asks again what has no answer.
  void tick();
  bool is_here() const { return messenger_ && messenger_->is_ready(); }
  Messenger& messenger() { return *messenger_; }
  const Account& account() const { return home_.account(); }
  const std::string& id() const { return id_; }

  /// Asks until there is an answer, over connections that end and programs that are killed. 416 and
  /// 5xx are no answers.
  /// `cursor`: of the answer, where it has one.
  using Done = std::function<void(int code, Cursor cursor)>;
  void surely(Packet packet, Done done);
  /// `piece`: 64 of its sealed bytes, as the station has them.
  void upload(std::shared_ptr<const Bytes> data, std::string station,
              std::function<void(MediaLink, std::string piece)> done);
  void download(const MediaLink& link, std::function<void(Result<Bytes>)> done);
  bool asks() const { return !wishes_.empty(); }
  /// Everything that was begun is answered, and the outbox is empty.
  bool is_quiet();

  std::map<Guid, Told> told;  ///< by message
  /// What one has done to somebody else's message is not told.
  void did(const Guid& post, PostState state, Cursor cursor);
  /// Where the home has something of this message; empty: nowhere.
  std::string keeps(const Guid& post);

 private:
  struct Wish {
    Packet packet;
    Done done;
    bool under_way = false;
    Millis not_before = 0;
  };
  struct File {
    std::unique_ptr<Transfer> transfer;
    std::function<void(Status)> done;
    std::uint64_t session = 0;  ///< in which it was started last
  };
  void dial(Lane lane, const StationTarget& target) override;
  void send(Lane lane, std::string bytes) override;
  void hang_up(Lane lane) override;
  void lost();
  void add(std::unique_ptr<Transfer> transfer, std::function<void(Status)> done);
  void ask(const std::shared_ptr<Wish>& wish);
  void look_at_files();
  void on_post(const Post& post, bool fresh);
  void on_change(const PostEvent& event);

  Reactor& reactor_;
  std::shared_ptr<const TlsContext> tls_;
  Home home_;
  std::string id_;
  Random& random_;
  SystemClock clock_;
  Options options_;
  Events events_;
  std::optional<Messenger> messenger_;
  std::map<Lane, std::unique_ptr<Dial>> dials_;
  std::map<Lane, std::shared_ptr<Connection>> connections_;
  std::list<std::shared_ptr<Wish>> wishes_;
  std::list<File> files_;
  std::uint64_t session_ = 1;  // answers of earlier ones say nothing
  Millis again_at_ = 0;        // monotonic; 0: no need
};

}  // namespace dim::community
