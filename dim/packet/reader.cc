#include "dim/packet/reader.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "dim/base/base64.h"
#include "dim/base/limits.h"
#include "dim/base/time.h"
#include "dim/base/utf8.h"
#include "dim/crypto/digest.h"
#include "dim/packet/header.h"

namespace dim {
namespace {

constexpr std::string_view kFence = "\"\"\"";
constexpr std::size_t kKeepCapacity = 4 * limits::kKiB;
constexpr std::size_t kMostKey = 64;
constexpr Millis kFirstTime = 1'514'764'800'000;    // 2018-01-01
constexpr Millis kBeyondTime = 253'370'764'800'000;  // 9999-01-01

bool key_character(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

bool all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// Keys of the frame itself: they do not become fields of the packet.
bool frame_key(std::string_view key) {
  constexpr std::array<std::string_view, 7> kKeys = {"version", "operation", "code", "status", "length", "checksum", "content"};
  return std::ranges::find(kKeys, key) != kKeys.end();
}

/// Whether `text` can be the beginning of a header line: noise and HTTP are known by their first bytes (P05, P45).
bool may_begin_line(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view key = text.substr(0, colon);
  return key.size() <= kMostKey && std::ranges::all_of(key, key_character);
}

}  // namespace

bool valid_key(std::string_view key) {
  return !key.empty() && key.size() <= kMostKey && std::ranges::all_of(key, key_character);
}

bool valid_value(std::string_view value) {
  if (value.empty() || value.front() == ' ' || value.back() == ' ' || !valid_utf8(value)) return false;
  std::size_t at = 0;
  while (at < value.size()) {
    const auto byte = static_cast<std::uint8_t>(value[at]);
    if (byte < 0x80) {
      if (byte < 0x20 || byte == 0x7F) return false;
      ++at;
      continue;
    }
    const char32_t c = next_code_point(value, at);
    if (is_control(c) || c == 0xFEFF) return false;
  }
  return true;
}

void PacketReader::feed(std::string_view bytes) {
  if (phase_ == Phase::dead) return;
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  buffer_.append(bytes);
}

void PacketReader::consume(std::size_t bytes) {
  begin_ += bytes;
  packet_bytes_ += bytes;
  scanned_ = 0;
  if (begin_ == buffer_.size()) {
    begin_ = 0;
    buffer_.clear();
    if (buffer_.capacity() > kKeepCapacity) std::string().swap(buffer_);
  }
}

/// A whole line without its end, or nothing. The view holds until consume(); the caller consumes.
std::optional<std::string_view> PacketReader::take_line(std::size_t longest) {
  const std::string_view held = std::string_view(buffer_).substr(begin_);
  const std::size_t end = held.find('\n', scanned_);
  if (end == std::string_view::npos) {
    scanned_ = std::min(held.size(), longest);
    return std::nullopt;
  }
  return held.substr(0, end);
}

void PacketReader::wrong(Error error) {
  if (!error_) error_ = error;
}

PacketReader::Step PacketReader::die(Error error) {
  phase_ = Phase::dead;
  std::string().swap(buffer_);
  begin_ = 0;
  return BadPacket{error, true, std::string(draft_.get("id"))};
}

std::variant<std::monostate, Packet, BadPacket> PacketReader::next() {
  while (true) {
    if (phase_ == Phase::dead) return std::monostate();
    auto step = phase_ == Phase::header ? read_header() : read_content();
    if (step) return std::move(*step);
  }
}

std::optional<PacketReader::Step> PacketReader::read_header() {
  const std::string_view held = std::string_view(buffer_).substr(begin_);
  if (lines_ == 0 && !held.empty() && held.front() != '\n' && held.front() != '\r' && !may_begin_line(held.substr(0, held.find('\n')))) {
    return die(fail(Errc::bad_request, "a packet begins with the line `version: dim/2023`").error());
  }
  const auto line = take_line(held.size());
  if (!line) {
    if (header_bytes_ + held.size() > limits::kHeaderBytes) {
      return die(fail(Errc::too_large, "a header has at most 16 KiB").error());
    }
    if (held.size() > limits::kLineBytes) line_too_long_ = true;
    return Step(std::monostate());
  }
  const std::size_t size = line->size() + 1;
  header_bytes_ += size;
  if (header_bytes_ > limits::kHeaderBytes) return die(fail(Errc::too_large, "a header has at most 16 KiB").error());
  std::string_view text = *line;
  if (text.ends_with('\r')) text.remove_suffix(1);

  if (text.empty()) {
    consume(size);
    if (lines_ > 0) {
      check_header();
      return finish();
    }
    header_bytes_ = 0;
    packet_bytes_ = 0;
    if (++empty_lines_ > limits::kEmptyLines) {
      return die(fail(Errc::bad_request, "at most 16 empty lines may stand before a packet").error());
    }
    return std::nullopt;
  }
  ++lines_;
  if (text.size() > limits::kLineBytes) line_too_long_ = true;
  if (std::exchange(line_too_long_, false)) {
    wrong(fail(Errc::bad_request, "a header line has at most 4 KiB", lines_).error());
  } else {
    header_line(text);
  }
  const bool content = phase_ == Phase::opening_fence;
  consume(size);
  if (content) check_header();
  return std::nullopt;
}

void PacketReader::header_line(std::string_view line) {
  if (lines_ > limits::kHeaderLines) return wrong(fail(Errc::bad_request, "a header has at most 64 lines", lines_).error());
  const std::size_t colon = line.find(':');
  const std::string_view key = line.substr(0, colon);
  if (colon == std::string_view::npos || !valid_key(key)) {
    return wrong(fail(Errc::bad_request, "a header line is `key: value`, the key of a-z 0-9 -", lines_).error());
  }
  std::string_view value = line.substr(colon + 1);
  if (!value.starts_with(' ')) {
    return wrong(fail(Errc::bad_request, "one space stands between a key's colon and its value", lines_).error());
  }
  value.remove_prefix(1);
  if (!valid_value(value)) {
    return wrong(fail(Errc::bad_request, "a value is UTF-8 text without control characters and without space around it", lines_).error());
  }
  if ((lines_ == 1) != (key == "version")) {
    return wrong(fail(Errc::bad_request, "`version: dim/2023` is the first line, and stands once", lines_).error());
  }
  if (std::ranges::find(seen_, key) != seen_.end() || draft_.has(key)) {
    return wrong(fail(Errc::bad_request, "a key stands twice in this header; keep one", lines_).error());
  }
  field(key, value);
}

void PacketReader::field(std::string_view key, std::string_view value) {
  if (!frame_key(key)) {
    // Only a well-formed id may be told back.
    if (key == "id" && (value.size() > 20 || !all_digits(value))) {
      wrong(fail(Errc::bad_request, "an id has 1 to 20 digits", lines_).error());
      seen_.emplace_back(key);
      return;
    }
    draft_.fields.emplace_back(key, value);
    return;
  }
  seen_.emplace_back(key);
  if (key == "version") {
    if (value == kEdition) return;
    const bool other = value.starts_with("dim/") && value.size() > 4 && value[4] >= '0' && value[4] <= '9';
    wrong(other ? fail(Errc::edition, "this station speaks dim/2023").error()
                : fail(Errc::bad_request, "the version is written dim/2023").error());
  } else if (key == "operation") {
    auto operation = parse_operation(value);
    if (!operation) return wrong(operation.error());
    draft_.operation = *operation;
  } else if (key == "code") {
    if (value.size() != 3 || !all_digits(value) || value[0] == '0') {
      return wrong(fail(Errc::bad_request, "a code has three digits", lines_).error());
    }
    std::from_chars(value.data(), value.data() + value.size(), draft_.code);
  } else if (key == "length") {
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (!all_digits(value) || value.size() > 19 || error != std::errc() || end != value.data() + value.size()) {
      return wrong(fail(Errc::bad_request, "a length is a number of bytes in decimal digits", lines_).error());
    }
    length_ = length;
  } else if (key == "checksum") {
    checksum_ = value;
  } else if (key == "content") {
    if (value != "|") return wrong(fail(Errc::bad_request, "content is written `content: |` and stands between two lines of \"\"\"", lines_).error());
    phase_ = Phase::opening_fence;
  }
}

/// What can be said once the last header line is there.
void PacketReader::check_header() {
  const bool has_operation = std::ranges::find(seen_, "operation") != seen_.end();
  const bool has_code = std::ranges::find(seen_, "code") != seen_.end();
  if (has_operation == has_code) {
    wrong(fail(Errc::bad_request, "a packet has either an operation or a code").error());
  }
  if (draft_.has("priority")) {
    const std::string_view priority = draft_.get("priority");
    if (priority != "high" && priority != "normal" && priority != "low") {
      wrong(fail(Errc::bad_request, "a priority is high, normal or low").error());
    }
  }
  if (draft_.has("time")) {
    const auto time = parse_time(draft_.get("time"));
    if (!time || *time < kFirstTime || *time >= kBeyondTime) {
      wrong(fail(Errc::bad_request, "a time is UTC from 2018 on, written 2026-01-31T12:00:00.000Z").error());
    }
  }
  if (phase_ == Phase::header && (length_ || !checksum_.empty())) {
    wrong(fail(Errc::bad_request, "length and checksum belong to content, and there is none").error());
  }
}

std::optional<PacketReader::Step> PacketReader::read_content() {
  const std::size_t most = content_limit(options_.lane);
  switch (phase_) {
    case Phase::opening_fence: {
      const auto line = take_line(8);
      if (!line) {
        if (buffered() > 8) return die(fail(Errc::bad_request, "content begins behind a line that is exactly \"\"\"").error());
        return Step(std::monostate());
      }
      std::string_view text = *line;
      if (text.ends_with('\r')) text.remove_suffix(1);
      if (text != kFence) return die(fail(Errc::bad_request, "content begins behind a line that is exactly \"\"\"").error());
      consume(line->size() + 1);
      phase_ = length_ ? Phase::counted : Phase::fenced;
      if (length_ && *length_ > most) {
        to_skip_ = *length_;
        phase_ = Phase::skipping;
        reported_ = true;
        return Step(BadPacket{fail(Errc::too_large, "the content is longer than this port takes; see the limits in the answer to CONNECT").error(),
                              false, std::string(draft_.get("id"))});
      }
      return std::nullopt;
    }
    case Phase::skipping: {
      const std::size_t bytes = static_cast<std::size_t>(std::min<std::uint64_t>(to_skip_, buffered()));
      to_skip_ -= bytes;
      consume(bytes);
      if (to_skip_ > 0) return Step(std::monostate());
      phase_ = Phase::closing_fence;
      return std::nullopt;
    }
    case Phase::counted: {
      const auto length = static_cast<std::size_t>(*length_);
      if (buffered() < length) return Step(std::monostate());
      if (!error_) draft_.content = buffer_.substr(begin_, length);
      consume(length);
      phase_ = Phase::closing_fence;
      return std::nullopt;
    }
    case Phase::closing_fence: {
      // LF, fence, LF, with a CR allowed before the second LF only: the first belongs to the count.
      const std::string_view held = std::string_view(buffer_).substr(begin_);
      constexpr std::string_view kPlain = "\n\"\"\"\n";
      constexpr std::string_view kReturn = "\n\"\"\"\r\n";
      const bool plain = held.starts_with(kPlain);
      if (plain || held.starts_with(kReturn)) {
        consume(plain ? kPlain.size() : kReturn.size());
        phase_ = Phase::last_line;
        return std::nullopt;
      }
      if (kPlain.starts_with(held) || kReturn.starts_with(held)) return Step(std::monostate());
      return die(fail(Errc::bad_request, "the length disagrees with where the closing \"\"\" stands").error());
    }
    case Phase::fenced: {
      const auto line = take_line(buffered());
      if (!line) {
        if (body_.size() + buffered() > most + limits::kKiB) {
          return die(fail(Errc::too_large, "the content is longer than this port takes; send its length").error());
        }
        return Step(std::monostate());
      }
      std::string_view text = *line;
      if (text.ends_with('\r') && text.size() == kFence.size() + 1) text.remove_suffix(1);
      const std::size_t size = line->size() + 1;
      if (text == kFence) {
        if (!body_.empty()) body_.pop_back();  // the LF before the fence is not content
        if (!error_) draft_.content = std::move(body_);
        body_.clear();
        consume(size);
        phase_ = Phase::last_line;
        return std::nullopt;
      }
      if (body_.size() + size > most + 1) {
        return die(fail(Errc::too_large, "the content is longer than this port takes; send its length").error());
      }
      body_.append(*line).push_back('\n');
      consume(size);
      return std::nullopt;
    }
    case Phase::last_line: {
      const std::string_view held = std::string_view(buffer_).substr(begin_, 2);
      if (held.empty() || held == "\r") return Step(std::monostate());
      if (!held.starts_with('\n') && held != "\r\n") {
        return die(fail(Errc::bad_request, "an empty line ends a packet; content with a line \"\"\" needs a length").error());
      }
      consume(held.front() == '\n' ? 1 : 2);
      check_content();
      if (reported_) {
        (void)finish();
        return std::nullopt;
      }
      return finish();
    }
    case Phase::header:
    case Phase::dead: break;
  }
  return Step(std::monostate());
}

void PacketReader::check_content() {
  if (error_ || !draft_.content) return;
  if (checksum_.empty()) {
    if (options_.checksum_required) wrong(fail(Errc::bad_request, "content needs a checksum here, as sha256-<base64>").error());
    return;
  }
  Packet list;
  list.set("checksum", checksum_);
  const auto sums = list.list("checksum");
  if (!sums) return wrong(sums.error());
  const ByteView content = as_bytes(*draft_.content);
  for (const std::string& sum : *sums) {
    const std::size_t dash = sum.find('-');
    const std::string_view algorithm = std::string_view(sum).substr(0, dash);
    const bool sha = algorithm == "sha256";
    if (dash == std::string::npos || (!sha && algorithm != "crc32c")) {
      return wrong(fail(Errc::bad_request, "a checksum is sha256-<base64>, or crc32c-<base64> where CONNECT agreed on it").error());
    }
    if (!sha && !options_.crc32c_agreed) {
      return wrong(fail(Errc::bad_request, "crc32c was not agreed in CONNECT; use sha256").error());
    }
    const auto bytes = from_base64(std::string_view(sum).substr(dash + 1));
    if (!bytes) return wrong(fail(Errc::bad_request, "the checksum is not base64").error());
    Bytes expected;
    if (sha) {
      const Digest32 digest = sha256(content);
      expected.assign(digest.begin(), digest.end());
    } else {
      const std::uint32_t crc = crc32c(content);
      for (int shift = 24; shift >= 0; shift -= 8) expected.push_back(static_cast<std::uint8_t>(crc >> shift));
    }
    if (*bytes != expected) return wrong(fail(Errc::bad_request, "the content does not have this checksum").error());
  }
}

/// Hands the packet out and gets ready for the next one.
PacketReader::Step PacketReader::finish() {
  Step out;
  if (error_) {
    out = BadPacket{*error_, false, std::string(draft_.get("id"))};
  } else {
    out = std::move(draft_);
  }
  phase_ = Phase::header;
  draft_ = Packet();
  seen_.clear();
  error_.reset();
  reported_ = false;
  line_too_long_ = false;
  lines_ = 0;
  header_bytes_ = 0;
  packet_bytes_ = 0;
  empty_lines_ = 0;
  length_.reset();
  checksum_.clear();
  return out;
}

}  // namespace dim
