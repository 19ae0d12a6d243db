// What dim-bench measures. Each prints one row of a table of docs/performance.md and ends the
// program when anything is refused or lost.
#pragma once
#include <cstddef>
#include <span>

namespace dim::bench {

struct RelayOptions {
  int pairs = 50;
  int window = 32;                 ///< messages of a pair that wait for their ack
  double rate = 0;                 ///< messages/s over all pairs; 0: as fast as the window allows
  double seconds = 10;             ///< after a third of that, 3 s at most, to warm up
  std::size_t size = 1'024;        ///< bytes of a signed message, at least
  bool verify_always = false;      ///< the station checks every ECDSA signature
  bool receiver_verifies = false;  ///< so do the receivers, on a thread of their own
};
/// Pairs of sessions that send through the station over TLS, every message durable before its ack
/// and none lost.
void measure_relay(std::span<const RelayOptions> rows);

struct IsolationOptions {
  int pairs = 200;
  double rate = 1'000;        ///< messages/s over all pairs
  double seconds = 10;        ///< of each row, after a third of that to warm up
  double heavy_rate = 200;    ///< of one pair more, whose reader stops
  std::size_t heavy = 8'192;  ///< bytes of its messages
};
/// What pairs notice of one more (security.md, R9 and R10): one whose messages are read, one whose
/// reader stops reading, and one that sends as fast as it can against its quota. None of the pairs'
/// messages is lost.
void measure_isolation(const IsolationOptions& options);

struct SessionOptions {
  int sessions = 1'000;
  bool text_lane = false;  ///< two connections a session, as an online client has; else one
  double seconds = 5;      ///< how long they are watched
};
/// Log-ins with fifty at once, then silence.
void measure_sessions(std::span<const SessionOptions> rows);

struct FanoutOptions {
  int members = 1'000;        ///< of one channel, all of them online
  int writers = 1;            ///< of the members
  int window = 8;             ///< posts of a writer that wait for their ack
  double rate = 0;            ///< posts/s over all writers; 0: as fast as the windows allow
  std::size_t posts = 2'000;  ///< after a tenth of that to warm up
  std::size_t size = 1'024;   ///< bytes of a post
};
/// Posts in a channel of a public hub, durable before each ack, pushed to every member over TLS:
/// none lost, none twice, in the order of cursors.
void measure_fanout(std::span<const FanoutOptions> rows);

}  // namespace dim::bench
