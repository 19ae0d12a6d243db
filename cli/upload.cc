// `dim upload` and `dim download`.
#include <fmt/core.h>

#include <iostream>

#include "cli/context.h"
#include "cli/transfer.h"
#include "cli/verbs.h"
#include "client/describe.h"
#include "client/fields.h"

namespace dim {
namespace {

constexpr Millis kDialMs = 10'000;

int list(Context& context) {
  const auto files = own_files(context);
  if (!files) {
    context.out.error(files.error());
    return code(Exit::failed);
  }
  for (const JsonObject& file : *files) {
    JsonObject members;
    for (const char* name : {"guid", "name", "bytes", "to"}) {
      if (const Json* value = file.find(name)) members.set(name, *value);
    }
    context.out.object("uploaded", std::move(members));
    const std::string to = text_in(file, "to");
    std::string line =
        fmt::format("#{}  {}  {}", short_guid(text_in(file, "guid")),
                    size_in_words(static_cast<std::size_t>(integer_in(file, "bytes"))),
                    printable(text_in(file, "name")));
    if (const auto id = Id::parse(to); id) line += "  to " + printable(context.name_of(*id));
    context.out.line(line);
  }
  return code(Exit::ok);
}

int erase(Context& context, std::string_view digits, int timeout_s) {
  if (digits.starts_with('#')) digits.remove_prefix(1);
  const auto files = own_files(context);
  std::vector<Guid> found;
  for (const JsonObject& file : files ? *files : std::vector<JsonObject>()) {
    const auto guid = Guid::parse(text_in(file, "guid"));
    if (guid && guid->text().ends_with(digits)) found.push_back(*guid);
  }
  if (found.size() != 1) {
    context.out.error(found.empty()
                          ? Error{Errc::not_found, "no file of yours has an ID that ends so"}
                          : Error{Errc::usage, "several files end so; give more digits"});
    return code(found.empty() ? Exit::failed : Exit::usage);
  }
  context.make_messenger({.receive = false, .media = true});
  if (!context.connect(kDialMs)) return context.report_failure();
  const int exit = delete_at_station(context, found.front(), timeout_s);
  context.link.finish();
  if (exit != 0) return exit;
  JsonObject members;
  members.set("guid", found.front().text());
  context.out.object("deleted", std::move(members));
  context.out.line("Deleted. Whoever has it on their disk keeps it.");
  return exit;
}

}  // namespace

int verb_upload(const CommonOptions& common, const UploadOptions& options) {
  if (!options.list && options.erase.empty() && !options.file.empty() && !options.to.empty()) {
    SendOptions send;
    send.who = options.to;
    send.file = options.file;
    send.as = options.as;
    send.thumbnail = options.thumbnail;
    send.no_preview = options.no_preview;
    send.duration = options.duration;
    send.timeout_s = options.timeout_s;
    send.upload = true;
    return verb_send(common, send);
  }
  Context context(common);
  if (!context.open_home()) return code(Exit::home);
  const int wishes =
      (options.list ? 1 : 0) + (options.erase.empty() ? 0 : 1) + (options.file.empty() ? 0 : 1);
  if (wishes != 1 || !options.as.empty() || !options.thumbnail.empty() || options.no_preview ||
      options.duration > 0 || !options.to.empty()) {
    context.out.error(
        {Errc::usage,
         "give a file, --list, or --delete; --to, --as, --thumbnail, --no-preview and "
         "--duration belong to a file that is sent"});
    return code(Exit::usage);
  }
  if (options.list) return list(context);
  if (!options.erase.empty()) return erase(context, options.erase, options.timeout_s);
  context.make_messenger({.receive = false, .media = true});
  context.connect(kDialMs);
  auto file = upload_file(context, options.file, options.timeout_s);
  if (!file) return file.error();
  if (auto noted = note_uploaded(*context.home, *file, std::nullopt); !noted) {
    context.out.error(noted.error());
    return code(Exit::failed);
  }
  context.link.finish();
  const std::string link = file->link.text();
  JsonObject members;
  members.set("guid", file->link.guid.text());
  members.set("name", file->link.name);
  members.set("bytes", file->bytes);
  members.set("link", link);
  context.out.object("uploaded", std::move(members));
  context.out.line(link);
  context.out.note("Whoever of this station gets this link can read the file.");
  return code(Exit::ok);
}

int verb_download(const CommonOptions& common, const DownloadOptions& given) {
  DownloadOptions options = given;
  if (options.what == "-") {
    // Arguments can be read by everybody on this machine, and a link has a key in it.
    std::getline(std::cin, options.what);
    if (options.what.ends_with('\r')) options.what.pop_back();
  }
  if (!is_media_url(options.what) || options.what.starts_with("dim:user:")) {
    SaveOptions save;
    save.who = options.what;
    save.path = options.path;
    save.message = options.message;
    save.timeout_s = options.timeout_s;
    return verb_save(common, save);
  }
  Context context(common);
  if (!context.open_home()) return code(Exit::home);
  auto link = MediaLink::parse(options.what);
  if (!link) {
    context.out.error(link.error());
    return code(Exit::usage);
  }
  context.make_messenger({.receive = false, .media = true});
  context.connect(kDialMs);
  const int exit =
      save_from_station(context, *link, options.path, link->guid.text(), options.timeout_s);
  context.link.finish();
  return exit;
}

}  // namespace dim
