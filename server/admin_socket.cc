#include "server/admin_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <future>
#include <utility>

#include "server/admin_request.h"

namespace dim {
namespace {

constexpr int kPeerMs = 10'000;    // for a line, or for room to answer
constexpr int kAnswerMs = 60'000;  // for the station
constexpr std::size_t kAnswerBytes = 4 * 1'024 * 1'024;
constexpr std::size_t kBuffer = 16 * 1'024;
constexpr int kWaiting = 8;  // connections that the kernel keeps

/// A path that is too long for an address goes through the folder's descriptor.
bool make_address(const std::string& data, const OpenFile& folder, sockaddr_un& out) {
  std::string path = admin_socket_file(data);
  if (path.size() >= sizeof out.sun_path)
    path = fmt::format("/proc/self/fd/{}/admin.sock", folder.get());
  if (folder.get() < 0) return false;
  out.sun_family = AF_UNIX;
  std::memcpy(out.sun_path, path.c_str(), path.size() + 1);
  return true;
}

OpenFile open_folder(const std::string& data) {
  return OpenFile(::open(data.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

const sockaddr* general(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

std::string refusal(int code, std::string_view why) {
  return fmt::format(R"({{"ok":false,"code":{},"error":"{}"}})", code, why);
}

bool send_all(int fd, std::string_view bytes, const std::function<bool()>& wait) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait()) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string admin_socket_file(const std::string& data) { return data + "/admin.sock"; }

OpenFile& OpenFile::operator=(OpenFile&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}
OpenFile::~OpenFile() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<std::string> LineReader::next() {
  const std::size_t end = bytes_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string out = bytes_.substr(0, end);
  bytes_.erase(0, end + 1);
  return out;
}

// --- the station's end

std::expected<std::unique_ptr<AdminSocket>, Failure> AdminSocket::open(const std::string& data,
                                                                       Handler handler) {
  const auto failed = [&](std::string_view what) {
    return std::unexpected(
        Failure{Exit::not_writable, fmt::format("{}: the socket for dimd admin cannot be {}: {}",
                                                admin_socket_file(data), what, strerror(errno))});
  };
  const OpenFile folder = open_folder(data);
  sockaddr_un address{};
  if (!make_address(data, folder, address)) return failed("named");
  OpenFile listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  OpenFile wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (listener.get() < 0 || wake.get() < 0) return failed("opened");
  if (::unlinkat(folder.get(), "admin.sock", 0) != 0 && errno != ENOENT) return failed("replaced");
  // The mode of the file that bind() makes is that of the socket: nobody is let in meanwhile.
  if (::fchmod(listener.get(), 0600) != 0) return failed("protected");
  if (::bind(listener.get(), general(address), sizeof address) != 0) return failed("made");
  if (::chmod(address.sun_path, 0600) != 0) return failed("protected");
  if (::listen(listener.get(), kWaiting) != 0) return failed("opened");
  return std::unique_ptr<AdminSocket>(
      new AdminSocket(data, std::move(listener), std::move(wake), std::move(handler)));
}

AdminSocket::AdminSocket(std::string data, OpenFile listener, OpenFile wake, Handler handler)
    : data_(std::move(data)),
      listener_(std::move(listener)),
      wake_(std::move(wake)),
      handler_(std::move(handler)),
      thread_([this] { run(); }) {}

AdminSocket::~AdminSocket() {
  stop_ = true;
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_.get(), &one, sizeof one));
  thread_.join();
  ::unlink(admin_socket_file(data_).c_str());
}

bool AdminSocket::wait(int fd, short events) const {
  std::array<pollfd, 2> both{{{fd, events, 0}, {wake_.get(), POLLIN, 0}}};
  while (true) {
    const int ready = ::poll(both.data(), both.size(), fd == listener_.get() ? -1 : kPeerMs);
    if (stop_) return false;
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

void AdminSocket::run() {
  while (!stop_) {
    if (!wait(listener_.get(), POLLIN)) continue;
    const OpenFile peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (peer.get() >= 0) serve(peer);
  }
}

void AdminSocket::serve(const OpenFile& peer) {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return;
  if (who.uid != ::geteuid() && who.uid != 0) {
    write_line(peer.get(), refusal(403, "only the user that runs dimd, and root, may do this"));
    return;
  }
  const std::string by = fmt::format("operator:{}", who.uid);
  LineReader lines(limits::kAdminRequest);
  std::array<char, kBuffer> buffer{};
  while (true) {
    while (auto line = lines.next()) {
      if (!write_line(peer.get(), ask(std::move(*line), by))) return;
    }
    if (lines.too_long()) {
      write_line(peer.get(), refusal(411, "a request of the operator has at most 16 KiB"));
      return;
    }
    if (!wait(peer.get(), POLLIN)) return;
    const ssize_t got = ::recv(peer.get(), buffer.data(), buffer.size(), 0);
    if (got == 0) return;
    if (got < 0) {
      if (errno == EAGAIN || errno == EINTR) continue;
      return;
    }
    lines.feed({buffer.data(), static_cast<std::size_t>(got)});
  }
}

std::string AdminSocket::ask(std::string line, const std::string& by) {
  const auto answer = std::make_shared<std::promise<std::string>>();
  auto future = answer->get_future();
  handler_(std::move(line), by, [answer](std::string text) { answer->set_value(std::move(text)); });
  while (future.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) {
    if (stop_) return refusal(503, "this station is stopping");
  }
  return future.get();
}

bool AdminSocket::write_line(int fd, std::string line) const {
  line += '\n';
  return send_all(fd, line, [&] { return wait(fd, POLLOUT); });
}

// --- the operator's end

AdminConnection::AdminConnection(OpenFile socket)
    : socket_(std::move(socket)), lines_(kAnswerBytes) {}

std::expected<std::optional<AdminConnection>, Failure> AdminConnection::open(
    const std::string& data) {
  const OpenFile folder = open_folder(data);
  sockaddr_un address{};
  if (!make_address(data, folder, address)) {
    return std::unexpected(
        Failure{Exit::not_writable,
                fmt::format("{}: there is no such folder, or it cannot be entered; name the folder "
                            "of the station with --data",
                            data)});
  }
  OpenFile socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() >= 0 && ::connect(socket.get(), general(address), sizeof address) == 0)
    return AdminConnection(std::move(socket));
  if (errno == ENOENT || errno == ECONNREFUSED) return std::nullopt;
  return std::unexpected(
      Failure{errno == EACCES || errno == EPERM ? Exit::permissions : Exit::failed,
              fmt::format("{}: {}; run dimd admin as the user that runs the station, or as root",
                          admin_socket_file(data), strerror(errno))});
}

std::expected<std::string, Failure> AdminConnection::ask(const std::string& line) {
  const auto gone = [](std::string_view what) {
    return std::unexpected(Failure{
        Exit::failed, fmt::format("the station {}; see its log, and whether it runs", what)});
  };
  const auto wait = [&](short events) {
    pollfd one{socket_.get(), events, 0};
    int ready = 0;
    do {
      ready = ::poll(&one, 1, kAnswerMs);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
  };
  if (!send_all(socket_.get(), line + "\n", [&] { return wait(POLLOUT); }))
    return gone("has gone away");
  std::array<char, kBuffer> buffer{};
  while (true) {
    if (auto answer = lines_.next()) return std::move(*answer);
    if (lines_.too_long()) return gone("answers more than can be read");
    if (!wait(POLLIN)) return gone("did not answer within a minute");
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got == 0 || (got < 0 && errno != EINTR)) return gone("has gone away");
    if (got > 0) lines_.feed({buffer.data(), static_cast<std::size_t>(got)});
  }
}

}  // namespace dim
