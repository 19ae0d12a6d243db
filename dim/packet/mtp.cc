#include "dim/packet/mtp.h"

#include <algorithm>
#include <utility>

namespace dim {
namespace {

constexpr std::string_view kMagic = "DIM";
constexpr std::size_t kLongestHeader = 24;
constexpr std::uint32_t kMostPages = 1U << 21;
constexpr std::uint32_t kMostBody = 1U << 30;

constexpr bool has_sn(std::size_t words) { return words >= 3; }
constexpr bool has_pages(std::size_t words) { return words >= 5; }
constexpr bool has_length(std::size_t words) { return words % 2 == 0; }

Error bad(Literal hint) { return Error{Errc::bad_request, hint.view}; }

std::optional<MtpType> type_of(unsigned nibble) {
  switch (nibble) {
    case 0x0:
    case 0x1:
    case 0x2:
    case 0x3:
    case 0xA:
      return static_cast<MtpType>(nibble);
    default:
      return std::nullopt;
  }
}

}  // namespace

Decoded<MtpHeader> read_mtp_header(std::string_view bytes) {
  if (!bytes.starts_with(kMagic.substr(0, bytes.size()))) return bad("a frame begins with DIM");
  if (bytes.size() <= kMagic.size()) return NeedMore{};
  const auto second = static_cast<std::uint8_t>(bytes[kMagic.size()]);
  const std::size_t words = second >> 4;
  const auto type = type_of(second & 0x0F);
  if (!type) return bad("types are 0, 1, 2, 3 and 10");
  if (words < 1 || words > 6) return bad("a header has 1 to 6 words");
  MtpHeader header{.type = *type, .size = words * 4};
  if (bytes.size() < header.size) return NeedMore{};
  bytes = bytes.substr(4, header.size - 4);
  if (has_sn(words)) {
    header.sn = read_big_endian<std::uint64_t>(bytes);
    bytes.remove_prefix(8);
  }
  if (has_pages(words)) {
    header.pages = read_big_endian<std::uint32_t>(bytes);
    header.index = read_big_endian<std::uint32_t>(bytes.substr(4));
    bytes.remove_prefix(8);
    if (header.pages < 1 || header.pages > kMostPages) return bad("pages are 1 to 2097152");
    if (header.index >= header.pages) return bad("index is less than pages");
  }
  if (has_length(words)) {
    header.body_length = read_big_endian<std::uint32_t>(bytes);
    if (*header.body_length > kMostBody) return bad("a body has at most 1 GiB");
  }
  return header;
}

std::string write_mtp(const MtpHeader& header, std::string_view body, bool with_length) {
  const bool pages = header.pages > 1;
  const bool sn = header.sn != 0 || pages;  // a header with pages has an SN before them, even of 0
  const std::size_t words = 1U + (sn ? 2U : 0U) + (pages ? 2U : 0U) + (with_length ? 1U : 0U);
  std::string out;
  out.reserve(words * 4 + body.size());
  out += kMagic;
  out += static_cast<char>(words << 4 | static_cast<std::size_t>(header.type));
  if (sn) append_big_endian(out, header.sn);
  if (pages) {
    append_big_endian(out, header.pages);
    append_big_endian(out, header.index);
  }
  if (with_length) append_big_endian(out, static_cast<std::uint32_t>(body.size()));
  out += body;
  return out;
}

// Drops what can be no frame. True: a header may stand at the front (or has to wait for bytes).
bool MtpReader::seek() {
  for (;;) {
    const std::string_view held = buffer_.held();
    if (held.empty()) return false;
    auto header = read_mtp_header(held);
    if (auto* found = std::get_if<MtpHeader>(&header)) {
      header_ = *found;
      scanned_ = 0;
      return true;
    }
    if (held.size() < kLongestHeader) return false;
    const std::size_t next = held.find(kMagic, std::max<std::size_t>(scanned_, 1));
    if (next != std::string_view::npos) {
      buffer_.drop(next);
      scanned_ = 0;
      continue;
    }
    scanned_ = held.size() - (kMagic.size() - 1);
    if (held.size() < limits::kFrameJunk) return false;
    buffer_.drop(scanned_);  // what is left may be the beginning of the next magic
    scanned_ = 0;
    return false;
  }
}

Decoded<MtpFrame> MtpReader::next() {
  if (!header_ && !seek()) return NeedMore{};
  const MtpHeader& header = *header_;
  const std::string_view held = buffer_.held();
  const std::size_t length = header.body_length ? *header.body_length : held.size() - header.size;
  if (length > body_limit_) {
    return Error{Errc::too_large, "the body of a frame is longer than this side takes"};
  }
  if (held.size() - header.size < length) return NeedMore{};
  MtpFrame frame{header, std::string(held.substr(header.size, length))};
  buffer_.drop(header.size + length);
  header_.reset();
  return frame;
}

Decoded<MtpAssembler::Whole> MtpAssembler::take(MtpFrame frame, Millis now) {
  std::erase_if(partials_,
                [&](const Partial& partial) { return now - partial.began >= limits::kFragmentMs; });
  const MtpHeader header = frame.header;
  auto at = std::ranges::find(partials_, header.sn, &Partial::sn);
  Partial partial{.sn = header.sn, .began = now, .pages = header.pages, .parts = {}};
  if (at != partials_.end()) {
    if (at->pages == header.pages) partial = std::move(*at);
    partials_.erase(at);
  }
  if (header.pages > limits::kFragmentPages) {
    return Error{Errc::too_large, "a message has at most 4096 fragments"};
  }
  const std::size_t bytes = frame.body.size();
  if (partial.parts.try_emplace(header.index, std::move(frame)).second) partial.bytes += bytes;
  if (partial.bytes > limits::kFrameBody) {
    return Error{Errc::too_large, "a message in fragments has at most 1 MiB"};
  }
  if (partial.parts.size() == partial.pages) {
    Whole whole;
    whole.body.reserve(partial.bytes);
    whole.parts.reserve(partial.pages);
    for (const auto& [index, part] : partial.parts) {
      whole.body += part.body;
      whole.parts.push_back(part.header);
    }
    return whole;
  }
  while (!partials_.empty() && (partials_.size() >= limits::kFragmentedMessages ||
                                memory() + memory_of(partial) > 2 * limits::kFrameBody)) {
    partials_.erase(partials_.begin());
  }
  const auto place = std::ranges::upper_bound(partials_, partial.began, {}, &Partial::began);
  partials_.insert(place, std::move(partial));
  return NeedMore{};
}

std::size_t MtpAssembler::memory_of(const Partial& partial) {
  constexpr std::size_t kFragment = 128;  // header, string, node
  return partial.bytes + kFragment * partial.parts.size();
}

std::size_t MtpAssembler::memory() const {
  std::size_t bytes = 0;
  for (const Partial& partial : partials_) bytes += memory_of(partial);
  return bytes;
}

std::size_t MtpAssembler::held_bytes() const {
  std::size_t bytes = 0;
  for (const Partial& partial : partials_) bytes += partial.bytes;
  return bytes;
}

}  // namespace dim
