// Turns received bytes into packets, one connection at a time, in any segmentation.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "dim/crypto/digest.h"
#include "dim/packet/packet.h"

namespace dim {

/// What the peer sent that cannot be a packet. `fatal`: framing is lost, answer and close;
/// otherwise the offending packet has been or is being skipped exactly and the next one can be
/// read. `error.at` is the header line, from 1.
struct BadPacket {
  Error error;
  bool fatal = true;
  std::string reply;   ///< its `id`, when that much could be read
  std::string lane{};  ///< its `lane`, the same
};

/// The grammar, the limits and which errors are fatal: docs/protocol/packets.md. Every byte is
/// looked at once, whatever the segmentation, and the outcomes do not depend on it.
class PacketReader {
 public:
  struct Options {
    Lane lane = Lane::control;
    bool checksum_required = false;  ///< after CONNECT (P24)
    bool crc32c_agreed = false;      ///< P25
    bool lanes = false;  ///< `lane` in a packet decides its limit, in place of the above
  };
  explicit PacketReader(Options options) : options_(options) {}

  /// Takes all of `bytes`. Of one packet at most header limit + content limit of the lane are held,
  /// if next() is asked until it has nothing before more is fed.
  void feed(std::string_view bytes);
  /// The next packet, the reason why there is none that can be trusted, or nothing: feed more.
  /// After a fatal error there is nothing ever again, and what is fed is thrown away.
  std::variant<std::monostate, Packet, BadPacket> next();
  /// True while the beginning of a packet is held (slow-peer rules apply), with how many bytes have
  /// come for it.
  bool in_packet() const;
  std::size_t packet_bytes() const;
  /// Bytes held and not consumed: the TLS-upgrade rule asks for it (A45, P34).
  std::size_t buffered() const { return buffer_.size() - begin_; }
  /// What has come behind the last packet that next() gave, for whoever reads on in another form
  /// (101). Between packets only; the reader has nothing then.
  std::string take_rest();
  /// For the packets behind the last one that next() gave.
  void set_options(Options options) { options_ = options; }

 private:
  using Outcome = std::variant<std::monostate, Packet, BadPacket>;
  /// nullopt: go on with the next state.
  using Step = std::optional<Outcome>;
  enum class State : std::uint8_t { header, opening, counted, skipping, typed, ending, over };

  std::string_view held() const { return std::string_view(buffer_).substr(begin_); }
  bool take_line(std::string_view& line);
  void note(Errc code, Literal hint);
  Outcome fatal(Errc code, Literal hint);
  Step read_header();
  Step check_first_line(std::string_view line, bool complete);
  void read_version(std::string_view value);
  Step read_field(std::string_view line);
  Step read_length(std::string_view value);
  void read_second(std::string_view key, std::string_view value);
  void read_checksum(std::string_view value);
  void read_checksum_item(std::string_view item);
  void check_value(std::string_view key, std::string_view value);
  Step begin_content();
  Step read_opening();
  Step read_counted();
  Step skip();
  Step read_typed();
  Step read_ending();
  Step finish();
  void check_checksum();
  void start_over();
  std::size_t most_content() const;

  Options options_;
  State state_ = State::header;
  std::string buffer_;
  std::size_t begin_ = 0;  // where the packet's bytes in buffer_ begin; the others count from here
  std::size_t at_ = 0;     // everything before has been read
  std::size_t scanned_ = 0;  // no line ends between at_ and here
  std::size_t dropped_ = 0;  // bytes of this packet that are not in buffer_ any more
  std::size_t empty_lines_ = 0;

  // The packet so far.
  Packet packet_;
  std::string reply_;
  std::optional<Error> error_;  // the first that does not lose the framing
  bool told_ = false;           // error_ has been handed out
  bool has_id_ = false, has_status_ = false, has_checksum_ = false;
  std::uint32_t lines_ = 0;
  std::optional<std::uint64_t> length_;
  std::uint64_t skip_ = 0;
  std::size_t content_ = 0, content_end_ = 0;
  std::optional<Digest32> sha256_;
  std::optional<std::uint32_t> crc32c_;
};

}  // namespace dim
