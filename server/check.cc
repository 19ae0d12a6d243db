#include "server/check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "net/connection.h"
#include "net/dial.h"
#include "net/system_clock.h"
#include "server/key_file.h"

namespace dim {
namespace {

using Kind = Finding::Kind;

constexpr Millis kEarliest = 1'704'067'200'000;  // 2024-01-01
constexpr std::uint64_t kLowDisk = std::uint64_t{1} << 30;
constexpr std::uint64_t kNoDisk = std::uint64_t{128} << 20;
constexpr std::uint64_t kFiles = 4'096;
constexpr std::uint64_t kFewestFiles = 256;

/// Whether a dimd works in the folder now; makes nothing.
bool station_runs(const std::string& data) {
  const int fd = ::open((data + "/station.lock").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  const bool held = ::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(fd);
  return held;
}

/// `option`: what the command line calls the port.
Finding check_port(const std::string& listen, std::uint16_t port, std::string_view option,
                   bool ours) {
  const std::string what = fmt::format("port {}", port);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  const bool is_v4 = ::inet_pton(AF_INET, listen.c_str(), &v4.sin_addr) == 1;
  const int fd = ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return {Kind::fail, what,
            fmt::format("no IPv6 socket: {}; enable IPv6 (sysctl net.ipv6.conf.all.disable_ipv6=0)",
                        std::strerror(errno))};
  }
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!is_v4) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  ::inet_pton(AF_INET6, listen.c_str(), &address.sin6_addr);
  const bool bound = ::bind(fd,
                            is_v4 ? reinterpret_cast<const sockaddr*>(&v4)
                                  : reinterpret_cast<const sockaddr*>(&address),
                            is_v4 ? static_cast<socklen_t>(sizeof v4)
                                  : static_cast<socklen_t>(sizeof address)) == 0 &&
                     ::listen(fd, 1) == 0;
  const int error = errno;
  ::close(fd);
  if (bound) return {Kind::ok, what, "free"};
  if (error == EADDRINUSE && ours)
    return {Kind::ok, what, "in use by this station, which is running"};
  if (error == EADDRINUSE) {
    return {Kind::fail, what,
            fmt::format("in use by another program; `ss -ltnp` shows which; stop it or choose "
                        "another {}",
                        option)};
  }
  if (error == EACCES)
    return {Kind::fail, what,
            fmt::format("may not be bound by this user; choose a {} above 1023", option)};
  return {Kind::fail, what, fmt::format("cannot be bound on {}: {}", listen, std::strerror(error))};
}

Finding check_folder(const std::string& data) {
  struct stat info{};
  if (::stat(data.c_str(), &info) != 0) {
    if (errno == ENOENT)
      return {Kind::ok, "data folder",
              fmt::format("{} will be made at the first `dimd run`", data)};
    return {Kind::fail, "data folder", fmt::format("{}: {}", data, std::strerror(errno))};
  }
  if (!S_ISDIR(info.st_mode))
    return {Kind::fail, "data folder", fmt::format("{} is no folder", data)};
  if (::access(data.c_str(), W_OK | X_OK) != 0) {
    return {Kind::fail, "data folder",
            fmt::format("{} may not be written by this user; chown it", data)};
  }
  if ((info.st_mode & 077) != 0) {
    return {Kind::warn, "data folder",
            fmt::format("others may look into {}; run chmod 700 {}", data, data)};
  }
  return {Kind::ok, "data folder", fmt::format("{} is writable and private", data)};
}

Finding check_keys(const std::string& data, const std::optional<Secret>& passphrase) {
  struct stat info{};
  const bool store = ::stat((data + "/station.db").c_str(), &info) == 0;
  if (!have_keys(data)) {
    if (store)
      return {
          Kind::fail, "keys",
          fmt::format("{} is missing beside a store; restore it from your backup", key_file(data))};
    return {Kind::ok, "keys", "will be made at the first `dimd run`"};
  }
  const auto card = load_card(data);
  if (!card) return {Kind::fail, "keys", card.error().text};
  if (card->sealed && !passphrase) {
    return {Kind::ok, "keys",
            fmt::format("of {}, sealed; with --passphrase-file it is tried whether they open",
                        card->id.text())};
  }
  const auto keys = load_keys(data, passphrase);
  if (!keys) return {Kind::fail, "keys", keys.error().text};
  return {Kind::ok, "keys",
          fmt::format("of {}{}", card->id.text(), card->sealed ? ", sealed, and they open" : "")};
}

Finding check_disk(const std::string& data) {
  struct statvfs info{};
  std::string folder = data;
  while (::statvfs(folder.c_str(), &info) != 0) {
    const auto slash = folder.rfind('/');
    if (slash == std::string::npos || folder == "/") {
      folder = ".";
      if (::statvfs(".", &info) != 0) return {Kind::warn, "disk", "free space cannot be told"};
      break;
    }
    folder = slash == 0 ? "/" : folder.substr(0, slash);
  }
  return judge_disk(std::uint64_t{info.f_bavail} * info.f_frsize);
}

Finding check_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return {Kind::warn, "open files", "the limit cannot be told"};
  const std::uint64_t most = limit.rlim_max;
  const std::string text =
      most == RLIM_INFINITY ? std::string("no limit") : fmt::format("at most {}", most);
  if (most < kFewestFiles)
    return {Kind::fail, "open files",
            text + "; dimd needs 256: raise it (ulimit -Hn, LimitNOFILE=)"};
  if (most < kFiles)
    return {Kind::warn, "open files", text + ", two for each client; raise it with LimitNOFILE="};
  return {Kind::ok, "open files", text};
}

/// Who does not answer now is dialled again and again later: a warning.
void check_neighbours_answer(const std::vector<Neighbour>& neighbours, std::vector<Finding>& out) {
  constexpr Millis kPatienceMs = 3'000;
  Reactor reactor;
  std::vector<std::unique_ptr<Dial>> dials;
  std::size_t open = neighbours.size();
  for (const Neighbour& one : neighbours) {
    const std::string what = fmt::format("neighbour {}", one.id.text());
    const std::string address = one.host.find(':') == std::string::npos
                                    ? fmt::format("{}:{}", one.host, one.port)
                                    : fmt::format("[{}]:{}", one.host, one.port);
    DialOptions options;
    options.host = one.host;
    options.port = one.port;
    options.ipv4 = true;
    options.timeout = kPatienceMs;
    dials.push_back(Dial::start(
        reactor, options,
        {.opened =
             [&, what, address](std::shared_ptr<Connection> connection) {
               connection->abort();
               out.push_back({Kind::ok, what, fmt::format("{} answers", address)});
               if (--open == 0) reactor.stop();
             },
         .failed =
             [&, what, address](const Error& error) {
               out.push_back({Kind::warn, what,
                              fmt::format("{} does not answer ({}); messages for its users wait "
                                          "here until it does. Is the address right, does its "
                                          "station run?",
                                          address, error.hint)});
               if (--open == 0) reactor.stop();
             }}));
  }
  if (open != 0) reactor.run_for(2 * kPatienceMs);
}

}  // namespace

std::string_view to_string(Finding::Kind kind) {
  switch (kind) {
    case Kind::ok:
      return "ok";
    case Kind::warn:
      return "warn";
    case Kind::fail:
      break;
  }
  return "fail";
}

std::vector<Finding> check_machine(const DaemonConfig& config,
                                   const std::optional<Secret>& passphrase) {
  const bool ours = station_runs(config.data);
  std::vector<Finding> out;
  for (const std::uint16_t offset : {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{2}}) {
    out.push_back(check_port(config.listen, static_cast<std::uint16_t>(config.port_base + offset),
                             "--port-base", ours));
  }
  if (config.dimchat) {
    out.push_back(check_port(config.dimchat->address, config.dimchat->port, "--dimchat", ours));
  }
  if (config.web) out.push_back(check_port(config.web->address, config.web->port, "--web", ours));
  out.push_back(judge_address(machine_address()));
  out.push_back(check_folder(config.data));
  out.push_back(check_keys(config.data, passphrase));
  out.push_back(check_disk(config.data));
  out.push_back(judge_clock(SystemClock().now()));
  out.push_back(check_files());
  check_neighbours_answer(config.station.neighbours, out);
  return out;
}

Finding judge_address(const std::string& address) {
  if (address == "::1") {
    return {Kind::warn, "IPv6",
            "only loopback; people on other machines need a global or local IPv6 address here"};
  }
  if (address.starts_with("fc") || address.starts_with("fd")) {
    return {Kind::warn, "IPv6",
            fmt::format("{} is a local address; people outside of this network cannot reach it",
                        address)};
  }
  return {Kind::ok, "IPv6",
          fmt::format("reachable as {} if no firewall stands before it", address)};
}

Finding judge_disk(std::uint64_t free_bytes) {
  const std::string text = fmt::format("{} MiB free", free_bytes >> 20);
  if (free_bytes < kNoDisk)
    return {Kind::fail, "disk", text + "; a station answers 506 when it is full: make room"};
  if (free_bytes < kLowDisk) return {Kind::warn, "disk", text + "; 1 GiB or more is better"};
  return {Kind::ok, "disk", text};
}

Finding judge_clock(Millis now) {
  if (now < kEarliest) {
    return {Kind::fail, "clock",
            format_time(now) + " cannot be right; set the clock (timedatectl set-ntp true)"};
  }
  return {Kind::ok, "clock", format_time(now)};
}

}  // namespace dim
