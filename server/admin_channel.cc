#include "server/admin_channel.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "dim/crypto/os_random.h"
#include "net/system_clock.h"
#include "server/admin_socket.h"
#include "server/key_file.h"
#include "server/store_failure.h"
#include "sqlite/sqlite_store.h"

namespace dim {
namespace {

/// Without a thread: what is submitted is on the disk when submit() returns.
class DirectCommitter final : public Committer {
 public:
  explicit DirectCommitter(Store& store) : store_(store) {}
  void submit(std::vector<Write> writes, Done done) override { done(store_.commit(writes)); }

 private:
  Store& store_;
};

/// A station that nobody can connect to, for its operator alone.
struct Stopped {
  Stopped(Account who, std::unique_ptr<SqliteStore> opened, const StationConfig& config)
      : account(std::move(who)),
        store(std::move(opened)),
        committer(*store),
        station(config, account, *store, committer, clock, random) {}

  Account account;
  std::unique_ptr<SqliteStore> store;
  SystemClock clock;
  OsRandom random;
  DirectCommitter committer;
  Station station;
};

}  // namespace

void act_as_owner(const std::string& data) {
  struct stat owner{};
  if (::geteuid() != 0 || ::stat(data.c_str(), &owner) != 0 || owner.st_uid == 0) return;
  // The group first: afterwards that is not allowed any more.
  if (::setegid(owner.st_gid) == 0) static_cast<void>(!::seteuid(owner.st_uid));
}

struct AdminChannel::Impl {
  std::string data;
  std::optional<AdminConnection> running;
  std::unique_ptr<Stopped> stopped;
};

AdminChannel::AdminChannel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminChannel::AdminChannel(AdminChannel&& other) noexcept = default;
AdminChannel::~AdminChannel() = default;
bool AdminChannel::station_runs() const { return impl_->running.has_value(); }

std::expected<AdminChannel, Failure> AdminChannel::open(const DaemonConfig& config) {
  auto impl = std::make_unique<Impl>();
  impl->data = config.data;
  auto running = AdminConnection::open(config.data);
  if (!running) return std::unexpected(running.error());
  if (*running) {
    impl->running = std::move(*running);
    return AdminChannel(std::move(impl));
  }
  act_as_owner(config.data);
  // Before the store is opened, which would make one in a wrong folder.
  auto card = load_card(config.data);
  if (!card) return std::unexpected(card.error());
  SqliteOptions options;
  options.limits = config.inbox;
  options.media = config.media;
  options.audit = config.audit;
  options.reserve_bytes = config.reserve_bytes;
  auto store = SqliteStore::open(config.data, options);
  if (!store && store.error().code == Errc::conflict) {
    return std::unexpected(Failure{
        Exit::locked, fmt::format("{}: a station works here, but does not listen on {}; it may be "
                                  "starting or stopping, or be an older dimd",
                                  config.data, admin_socket_file(config.data))});
  }
  if (!store) return std::unexpected(store_failure(config.data, store.error()));
  OsRandom random;
  // Nobody logs in, so nothing is signed: the station's own keys may stay sealed.
  Account account{.id = card->id,
                  .meta = card->meta,
                  .visa = card->visa,
                  .identity_key = PrivateKey::generate_ec(random),
                  .message_keys = {}};
  impl->stopped = std::make_unique<Stopped>(std::move(account), std::move(*store), config.station);
  return AdminChannel(std::move(impl));
}

std::expected<std::string, Failure> AdminChannel::ask(const std::string& line) {
  if (impl_->running) return impl_->running->ask(line);
  std::optional<std::string> answer;
  Station& station = impl_->stopped->station;
  station.admin(line, fmt::format("operator:{}", ::getuid()),
                [&](std::string text) { answer = std::move(text); });
  station.end_of_turn();
  if (station.failed() || !answer) {
    return std::unexpected(
        Failure{Exit::store_failed,
                fmt::format("{}: the store cannot be read or written; `dimd check` looks at it",
                            impl_->data)});
  }
  return std::move(*answer);
}

}  // namespace dim
