#include "client/describe.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "client/native_messages.h"
#include "client/pictures.h"
#include "dim/engine/media_link.h"

namespace dim {
namespace {

constexpr std::size_t kInnerShown = 5;

std::string quoted(std::string_view text) { return "“" + std::string(text) + "”"; }

/// `about`: stands behind the name.
std::string file_in_words(std::string_view kind, const FileParts& file,
                          std::string_view about = {}) {
  std::string out(kind);
  if (!file.filename.empty()) out += " " + file.filename;
  out += about;
  if (file.data) out += ", " + size_in_words(file.data->data.size());
  if (!file.data && file.length && *file.length >= 0)
    out += ", " + size_in_words(static_cast<std::size_t>(*file.length));
  if (is_media_url(file.url)) return out + ", at the station";
  if (!file.url.empty()) out += ", at " + file.url;
  return out;
}

/// Of a picture or film: pixels, and whether a small one came with it.
template <class Pictured>
std::string looks_in_words(const Pictured& it) {
  std::string out;
  if (const auto size = size_in(it)) out = fmt::format(", {}x{}", size->first, size->second);
  if (preview_in(it) != nullptr) out += ", with a preview";
  return out;
}

std::string seconds_in_words(double seconds) {
  return seconds > 0 ? fmt::format(", {:g} s", seconds) : std::string();
}

/// Text and words of one of several contents.
std::string in_line(const Content& content) {
  const Description one = describe(content);
  if (one.text.empty()) return one.words;
  return one.words.empty() ? quoted(one.text) : quoted(one.text) + " (" + one.words + ")";
}

template <class List, class Line>
std::string list_in_words(const List& list, Line line) {
  std::string out;
  for (std::size_t i = 0; i < std::min(list.size(), kInnerShown); ++i) {
    out += (i == 0 ? "" : "; ") + line(list[i]);
  }
  if (list.size() > kInnerShown) out += fmt::format("; and {} more", list.size() - kInnerShown);
  return out;
}

std::string record_line(const PlainMessage& message) {
  auto content = decode_content(message.content, {}, 1);
  return message.envelope.sender.text() + ": " +
         (content ? in_line(*content) : std::string("cannot be read"));
}

struct Describer {
  Description operator()(const TextContent& it) const { return {.text = it.text}; }
  Description operator()(const FileContent& it) const {
    return {.words = file_in_words("file", it.file)};
  }
  Description operator()(const ImageContent& it) const {
    return {.words = file_in_words("picture", it.file, looks_in_words(it))};
  }
  Description operator()(const AudioContent& it) const {
    return {.text = it.text,
            .words = file_in_words("sound", it.file) + seconds_in_words(it.duration)};
  }
  Description operator()(const VideoContent& it) const {
    return {.text = it.title,
            .words =
                file_in_words("film", it.file, looks_in_words(it)) + seconds_in_words(it.duration)};
  }
  Description operator()(const PageContent& it) const {
    std::string words = "page";
    if (!it.title.empty()) words += " " + quoted(it.title);
    if (!it.url.empty()) words += " " + it.url;
    if (!it.desc.empty()) words += ": " + it.desc;
    return {.words = std::move(words)};
  }
  Description operator()(const CardContent& it) const {
    return {.words = "name card: " + (it.name.empty() ? "" : it.name + ", ") + it.did.text()};
  }
  Description operator()(const QuoteContent& it) const {
    return {.text = it.text, .words = "answer"};
  }
  Description operator()(const MoneyContent& it) const {
    return {.words = fmt::format("money: {:.12g} {}", it.amount, it.currency)};
  }
  Description operator()(const TransferContent& it) const {
    std::string words = fmt::format("money: {:.12g} {}", it.amount, it.currency);
    if (it.remitter) words += " from " + it.remitter->text();
    if (it.remittee) words += " to " + it.remittee->text();
    return {.words = std::move(words)};
  }
  Description operator()(const CustomizedContent& it) const {
    if (it.app == kNativeApp)
      return {.words = "a forward secret message, which opens only as what it was sent as"};
    std::string words = "for the application " + it.app;
    if (!it.mod.empty()) words += ": " + it.mod + " " + it.act;
    return {.words = std::move(words)};
  }
  Description operator()(const ForwardContent& it) const {
    return {.words = fmt::format("{} forwarded message(s)", it.secrets.size())};
  }
  Description operator()(const CombineContent& it) const {
    return {.words =
                "chat record " + quoted(it.title) + ": " + list_in_words(it.messages, record_line)};
  }
  Description operator()(const ArrayContent& it) const {
    return {.words = fmt::format("{} contents: ", it.contents.size()) +
                     list_in_words(it.contents, in_line)};
  }
  template <class Other>
  Description operator()(const Other& it) const {
    return {.words = "a content of type " + it.head.type + ", which this edition cannot show"};
  }
};

bool is_left_out(std::string_view name, const Json& value) {
  constexpr std::array<std::string_view, 6> kLeftOut{"data", "key", "password", "IV", "iv", "HTML"};
  if (std::ranges::find(kLeftOut, name) != kLeftOut.end()) return true;
  return value.text() != nullptr && value.text()->starts_with("data:");
}

Json outline_of(const Json& value) {
  if (value.object() != nullptr) return outline(*value.object());
  if (value.array() == nullptr) return value;
  JsonArray out;
  for (const Json& item : *value.array()) out.push_back(outline_of(item));
  return out;
}

}  // namespace

std::string size_in_words(std::size_t bytes) {
  constexpr std::size_t kKiB = 1024, kMiB = kKiB * kKiB;
  if (bytes < kKiB) return fmt::format("{} bytes", bytes);
  if (bytes < kMiB) return fmt::format("{} KiB", bytes / kKiB);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / kMiB);
}

Description describe(const Content& content) {
  return std::visit(Describer{}, static_cast<const ContentVariant&>(content));
}

JsonObject outline(const JsonObject& content) {
  JsonObject out;
  for (const auto& [name, value] : content) {
    if (!is_left_out(name, value)) out.set(name, outline_of(value));
  }
  return out;
}

}  // namespace dim
