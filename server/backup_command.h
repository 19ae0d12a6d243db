// `dimd backup` and `dimd restore` (F81, N6; docs/operator.md).
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "server/backup_file.h"
#include "server/exit_codes.h"

namespace dim {

struct BackupReport {
  std::vector<BackupEntry> files{};    ///< what is in it, in its order
  std::vector<std::string> damaged{};  ///< files of media that are there and are not what they were
  std::int64_t gone = 0;  ///< files of media that were deleted while the backup was made
};

/// What is in it, for people or as one JSON object with `did` ("backup", …).
std::string backup_text(const BackupReport& report, const std::string& file, bool json);

/// Of the station in that folder, whether it runs or not, into `file`, mode 0600: whole and on the
/// disk, or as it was. Made in a folder beside it, `file`.part-……, which goes; what one that was
/// killed has left there goes with the next.
std::expected<BackupReport, Failure> make_backup(const std::string& data, const std::string& file);

/// Reads all of it and compares every checksum; nothing is written.
std::expected<BackupReport, Failure> verify_backup(const std::string& file);

/// Into a folder that is empty or is not there: after verify_backup, and only when the store in it
/// opens and every record of it can be read. `dimd` finds a station there when all of it is there,
/// and none before.
std::expected<BackupReport, Failure> restore_backup(const std::string& file,
                                                    const std::string& data);

}  // namespace dim
