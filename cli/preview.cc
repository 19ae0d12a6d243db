// `dim preview`: the small picture that came with a message.
#include "cli/preview.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "cli/hub_files.h"
#include "cli/verbs.h"
#include "client/files.h"
#include "client/pictures.h"
#include "tui/picture.h"

namespace dim {
namespace {

constexpr int kColumns = 60, kRows = 48;  // pixels; two rows stand in one of cells

/// Whoever reads lines, or has no colours, has the words.
bool is_drawn_on() {
  const char* const none = std::getenv("NO_COLOR");
  const char* const name = std::getenv("TERM");
  const char* const more = std::getenv("COLORTERM");
  if ((none != nullptr && *none != '\0') || name == nullptr || ::isatty(STDOUT_FILENO) == 0)
    return false;
  return std::string_view(name).find("256color") != std::string_view::npos ||
         (more != nullptr && *more != '\0');
}

/// Draws it, or writes it where the options say.
int show_preview(const Context& context, const PreviewOptions& options, ByteView small,
                 const std::string& guid, const std::string& words) {
  const auto failed = [&](const Error& error) {
    context.out.error(error);
    return code(exit_of(error));
  };
  JsonObject members;
  members.set("guid", guid);
  members.set("words", words);
  const PictureProgram program;
  if (!options.output.empty()) {
    const auto anew = program.preview(small);
    if (!anew) return failed(anew.error());
    if (auto put = write_new_file(options.output, anew->jpeg); !put) return failed(put.error());
    members.set("width", std::int64_t{anew->width});
    members.set("height", std::int64_t{anew->height});
    members.set("path", options.output);
    context.out.object("preview", std::move(members));
    context.out.line(
        fmt::format("{}  {}x{}", printable(options.output), anew->width, anew->height));
    return code(Exit::ok);
  }
  const auto pixels = program.pixels(small, kColumns, kRows);
  if (!pixels) return failed(pixels.error());
  members.set("width", std::int64_t{pixels->width});
  members.set("height", std::int64_t{pixels->height});
  context.out.object("preview", std::move(members));
  if (!context.common.json && is_drawn_on()) {
    const auto picture = tui::picture_of(pixels->width, pixels->height, pixels->rgb);
    for (const std::string& line : tui::lines_of(picture, kColumns)) context.out.line(line);
  }
  context.out.line(printable(words));
  return code(Exit::ok);
}

/// Fetched when somebody wants to see it; whoever is in a hub is no stranger there.
int preview_of_channel(Context& context, const PreviewOptions& options) {
  context.make_messenger({.receive = false, .media = true});
  HubOptions given;
  given.place = options.who;
  HubRun run(context, given);
  if (!run.connect()) return run.exit;
  const auto place = run.channel();
  if (!place) return run.exit;
  const auto has_one = [](const PostFile& file) { return file.preview.has_value(); };
  const auto post = find_with_file(run, *place, options.message, has_one);
  if (!post) return run.exit;
  const PostText text = read_post_text(post->content);
  const PostFile* file = text.previewed();
  const auto small = fetch_bytes(context, *file->preview, kStallS);
  if (!small) return small.error();
  context.link.finish();
  return show_preview(context, options, *small, post->guid.text(), file->words());
}

}  // namespace

void add_preview(const Context& context, Attachment& attachment) {
  if (!takes_preview(attachment)) return;
  auto made = PictureProgram().preview_of(attachment.path);
  if (made) {
    attachment.preview = std::move(*made);
    return;
  }
  if (made.error().code == Errc::io) return;  // attach() says so, and nothing is sent
  JsonObject members;
  members.set("code", name_of(made.error().code));
  members.set("message", made.error().hint);
  context.out.object("no_preview", std::move(members));
  context.out.note(fmt::format("dim: sent with {}", made.error().hint));
}

int verb_preview(const CommonOptions& common, const PreviewOptions& options) {
  Context context(common);
  if (!context.open_home()) return code(Exit::home);
  if (names_channel(*context.home, options.who)) return preview_of_channel(context, options);
  context.make_messenger({.receive = false});
  const auto who = context.find_here(options.who);
  if (!who) return context.unknown_exit();
  const auto entry = context.find_message(*who, options.message, [](const HistoryEntry& one) {
    return one.content_type == "image" || one.content_type == "video";
  });
  if (!entry) return code(Exit::failed);
  const auto failed = [&](const Error& error) {
    context.out.error(error);
    return code(exit_of(error));
  };
  if (!shows_pictures_of(*context.home, *entry)) {
    return failed({Errc::forbidden,
                   "pictures of somebody who is new to you are not shown; dim accept WHO first"});
  }
  const auto json = context.messenger->content(*entry);
  if (!json) return failed(json.error());
  const auto content = *json ? decode_content(**json)
                             : Result<Content>(fail(Errc::not_found, "the home does not have it"));
  if (!content) return failed(content.error());
  const TransportableData* small = preview_in(*content);
  if (small == nullptr) return failed({Errc::not_found, "no small picture came with this message"});
  return show_preview(context, options, small->data, entry->guid, entry->words);
}

}  // namespace dim
