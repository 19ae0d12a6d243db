// Files between the own disk and the station, with progress, patience and Ctrl-C: what `dim
// upload`, `dim download`, `dim send --file` and `dim save` share.
#pragma once
#include <expected>
#include <optional>
#include <string>

#include "cli/context.h"
#include "client/media_files.h"
#include "dim/engine/media_link.h"

namespace dim {

/// Seconds without anything moving, unless --timeout says otherwise.
inline constexpr int kStallS = 60;

struct Uploaded {
  MediaLink link;
  std::int64_t bytes = 0;  ///< of the file itself
  bool resumed = false;    ///< an earlier run had begun it
  std::string record;      ///< name of what the home keeps of it until note_uploaded()
};

/// Uploads `path`, or goes on where an earlier run was. The messenger must have been made with
/// `media`. Prints what goes wrong and returns the exit code then.
std::expected<Uploaded, int> upload_file(Context& context, const std::string& path, int timeout_s);
/// The same with bytes that were made of what `made_of` names, as a preview of a picture is.
std::expected<Uploaded, int> upload_bytes(Context& context, ByteView bytes,
                                          const std::string& made_of, const std::string& name,
                                          int timeout_s);
/// It is used now: the home forgets how to go on with it, and remembers that it is there.
Status note_uploaded(Home& home, const Uploaded& file, const std::optional<Id>& to);
/// It is at the station no more.
Status forget_uploaded(Home& home, const Guid& file);

/// Downloads it to `path`, or goes on where an earlier run was, and prints where it is as `dim
/// save` does. `guid` is printed as what it came with. The exit code.
int save_from_station(Context& context, const MediaLink& link, const std::string& path,
                      const std::string& guid, int timeout_s);

/// A small object, of at most one chunk, into memory. The exit code where it cannot be, printed.
std::expected<Bytes, int> fetch_bytes(Context& context, const MediaLink& link, int timeout_s);

/// The own files at the station, as the home remembers them: `guid`, `name`, `bytes`, `to`.
Result<std::vector<JsonObject>> own_files(Context& context);
/// Deletes (or destroys) an object of the own at the station. The exit code.
int delete_at_station(Context& context, const Guid& guid, int timeout_s,
                      Operation operation = Operation::erase);

}  // namespace dim
