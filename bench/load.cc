#include "bench/load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "dim/crypto/os_random.h"

extern char** environ;

namespace dim::bench {
namespace {

std::string program(std::string_view name) {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / name).string();
}

pid_t spawn(const std::vector<std::string>& words, int out, const std::string& log) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (out >= 0)
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  else
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  pid_t pid = -1;
  const int rc = ::posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (rc != 0) throw std::runtime_error("cannot start " + words[0]);
  return pid;
}

std::string output_of(const std::vector<std::string>& words, const std::string& log) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  const pid_t pid = spawn(words, pipe_ends[1], log);
  ::close(pipe_ends[1]);
  std::string out;
  char buffer[4096];
  for (ssize_t got; (got = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(got));
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status != 0) throw std::runtime_error(words[0] + " " + words[1] + " failed; see " + log);
  return out;
}

bool listens(std::uint16_t port) {
  const int file = ::socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  const bool open =
      ::connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(file);
  return open;
}

}  // namespace

Usage usage_of(pid_t pid) {
  Usage out;
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(stat, line);
  const std::size_t after = line.rfind(')');
  if (after == std::string::npos) return out;
  std::istringstream fields(line.substr(after + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  out.cpu_s = (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  while (std::getline(status, line)) {
    if (line.starts_with("VmRSS:")) out.rss_kib = std::strtod(line.c_str() + 6, nullptr);
  }
  return out;
}

Usage own_usage() { return usage_of(::getpid()); }

void give_up(const Error& error, std::string_view message) {
  throw std::runtime_error(to_string(error) + " " + std::string(message));
}

StationProcess::StationProcess(const Options& options) {
  namespace fs = std::filesystem;
  folder_ = (options.folder.empty() ? fs::temp_directory_path() : fs::path(options.folder)) /
            ("dim-bench-" + std::to_string(::getpid()));
  fs::create_directories(folder_);
  OsRandom random;
  do {
    // Below the ports that the system gives to connections.
    base_ = static_cast<std::uint16_t>(20'000 + random.u64() % 12'000);
  } while (listens(base_) || listens(static_cast<std::uint16_t>(base_ + 1)));
  {
    std::ofstream config(folder_ + "/bench.toml");
    if (!options.quotas) {
      config << "[quotas]\nhistory_per_second = 0\ndocuments_per_hour = 0\n"
                "subnet_messages_per_second = 0\nlogins_per_second = 0\nfailed_logins_per_minute = "
                "0\n";
      if (!options.message_quota) config << "messages_per_second = 0\n";
      config << "[network]\nunauthenticated = 60000\nunauthenticated_per_64 = "
                "60000\nunauthenticated_per_48 = 60000\nconnections_per_second = 0\n";
    }
    config << "[log]\nlevel = \"warn\"\n";
    if (options.verify_always) config << "[security]\nverify = \"always\"\n";
  }
  launch();
  wait();
  const std::string invite = output_of(
      {program("dimd"), "invite", "--data", folder_ + "/station", "--host", "::1", "--json"},
      log());
  auto object = parse_json_object(std::string_view(invite).substr(0, invite.find('\n')));
  const std::string* link = object ? object->text("link") : nullptr;
  auto target = link != nullptr ? StationTarget::parse(*link)
                                : Result<StationTarget>(fail(Errc::usage, "no link"));
  if (!target) throw std::runtime_error("dimd invite printed no link");
  target_ = *target;
}

void StationProcess::launch() {
  pid_ = spawn(
      {program("dimd"), "run", "--data", folder_ + "/station", "--listen", "::1", "--port-base",
       std::to_string(base_), "--config", folder_ + "/bench.toml", "--allow-root"},
      -1, log());
}

void StationProcess::wait() {
  for (int i = 0; i < 3'000; ++i) {
    if (listens(static_cast<std::uint16_t>(base_ + 1))) return;
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error("dimd did not start; see " + log());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw std::runtime_error("dimd does not listen; see " + log());
}

void StationProcess::end(int signal) {
  if (pid_ <= 0) return;
  ::kill(pid_, signal);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void StationProcess::kill() { end(SIGKILL); }
void StationProcess::stop() { end(SIGTERM); }

StationProcess::~StationProcess() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

double StationProcess::sync_ms() const {
  constexpr std::size_t kBlock = 4'096;
  constexpr std::size_t kSyncs = 64;
  const std::string bytes(kBlock * kSyncs, 'x');
  const std::string path = folder_ + "/sync";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  bool done = ::pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()) &&
              ::fsync(file) == 0;
  std::vector<double> samples;
  for (std::size_t i = 0; i < kSyncs && done; ++i) {
    const Time begin = now();
    done = ::pwrite(file, bytes.data(), kBlock, static_cast<off_t>(i * kBlock)) ==
               static_cast<ssize_t>(kBlock) &&
           ::fdatasync(file) == 0;
    samples.push_back(seconds_since(begin) * 1000);
  }
  ::close(file);
  ::unlink(path.c_str());
  if (!done) throw std::runtime_error("cannot write to " + path);
  return percentile(samples, 0.5);
}

LoadClient::LoadClient(Reactor& reactor, std::shared_ptr<const TlsContext> tls,
                       const StationTarget& target, const Account& account,
                       Session::Options options, Events events)
    : reactor_(reactor),
      tls_(std::move(tls)),
      target_(target),
      account_(account),
      events_(std::move(events)) {
  static OsRandom random;
  session_.emplace(target, account, static_cast<SessionHost&>(*this), clock_, random,
                   std::move(options));
}

LoadClient::~LoadClient() {
  for (auto& [lane, connection] : connections_) {
    connection->set_callbacks({});
    connection->abort();
  }
}

void LoadClient::start() { open(Lane::control); }

void LoadClient::stop_reading() {
  for (auto& [lane, connection] : connections_) connection->pause_reading();
}

void LoadClient::open(Lane lane) {
  DialOptions options;
  options.host = target_.host;
  options.port = static_cast<std::uint16_t>(target_.port + static_cast<int>(lane));
  options.tls = tls_;
  options.timeout = 60'000;
  dials_[lane] = Dial::start(
      reactor_, options,
      {.opened =
           [this, lane](std::shared_ptr<Connection> connection) {
             connections_[lane] = connection;
             connection->set_callbacks(
                 {.data = [this, lane](std::string_view bytes) { session_->received(lane, bytes); },
                  .drained = {},
                  .ended = {},
                  .closed = [this, lane](CloseReason) { session_->closed(lane); }});
             session_->opened(lane, *connection->channel_binding(), *connection->peer_spki());
             dials_.erase(lane);
           },
       .failed = [this](const Error& error) { failed(error, 0, {}); }});
}

void LoadClient::send(Lane lane, std::string bytes) {
  connections_.at(lane)->send(std::move(bytes));
}
void LoadClient::close(Lane lane) {
  const auto found = connections_.find(lane);
  if (found == connections_.end()) return;
  found->second->set_callbacks({});
  found->second->close();
  connections_.erase(found);
}
void LoadClient::ready() {
  if (events_.ready) events_.ready();
}
void LoadClient::pushed(Lane, Packet packet) {
  if (events_.pushed) events_.pushed(std::move(packet));
}
void LoadClient::failed(const Error& error, int, std::string_view message) {
  if (events_.failed) events_.failed(error, message);
}

std::vector<Account> make_accounts(std::size_t count, Random& random) {
  const PrivateKey shared = std::move(PrivateKey::generate_rsa(2048).value());
  const JsonObject message_key = shared.public_key().json();
  const Millis now = SystemClock().now();
  std::vector<Account> out;
  for (std::size_t i = 0; i < count; ++i) {
    PrivateKey identity_key = PrivateKey::generate_ec(random);
    Meta meta = Meta::make(MetaType::eth, identity_key.public_key()).value();
    Id id = meta.id(EntityType::user).value();
    JsonObject properties;
    properties.set("name", "load " + std::to_string(i));
    properties.set("key", message_key);
    properties.set("features", JsonArray{"bind"});
    Document visa = Document::make(id, "visa", std::move(properties), now, identity_key);
    out.push_back({std::move(id), std::move(meta), std::move(visa), std::move(identity_key), {}});
  }
  return out;
}

double percentile(std::vector<double>& samples, double fraction) {
  if (samples.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(fraction * static_cast<double>(samples.size() - 1));
  std::nth_element(samples.begin(), samples.begin() + at, samples.end());
  return samples[static_cast<std::size_t>(at)];
}

}  // namespace dim::bench
