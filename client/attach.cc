#include "client/attach.h"

#include <algorithm>
#include <array>
#include <utility>

#include "client/files.h"
#include "dim/protocol/kinds.h"

namespace dim {
namespace {

constexpr std::size_t kThumbnail = 64 * limits::kKiB;
constexpr std::size_t kSealed = 1024UL * 1024 * limits::kKiB / 4;  // 256 MiB: it is in memory

struct Ending {
  std::string_view ending, as, mime;
};
constexpr std::array<Ending, 16> kKinds{{{"jpg", "image", "image/jpeg"},
                                         {"jpeg", "image", "image/jpeg"},
                                         {"png", "image", "image/png"},
                                         {"gif", "image", "image/gif"},
                                         {"webp", "image", "image/webp"},
                                         {"mp3", "audio", "audio/mpeg"},
                                         {"m4a", "audio", "audio/mp4"},
                                         {"ogg", "audio", "audio/ogg"},
                                         {"opus", "audio", "audio/ogg"},
                                         {"flac", "audio", "audio/flac"},
                                         {"wav", "audio", "audio/wav"},
                                         {"mp4", "video", "video/mp4"},
                                         {"mkv", "video", "video/x-matroska"},
                                         {"webm", "video", "video/webm"},
                                         {"mov", "video", "video/quicktime"},
                                         {"avi", "video", "video/x-msvideo"}}};

Ending kind_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  std::string ending(dot == std::string_view::npos ? "" : path.substr(dot + 1));
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const auto found =
      std::ranges::find_if(kKinds, [&](const Ending& kind) { return kind.ending == ending; });
  return found == kKinds.end() ? Ending{"", "file", ""} : *found;
}

Result<std::optional<PortableFile>> thumbnail_of(const Attachment& attachment) {
  if (attachment.thumbnail.empty()) return std::nullopt;
  const Ending kind = kind_of(attachment.thumbnail);
  if (kind.as != "image")
    return fail(Errc::usage, "a thumbnail is a JPEG, PNG, GIF or WebP picture");
  auto bytes = read_file(attachment.thumbnail, kThumbnail);
  if (!bytes) return std::unexpected(bytes.error());
  TransportableData data{.data = std::move(*bytes)};
  data.is_uri = true;
  data.mime_type = kind.mime;
  return PortableFile{.data = std::move(data)};
}

Result<FileParts> parts_of(const Attachment& attachment, std::string_view mime, Random& random) {
  if (attachment.uploaded) return *attachment.uploaded;
  std::string name = safe_filename(attachment.path);
  if (attachment.url.empty()) {
    auto bytes = read_file(attachment.path, kFileInPlace);
    if (!bytes && bytes.error().code == Errc::too_large) {
      return fail(Errc::too_large,
                  "a file of more than 300 KiB does not fit into a message; put it behind a URL "
                  "with --url and --sealed");
    }
    if (!bytes) return std::unexpected(bytes.error());
    const auto length = static_cast<std::int64_t>(bytes->size());
    FileParts parts = FileParts::embedded(name, std::move(*bytes), mime);
    parts.length = length;
    return parts;
  }
  if (auto right = check_file_url(attachment.url); !right) return std::unexpected(right.error());
  auto bytes = read_file(attachment.path, kSealed);
  if (!bytes) return std::unexpected(bytes.error());
  auto sealed = seal_file(name, *bytes, random);
  wipe(*bytes);
  if (!sealed) return std::unexpected(sealed.error());
  if (auto put = write_new_file(attachment.sealed, sealed->cipher); !put)
    return std::unexpected(put.error());
  sealed->parts.url = attachment.url;
  return std::move(sealed->parts);
}

/// Members of a content that belong to one sending of it.
constexpr std::array<std::string_view, 6> kOfSending = {"sn",   "time", "group",
                                                        "bind", "seq",  "prev"};

Result<Content> made_now(JsonObject content, Millis now, Random& random) {
  const ContentHead head = ContentHead::make(content_type(content), now, random);
  content.set("sn", head.sn);
  content.set("time", head.time);
  return decode_content(std::move(content));
}

bool is_command(std::string_view type) {
  const int number = type_number(type);
  return number == 136 || number == 137;  // 137: those of groups
}

bool holds_command(const Content& content) {
  if (is_command(content.head().type)) return true;
  const auto* array = content.as<ArrayContent>();
  return array != nullptr && std::ranges::any_of(array->contents, holds_command);
}

std::string_view sent_as(const Attachment& attachment) {
  return attachment.as.empty() ? kind_of(attachment.path).as : std::string_view(attachment.as);
}

ImageContent picture(FileParts parts, std::optional<PortableFile> thumbnail,
                     const std::optional<Preview>& preview, Millis now, Random& random) {
  if (thumbnail || !preview)
    return ImageContent::make(std::move(parts), std::move(thumbnail), now, random);
  TransportableData data{.data = preview->jpeg};
  data.is_uri = true;
  data.mime_type = "image/jpeg";
  ImageContent out =
      ImageContent::make(std::move(parts), PortableFile{.data = std::move(data)}, now, random);
  out.rest.set("width", std::int64_t{preview->width});
  out.rest.set("height", std::int64_t{preview->height});
  return out;
}

}  // namespace

bool takes_preview(const Attachment& attachment) {
  return attachment.thumbnail.empty() && sent_as(attachment) == "image";
}

Result<Content> attach(const Attachment& attachment, Millis now, Random& random) {
  const Ending kind = kind_of(attachment.path);
  const std::string_view as = sent_as(attachment);
  const bool pictured = as == "image" || as == "video";
  if (!attachment.thumbnail.empty() && !pictured)
    return fail(Errc::usage, "only pictures and films have a thumbnail");
  if (attachment.duration > 0 && as != "audio" && as != "video")
    return fail(Errc::usage, "only sounds and films have a duration");
  auto thumbnail = thumbnail_of(attachment);
  if (!thumbnail) return std::unexpected(thumbnail.error());
  // Readers of 2025 know a data URI for pictures only.
  auto parts = parts_of(attachment, as == "image" ? kind.mime : std::string_view(), random);
  if (!parts) return std::unexpected(parts.error());
  if (as == "image")
    return picture(std::move(*parts), std::move(*thumbnail), attachment.preview, now, random);
  if (as == "audio")
    return AudioContent::make(std::move(*parts), attachment.duration, {}, now, random);
  if (as == "video") {
    VideoContent video = VideoContent::make(std::move(*parts), std::move(*thumbnail), now, random);
    video.duration = attachment.duration;
    return video;
  }
  return FileContent::make(std::move(*parts), now, random);
}

std::string_view media_type_of(std::string_view path) { return kind_of(path).mime; }

const FileParts* file_parts(const Content& content) {
  if (const auto* file = content.as<FileContent>()) return &file->file;
  if (const auto* image = content.as<ImageContent>()) return &image->file;
  if (const auto* audio = content.as<AudioContent>()) return &audio->file;
  if (const auto* video = content.as<VideoContent>()) return &video->file;
  return nullptr;
}

Result<ReceivedFile> received_file(const Content& content, bool thumbnail,
                                   const std::function<Result<Bytes>(const std::string&)>& fetch) {
  const FileParts* parts = file_parts(content);
  if (parts == nullptr) return fail(Errc::not_found, "this message holds no file");
  if (thumbnail) {
    const TransportableData* small = preview_in(content);
    if (small == nullptr) return fail(Errc::not_found, "this message holds no thumbnail");
    return ReceivedFile{.name = small->mime_type == "image/png" ? "thumbnail.png" : "thumbnail.jpg",
                        .bytes = small->data,
                        .encrypted = true,
                        .proven = true};
  }
  // What lies in place was encrypted and signed with the message.
  if (parts->data) return ReceivedFile{parts->filename, parts->data->data, true, true};
  if (parts->url.empty()) return fail(Errc::not_found, "this message holds neither file nor URL");
  auto behind = fetch(parts->url);
  if (!behind) return std::unexpected(behind.error());
  auto opened = open_file(*parts, *behind);
  if (!opened) return std::unexpected(opened.error());
  const ByteView bytes = opened->bytes.view();
  return ReceivedFile{parts->filename, Bytes(bytes.begin(), bytes.end()), opened->encrypted,
                      opened->proven};
}

Result<QuoteContent> quote(const HistoryEntry& entry, const Id& me, std::string_view text,
                           Millis now, Random& random) {
  if (entry.sn == 0) {
    return fail(Errc::not_found,
                "this message has no number by which an answer could name it; answer without "
                "--reply-to");
  }
  QuoteContent::Origin origin{.sender =
                                  entry.outgoing ? me.bare() : entry.sender.value_or(entry.peer)};
  origin.receiver = entry.outgoing || entry.peer.is_group() ? entry.peer : me.bare();
  const int type = type_number(entry.content_type);
  origin.type = type >= 0 ? std::to_string(type) : entry.content_type;
  origin.sn = entry.sn;
  return QuoteContent::make(text, std::move(origin), now, random);
}

Result<Content> forwarded(const HistoryEntry& entry, const std::optional<JsonObject>& content,
                          const Id& me, std::string_view title, Millis now, Random& random) {
  if (!content) {
    return fail(
        Errc::not_found,
        "this message holds nothing that could be passed on (it could not be read, tells who "
        "came or went, or is of an earlier version)");
  }
  JsonObject fresh = *content;
  for (const std::string_view member : kOfSending) fresh.erase(member);
  auto decoded = decode_content(*content);
  if (!decoded) return decoded;
  // Which thread it stood in is of that conversation.
  if (thread_of(*decoded)) fresh.erase("thread");
  if (file_parts(*decoded) != nullptr) return made_now(std::move(fresh), now, random);
  const auto to_json = [](JsonObject object, const ContentHead& head) {
    object.set("sn", head.sn);
    object.set("time", head.time);
    return object;
  };
  PlainMessage inner{
      .envelope = {.sender = entry.outgoing ? me.bare() : entry.sender.value_or(entry.peer),
                   .receiver = entry.outgoing || entry.peer.is_group() ? entry.peer : me.bare(),
                   .time = static_cast<double>(entry.time) / 1000},
      .content = to_json(std::move(fresh), decoded->head())};
  Content out = CombineContent::make(title, {std::move(inner)}, now, random);
  // A record of records has a depth at which nobody reads it any more (A32).
  if (auto readable = decode_content(encode_content(out)); !readable) return readable;
  return out;
}

Result<Content> content_from_json(std::string_view text, Millis now, Random& random) {
  auto object = parse_json_object(text);
  if (!object) return std::unexpected(object.error());
  for (const std::string_view member : kOfSending) {
    if (object->contains(member))
      return fail(
          Errc::usage,
          "a content comes without sn, time, group, bind, seq and prev: sending writes them");
  }
  if (content_type(*object).empty())
    return fail(Errc::usage, "a content needs a type: a number as 1 for text, or its name");
  const auto no_command = [] {
    return fail(Errc::usage,
                "a command is not sent this way, nor in an array; verbs give commands");
  };
  if (is_command(content_type(*object))) return no_command();
  auto content = made_now(std::move(*object), now, random);
  if (content && holds_command(*content)) return no_command();
  return content;
}

std::string public_name_of(Home& home, const Id& id) {
  if (const Known* known = home.directory().find(id); known != nullptr) {
    for (auto document = known->documents.rbegin(); document != known->documents.rend();
         ++document) {
      if (!document->name().empty()) return document->name();
    }
  }
  auto contact = home.contact(id);
  return contact && *contact ? (*contact)->registered : std::string();
}

}  // namespace dim
