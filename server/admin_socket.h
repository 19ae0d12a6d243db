// Where `dimd admin` meets a station that runs: a Unix socket in the data folder, mode 0600. One
// request a line, one answer a line; who is at the other end the kernel says (SO_PEERCRED).
#pragma once
#include <atomic>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "dim/base/bytes.h"
#include "server/exit_codes.h"

namespace dim {

/// DATA/admin.sock
std::string admin_socket_file(const std::string& data);

/// A file descriptor of ours.
class OpenFile {
 public:
  explicit OpenFile(int fd = -1) : fd_(fd) {}
  OpenFile(OpenFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OpenFile& operator=(OpenFile&& other) noexcept;
  ~OpenFile();
  int get() const { return fd_; }

 private:
  int fd_;
};

/// Lines out of bytes that come in any pieces, each of at most `most` bytes without its end.
class LineReader {
 public:
  explicit LineReader(std::size_t most) : most_(most) {}
  void feed(std::string_view bytes) { bytes_ += bytes; }
  /// The next whole line, without its end; nothing until it is there.
  std::optional<std::string> next();
  /// More bytes wait than a line may have.
  bool too_long() const { return bytes_.size() > most_ && !bytes_.contains('\n'); }

 private:
  std::size_t most_;
  std::string bytes_;
};

class AdminSocket {
 public:
  /// Called on the socket's thread: hands `line` on, and has `done` called once, on any thread.
  /// `by`: "operator:UID".
  using Handler =
      std::function<void(std::string line, std::string by, std::function<void(std::string)> done)>;

  /// Listens at once. The caller holds the folder's lock: a socket that is there is left over.
  static std::expected<std::unique_ptr<AdminSocket>, Failure> open(const std::string& data,
                                                                   Handler handler);
  AdminSocket(const AdminSocket&) = delete;
  AdminSocket& operator=(const AdminSocket&) = delete;
  /// Waits for no answer. Removes the socket.
  ~AdminSocket();

 private:
  AdminSocket(std::string data, OpenFile listener, OpenFile wake, Handler handler);
  void run();
  void serve(const OpenFile& peer);
  std::string ask(std::string line, const std::string& by);
  /// Until `fd` is ready for `events`; false after kPeerMs, or when the socket ends.
  bool wait(int fd, short events) const;
  bool write_line(int fd, std::string line) const;

  std::string data_;
  OpenFile listener_, wake_;
  Handler handler_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

/// The other end.
class AdminConnection {
 public:
  /// Nothing: no station of this folder listens. Exit::permissions: it is another user's.
  static std::expected<std::optional<AdminConnection>, Failure> open(const std::string& data);
  /// Exit::failed when the station goes away, or does not answer for a minute.
  std::expected<std::string, Failure> ask(const std::string& line);

 private:
  explicit AdminConnection(OpenFile socket);
  OpenFile socket_;
  LineReader lines_;
};

}  // namespace dim
