// One TCP connection, usually inside TLS: plain bytes in and out, batched, with back-pressure.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dim/base/error.h"
#include "dim/crypto/digest.h"
#include "net/endpoint.h"
#include "net/reactor.h"
#include "net/tls.h"

namespace dim {

enum class CloseReason : std::uint8_t {
  local,      ///< close() by the owner
  ended,      ///< the peer closed properly
  truncated,  ///< the peer's socket ended without TLS's close_notify
  reset,      ///< network error or RST
  tls,        ///< TLS failure, too many KeyUpdates
  timeout,    ///< idle limit, or the queue could not be flushed in time
};
std::string_view to_string(CloseReason reason);

/// Called on the reactor's thread, never from inside send(), close() or another method of the
/// connection.
struct ConnectionCallbacks {
  /// Plain bytes as they came, in any segmentation, up to some 64 KiB at once; valid within the
  /// call.
  std::function<void(std::string_view bytes)> data = {};
  /// The queue has fallen to the drain mark or below after having been over it.
  std::function<void()> drained = {};
  /// The peer will send no more (half-close). If set, the connection stays open for sending until
  /// close(); if not, it flushes and closes itself with CloseReason::ended.
  std::function<void()> ended = {};
  /// Exactly once, the last call; all callbacks are dropped after it.
  std::function<void(CloseReason reason)> closed = {};
};

/// Owned by shared_ptr: the reactor keeps it while its socket lives, the user as long as it likes.
/// A user that lets go without close() leaves the connection open. All methods are for the
/// reactor's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Bytes that arrive before this call wait in the socket. May be called again, from within a
  /// callback too; the earlier ones are not called any more.
  void set_callbacks(ConnectionCallbacks callbacks);

  /// Queues, without a copy where nothing waits yet; everything queued in one turn of the loop
  /// leaves in one TLS write and one system call. Ignored after close().
  void send(std::string bytes);
  /// Bytes not yet taken by the kernel.
  std::size_t queued_bytes() const;
  /// Default 64 KiB.
  void set_drain_mark(std::size_t bytes) { drain_mark_ = bytes; }
  /// Several lanes share this connection, and whoever sends keeps what is not urgent back until
  /// `drained`: that comes at `bytes`, and the kernel takes no more than that ahead of what the
  /// network takes.
  void share(std::size_t bytes);

  /// Back-pressure: nothing is read until resume_reading(); then what the kernel holds.
  void pause_reading();
  void resume_reading();
  bool reading_paused() const { return paused_; }

  /// Stops reading, sends what is queued and TLS's closing alert (for at most `flush_timeout` ms),
  /// waits up to 2 s for the peer to end its side too, so that our last words are not lost to a
  /// reset, then closes. `closed` comes then, with `reason`.
  void close(CloseReason reason = CloseReason::local, Millis flush_timeout = 5'000);
  /// Drops the queue and resets the connection at once. `closed` comes later.
  void abort(CloseReason reason = CloseReason::local);
  /// False from close(), abort() or a failure on.
  bool is_open() const { return phase_ == Phase::open; }

  /// Gives back the place among unauthenticated connections (net/admission.h). Nothing on a client.
  void mark_authenticated();
  /// Closes with CloseReason::timeout when no byte has come for `ms` (precision 200 ms); 0 turns it
  /// off (the default).
  void set_idle_limit(Millis ms);

  bool is_tls() const { return tls_ != nullptr; }
  /// RFC 9266 exporter value; Errc::too_early without TLS.
  Result<Bytes> channel_binding() const;
  /// Of the peer's certificate; on a client always there.
  std::optional<Digest32> peer_spki() const;
  std::string_view tls_cipher() const;

  const Endpoint& peer() const { return peer_; }
  std::uint64_t id() const { return id_; }             ///< unique in this process, for logs
  Millis accepted_at() const { return accepted_at_; }  ///< monotonic; accept or connect
  Millis last_received() const { return last_received_; }
  std::uint64_t bytes_received() const { return received_; }  ///< plain bytes
  std::uint64_t bytes_sent() const { return sent_; }          ///< plain bytes queued so far
  Reactor& reactor() { return reactor_; }

 private:
  friend class Reactor;
  friend class Listener;
  friend class Gate;
  friend class Dial;
  struct Io;
  struct Setup;
  enum class Phase : std::uint8_t { setup, open, flushing, lingering, closed };

  Connection(Reactor& reactor, std::unique_ptr<Io> io, const Endpoint& peer);

  void wait_read();
  void on_readable();
  void take(std::string_view bytes);
  void begin(std::unique_ptr<Setup> setup, Millis deadline);
  void take_upgrade(std::string_view bytes);
  void begin_tls(std::string_view rest);
  void run_handshake();
  void after_tls(const Status& status, std::string& plain);
  void on_setup_timeout();
  void fail_setup(const Error& error);
  void leave_gate();
  void become_open();
  void start_delivery();
  void deliver(std::string_view plain);
  void on_peer_end();
  void on_socket_end();
  bool wants_input() const;
  void discard();
  void flush();
  void flush_soon();
  bool send_wire();
  bool send_queue();
  bool say_goodbye();
  void start_closing(CloseReason reason, Millis flush_timeout);
  void linger();
  void finish(CloseReason reason, bool reset);
  void tell_closed();
  void watch_idle();

  Reactor& reactor_;
  std::unique_ptr<Io> io_;
  std::unique_ptr<TlsStream> tls_;
  std::unique_ptr<Setup> setup_;  // only until open
  std::shared_ptr<const ConnectionCallbacks> callbacks_;
  std::function<void()> give_back_;  // the place among unauthenticated connections
  Timer timer_;
  std::string queue_;  // plain bytes not yet encrypted
  std::size_t queue_at_ = 0;
  std::string wire_;  // bytes for the socket that the kernel did not take
  std::size_t wire_at_ = 0;
  std::string early_;  // plain bytes from before set_callbacks()
  std::size_t drain_mark_ = 64 * 1024;
  Endpoint peer_;
  std::uint64_t id_;
  Millis accepted_at_;
  Millis last_received_;
  Millis idle_limit_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
  Phase phase_ = Phase::setup;
  CloseReason reason_ = CloseReason::local;
  bool paused_ = false;
  bool reading_ = false;
  bool write_waiting_ = false;
  bool flush_queued_ = false;
  bool over_mark_ = false;
  bool peer_ended_ = false;  // it will send no more plain bytes
  bool input_over_ = false;  // its socket has ended
  bool told_closed_ = false;
  std::weak_ptr<std::shared_ptr<const ConnectionCallbacks>> telling_;  // whom, in the next turn
};

}  // namespace dim
