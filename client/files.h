// Files of the person's own disk: read to be sent, written when received.
#pragma once
#include <string>
#include <string_view>

#include "dim/base/bytes.h"
#include "dim/base/error.h"

namespace dim {

/// A regular file of 1 to `most` bytes; Errc::io, Errc::too_large.
Result<Bytes> read_file(const std::string& path, std::size_t most);
/// A new file, 0600, on the disk when it returns. Errc::conflict when one of that name is there;
/// links are not followed.
Status write_new_file(const std::string& path, ByteView bytes);
/// The same for what a stranger has named: to `path`, or, where that is a folder, into it under
/// safe_filename(name), or "… (2)" and so on. Gives the path that was written.
Result<std::string> keep_file(const std::string& path, std::string_view name, ByteView bytes);

/// The name that a sender gave a file, fit for the own disk (A39): its last part, without leading
/// dots, control characters, marks of direction and what Windows forbids; 120 bytes at most with
/// its ending; "file" when nothing is left.
std::string safe_filename(std::string_view name);

}  // namespace dim
