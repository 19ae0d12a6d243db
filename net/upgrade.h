// What comes before TLS, without I/O: the first byte's meaning and the draft's plain CONNECT
// (docs/protocol/connect.md section 1; A45, A46, P05, P06, P33, P34, P45, S01-S03, S19).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dim/base/error.h"
#include "dim/packet/packet.h"
#include "dim/packet/reader.h"

namespace dim {

/// Most bytes of a plain packet before TLS, either way.
inline constexpr std::size_t kPlainBytes = 4096;

struct UpgradeStep {
  enum class Kind : std::uint8_t {
    need_more,  ///< feed more
    start_tls,  ///< `rest` and everything later belongs to TLS
    refuse,     ///< send `reply`, close
  };
  Kind kind = Kind::need_more;
  std::string reply;           ///< to send now, before anything else; may be empty
  std::string_view rest;       ///< end of the bytes fed: the start of TLS
  std::optional<Error> error;  ///< why refused
};

/// A station's side of one connection. How the bytes are cut changes nothing but whether bytes
/// injected behind CONNECT get 300 instead of 101 or after it. Not to be fed after start_tls or
/// refuse.
class UpgradeServer {
 public:
  UpgradeServer();
  UpgradeStep feed(std::string_view bytes);
  /// The draft's form was used and 101 has been answered.
  bool switched() const { return switched_; }
  /// A plain packet has begun and is not complete.
  bool in_plain() const { return state_ == State::plain; }

 private:
  enum class State : std::uint8_t { first_byte, plain, switched, over };
  UpgradeStep judge(const Packet& packet);
  UpgradeStep refuse(const Error& error, std::string_view reply);

  State state_ = State::first_byte;
  PacketReader reader_;
  std::size_t taken_ = 0;
  bool switched_ = false;
};

/// A client that uses the draft's form. Anything but 101 is Errc::downgrade, except 303, 401 and
/// 5xx, which are Errc::better_encryption, Errc::bad_request and Errc::unavailable.
class UpgradeClient {
 public:
  UpgradeClient();
  /// The plain CONNECT; `target` is the station's IPv6 address.
  static std::string request(std::string_view target);
  UpgradeStep feed(std::string_view bytes);

 private:
  PacketReader reader_;
  std::size_t taken_ = 0;
};

}  // namespace dim
