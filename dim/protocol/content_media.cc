#include "dim/protocol/content_media.h"

#include <algorithm>

#include "dim/base/base64.h"
#include "dim/identity/keys.h"
#include "dim/protocol/decode.h"
#include "dim/protocol/encode.h"

namespace dim {
namespace {

using codec::Members;

constexpr std::string_view kPlain = "PLAIN";

FileParts read_parts(Members& members) {
  FileParts file{.filename = members.text("filename"), .url = members.text("URL")};
  file.data = members.data("data");
  file.key = members.object("key");
  auto password = members.object("password");  // the old name of the key
  if (file.key && password && !(*password == *file.key))
    members.fault("a file came with two different keys");
  if (!file.key) file.key = std::move(password);
  for (const std::string_view name : {"IV", "iv"}) {
    auto iv = members.data(name);
    if (iv && file.iv.empty()) file.iv = std::move(iv->data);
  }
  if (!file.iv.empty() && file.iv.size() != AesIv{}.size())
    members.fault("the IV of a file has 16 bytes");
  file.length = members.count("length");
  file.size = members.count("size");
  if (const auto hash = members.data("sha256")) {
    if (hash->data.size() == Digest32{}.size()) {
      std::ranges::copy(hash->data, file.sha256.emplace().begin());
    } else {
      members.fault("the sha256 of a file has 32 bytes");
    }
  }
  return file;
}

void write_parts(JsonObject& out, const FileParts& file) {
  codec::set_text(out, "filename", file.filename);
  codec::set_text(out, "URL", file.url);
  if (file.length) out.set("length", *file.length);
  if (file.data) out.set("data", file.data->text());
  if (!file.iv.empty()) out.set("IV", to_base64(file.iv));
  codec::set_object(out, "key", file.key);
  if (file.size) out.set("size", *file.size);
  if (file.sha256) out.set("sha256", to_base64(*file.sha256));
}

// Peers of 2026 stop at a URL without a key.
FileParts with_key(FileParts file) {
  if (!file.url.empty() && !file.key) file.key.emplace().set("algorithm", kPlain);
  return file;
}

bool is_host(std::string_view host) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  };
  if (host.size() > 253 || !std::ranges::all_of(host, allowed)) return false;
  if (host.find('.') == std::string_view::npos || host.find("..") != std::string_view::npos)
    return false;
  // The last label of a name begins with a letter; that of an address in any notation does not.
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return !last.empty() && !host.starts_with('.') && (last[0] < '0' || last[0] > '9');
}

}  // namespace

FileParts FileParts::embedded(std::string_view filename, Bytes data, std::string_view mime_type) {
  FileParts file{.filename = std::string(filename)};
  file.length = static_cast<std::int64_t>(data.size());
  file.data = TransportableData{.data = std::move(data)};
  if (!mime_type.empty()) {
    file.data->is_uri = true;
    file.data->mime_type = mime_type;
  }
  return file;
}

FileContent FileContent::make(FileParts file, Millis now, Random& random) {
  return {.head = ContentHead::make("16", now, random), .file = with_key(std::move(file))};
}

ImageContent ImageContent::make(FileParts file, std::optional<PortableFile> thumbnail, Millis now,
                                Random& random) {
  return {.head = ContentHead::make("18", now, random),
          .file = with_key(std::move(file)),
          .thumbnail = std::move(thumbnail)};
}

AudioContent AudioContent::make(FileParts file, double duration, std::string_view text, Millis now,
                                Random& random) {
  AudioContent content{.head = ContentHead::make("20", now, random),
                       .file = with_key(std::move(file))};
  content.duration = duration;
  content.text = text;
  return content;
}

VideoContent VideoContent::make(FileParts file, std::optional<PortableFile> snapshot, Millis now,
                                Random& random) {
  VideoContent content{.head = ContentHead::make("22", now, random),
                       .file = with_key(std::move(file))};
  content.snapshot = std::move(snapshot);
  return content;
}

Result<SealedFile> seal_file(std::string_view filename, ByteView plain, Random& random) {
  const SymmetricKey key = SymmetricKey::generate(random);
  const AesIv iv = random.array<16>();
  auto cipher = key.encrypt(plain, iv);
  if (!cipher) return std::unexpected(cipher.error());
  SealedFile file{.parts = {.filename = std::string(filename)}, .cipher = std::move(*cipher)};
  JsonObject object;
  object.set("algorithm", "AES");
  object.set("data", to_base64(key.data()));
  file.parts.key = std::move(object);
  file.parts.iv = Bytes(iv.begin(), iv.end());
  file.parts.length = static_cast<std::int64_t>(plain.size());
  file.parts.size = static_cast<std::int64_t>(file.cipher.size());
  file.parts.sha256 = sha256(file.cipher);
  return file;
}

Result<OpenedFile> open_file(const FileParts& parts, ByteView behind_url) {
  const bool wrong_size = parts.size && *parts.size != static_cast<std::int64_t>(behind_url.size());
  if (wrong_size || (parts.sha256 && *parts.sha256 != sha256(behind_url)))
    return fail(Errc::decrypt, "the file is not the one that the sender announced");
  OpenedFile out{.proven = parts.size && parts.sha256};
  const std::string* algorithm = parts.key ? parts.key->text("algorithm") : nullptr;
  if (!parts.key || (algorithm != nullptr && *algorithm == kPlain)) {
    out.bytes = Secret::copy_of(behind_url);
    return out;
  }
  JsonObject content;
  content.set("key", *parts.key);
  if (!parts.iv.empty()) content.set("IV", to_base64(parts.iv));
  auto bytes = decrypt_file(content, behind_url);
  if (!bytes) return std::unexpected(bytes.error());
  out.bytes = std::move(*bytes);
  out.encrypted = true;
  return out;
}

Status check_file_url(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  if (url.size() > limits::kUriBytes || !url.starts_with(kScheme))
    return fail(Errc::bad_request, "a file is fetched over https, from a URL of 2 KiB at most");
  const auto printable = [](char c) { return c > ' ' && c < 127 && c != '\\' && c != '"'; };
  if (!std::ranges::all_of(url, printable))
    return fail(Errc::bad_request, "a URL is printable ASCII without spaces");
  std::string_view host = url.substr(kScheme.size());
  host = host.substr(0, host.find_first_of("/?#"));
  if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
    const std::string_view port = host.substr(colon + 1);
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (port.empty() || port.size() > 5 || !std::ranges::all_of(port, digit))
      return fail(Errc::bad_request, "the port of a URL is a number");
    host = host.substr(0, colon);
  }
  if (!is_host(host))
    return fail(Errc::bad_request, "the host of a URL must be a name with a dot, no address");
  return {};
}

namespace decoders {

Result<Content> file(const Kind&, ContentHead head, JsonObject json, const DecodeContext& context) {
  Members members(json, context);
  FileContent content{.head = std::move(head), .file = read_parts(members)};
  return finish(members, std::move(content), json);
}

Result<Content> image(const Kind&, ContentHead head, JsonObject json,
                      const DecodeContext& context) {
  Members members(json, context);
  ImageContent content{.head = std::move(head), .file = read_parts(members)};
  content.thumbnail = members.picture("thumbnail");
  return finish(members, std::move(content), json);
}

Result<Content> audio(const Kind&, ContentHead head, JsonObject json,
                      const DecodeContext& context) {
  Members members(json, context);
  AudioContent content{.head = std::move(head), .file = read_parts(members)};
  content.duration = members.number("duration");
  content.text = members.text("text");
  return finish(members, std::move(content), json);
}

Result<Content> video(const Kind&, ContentHead head, JsonObject json,
                      const DecodeContext& context) {
  Members members(json, context);
  VideoContent content{.head = std::move(head), .file = read_parts(members)};
  content.duration = members.number("duration");
  content.title = members.text("title");
  content.snapshot = members.picture("snapshot");
  return finish(members, std::move(content), json);
}

}  // namespace decoders

namespace encoders {
namespace {

JsonObject file_of(const ContentHead& head, const FileParts& file) {
  JsonObject out = codec::head_of(head);
  write_parts(out, file);
  return out;
}

}  // namespace

JsonObject encode(const FileContent& content) {
  return codec::with_rest(file_of(content.head, content.file), content.rest);
}

JsonObject encode(const ImageContent& content) {
  JsonObject out = file_of(content.head, content.file);
  codec::set_picture(out, "thumbnail", content.thumbnail);
  return codec::with_rest(std::move(out), content.rest);
}

JsonObject encode(const AudioContent& content) {
  JsonObject out = file_of(content.head, content.file);
  if (content.duration != 0) codec::set_number(out, "duration", content.duration);
  codec::set_text(out, "text", content.text);
  return codec::with_rest(std::move(out), content.rest);
}

JsonObject encode(const VideoContent& content) {
  JsonObject out = file_of(content.head, content.file);
  if (content.duration != 0) codec::set_number(out, "duration", content.duration);
  codec::set_text(out, "title", content.title);
  codec::set_picture(out, "snapshot", content.snapshot);
  return codec::with_rest(std::move(out), content.rest);
}

}  // namespace encoders
}  // namespace dim
