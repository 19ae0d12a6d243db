#include "tui/keys.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "dim/base/utf8.h"

namespace dim::tui {
namespace {

constexpr std::string_view kPasteBegin = "\x1b[200~";
constexpr std::string_view kPasteEnd = "\x1b[201~";
constexpr std::size_t kSequence = 32;  // no terminal's is longer
constexpr int kPasteQuiet = 50;        // the end of a paste was lost

std::uint8_t byte(char c) { return static_cast<std::uint8_t>(c); }

/// Of CSI or SS3 with a letter.
std::optional<Key> letter_key(char letter) {
  switch (letter) {
    case 'A':
      return Key::up;
    case 'B':
      return Key::down;
    case 'C':
      return Key::right;
    case 'D':
      return Key::left;
    case 'H':
      return Key::home;
    case 'F':
      return Key::end;
    case 'P':
      return Key::help;
    case 'Z':
      return Key::backtab;
    case 'M':
      return Key::enter;  // of the keypad
    default:
      return std::nullopt;
  }
}

/// Of CSI NUMBER ~.
std::optional<Key> number_key(int number) {
  switch (number) {
    case 1:
    case 7:
      return Key::home;
    case 4:
    case 8:
      return Key::end;
    case 3:
      return Key::erase;
    case 5:
      return Key::page_up;
    case 6:
      return Key::page_down;
    case 11:
      return Key::help;
    default:
      return std::nullopt;
  }
}

/// "1;5" -> {1, 5}; what is missing is 0.
std::array<int, 3> numbers_of(std::string_view text) {
  std::array<int, 3> out{};
  for (int& one : out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), one);
    if (error != std::errc()) one = 0;
    const std::size_t next = text.find(';', static_cast<std::size_t>(end - text.data()));
    if (next == std::string_view::npos) break;
    text.remove_prefix(next + 1);
  }
  return out;
}

void set_modifiers(KeyPress& press, int number) {
  if (number < 2) return;
  const auto bits = static_cast<unsigned>(number - 1);
  press.shift = (bits & 1U) != 0;
  press.alt = (bits & 2U) != 0;
  press.ctrl = (bits & 4U) != 0;
}

/// Bytes of the character that begins here; 0: not all of it has come.
std::size_t whole_character(std::string_view bytes) {
  const std::uint8_t first = byte(bytes.front());
  const std::size_t size = first < 0xC2   ? 1
                           : first < 0xE0 ? 2
                           : first < 0xF0 ? 3
                           : first < 0xF5 ? 4
                                          : 1;
  for (std::size_t i = 1; i < size; ++i) {
    if (i >= bytes.size()) return 0;
    if ((byte(bytes[i]) & 0xC0U) != 0x80) return 1;
  }
  return size;
}

/// A line end with more behind it in one read.
bool is_burst(std::string_view bytes) {
  const std::size_t first = bytes.find('\r');
  return first != std::string_view::npos && first + 1 < bytes.size() &&
         bytes.find('\x1b') == std::string_view::npos;
}

}  // namespace

std::vector<KeyPress> KeyDecoder::feed(std::string_view bytes) {
  pending_ += bytes;
  quiet_ = 0;
  // Several lines at once were not typed. A terminal without bracketed paste must not send them.
  burst_ = burst_ || (!pasting_ && is_burst(bytes));
  std::vector<KeyPress> out;
  std::size_t at = 0;
  while (at < pending_.size()) {
    const std::size_t used = take(std::string_view(pending_).substr(at), out);
    if (used == 0) break;
    at += used;
  }
  pending_.erase(0, at);
  return out;
}

std::vector<KeyPress> KeyDecoder::flush() {
  std::vector<KeyPress> out;
  burst_ = false;
  if (pasting_ && ++quiet_ > kPasteQuiet) {
    pasted_ += std::exchange(pending_, {});
    out.push_back(end_paste());
  }
  if (pasting_ || pending_.empty()) return out;
  if (pending_ == "\x1b") out.push_back({.key = Key::escape});
  pending_.clear();
  return out;
}

std::size_t KeyDecoder::take(std::string_view bytes, std::vector<KeyPress>& out) {
  if (pasting_) return take_paste(bytes, out);
  const std::uint8_t first = byte(bytes.front());
  if (first == 0x1b) return take_escape(bytes, out);
  if (first == '\r') {
    out.push_back({.key = burst_ ? Key::newline : Key::enter});
  } else if (first == '\n') {
    out.push_back({.key = Key::newline});
  } else if (first == '\t') {
    out.push_back({.key = Key::tab});
  } else if (first == 0x7F || first == 0x08) {
    out.push_back({.key = Key::backspace});
  } else if (first >= 1 && first <= 26) {
    out.push_back(
        {.key = Key::control, .text = std::string(1, static_cast<char>('a' + first - 1))});
  } else if (first >= 0x20) {
    const std::size_t size = whole_character(bytes);
    if (size == 0) return 0;
    const std::string_view one = bytes.substr(0, size);
    if (!valid_utf8(one)) return size;
    if (out.empty() || out.back().key != Key::text || out.back().alt)
      out.push_back({.key = Key::text});
    out.back().text += one;
    return size;
  }
  return 1;
}

std::size_t KeyDecoder::take_escape(std::string_view bytes, std::vector<KeyPress>& out) {
  if (bytes.size() < 2) return 0;
  if (bytes.starts_with(kPasteBegin)) {
    pasting_ = true;
    return kPasteBegin.size();
  }
  if (bytes[1] == '[') return take_csi(bytes, out);
  if (bytes[1] == 'O') {
    if (bytes.size() < 3) return 0;
    if (const auto key = letter_key(bytes[2])) out.push_back({.key = *key});
    return 3;
  }
  if (bytes[1] == '\x1b') {
    // rxvt: ESC before the sequence is Alt. Twice alone is the key.
    if (bytes.size() > 2 && (bytes[2] == '[' || bytes[2] == 'O')) {
      const std::size_t before = out.size();
      const std::size_t used = take_escape(bytes.substr(1), out);
      if (used == 0) return 0;
      if (out.size() > before) out.back().alt = true;
      return used + 1;
    }
    out.push_back({.key = Key::escape});
    return 1;
  }
  if (bytes[1] == '\r' || bytes[1] == '\n') {
    out.push_back({.key = Key::newline});
    return 2;
  }
  const std::size_t size = whole_character(bytes.substr(1));
  if (size == 0) return 0;
  if (byte(bytes[1]) == 0x7F || byte(bytes[1]) == 0x08) {
    out.push_back({.key = Key::backspace, .alt = true});
  } else if (byte(bytes[1]) >= 0x20 && valid_utf8(bytes.substr(1, size))) {
    out.push_back({.key = Key::text, .text = std::string(bytes.substr(1, size)), .alt = true});
  }
  return size + 1;
}

std::size_t KeyDecoder::take_csi(std::string_view bytes, std::vector<KeyPress>& out) {
  if (bytes.size() > 2 && bytes[2] == '[') {  // the Linux console: CSI [ A is F1
    if (bytes.size() < 4) return 0;
    if (bytes[3] == 'A') out.push_back({.key = Key::help});
    return 4;
  }
  std::size_t end = 2;
  while (end < bytes.size() && byte(bytes[end]) >= 0x20 && byte(bytes[end]) < 0x40) ++end;
  if (end == bytes.size()) return end > kSequence ? end : 0;
  const char last = bytes[end];
  if (byte(last) < 0x40) return end;  // torn by another key
  const std::string_view body = bytes.substr(2, end - 2);
  if (body.starts_with('<') && (last == 'M' || last == 'm')) {
    const auto [button, column, row] = numbers_of(body.substr(1));
    KeyPress press{.key = Key::click, .row = row - 1, .column = column - 1};
    if (button == 64) press.key = Key::wheel_up;
    if (button == 65) press.key = Key::wheel_down;
    if (last == 'M' && (button == 0 || button == 64 || button == 65)) out.push_back(press);
    return end + 1;
  }
  const auto [first, second, third] = numbers_of(body);
  std::optional<Key> key;
  int modifier = second;
  if (last == '~') {
    key = number_key(first);
  } else if (last == 'u' && first == 13) {  // "fixterms": a modified Enter
    key = Key::newline;
  } else if (body.empty() || (first == 1 && last != 'M')) {
    key = letter_key(last);
    if (body.empty() && last == 'I') key = Key::focus_in;
    if (body.empty() && last == 'O') key = Key::focus_out;
  } else if (last == '^' || last == '$') {
    key = number_key(first);
  }
  if (last == 'a' || last == 'b') {  // rxvt: Shift-Up, Shift-Down
    key = last == 'a' ? Key::up : Key::down;
    modifier = 2;
  }
  if (key) {
    KeyPress press{.key = *key};
    set_modifiers(press, modifier);
    if (last == '^') press.ctrl = true;
    out.push_back(std::move(press));
  }
  return end + 1;
}

std::size_t KeyDecoder::take_paste(std::string_view bytes, std::vector<KeyPress>& out) {
  const std::size_t end = bytes.find(kPasteEnd);
  // The end may be torn between two reads.
  const std::size_t ready = end != std::string_view::npos
                                ? end
                                : bytes.size() - std::min(bytes.size(), kPasteEnd.size() - 1);
  const std::size_t keep = std::min(ready, kPasteBytes - std::min(kPasteBytes, pasted_.size()));
  pasted_.append(bytes.substr(0, keep));
  cut_ = cut_ || keep < ready;
  if (end == std::string_view::npos) return ready;
  out.push_back(end_paste());
  return end + kPasteEnd.size();
}

KeyPress KeyDecoder::end_paste() {
  KeyPress press{.key = Key::paste, .cut = cut_};
  for (std::size_t at = 0; at < pasted_.size(); ++at) {
    if (pasted_[at] == '\r') {
      press.text += '\n';
      if (at + 1 < pasted_.size() && pasted_[at + 1] == '\n') ++at;
    } else {
      press.text += pasted_[at];
    }
  }
  pasted_.clear();
  cut_ = pasting_ = false;
  return press;
}

}  // namespace dim::tui
