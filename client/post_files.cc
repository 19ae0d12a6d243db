#include "client/post_files.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "client/describe.h"
#include "client/files.h"
#include "dim/packet/uri.h"

namespace dim {
namespace {

constexpr std::string_view kBegin = "dim:object:";

/// RFC 6838: a type and a subtype; nothing else reaches who reads it.
bool is_media_type(std::string_view text) {
  constexpr std::size_t kMost = 100;
  constexpr std::string_view kMarks = "!$&-_.+";  // of those, what stands in a URI as it is
  const std::size_t slash = text.find('/');
  const auto is_name = [&](std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [&](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             kMarks.contains(c);
    });
  };
  return text.size() <= kMost && slash != std::string_view::npos &&
         is_name(text.substr(0, slash)) && is_name(text.substr(slash + 1));
}

std::optional<std::int64_t> pixels_in(std::string_view text) {
  constexpr std::int64_t kMost = 1'000'000;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > kMost)
    return std::nullopt;
  return value;
}

/// A line that is nothing but a link.
struct Line {
  PostFile file;
  std::optional<Guid> preview_of{};
};
std::optional<Line> read_line(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  if (!line.starts_with(kBegin)) return std::nullopt;
  auto link = MediaLink::parse(line);
  const auto uri = Uri::parse(line);
  if (!link || !uri) return std::nullopt;
  Line out{.file = {.link = std::move(*link)}};
  if (is_media_type(uri->parameter("mime"))) out.file.mime = uri->parameter("mime");
  const auto width = pixels_in(uri->parameter("width"));
  const auto height = pixels_in(uri->parameter("height"));
  if (width && height) out.file.pixels = PictureSize{*width, *height};
  if (const auto of = Guid::parse(uri->parameter("preview-of"))) out.preview_of = *of;
  return out;
}

}  // namespace

std::string PostFile::name() const { return safe_filename(link.name); }

std::string_view PostFile::kind() const {
  for (const std::string_view one : {"image", "audio", "video"}) {
    if (mime.starts_with(one) && mime.substr(one.size()).starts_with('/')) return one;
  }
  return "file";
}

std::int64_t PostFile::bytes() const { return plain_size(link.size).value_or(0); }

std::string PostFile::words() const {
  const std::string_view what = kind();
  std::string out = what == "image"   ? "picture "
                    : what == "audio" ? "sound "
                    : what == "video" ? "film "
                                      : "file ";
  // What stands around it is in brackets, and between semicolons.
  for (const char c : name()) out += c == '[' ? '(' : c == ']' ? ')' : c == ';' ? ',' : c;
  if (pixels) out += fmt::format(", {}x{}", pixels->first, pixels->second);
  if (preview) out += ", with a preview";
  return out + ", " + size_in_words(static_cast<std::size_t>(bytes()));
}

std::string PostText::words() const {
  std::string out;
  for (const PostFile& file : files) out += (out.empty() ? "" : "; ") + file.words();
  return out;
}

const PostFile* PostText::previewed() const {
  const auto found = std::ranges::find_if(files, [](const PostFile& one) { return !!one.preview; });
  return found == files.end() ? nullptr : &*found;
}

PostText read_post_text(std::string_view content) {
  PostText out;
  if (!content.contains(kBegin)) {
    out.text = content;
    return out;
  }
  std::vector<std::pair<Guid, PostFile>> previews;
  for (std::size_t at = 0; at <= content.size();) {
    const std::size_t end = std::min(content.find('\n', at), content.size());
    const std::string_view line = content.substr(at, end - at);
    at = end + 1;
    auto found = out.files.size() + previews.size() < 2 * kPostFiles ? read_line(line)
                                                                     : std::optional<Line>();
    if (found && found->preview_of && found->file.link.size <= kPreviewSealed) {
      previews.emplace_back(*found->preview_of, std::move(found->file));
    } else if (found && out.files.size() < kPostFiles) {
      out.files.push_back(std::move(found->file));
    } else {
      out.text.append(line).push_back('\n');
    }
  }
  if (out.files.empty() && previews.empty()) {
    out.text = content;
    return out;
  }
  for (auto& [of, preview] : previews) {
    const auto file = std::ranges::find_if(
        out.files, [&](const PostFile& one) { return one.link.guid == of && !one.preview; });
    if (file != out.files.end()) {
      file->preview = std::move(preview.link);
    } else {
      out.files.push_back(std::move(preview));
    }
  }
  while (out.text.ends_with('\n')) out.text.pop_back();
  return out;
}

std::string write_post_text(std::string_view text, const std::vector<PostFile>& files) {
  std::string out(text);
  const auto add = [&](const MediaLink& link, std::string_view more) {
    out.append(out.empty() ? "" : "\n").append(link.text()).append(more);
  };
  for (const PostFile& file : files) {
    std::string more;
    if (!file.mime.empty()) more += "mime=" + file.mime + ";";
    if (file.pixels)
      more += fmt::format("width={};height={};", file.pixels->first, file.pixels->second);
    add(file.link, more);
    if (file.preview)
      add(*file.preview, "mime=image/jpeg;preview-of=" + file.link.guid.text() + ";");
  }
  return out;
}

}  // namespace dim
