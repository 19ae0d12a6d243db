// Turns received bytes into packets, one connection at a time, in any segmentation.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dim/packet/packet.h"

namespace dim {

/// What the peer sent that cannot be a packet. `fatal`: framing is lost, answer and close; otherwise the offending
/// packet has been skipped exactly and the next one can be read.
struct BadPacket {
  Error error;
  bool fatal = true;
  std::string reply;  ///< its `id`, when that much could be read
};

class PacketReader {
 public:
  struct Options {
    Lane lane = Lane::control;
    bool checksum_required = false;  ///< after CONNECT (P24)
    bool crc32c_agreed = false;      ///< P25
  };
  explicit PacketReader(Options options) : options_(options) {}

  /// Takes all of `bytes`. Memory held is bounded by header limit + content limit of the lane, plus one feed.
  void feed(std::string_view bytes);
  /// The next packet, the reason why there is none that can be trusted, or nothing: feed more. After a fatal BadPacket
  /// nothing more comes.
  std::variant<std::monostate, Packet, BadPacket> next();
  /// True while the beginning of a packet is held (slow-peer rules apply), with how many bytes have come for it.
  bool in_packet() const { return packet_bytes_ > 0 || buffered() > 0; }
  std::size_t packet_bytes() const { return packet_bytes_ + buffered(); }
  /// Bytes held and not consumed: the TLS-upgrade rule asks for it (A45, P34).
  std::size_t buffered() const { return buffer_.size() - begin_; }
  void set_options(Options options) { options_ = options; }

 private:
  enum class Phase : std::uint8_t { header, opening_fence, counted, fenced, closing_fence, last_line, skipping, dead };
  using Step = std::variant<std::monostate, Packet, BadPacket>;

  std::optional<std::string_view> take_line(std::size_t longest);
  void consume(std::size_t bytes);
  std::optional<Step> read_header();
  std::optional<Step> read_content();
  void header_line(std::string_view line);
  void field(std::string_view key, std::string_view value);
  void check_header();
  void check_content();
  void wrong(Error error);
  Step finish();
  Step die(Error error);

  Options options_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t scanned_ = 0;        // from begin_: no line end before here
  std::size_t packet_bytes_ = 0;   // of this packet, consumed already
  std::size_t empty_lines_ = 0;

  // The packet under construction.
  Phase phase_ = Phase::header;
  Packet draft_;
  std::vector<std::string> seen_;  // keys that do not stand in draft_.fields
  std::optional<Error> error_;     // the first thing wrong with it
  bool reported_ = false;          // error_ has been told already, the rest is only skipped
  bool line_too_long_ = false;
  std::size_t lines_ = 0;
  std::size_t header_bytes_ = 0;
  std::optional<std::uint64_t> length_;
  std::uint64_t to_skip_ = 0;
  std::string checksum_;
  std::string body_;               // fenced content so far
};

}  // namespace dim
