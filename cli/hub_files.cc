#include "cli/hub_files.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "cli/preview.h"
#include "dim/engine/channel_rights.h"

namespace dim {
namespace {

/// The key goes into the message alone.
PostFile file_of(Uploaded& object) {
  return {.link = {.guid = object.link.guid,
                   .station = object.link.station,
                   .size = object.link.size,
                   .sha256 = object.link.sha256,
                   .key = std::move(object.link.key),
                   .name = object.link.name}};
}

}  // namespace

bool may_attach(HubRun& run, const HubPlace& place) {
  constexpr std::int64_t kListed = 2'000;  // members: ten pages
  const std::string me = run.context.home->account().id.bare().text();
  const auto channel = place.hub.channels.find(*place.channel);
  if (place.hub.owner == me || channel == place.hub.channels.end() ||
      !run.context.messenger->is_ready())
    return true;
  Permissions held = place.hub.everyone;
  std::vector<Guid> roles;
  if (!place.hub.roles.empty()) {
    if (place.hub.members > kListed) return true;
    const auto all = run.list(HubObject::member, place.hub);
    if (!all) return false;
    for (const JsonObject& shown : *all) {
      const auto member = read_member_view(shown);
      if (member && member->who == me) roles = member->member.roles;
    }
  }
  for (const Guid& one : roles) {
    if (const auto role = place.hub.roles.find(one); role != place.hub.roles.end())
      held = held | role->second.permissions;
  }
  if (permissions_in(channel->second, held, roles).has(Permission::attach)) return true;
  run.failed({Errc::forbidden,
              "you may not attach files in this channel; nothing was sent. Who leads the hub gives "
              "the right: dim channel allow HUB/CHANNEL ROLE attach"});
  return false;
}

Status check_files(const std::string& text, std::size_t files) {
  constexpr std::size_t kMostFiles = 20, kLinkBytes = 1'400;  // with that of its preview
  if (files > kMostFiles) return fail(Errc::usage, "a message has at most 20 files");
  if (text.size() + files * kLinkBytes > limits::kPostBytes)
    return fail(Errc::usage, "the text is too long beside its files: 64 KiB is for all of it");
  return {};
}

std::expected<FilesToPost, int> upload_for_post(Context& context,
                                                const std::vector<std::string>& paths,
                                                bool no_preview, int timeout_s) {
  FilesToPost out;
  for (const std::string& path : paths) {
    auto up = upload_file(context, path, timeout_s);
    if (!up) return std::unexpected(up.error());
    PostFile file = file_of(*up);
    file.mime = media_type_of(path);
    const bool again = std::ranges::any_of(
        out.files, [&](const PostFile& one) { return one.link.guid == file.link.guid; });
    if (again) {
      context.out.error({Errc::usage, "a message has a file once: --file names one twice"});
      return std::unexpected(code(Exit::usage));
    }
    out.objects.push_back(std::move(*up));
    Attachment picture{.path = path};
    if (!no_preview) add_preview(context, picture);
    if (picture.preview) {
      auto small = upload_bytes(context, picture.preview->jpeg, path, file.name() + ".preview.jpg",
                                timeout_s);
      if (!small) return std::unexpected(small.error());
      file.pixels = PictureSize{picture.preview->width, picture.preview->height};
      file.preview = file_of(*small).link;
      out.objects.push_back(std::move(*small));
    }
    out.files.push_back(std::move(file));
  }
  return out;
}

Status note_posted(Home& home, const FilesToPost& posted, const Id& hub) {
  for (const Uploaded& object : posted.objects) {
    if (auto noted = note_uploaded(home, object, hub); !noted) return noted;
  }
  return {};
}

void drop_unposted(Context& context, const std::vector<Guid>& objects, int timeout_s) {
  for (const Guid& object : objects) (void)delete_at_station(context, object, timeout_s);
}

std::optional<Post> find_with_file(HubRun& run, const HubPlace& place, const std::string& digits,
                                   const std::function<bool(const PostFile&)>& wanted) {
  constexpr std::size_t kLookBack = 2'000;
  const auto has = [&](const Post& post) {
    return post.state == PostState::shown &&
           std::ranges::any_of(read_post_text(post.content).files, wanted);
  };
  if (!digits.empty()) {
    auto post = run.message(place, digits);
    if (!post || has(*post)) return post;
    run.failed({Errc::not_found, "this message holds nothing of that kind"});
    return std::nullopt;
  }
  PostQuery query{.target = place.channel->text(), .hub = place.hub.id, .channel = place.channel};
  for (std::size_t seen = 0; seen < kLookBack;) {
    auto page = run.wait<PostsPage>([&](HubDone<PostsPage> done) {
      run.context.messenger->hubs().posts(query, std::move(done));
    });
    if (!page) return std::nullopt;
    const auto found = std::ranges::find_if(page->posts, has);  // the newest first
    if (found != page->posts.end()) return std::move(*found);
    seen += page->posts.size();
    if (!page->next || page->posts.empty()) break;
    query.before = page->next;
  }
  run.failed({Errc::not_found, "none of the newest 2,000 messages here holds such a file"});
  return std::nullopt;
}

int download_of_channel(Context& context, const DownloadOptions& options) {
  context.make_messenger({.receive = false, .media = true});
  HubOptions given;
  given.place = options.what;
  HubRun run(context, given);
  if (!run.connect()) return run.exit;
  const auto place = run.channel();
  if (!place) return run.exit;
  const auto post =
      find_with_file(run, *place, options.message, [](const PostFile&) { return true; });
  if (!post) return run.exit;
  const int exit = save_files(context, *post, options.path, options.timeout_s);
  context.link.finish();
  return exit;
}

int save_files(Context& context, const Post& post, const std::string& path, int timeout_s) {
  const PostText text = read_post_text(post.content);
  std::error_code ignored;
  if (text.files.size() > 1 && !std::filesystem::is_directory(path, ignored)) {
    context.out.error({Errc::usage, "the message has several files: give a folder for them"});
    return code(Exit::usage);
  }
  int result = code(Exit::ok);
  for (const PostFile& file : text.files) {
    const int exit = save_from_station(context, file.link, path, post.guid.text(), timeout_s);
    if (exit != 0) result = exit;
    if (exit == code(Exit::interrupted)) break;
  }
  return result;
}

}  // namespace dim
