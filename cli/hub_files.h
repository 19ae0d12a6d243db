// Files of messages in channels: up with a message, down, and what is seen of them before.
#pragma once
#include <expected>
#include <string>
#include <vector>

#include "cli/hub_run.h"
#include "cli/transfer.h"
#include "client/post_files.h"

namespace dim {

/// What is at the station for a message that is not written yet.
struct FilesToPost {
  std::vector<PostFile> files{};
  std::vector<Uploaded> objects{};  ///< of these files and their previews; without keys
};
/// Whether this person may attach here, so that no large file goes up in vain: true also where only
/// the station's answer will say. Where not, or nobody answers, it is printed.
bool may_attach(HubRun& run, const HubPlace& place);
/// Errc::usage for too many, or beside too long a text.
Status check_files(const std::string& text, std::size_t files);
/// Uploads them, and a preview of each picture, or goes on where an earlier run was. The messenger
/// must have been made with `media`. Else the exit code, printed.
std::expected<FilesToPost, int> upload_for_post(Context& context,
                                                const std::vector<std::string>& paths,
                                                bool no_preview, int timeout_s);
/// The message is in the outbox.
Status note_posted(Home& home, const FilesToPost& posted, const Id& hub);
/// The station has refused the message: nothing else uses them, so they go.
void drop_unposted(Context& context, const std::vector<Guid>& objects, int timeout_s);

/// The message that --message names, or the newest for which `wanted` is true. Prints what is
/// wrong.
std::optional<Post> find_with_file(HubRun& run, const HubPlace& place, const std::string& digits,
                                   const std::function<bool(const PostFile&)>& wanted);
/// `dim download HUB/CHANNEL`; the home is open.
int download_of_channel(Context& context, const DownloadOptions& options);
/// All files of a message, to `path`: one that cannot be had holds up no other. The exit code, of
/// the last that failed.
int save_files(Context& context, const Post& post, const std::string& path, int timeout_s);

}  // namespace dim
