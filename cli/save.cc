// `dim save`: what somebody has sent as a file, onto the own disk.
#include <fmt/core.h>

#include "cli/hub_files.h"
#include "cli/transfer.h"
#include "cli/verbs.h"
#include "client/attach.h"
#include "client/describe.h"
#include "client/fetch.h"
#include "client/files.h"

namespace dim {

int verb_save(const CommonOptions& common, const SaveOptions& options) {
  Context context(common);
  if (!context.open_home()) return static_cast<int>(Exit::home);
  if (names_channel(*context.home, options.who)) {
    if (!options.thumbnail) {
      return download_of_channel(context, {.what = options.who,
                                           .path = options.path,
                                           .message = options.message,
                                           .timeout_s = options.timeout_s});
    }
    context.out.error({Errc::usage, "of a picture in a channel: dim preview HUB/CHANNEL -o FILE"});
    return code(Exit::usage);
  }
  context.make_messenger({.receive = false, .media = true});
  const auto who = context.find_here(options.who);
  if (!who) return context.unknown_exit();
  const auto holds_file = [](const HistoryEntry& entry) {
    return entry.content_type == "file" || entry.content_type == "image" ||
           entry.content_type == "audio" || entry.content_type == "video";
  };
  const auto entry = context.find_message(*who, options.message, holds_file);
  if (!entry) return static_cast<int>(Exit::failed);
  const auto failed = [&](const Error& error) {
    context.out.error(error);
    return static_cast<int>(Exit::failed);
  };
  auto json = context.messenger->content(*entry);
  if (!json) return failed(json.error());
  if (!*json) return failed({Errc::not_found, "this message holds no file"});
  auto content = decode_content(std::move(**json));
  if (!content) return failed(content.error());
  if (const FileParts* parts = file_parts(*content);
      parts != nullptr && !options.thumbnail && is_media_url(parts->url)) {
    auto link = MediaLink::from(*parts);
    if (!link) return failed(link.error());
    return save_from_station(context, *link, options.path, entry->guid, options.timeout_s);
  }
  auto file = received_file(*content, options.thumbnail, [&](const std::string& url) {
    context.out.note(fmt::format("Fetching {}", printable(url)));
    return fetch_file(url);
  });
  if (!file) return failed(file.error());
  auto path = keep_file(options.path, file->name, file->bytes);
  if (!path) return failed(path.error());
  JsonObject members;
  members.set("guid", entry->guid);
  members.set("path", *path);
  members.set("bytes", static_cast<std::int64_t>(file->bytes.size()));
  members.set("encrypted", file->encrypted);
  members.set("proven", file->proven);
  context.out.object("saved", std::move(members));
  context.out.line(fmt::format("{}  {}", printable(*path), size_in_words(file->bytes.size())));
  if (!file->encrypted)
    context.out.note("Note: it is not encrypted; whoever keeps it at its URL can read it.");
  if (!file->proven)
    context.out.note("Note: the sender gave no checksum; whoever keeps it could have changed it.");
  return static_cast<int>(Exit::ok);
}

}  // namespace dim
