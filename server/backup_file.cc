#include "server/backup_file.h"

#include <algorithm>
#include <utility>

#include "dim/base/json.h"

namespace dim {
namespace {

constexpr std::string_view kMagic = "DIM backup 1\n";
constexpr std::size_t kMostFiles = 100'000'000;

/// 1, 2, …: as these files are numbered.
bool is_number(std::string_view text) {
  constexpr std::size_t kDigits = 18;
  return !text.empty() && text.size() <= kDigits && text.front() != '0' &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::unexpected<Error> damaged() {
  return fail(Errc::internal, "this backup is damaged; take another one");
}
std::unexpected<Error> cut() {
  return fail(Errc::internal, "this backup ends too early; take another one");
}

/// The members of a line, which has these and no others.
std::optional<std::int64_t> number_of(const JsonObject& object, std::string_view key) {
  const Json* value = object.find(key);
  if (value == nullptr || value->integer() == nullptr || *value->integer() < 0) return std::nullopt;
  return *value->integer();
}

}  // namespace

bool valid_backup_name(std::string_view name) {
  for (const std::string_view whole : {"station.keys", "station.db", "dimd.toml"}) {
    if (name == whole) return true;
  }
  for (const std::string_view begin : {"station.db-keys", "station.db-words", "media/"}) {
    if (name.starts_with(begin)) return is_number(name.substr(begin.size()));
  }
  return false;
}

Status BackupWriter::line(const std::string& text) {
  one_ = Sha256();
  one_.add(as_bytes(text));
  return sink_(as_bytes(text));
}

/// What every backup begins with.
Status BackupWriter::start() {
  if (std::exchange(started_, true)) return {};
  return sink_(as_bytes(kMagic));
}

Status BackupWriter::begin(const BackupEntry& entry) {
  if (auto done = start(); !done) return done;
  ++files_;
  JsonObject head;
  head.set("name", entry.name);
  head.set("size", entry.size);
  return line(write_json(head) + "\n");
}

Status BackupWriter::add(ByteView bytes) {
  one_.add(bytes);
  return sink_(bytes);
}

Status BackupWriter::end() {
  const Digest32 digest = one_.finish();
  all_.add(digest);
  return sink_(digest);
}

Status BackupWriter::finish() {
  if (auto done = start(); !done) return done;
  JsonObject last;
  last.set("files", files_);
  const std::string text = write_json(last) + "\n";
  if (auto done = sink_(as_bytes(text)); !done) return done;
  all_.add(as_bytes(text));
  return sink_(all_.finish());
}

Status BackupReader::fill() {
  if (at_ < full_) return {};
  const auto got = source_(buffer_);
  if (!got) return std::unexpected(got.error());
  at_ = 0;
  full_ = *got;
  return {};
}

/// With its end.
Result<std::string> BackupReader::line() {
  std::string out;
  while (out.size() < limits::kBackupLine) {
    if (auto done = fill(); !done) return std::unexpected(done.error());
    if (at_ == full_) return cut();
    out.push_back(static_cast<char>(buffer_[at_++]));
    if (out.back() == '\n') return out;
  }
  return damaged();
}

Result<Digest32> BackupReader::digest() {
  Digest32 out{};
  for (std::uint8_t& byte : out) {
    if (auto done = fill(); !done) return std::unexpected(done.error());
    if (at_ == full_) return cut();
    byte = buffer_[at_++];
  }
  return out;
}

Result<std::vector<BackupEntry>> BackupReader::read(const Visitor& visitor) {
  for (const char c : kMagic) {
    if (auto done = fill(); !done) return std::unexpected(done.error());
    if (at_ == full_ || static_cast<char>(buffer_[at_++]) != c)
      return fail(Errc::bad_request, "this is no backup of a station, made by `dimd backup`");
  }
  std::vector<BackupEntry> out;
  std::set<std::string, std::less<>> names;
  Sha256 all;
  for (;;) {
    const auto head = line();
    if (!head) return std::unexpected(head.error());
    const auto object = parse_json_object(*head);
    if (!object) return damaged();
    if (const auto files = number_of(*object, "files"); files && object->size() == 1) {
      all.add(as_bytes(*head));
      const auto said = digest();
      if (!said) return std::unexpected(said.error());
      if (*said != all.finish() || static_cast<std::size_t>(*files) != out.size()) return damaged();
      if (auto done = fill(); !done) return std::unexpected(done.error());
      if (at_ != full_) return damaged();
      return out;
    }
    const std::string* name = object->text("name");
    const auto size = number_of(*object, "size");
    if (name == nullptr || !size || object->size() != 2 || !valid_backup_name(*name) ||
        *size > limits::kBackupFileBytes || !names.insert(*name).second || out.size() >= kMostFiles)
      return damaged();
    where_ = *name;
    const BackupEntry entry{*name, *size};
    if (auto done = visitor.begin(entry); !done) return std::unexpected(done.error());
    Sha256 one;
    one.add(as_bytes(*head));
    for (std::int64_t left = *size; left > 0;) {
      if (auto done = fill(); !done) return std::unexpected(done.error());
      if (at_ == full_) return cut();
      const auto piece = std::min<std::int64_t>(left, static_cast<std::int64_t>(full_ - at_));
      const ByteView bytes = ByteView(buffer_).subspan(at_, static_cast<std::size_t>(piece));
      one.add(bytes);
      if (auto done = visitor.bytes(bytes); !done) return std::unexpected(done.error());
      at_ += bytes.size();
      left -= piece;
    }
    const auto said = digest();
    if (!said) return std::unexpected(said.error());
    if (*said != one.finish()) return damaged();
    all.add(*said);
    if (auto done = visitor.end(); !done) return std::unexpected(done.error());
    out.push_back(entry);
  }
}

}  // namespace dim
