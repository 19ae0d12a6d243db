#include "server/store_failure.h"

#include <fmt/format.h>

namespace dim {

Failure store_failure(const std::string& data, const Error& error) {
  switch (error.code) {
    case Errc::conflict:
      return {Exit::locked,
              fmt::format(
                  "{}: another station is running here; stop it first (only one may use a folder)",
                  data)};
    case Errc::edition:
      return {Exit::keys,
              fmt::format("{}: the store was written by a newer dimd; run that version", data)};
    case Errc::forbidden:
      return {
          Exit::not_writable,
          fmt::format("{}: cannot be written; give the folder to the user that runs dimd", data)};
    case Errc::insufficient_storage:
      return {Exit::disk_full,
              fmt::format("{}: the disk is full; make room and start again", data)};
    case Errc::internal:
      return {Exit::keys,
              fmt::format("{}: the store is damaged ({}); restore the backup", data, error.hint)};
    default:
      break;
  }
  return {Exit::store_failed, fmt::format("{}: the store cannot be opened: {}", data, error.hint)};
}

}  // namespace dim
