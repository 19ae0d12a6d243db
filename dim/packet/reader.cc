#include "dim/packet/reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "dim/base/base64.h"
#include "dim/base/fault.h"
#include "dim/base/limits.h"
#include "dim/base/release.h"
#include "dim/base/time.h"
#include "dim/packet/lane_queue.h"

namespace dim {
namespace {

constexpr std::string_view kFence = "\"\"\"";
constexpr std::string_view kFirst = "version: ";
constexpr std::string_view kVersion = "dim/2023";
constexpr std::string_view kBom = "\xEF\xBB\xBF";
constexpr std::size_t kVersionLine = 64;
constexpr std::size_t kIdDigits = 20;
constexpr std::size_t kLengthDigits = 19;          // always fits 64 bits
constexpr Millis kFirstTime = 1'514'764'800'000;   // 2018-01-01
constexpr Millis kLastTime = 253'370'764'800'000;  // 9999-01-01

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= kIdDigits && std::ranges::all_of(text, is_digit);
}

/// The part that is there for certain while the line end is still to come: a CR may belong to it.
std::string_view without_cr(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

bool is_edition(std::string_view value) {
  return value.starts_with("dim/") && value.size() > 4 && is_digit(value[4]) &&
         std::ranges::all_of(value.substr(4), [](char c) { return is_digit(c) || c == '.'; });
}

enum class Match : std::uint8_t { more, yes, no };

/// Compares the beginning of `text` with `pattern`, where a CR may stand before each LF; `size` is
/// what was taken.
Match match(std::string_view text, std::string_view pattern, std::size_t& size) {
  size = 0;
  for (const char expected : pattern) {
    if (expected == '\n' && size < text.size() && text[size] == '\r') ++size;
    if (size == text.size()) return Match::more;
    if (text[size++] != expected) return Match::no;
  }
  return Match::yes;
}

}  // namespace

void PacketReader::feed(std::string_view bytes) {
  if (state_ == State::over) return;
  if (state_ == State::skipping && buffered() == 0) {
    const std::size_t now = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
    skip_ -= now;
    dropped_ += now;
    bytes.remove_prefix(now);
  }
  if (begin_ > 0 &&
      begin_ >= buffer_.size() / 2) {  // moves no more than has been consumed since the last time
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  buffer_.append(bytes);
}

bool PacketReader::in_packet() const {
  return state_ != State::over && (state_ != State::header || buffered() > 0);
}

std::size_t PacketReader::packet_bytes() const { return dropped_ + buffered(); }

PacketReader::Outcome PacketReader::next() {
  for (;;) {
    Step step;
    switch (state_) {
      case State::header:
        step = read_header();
        break;
      case State::opening:
        step = read_opening();
        break;
      case State::counted:
        step = read_counted();
        break;
      case State::skipping:
        step = skip();
        break;
      case State::typed:
        step = read_typed();
        break;
      case State::ending:
        step = read_ending();
        break;
      case State::over:
        return {};
    }
    if (step) return std::move(*step);
  }
}

bool PacketReader::take_line(std::string_view& line) {
  const std::string_view text = held();
  const std::size_t end = text.find('\n', scanned_);
  if (end == std::string_view::npos) {
    scanned_ = text.size();
    return false;
  }
  line = without_cr(text.substr(at_, end - at_));
  at_ = scanned_ = end + 1;
  return true;
}

void PacketReader::note(Errc code, Literal hint) {
  if (!error_) error_ = Error{code, hint.view, lines_};
}

PacketReader::Outcome PacketReader::fatal(Errc code, Literal hint) {
  BadPacket bad{Error{code, hint.view, lines_}, true, std::move(reply_)};
  start_over();
  release(buffer_);
  begin_ = 0;
  state_ = State::over;
  return bad;
}

// --- header
// ---------------------------------------------------------------------------------------------------------

PacketReader::Step PacketReader::read_header() {
  constexpr Literal kTooLong = "a header has at most 16 KiB";
  std::string_view line;
  if (!take_line(line)) {
    const std::string_view pending = held().substr(at_);
    if (pending.empty()) return Outcome{};
    if (lines_ == 0) {
      if (auto step = check_first_line(pending, false)) return step;
    } else if (pending != "\r" && held().size() >= limits::kHeaderBytes) {
      return fatal(Errc::too_large, kTooLong);
    }
    return Outcome{};
  }
  if (lines_ == 0) {
    if (line.empty()) {
      begin_ += at_;
      at_ = scanned_ = 0;
      if (++empty_lines_ <= limits::kEmptyLines || DIM_FAULT("empty-lines")) return std::nullopt;
      return fatal(Errc::bad_request, "at most 16 empty lines may stand before a packet");
    }
    if (auto step = check_first_line(line, true)) return step;
    lines_ = 1;
    read_version(line.substr(kFirst.size()));
    return std::nullopt;
  }
  if (line.empty()) {
    if (length_)
      return fatal(Errc::bad_request, "length announces a content, but the packet has none");
    if (lines_ == 1) note(Errc::bad_request, "the second line is operation or code");
    if (has_checksum_)
      note(Errc::bad_request, "checksum belongs to a content, but the packet has none");
    return finish();
  }
  if (at_ > limits::kHeaderBytes) return fatal(Errc::too_large, kTooLong);
  return read_field(line);
}

/// Refuses as soon as the bytes cannot become `version: …` any more, so that noise does not have to
/// end its line (P45).
PacketReader::Step PacketReader::check_first_line(std::string_view line, bool complete) {
  if (!complete) {
    if (kBom.starts_with(line) && line.size() < kBom.size()) return std::nullopt;
    line = without_cr(line);
  }
  if (line.starts_with(kBom)) {
    return fatal(Errc::bad_request,
                 "a packet starts with version: dim/2023 and no byte order mark");
  }
  const std::size_t size = std::min(line.size(), kFirst.size());
  if (line.substr(0, size) != kFirst.substr(0, size) || (complete && size < kFirst.size()) ||
      line.size() > kVersionLine) {
    return fatal(Errc::bad_request, "a packet starts with the line version: dim/2023");
  }
  return std::nullopt;
}

void PacketReader::read_version(std::string_view value) {
  if (value == kVersion) return;
  if (is_edition(value))
    return note(Errc::edition, "this edition is not spoken here; it is dim/2023");
  note(Errc::bad_request, "the version is written dim/2023");
}

PacketReader::Step PacketReader::read_field(std::string_view line) {
  ++lines_;
  if (line == kFence) {
    return fatal(Errc::bad_request,
                 "a line of three quotes stands only behind content: | and behind the content");
  }
  if (lines_ > limits::kHeaderLines + (DIM_FAULT("header-lines") ? 1 : 0))
    note(Errc::bad_request, "a header has at most 64 lines");
  const std::size_t colon = std::min(line.find(':'), line.size());
  const std::string_view key = line.substr(0, colon);
  if (line.size() > limits::kLineBytes) {
    if (key == "length" || key == "content")
      return fatal(Errc::bad_request, "a header line has at most 4 KiB");
    note(Errc::bad_request, "a header line has at most 4 KiB");
    return std::nullopt;
  }
  if (!header_safe(line))
    note(Errc::bad_request, "a header is UTF-8 without control characters and byte order marks");
  const bool named = valid_key(key) || DIM_FAULT("header-case");
  if (colon == line.size() || !named) {
    note(Errc::bad_request, "a header line is `key: value`, with a key of a-z, 0-9 and -");
    return std::nullopt;
  }
  std::string_view value = line.substr(colon + 1);
  const bool spaced = value.starts_with(' ');
  if (spaced) value.remove_prefix(1);
  if (!spaced || value.empty() || value.front() == ' ' || value.back() == ' ') {
    note(Errc::bad_request,
         "behind a key stand a colon, one space and a value without spaces around it");
  }

  if (key == "length") return spaced ? read_length(value) : read_length({});
  if (lines_ == 2) {
    read_second(key, value);
    if (key != "content") return std::nullopt;
  }
  if (key == "content") {
    if (spaced && value == "|") return begin_content();
    note(Errc::bad_request,
         "content is written content: | with the text between two lines of three quotes");
  } else if (key == "version" || key == "operation" || key == "code") {
    note(Errc::bad_request,
         "version stands in the first line, operation or code in the second, and each once");
  } else if (key == "checksum") {
    read_checksum(value);
  } else if (key == "status" && packet_.is_response()) {
    if (std::exchange(has_status_, true)) note(Errc::bad_request, "a key stands once in a header");
  } else {
    if (packet_.has(key) && !DIM_FAULT("key-twice"))
      note(Errc::bad_request, "a key stands once in a header");
    check_value(key, value);
    packet_.fields.emplace_back(std::string(key), std::string(value));
  }
  return std::nullopt;
}

void PacketReader::read_second(std::string_view key, std::string_view value) {
  if (key == "operation") {
    auto operation = parse_operation(value);
    if (operation) {
      packet_.operation = *operation;
    } else if (!error_) {
      error_ = operation.error();
      error_->at = lines_;
    }
  } else if (key == "code") {
    if (value.size() == 3 && std::ranges::all_of(value, is_digit) && value[0] >= '1' &&
        value[0] <= '5') {
      std::from_chars(value.data(), value.data() + value.size(), packet_.code);
    } else {
      note(Errc::bad_request, "a code has three digits, 100 to 599");
    }
  } else {
    note(Errc::bad_request, "the second line is operation or code");
    if (key == "id") check_value(key, value);
  }
}

/// Whoever gets the length wrong has told nobody where the packet ends.
PacketReader::Step PacketReader::read_length(std::string_view value) {
  if (lines_ == 2) note(Errc::bad_request, "the second line is operation or code");
  if (length_)
    return fatal(Errc::bad_request, "length stands twice, so the packet's end is unknown");
  const bool zeros = value.size() > 1 && value.front() == '0';
  if (!is_number(value) || value.size() > kLengthDigits || zeros) {
    return fatal(
        Errc::bad_request,
        "length is a number of bytes in decimal digits without sign, space or leading zeros");
  }
  std::uint64_t length = 0;
  std::from_chars(value.data(), value.data() + value.size(), length);
  length_ = length;
  return std::nullopt;
}

void PacketReader::check_value(std::string_view key, std::string_view value) {
  if (key == "id") {
    reply_.clear();  // two ids: nobody can say which one to answer
    if (std::exchange(has_id_, true))
      return note(Errc::bad_request, "a key stands once in a header");
    if (!is_number(value)) return note(Errc::bad_request, "an id has 1 to 20 digits");
    reply_ = value;
  } else if (key == "reply" && packet_.is_response()) {
    if (!is_number(value)) note(Errc::bad_request, "reply is the id of a request: 1 to 20 digits");
  } else if (key == "priority") {
    if (value != "high" && value != "normal" && value != "low") {
      note(Errc::bad_request, "priority is high, normal or low");
    }
  } else if (key == "time") {
    const auto time = parse_time(value);
    if (!time || *time < kFirstTime || *time >= kLastTime) {
      note(Errc::bad_request,
           "time is written like 2026-01-31T12:00:00.000Z and lies between 2018 and 9998");
    }
  }
}

void PacketReader::read_checksum(std::string_view value) {
  if (std::exchange(has_checksum_, true))
    return note(Errc::bad_request, "a key stands once in a header");
  Packet one;
  one.set("checksum", std::string(value));
  const auto items = one.list("checksum");
  if (!items)
    return note(Errc::bad_request,
                "checksum is written like sha256- and base64, or a list of such");
  for (const std::string& item : *items) read_checksum_item(item);
}

void PacketReader::read_checksum_item(std::string_view item) {
  const std::size_t dash = std::min(item.find('-'), item.size());
  const std::string_view algorithm = item.substr(0, dash);
  const auto digest = from_base64(item.substr(std::min(dash + 1, item.size())));
  constexpr Literal kForm = "a checksum is its algorithm, a dash and the base64 of all its bytes";
  if (algorithm == "sha256") {
    if (!digest || digest->size() != 32 || sha256_) return note(Errc::bad_request, kForm);
    std::ranges::copy(*digest, sha256_.emplace().begin());
  } else if (algorithm == "crc32c") {
    if (!options_.crc32c_agreed)
      return note(Errc::bad_request, "crc32c was not agreed in CONNECT; sha256 always works");
    if (!digest || digest->size() != 4 || crc32c_) return note(Errc::bad_request, kForm);
    std::uint32_t value = 0;
    for (const std::uint8_t byte : *digest) value = value << 8 | byte;
    crc32c_ = value;
  } else {
    note(Errc::bad_request, "this checksum is not known here; sha256 always works");
  }
}

// --- content
// --------------------------------------------------------------------------------------------------------

std::string PacketReader::take_rest() {
  std::string out(held());
  buffer_.clear();
  begin_ = 0;
  start_over();
  return out;
}

std::size_t PacketReader::most_content() const {
  const auto named = options_.lanes ? lane_called(packet_.get("lane")) : std::nullopt;
  if (named == Lane::audio || named == Lane::video) return kSharedLiveContent;
  const std::size_t most = content_limit(named.value_or(options_.lane));
  return named == Lane::media ? std::min(most, kSharedMediaContent) : most;
}

PacketReader::Step PacketReader::begin_content() {
  if (options_.checksum_required && !has_checksum_ && !DIM_FAULT("checksum-missing")) {
    note(Errc::bad_request, "after CONNECT every content has a checksum");
  }
  if (length_ && *length_ > most_content() + (DIM_FAULT("content-limit") ? 1 : 0)) {
    note(Errc::too_large,
         "the content is longer than this lane takes; the answer to CONNECT tells the limits");
  }
  state_ = State::opening;
  if (!error_ || !length_) return std::nullopt;
  // The end is known: say it now and throw the rest away as it comes.
  told_ = true;
  return BadPacket{*error_, false, reply_, std::string(packet_.get("lane"))};
}

PacketReader::Step PacketReader::read_opening() {
  std::size_t size = 0;
  switch (match(held().substr(at_), "\"\"\"\n", size)) {
    case Match::more:
      return Outcome{};
    case Match::no:
      return fatal(Errc::bad_request, "behind content: | stands a line of three quotes");
    case Match::yes:
      break;
  }
  at_ = scanned_ = content_ = at_ + size;
  if (DIM_FAULT("fence-searched")) length_.reset();
  if (!length_) {
    state_ = State::typed;
  } else if (told_) {
    state_ = State::skipping;
    skip_ = *length_;
    dropped_ += at_;
    begin_ += std::exchange(at_, 0);
  } else {
    state_ = State::counted;
  }
  return std::nullopt;
}

PacketReader::Step PacketReader::read_counted() {
  const auto length = static_cast<std::size_t>(*length_);
  if (held().size() - content_ < length) return Outcome{};
  at_ = content_end_ = content_ + length;
  state_ = State::ending;
  return std::nullopt;
}

PacketReader::Step PacketReader::skip() {
  const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, buffered()));
  skip_ -= now;
  dropped_ += now;
  begin_ += now;
  if (skip_ > 0) return Outcome{};
  state_ = State::ending;
  return std::nullopt;
}

PacketReader::Step PacketReader::read_typed() {
  const std::size_t most = most_content();
  constexpr Literal kTooLong =
      "the content is longer than this lane takes, and without length its end is unknown";
  std::string_view line;
  std::size_t start = at_;
  while (take_line(line)) {
    if (line == kFence) {
      const std::string_view content = held().substr(content_, start - content_);
      content_end_ =
          content_ +
          (content.empty() ? 0 : without_cr(content.substr(0, content.size() - 1)).size());
      state_ = State::ending;
      return std::nullopt;
    }
    if (start + line.size() - content_ > most) return fatal(Errc::too_large, kTooLong);
    start = at_;
  }
  const std::string_view pending = without_cr(held().substr(at_));
  if (!kFence.starts_with(pending) && at_ + pending.size() - content_ > most)
    return fatal(Errc::too_large, kTooLong);
  return Outcome{};
}

PacketReader::Step PacketReader::read_ending() {
  std::size_t size = 0;
  switch (match(held().substr(at_), length_ ? "\n\"\"\"\n\n" : "\n", size)) {
    case Match::more:
      return Outcome{};
    case Match::no:
      if (length_)
        return fatal(Errc::bad_request, "length and the closing line of three quotes disagree");
      return fatal(
          Errc::bad_request,
          "an empty line ends the packet behind the content; with length it may hold anything");
    case Match::yes:
      break;
  }
  at_ += size;
  return finish();
}

void PacketReader::check_checksum() {
  const ByteView content = as_bytes(*packet_.content);
  if (DIM_FAULT("checksum-unchecked")) return;
  if ((sha256_ && sha256(content) != *sha256_) || (crc32c_ && crc32c(content) != *crc32c_)) {
    note(Errc::bad_request, "the checksum is not that of the content; nothing was stored");
  }
}

PacketReader::Step PacketReader::finish() {
  Step step;
  if (!error_ && content_ > 0) {
    packet_.content.emplace(held().substr(content_, content_end_ - content_));
    check_checksum();
  }
  if (!error_) {
    step = std::move(packet_);
  } else if (!told_) {
    step = BadPacket{*error_, false, std::move(reply_), std::string(packet_.get("lane"))};
  }
  begin_ += at_;
  start_over();
  if (begin_ == buffer_.size()) {
    begin_ = 0;
    release(buffer_);  // idle connections hold nothing
  }
  return step;
}

void PacketReader::start_over() {
  state_ = State::header;
  at_ = scanned_ = dropped_ = empty_lines_ = 0;
  packet_ = {};
  reply_.clear();
  error_.reset();
  told_ = has_id_ = has_status_ = has_checksum_ = false;
  lines_ = 0;
  length_.reset();
  skip_ = 0;
  content_ = content_end_ = 0;
  sha256_.reset();
  crc32c_.reset();
}

}  // namespace dim
