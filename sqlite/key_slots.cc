#include "sqlite/key_slots.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dim/crypto/digest.h"
#include "dim/crypto/symmetric.h"

namespace dim {
namespace {

constexpr std::string_view kMagic = "DIMKEYS1";
constexpr std::size_t kKey = 32;
constexpr std::size_t kHead = 4'096;
constexpr std::size_t kSummed = 8 + 8 + kKey;
constexpr std::size_t kSlot = 24 + kKey + 16;
constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_JOURNAL;

void put64(std::uint64_t value, std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::array<std::uint8_t, 16> binding(std::int64_t file, std::int64_t slot) {
  std::array<std::uint8_t, 16> out{};
  put64(static_cast<std::uint64_t>(file), std::span(out).first(8));
  put64(static_cast<std::uint64_t>(slot), std::span(out).subspan(8));
  return out;
}

std::uint32_t sum_of(ByteView head) { return crc32c(head.first(kSummed)); }

std::size_t place_of(std::int64_t slot) {
  return kHead + static_cast<std::size_t>(slot - 1) * kSlot;
}

std::unexpected<Error> disk_error(int code) {
  if ((code & 0xff) == SQLITE_FULL)
    return fail(Errc::insufficient_storage, "the disk of the data folder is full; free some space");
  if ((code & 0xff) == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY)
    return fail(Errc::forbidden,
                "a file of keys cannot be opened; check its owner and permissions, and the disk");
  return fail(Errc::io, "the disk failed under the file of keys; check it");
}

std::unexpected<Error> missing() {
  return fail(Errc::internal,
              "the file of keys (station.db-keys, station.db-words) that belongs to the store is "
              "missing or damaged; restore it from its backup");
}

}  // namespace

KeySlots::KeySlots(sqlite3_vfs* vfs, std::string database, std::string kind, Random& random)
    : vfs_(vfs), database_(std::move(database)), kind_(std::move(kind)), random_(random) {}

/// SQLite's own code looks behind the end of a name for its parameters.
KeySlots::File KeySlots::named(std::int64_t number) const {
  return {.number = number,
          .path = std::make_unique<std::string>(database_ + "-" + kind_ + std::to_string(number) +
                                                std::string(3, '\0')),
          .file = std::make_unique<VfsFile>()};
}

bool KeySlots::exists(const File& file) const {
  int there = 0;
  return vfs_->xAccess(vfs_, file.path->c_str(), SQLITE_ACCESS_EXISTS, &there) == SQLITE_OK &&
         there != 0;
}

Status KeySlots::write(File& file, std::size_t at, ByteView bytes) {
  if (const int rc = file.file->write(at, bytes); rc != SQLITE_OK) return disk_error(rc);
  return {};
}

Status KeySlots::make(File& file, std::int64_t number) {
  file = named(number);
  if (const int rc = file.file->open(vfs_, file.path->c_str(), kFlags | SQLITE_OPEN_CREATE);
      rc != SQLITE_OK)
    return disk_error(rc);
  file.epoch = Secret::random(kKey, random_);
  Secret head(kHead);
  const auto bytes = head.writable();
  std::ranges::copy(kMagic, bytes.begin());
  put64(static_cast<std::uint64_t>(number), bytes.subspan(8, 8));
  std::ranges::copy(file.epoch.view(), bytes.begin() + 16);
  const std::uint32_t sum = sum_of(head.view());
  for (std::size_t i = 0; i < 4; ++i)
    bytes[kSummed + i] = static_cast<std::uint8_t>(sum >> (8 * i));
  if (auto done = write(file, 0, head.view()); !done) return done;
  if (const int rc = file.file->sync(); rc != SQLITE_OK) return disk_error(rc);
  return {};
}

Status KeySlots::make(std::int64_t number) {
  if (auto done = discard(number); !done) return done;
  return make(current_, number);
}

Status KeySlots::open(std::int64_t number) {
  current_ = named(number);
  if (!exists(current_)) return missing();
  if (const int rc = current_.file->open(vfs_, current_.path->c_str(), kFlags); rc != SQLITE_OK)
    return disk_error(rc);
  Secret head(kHead);
  if (const int rc = current_.file->read(0, head.writable()); rc == SQLITE_IOERR_SHORT_READ)
    return missing();
  else if (rc != SQLITE_OK)
    return disk_error(rc);
  const ByteView bytes = head.view();
  std::array<std::uint8_t, 8> mine{};
  put64(static_cast<std::uint64_t>(number), mine);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < 4; ++i) sum |= std::uint32_t{bytes[kSummed + i]} << (8 * i);
  if (as_text(bytes.first(8)) != kMagic || !std::ranges::equal(bytes.subspan(8, 8), mine) ||
      sum != sum_of(bytes))
    return missing();
  current_.epoch = Secret::copy_of(bytes.subspan(16, kKey));
  for (const std::int64_t other : {number - 1, number + 1}) {
    if (auto done = discard(other); !done) return done;
  }
  return {};
}

void KeySlots::close() {
  const std::scoped_lock lock(mutex_);
  current_.file.reset();
  next_ = {};
}

/// A file that nothing names, or nothing names any more.
Status KeySlots::discard(std::int64_t number) {
  File file = named(number);
  if (!exists(file)) return {};
  if (const int rc = file.file->open(vfs_, file.path->c_str(), kFlags); rc != SQLITE_OK)
    return disk_error(rc);
  return wipe(file);
}

Status KeySlots::wipe(File& file) {
  const auto noise = random_.array<kSummed>();
  if (auto done = write(file, 0, noise); !done) return done;
  if (const int rc = file.file->sync(); rc != SQLITE_OK) return disk_error(rc);
  file.file->close();
  if (const int rc = vfs_->xDelete(vfs_, file.path->c_str(), 0);
      rc != SQLITE_OK && rc != SQLITE_IOERR_DELETE_NOENT)
    return disk_error(rc);
  return {};
}

Status KeySlots::write_key(File& file, std::int64_t slot, const Secret& key) {
  const auto boxed = box(file.epoch, key.view(), binding(file.number, slot), random_);
  if (!boxed) return std::unexpected(boxed.error());
  return write(file, place_of(slot), *boxed);
}

Result<Secret> KeySlots::read(File& file, std::int64_t slot) {
  std::array<std::uint8_t, kSlot> boxed{};
  const int rc = file.file->read(place_of(slot), boxed);
  if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ) return disk_error(rc);
  auto key = rc == SQLITE_OK ? unbox(file.epoch, boxed, binding(file.number, slot))
                             : fail(Errc::decrypt, "no key");
  if (!key) return fail(Errc::internal, "a stored object has no key; restore the store's files");
  return key;
}

Result<Secret> KeySlots::put(std::int64_t slot) {
  const std::scoped_lock lock(mutex_);
  dirty_ = true;
  Secret key = Secret::random(kKey, random_);
  if (auto done = write_key(current_, slot, key); !done) return std::unexpected(done.error());
  if (next_.file) {
    if (auto done = write_key(next_, slot, key); !done) return std::unexpected(done.error());
  }
  return key;
}

Result<Secret> KeySlots::get(std::int64_t slot) {
  const std::scoped_lock lock(mutex_);
  return read(current_, slot);
}

Status KeySlots::destroy(std::int64_t slot) {
  const std::scoped_lock lock(mutex_);
  dirty_ = true;
  const auto noise = random_.array<kSlot>();
  if (auto done = write(current_, place_of(slot), noise); !done) return done;
  return next_.file ? write(next_, place_of(slot), noise) : Status{};
}

Status KeySlots::sync() {
  if (!dirty_) return {};
  for (File* file : {&current_, &next_}) {
    if (!file->file) continue;
    // After a failed sync nobody knows what is on the disk.
    if (file->file->sync() != SQLITE_OK) return disk_error(SQLITE_IOERR_FSYNC);
  }
  dirty_ = false;
  return {};
}

Result<bool> KeySlots::rotate(std::size_t slots) {
  const std::scoped_lock lock(mutex_);
  if (!next_.file) {
    if (auto done = discard(current_.number + 1); !done) return std::unexpected(done.error());
    File file;
    if (auto done = make(file, current_.number + 1); !done) return std::unexpected(done.error());
    next_ = std::move(file);
    copied_ = 0;
  }
  std::size_t size = 0;
  if (const int rc = current_.file->size(size); rc != SQLITE_OK) return disk_error(rc);
  const auto all = static_cast<std::int64_t>(size <= kHead ? 0 : (size - kHead) / kSlot);
  for (; slots > 0 && copied_ < all; --slots, ++copied_) {
    const std::int64_t slot = copied_ + 1;
    const auto key = read(current_, slot);
    if (!key && key.error().code != Errc::internal) return std::unexpected(key.error());
    if (!key) continue;  // never used, or destroyed
    if (auto done = write_key(next_, slot, *key); !done) return std::unexpected(done.error());
  }
  if (copied_ < all) return false;
  if (next_.file->sync() != SQLITE_OK) return disk_error(SQLITE_IOERR_FSYNC);
  return true;
}

Status KeySlots::finish_rotation() {
  const std::scoped_lock lock(mutex_);
  File old = std::exchange(current_, std::exchange(next_, File{}));
  return wipe(old);
}

}  // namespace dim
