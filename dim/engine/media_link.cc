#include "dim/engine/media_link.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "dim/base/base64.h"
#include "dim/crypto/file_seal.h"
#include "dim/identity/id.h"
#include "dim/packet/uri.h"
#include "dim/store/media.h"

namespace dim {
namespace {

constexpr std::string_view kAlgorithm = "AES-GCM-STREAM";
constexpr std::string_view kType = "media";
constexpr std::size_t kNameBytes = 255;

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0)
    return std::nullopt;
  return value;
}

Result<Uri> media_uri(std::string_view text) {
  auto uri = Uri::parse(text);
  if (!uri) return uri;
  if (uri->type != UriType::object || uri->parameter("type") != kType)
    return fail(Errc::usage, "a link to a file is dim:object:GUID?type=media;…");
  auto station = Id::parse(uri->parameter("station"));
  if (!station || station->type() != EntityType::station)
    return fail(Errc::usage, "the link to a file names no station");
  return uri;
}

bool is_right(const MediaLink& link) { return link.key.size() == 32 && plain_size(link.size); }

}  // namespace

bool is_media_url(std::string_view url) { return url.starts_with("dim:"); }

std::vector<Guid> media_named(std::string_view text, std::string_view station) {
  constexpr std::string_view kBegin = "dim:object:";
  constexpr std::string_view kEnds = " \t\r\n\"<>\\";
  std::vector<Guid> out;
  for (std::size_t at = text.find(kBegin); at != std::string_view::npos;
       at = text.find(kBegin, at + kBegin.size())) {
    std::string_view one = text.substr(at);
    one = one.substr(0, one.find_first_of(kEnds));
    // What stands behind the last parameter is the sentence's.
    const std::size_t last = one.rfind(';');
    if (last == std::string_view::npos) continue;
    const auto uri = media_uri(one.substr(0, last + 1));
    if (!uri || uri->parameter("station") != station) continue;
    const auto guid = Guid::parse(uri->identifier);
    if (!guid || std::ranges::find(out, *guid) != out.end()) continue;
    out.push_back(*guid);
    if (out.size() == limits::kMediaOfMessage) break;
  }
  return out;
}

std::string media_list(const std::vector<Guid>& media) {
  if (media.empty()) return "none";
  std::string out;
  for (const Guid& one : media) out += (out.empty() ? "[" : ", ") + one.text();
  return out + "]";
}

Result<MediaLink> MediaLink::parse(std::string_view text) {
  auto uri = media_uri(text);
  if (!uri) return std::unexpected(uri.error());
  const auto size = number(uri->parameter("size"));
  auto digest = from_base64url(uri->parameter("sha256"));
  auto key = from_base64url(uri->parameter("key"));
  if (!size || !digest || digest->size() != 32 || !key)
    return fail(Errc::usage, "the link to a file lacks size, sha256 or key; copy all of it");
  MediaLink out{.guid = *Guid::parse(uri->identifier),
                .station = std::string(uri->parameter("station")),
                .size = *size};
  std::ranges::copy(*digest, out.sha256.begin());
  out.key = Secret::copy_of(*key);
  wipe(*key);
  out.name = uri->parameter("name");
  if (!is_right(out)) return fail(Errc::usage, "the link to a file has a wrong size or key");
  return out;
}

std::string MediaLink::text() const {
  Uri uri;
  uri.type = UriType::object;
  uri.identifier = guid.text();
  uri.parameters = {{"type", std::string(kType)},
                    {"station", station},
                    {"size", std::to_string(size)},
                    {"sha256", to_base64url(sha256)},
                    {"key", to_base64url(key.view())}};
  if (!name.empty()) uri.parameters.emplace_back("name", name.substr(0, kNameBytes));
  return uri.text();
}

FileParts MediaLink::parts() const {
  Uri uri;
  uri.type = UriType::object;
  uri.identifier = guid.text();
  uri.parameters = {{"type", std::string(kType)}, {"station", station}};
  FileParts out{.filename = name, .url = uri.text()};
  out.key.emplace().set("algorithm", kAlgorithm);
  out.key->set("data", to_base64(key.view()));
  if (const auto plain = plain_size(size)) out.length = *plain;
  out.size = size;
  out.sha256 = sha256;
  return out;
}

Result<MediaLink> MediaLink::from(const FileParts& parts) {
  if (!is_media_url(parts.url)) return fail(Errc::not_found, "this file does not lie at a station");
  auto uri = media_uri(parts.url);
  if (!uri) return std::unexpected(uri.error());
  const std::string* algorithm = parts.key ? parts.key->text("algorithm") : nullptr;
  const std::string* data = parts.key ? parts.key->text("data") : nullptr;
  auto key = data != nullptr ? from_base64(*data) : Result<Bytes>(Bytes());
  if (algorithm == nullptr || *algorithm != kAlgorithm || !key || !parts.size || !parts.sha256) {
    return fail(Errc::content,
                "the message does not say how its file is read: algorithm AES-GCM-STREAM, key, "
                "size and sha256");
  }
  MediaLink out{.guid = *Guid::parse(uri->identifier),
                .station = std::string(uri->parameter("station")),
                .size = *parts.size,
                .sha256 = *parts.sha256,
                .key = Secret::copy_of(*key),
                .name = parts.filename};
  wipe(*key);
  if (!is_right(out))
    return fail(Errc::content, "the message names a size or key that no sealed file has");
  return out;
}

}  // namespace dim
