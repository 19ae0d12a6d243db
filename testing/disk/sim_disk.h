// A disk for SQLite that lives in memory, knows what was synced, and fails on demand: power cuts
// that drop, tear and reorder whatever was not synced, and faults at the n-th call. One thread,
// deterministic for a seed.
#pragma once
#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace dim {

class SimDisk {
 public:
  static constexpr std::size_t kSector = 512;

  enum class Fault {
    write_error,  ///< EIO
    full,         ///< ENOSPC, until clear_fault()
    short_write,  ///< half of it is written, then the disk is full; once
    sync_error,   ///< nothing of the file is synced
    read_error,   ///< EIO
    flip_write,   ///< one bit other than what was written; no error
    flip_read,    ///< one bit other than what is stored, this time only; no error
    power_cut,    ///< at a write or sync: half of it may be done, every later call fails until
                  ///< power_on()
  };

  /// Registered as an SQLite VFS (exclusive locking mode only: it has no shared memory) as long as
  /// it lives.
  explicit SimDisk(std::uint64_t seed);
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;
  ~SimDisk();

  const std::string& vfs() const { return name_; }

  /// The fault strikes at the `n`-th call (from 1) that it can strike, counted from here.
  void fail_at(std::uint64_t n, Fault fault);
  void clear_fault() { armed_.reset(); }
  /// Has the armed fault struck?
  bool struck() const { return struck_; }

  void power_off() { powered_ = false; }
  /// Every open file must have been closed. What was not synced is now partly there: each 512-byte
  /// sector holds its synced content, any later one, or a tear between two; sizes, new names and
  /// unsynced removals likewise. Cutting a file is one step, as with every file system that keeps a
  /// journal: not done, and nothing that came behind it, or done before what came behind it.
  void power_on();

  /// Content of a file as a program would read it; nullptr when absent.
  std::vector<std::uint8_t>* content(const std::string& path);
  /// Makes or replaces a file, synced.
  void put(const std::string& path, std::vector<std::uint8_t> content);

 private:
  struct Stored {
    std::vector<std::uint8_t> now;
    std::vector<std::uint8_t> synced;
    bool name_synced = false;
    std::optional<std::size_t> cut;  // shortest size since the last sync
    std::map<std::size_t, std::vector<std::vector<std::uint8_t>>>
        unsynced;  // versions of each sector, oldest first
  };
  struct Open;
  struct Methods;

  /// Counts a call; true when the armed fault is to strike it.
  bool strikes(std::initializer_list<Fault> possible);
  void put(Stored& file, const std::uint8_t* data, std::size_t size, std::size_t offset);
  void resize(Stored& file, std::size_t size);
  void remember(Stored& file, std::size_t from, std::size_t to);
  void settle(Stored& file);
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

  std::mt19937_64 random_;
  std::string name_;
  sqlite3_vfs vfs_{};
  bool powered_ = true;
  std::map<std::string, std::shared_ptr<Stored>> files_;
  std::map<std::string, std::shared_ptr<Stored>> removed_;  // and the removal not synced
  std::optional<Fault> armed_;
  std::uint64_t countdown_ = 0;
  bool struck_ = false;
};

}  // namespace dim
