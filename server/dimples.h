// The file database of a dimchat reference station (dimples), as it was written in 2025 and in
// 2026: read over into our store. docs/dimchat.md says what an operator does with it.
#pragma once
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "dim/base/time.h"
#include "dim/identity/id.h"
#include "dim/store/store.h"
#include "server/exit_codes.h"

namespace dim {

/// What one folder `public/ADDRESS` holds; empty text where there is no such file.
struct DimplesFiles {
  std::string address;    ///< the folder's name
  std::string meta;       ///< meta.js
  std::string documents;  ///< documents.js: a list, or {"documents": [..]}
  std::string logins;     ///< login.js {"cmd", "msg"}, or login_commands.js {"records": [..]}
};

/// Something that does not hold and is left behind.
struct DimplesRefusal {
  std::string what;  ///< "ADDRESS/documents.js 1"
  std::string why;
};

/// One entity, everything in it verified.
struct DimplesEntity {
  std::optional<Id> id;  ///< nothing when the meta does not hold: then nothing else is read
  std::optional<Digest32> meta;
  std::vector<Write> writes;  ///< the identity first (pinned when a document proves it)
  std::size_t documents = 0;
  std::size_t logins = 0;
  std::vector<DimplesRefusal> refused;
};

/// The meta must make the address of its folder (A02); each document is signed by it, belongs to
/// the ID, has a time, and is the newest of its type and device (A04); each login record is signed
/// by the user and names that user (A01, A23).
DimplesEntity read_dimples(const DimplesFiles& files, Millis now);

struct DimplesImport {
  std::size_t users = 0;
  std::size_t groups = 0;
  std::size_t others = 0;  ///< stations, bots, providers
  std::size_t documents = 0;
  std::size_t logins = 0;
  std::size_t unchanged = 0;  ///< documents and logins of which the store has this or a newer one
  std::vector<DimplesRefusal> refused;
};

/// Reads `root`/public, or `root` itself where there is none. An entity that the store knows with
/// another meta is refused, and stays as it is. Exit::usage when there is no database, else what
/// the store says (store_failure.h, `data` is its folder).
std::expected<DimplesImport, Failure> import_dimples(const std::string& root,
                                                     const std::string& data, Store& store,
                                                     Millis now);

}  // namespace dim
