#include "dim/store/posts.h"

#include "dim/base/json.h"
#include "dim/base/utf8.h"

namespace dim {
namespace {

/// CJK characters and kana, Hangul syllables; Unicode blocks.
bool stands_alone(char32_t c) {
  return (c >= 0x2e80 && c <= 0x2fdf) || (c >= 0x3040 && c <= 0x30ff) ||
         (c >= 0x3100 && c <= 0x312f) || (c >= 0x31a0 && c <= 0x31ff) ||
         (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x4e00 && c <= 0x9fff) ||
         (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
         (c >= 0x20000 && c <= 0x3ffff);
}

/// In the form of a sealed message of a private hub (dim/engine/hub_post.h).
bool is_cipher_text(std::string_view content) {
  if (!content.starts_with('{')) return false;
  const auto object = parse_json_object(content);
  if (!object || object->text("data") == nullptr || object->text("signature") == nullptr)
    return false;
  const Json* keys = object->find("keys");
  return keys != nullptr && keys->object() != nullptr;
}

}  // namespace

bool is_shredded(std::string_view change) {
  return change.find_first_not_of(' ') == std::string_view::npos;
}

std::optional<std::string> without_words(std::string_view change, const Guid& channel) {
  auto object = parse_json_object(change);
  if (!object) return std::nullopt;
  const auto is = [&](std::string_view key, std::string_view value) {
    const std::string* text = object->text(key);
    return text != nullptr && *text == value;
  };
  if (!is("type", "channel") || !is("guid", channel.text())) return std::nullopt;
  std::string out;
  if (is("operation", "CREATE")) {
    JsonObject body;
    body.set("name", "-");
    object->set("content", std::move(body));
    out = write_json(*object);
  } else if (!is("operation", "EDIT")) {
    return std::nullopt;
  }
  if (out.size() < change.size()) out.resize(change.size(), ' ');
  return out;
}

std::string_view indexed_text(std::string_view content) {
  constexpr std::size_t kIndexed = 8'192;
  return is_cipher_text(content) ? std::string_view() : content.substr(0, kIndexed);
}

std::string spaced_words(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const bool alone = stands_alone(next_code_point(text, at));
    if (alone) out += ' ';
    out.append(text.substr(begin, at - begin));
    if (alone) out += ' ';
  }
  return out;
}

}  // namespace dim
