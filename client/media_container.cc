#include "client/media_container.h"

#include <algorithm>
#include <array>
#include <utility>

namespace dim {
namespace {

constexpr std::uint64_t kOpusRate = 48'000;
constexpr std::size_t kMostBuffered = 4 * limits::kMiB;

std::uint64_t little(std::string_view bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = bytes.size(); i > 0; --i)
    out = out << 8 | static_cast<std::uint8_t>(bytes[i - 1]);
  return out;
}

void put_little(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

/// RFC 3533 section 6: polynomial 0x04c11db7, from 0, not reflected.
std::uint32_t ogg_crc(std::string_view bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> out{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i << 24;
      for (int bit = 0; bit < 8; ++bit)
        value = (value << 1) ^ ((value & 0x80000000U) != 0 ? 0x04c11db7U : 0U);
      out.at(i) = value;
    }
    return out;
  }();
  std::uint32_t crc = 0;
  for (const char byte : bytes)
    crc = crc << 8 ^ table.at((crc >> 24) ^ static_cast<std::uint8_t>(byte));
  return crc;
}

constexpr std::size_t kOggHead = 27;
constexpr std::size_t kOggCrcAt = 22;
constexpr std::size_t kOggPacket = 60 * limits::kKiB;  // a page takes a little more

class OggReader final : public MediaReader {
 public:
  void feed(std::string_view bytes) override { buffer_.append(bytes); }
  std::size_t buffered() const override { return buffer_.size() + packets_.size(); }

  Result<std::optional<MediaPacket>> next() override {
    while (packets_.empty()) {
      const auto page = read_page();
      if (!page) return std::unexpected(page.error());
      if (!*page) return std::nullopt;
    }
    MediaPacket out = std::move(packets_.front());
    packets_.pop_front();
    return out;
  }

 private:
  /// False: more bytes are needed.
  Result<bool> read_page() {
    const std::string_view held = buffer_;
    const std::size_t begin = held.find("OggS");
    if (begin != 0) {
      if (!begun_ && held.size() >= 4)
        return fail(Errc::bad_request, "this is no Ogg: pages begin with OggS");
      buffer_.erase(0, begin == std::string_view::npos
                           ? held.size() - std::min<std::size_t>(held.size(), 3)
                           : begin);
      if (begin == std::string_view::npos) return false;
      return read_page();
    }
    if (held.size() < kOggHead) return false;
    const auto segments = static_cast<std::uint8_t>(held[kOggHead - 1]);
    if (held.size() < kOggHead + segments) return false;
    const std::string_view lacing = held.substr(kOggHead, segments);
    std::size_t body = 0;
    for (const char one : lacing) body += static_cast<std::uint8_t>(one);
    const std::size_t size = kOggHead + segments + body;
    if (held.size() < size) return false;
    begun_ = true;
    std::string page(held.substr(0, size));
    const std::uint64_t crc = little(std::string_view(page).substr(kOggCrcAt, 4));
    std::fill_n(page.begin() + kOggCrcAt, 4, '\0');
    if (held[4] != 0 || ogg_crc(page) != crc) {
      buffer_.erase(0, 4);  // damaged: the next page
      partial_.clear();
      return true;
    }
    buffer_.erase(0, size);
    take(page, lacing_of(page), size - body);
    return true;
  }

  static std::string lacing_of(const std::string& page) {
    return page.substr(kOggHead, static_cast<std::uint8_t>(page[kOggHead - 1]));
  }

  void take(const std::string& page, const std::string& lacing, std::size_t at) {
    const auto flags = static_cast<std::uint8_t>(page[5]);
    if ((flags & 2) != 0) {  // another logical stream begins
      headers_ = 2;
      partial_.clear();
    }
    bool skip = (flags & 1) == 0 ? false : partial_.empty();
    if ((flags & 1) == 0) partial_.clear();
    for (const char one : lacing) {
      const auto size = static_cast<std::uint8_t>(one);
      if (!skip) partial_.append(page, at, size);
      at += size;
      if (partial_.size() > kOggPacket) {
        skip = true;
        partial_.clear();
      }
      if (size == 255) continue;
      if (!skip) packet(std::exchange(partial_, {}));
      skip = false;
      partial_.clear();
    }
  }

  void packet(std::string bytes) {
    if (headers_ > 0) {  // OpusHead and OpusTags
      --headers_;
      return;
    }
    const std::uint64_t samples = opus_samples(as_bytes(bytes));
    if (samples == 0) return;
    packets_.push_back({.time = samples_ * 1'000'000 / kOpusRate, .data = to_bytes(bytes)});
    samples_ += samples;
  }

  std::string buffer_, partial_;
  std::deque<MediaPacket> packets_;
  std::uint64_t samples_ = 0;
  int headers_ = 2;
  bool begun_ = false;
};

class OggWriter final : public MediaWriter {
 public:
  std::string write(const MediaPacket& packet) override {
    std::string out;
    if (!begun_) {
      begun_ = true;
      first_ = packet.time;
      std::string head = "OpusHead";
      head += '\1';            // version
      head += '\2';            // channels: decoders turn one into two
      put_little(head, 0, 2);  // pre-skip
      put_little(head, kOpusRate, 4);
      put_little(head, 0, 2);  // gain
      head += '\0';            // mapping family
      std::string tags = "OpusTags";
      put_little(tags, 3, 4);
      tags += "dim";
      put_little(tags, 0, 4);
      out += page(head, 0, 2);
      out += page(tags, 0, 0);
    }
    // What was lost stays a gap: decoders fill it.
    const std::uint64_t at = (packet.time - std::min(first_, packet.time)) * kOpusRate / 1'000'000;
    granule_ = std::max(granule_, at) + opus_samples(packet.data);
    return out + page(as_text(packet.data), granule_, 0);
  }
  std::string finish() override { return begun_ ? page({}, granule_, 4) : std::string(); }

 private:
  std::string page(std::string_view body, std::uint64_t granule, std::uint8_t flags) {
    std::string out = "OggS";
    out += '\0';
    out += static_cast<char>(flags);
    put_little(out, granule, 8);
    put_little(out, 1, 4);  // serial number
    put_little(out, page_++, 4);
    put_little(out, 0, 4);
    const bool empty = body.empty();
    const std::size_t segments = empty ? 0 : body.size() / 255 + 1;
    out += static_cast<char>(segments);
    for (std::size_t i = 0; i < segments; ++i)
      out += static_cast<char>(i + 1 < segments ? 255 : body.size() % 255);
    out += body;
    std::string crc;
    put_little(crc, ogg_crc(out), 4);
    return out.replace(kOggCrcAt, 4, crc);
  }

  bool begun_ = false;
  std::uint64_t first_ = 0, granule_ = 0;
  std::uint32_t page_ = 0;
};

constexpr std::size_t kIvfHead = 32, kIvfFrameHead = 12;

class IvfReader final : public MediaReader {
 public:
  void feed(std::string_view bytes) override { buffer_.append(bytes); }
  std::size_t buffered() const override { return buffer_.size() - begin_; }

  Result<std::optional<MediaPacket>> next() override {
    constexpr Literal kNone = "this is no IVF with VP8 or VP9";
    std::string_view held = std::string_view(buffer_).substr(begin_);
    if (rate_ == 0) {
      if (held.size() < kIvfHead) return std::nullopt;
      const std::string_view codec = held.substr(8, 4);
      if (!held.starts_with("DKIF") || (codec != "VP80" && codec != "VP90") ||
          little(held.substr(6, 2)) < kIvfHead)
        return fail(Errc::bad_request, kNone);
      const std::size_t head = little(held.substr(6, 2));
      if (held.size() < head) return std::nullopt;
      vp9_ = codec == "VP90";
      rate_ = little(held.substr(16, 4));
      scale_ = little(held.substr(20, 4));
      if (rate_ == 0 || scale_ == 0) return fail(Errc::bad_request, kNone);
      begin_ += head;
      held.remove_prefix(head);
    }
    if (held.size() < kIvfFrameHead) return wait();
    const std::uint64_t size = little(held.substr(0, 4));
    if (size > kMostBuffered) return fail(Errc::bad_request, "a picture of this IVF is too large");
    if (held.size() < kIvfFrameHead + size) return wait();
    const std::uint64_t stamp = little(held.substr(4, 8));
    if (!first_) first_ = stamp;
    // Far beyond any recording; and no number below overflows.
    const std::uint64_t ticks =
        std::min<std::uint64_t>(stamp - std::min(*first_, stamp), 1ULL << 31);
    const std::string_view data = held.substr(kIvfFrameHead, size);
    MediaPacket out{.time = ticks * 1'000'000 / rate_ * scale_,
                    .key = is_key_picture(as_bytes(data), vp9_),
                    .data = to_bytes(data)};
    begin_ += kIvfFrameHead + size;
    return out;
  }

 private:
  std::optional<MediaPacket> wait() {
    buffer_.erase(0, begin_);
    begin_ = 0;
    return std::nullopt;
  }

  std::string buffer_;
  std::size_t begin_ = 0;
  std::uint64_t rate_ = 0, scale_ = 0;
  std::optional<std::uint64_t> first_;
  bool vp9_ = false;
};

class IvfWriter final : public MediaWriter {
 public:
  std::string write(const MediaPacket& packet) override {
    std::string out;
    if (!begun_) {
      if (!packet.key) return {};  // a decoder cannot begin with it
      begun_ = true;
      first_ = packet.time;
      const ByteView data = packet.data;
      const bool vp8 = data.size() >= 10 && data[3] == 0x9d && data[4] == 0x01 && data[5] == 0x2a;
      out += "DKIF";
      put_little(out, 0, 2);
      put_little(out, kIvfHead, 2);
      out += vp8 ? "VP80" : "VP90";
      put_little(out, vp8 ? (data[6] | data[7] << 8) & 0x3fff : 0, 2);
      put_little(out, vp8 ? (data[8] | data[9] << 8) & 0x3fff : 0, 2);
      put_little(out, 1'000, 4);  // stamps are milliseconds
      put_little(out, 1, 4);
      put_little(out, 0, 4);
      put_little(out, 0, 4);
    }
    put_little(out, packet.data.size(), 4);
    put_little(out, (packet.time - std::min(first_, packet.time)) / 1'000, 8);
    out += as_text(packet.data);
    return out;
  }

 private:
  bool begun_ = false;
  std::uint64_t first_ = 0;
};

class RawReader final : public MediaReader {
 public:
  void feed(std::string_view bytes) override { reader_.feed(bytes); }
  std::size_t buffered() const override { return reader_.buffered(); }
  Result<std::optional<MediaPacket>> next() override {
    auto frame = reader_.next();
    if (!frame) return std::unexpected(frame.error());
    if (!*frame) return std::nullopt;
    return MediaPacket{
        .time = (*frame)->time, .key = (*frame)->key, .data = to_bytes((*frame)->payload)};
  }

 private:
  LiveFrameReader reader_{Lane::video};
};

class RawWriter final : public MediaWriter {
 public:
  std::string write(const MediaPacket& packet) override {
    return write_live_frame({.stream = 1,
                             .sequence = ++sequence_,
                             .time = packet.time,
                             .key = packet.key,
                             .payload = to_text(packet.data)});
  }

 private:
  std::uint32_t sequence_ = 0;
};

}  // namespace

std::uint64_t opus_samples(ByteView packet) {
  if (packet.empty()) return 0;
  const unsigned config = packet[0] >> 3;
  std::uint64_t frame = 0;
  if (config < 12) {
    frame = std::array<std::uint64_t, 4>{480, 960, 1'920, 2'880}.at(config % 4);
  } else if (config < 16) {
    frame = config % 2 == 0 ? 480 : 960;
  } else {
    frame = std::array<std::uint64_t, 4>{120, 240, 480, 960}.at(config % 4);
  }
  const unsigned code = packet[0] & 3;
  if (code == 0) return frame;
  if (code < 3) return 2 * frame;
  const std::uint64_t count = packet.size() < 2 ? 0 : packet[1] & 63;
  const std::uint64_t samples = count * frame;
  return samples > 5'760 ? 0 : samples;  // 120 ms
}

bool is_key_picture(ByteView picture, bool vp9) {
  if (picture.empty()) return false;
  if (!vp9) return (picture[0] & 1) == 0;
  // frame_marker, profile (the third one has a bit more), show_existing_frame, frame_type
  if (picture[0] >> 6 != 2) return false;
  const unsigned at = (picture[0] & 0x30) == 0x30 ? 2 : 3;
  const bool existing = (picture[0] >> at & 1) != 0;
  return !existing && (picture[0] >> (at - 1) & 1) == 0;
}

std::unique_ptr<MediaReader> make_reader(Container container) {
  if (container == Container::ogg) return std::make_unique<OggReader>();
  if (container == Container::ivf) return std::make_unique<IvfReader>();
  return std::make_unique<RawReader>();
}

std::unique_ptr<MediaWriter> make_writer(Container container) {
  if (container == Container::ogg) return std::make_unique<OggWriter>();
  if (container == Container::ivf) return std::make_unique<IvfWriter>();
  return std::make_unique<RawWriter>();
}

}  // namespace dim
