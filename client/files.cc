#include "client/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "dim/base/utf8.h"

namespace dim {
namespace {

/// The file is there: take another name.
bool is_taken(const Status& status) { return !status && status.error().code == Errc::conflict; }

bool forbidden_in_names(char32_t c) {
  constexpr std::u32string_view kForbidden = U"<>:\"/\\|?*";
  return is_control(c) || is_invisible(c) || kForbidden.find(c) != std::u32string_view::npos;
}

/// Names that Windows keeps for devices, whatever ending follows.
bool is_device(std::string_view name) {
  std::string stem(name.substr(0, name.find('.')));
  for (char& c : stem) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  constexpr std::array<std::string_view, 4> kDevices{"CON", "PRN", "AUX", "NUL"};
  if (std::ranges::find(kDevices, stem) != kDevices.end()) return true;
  return stem.size() == 4 && (stem.starts_with("COM") || stem.starts_with("LPT")) &&
         stem[3] >= '0' && stem[3] <= '9';
}

std::string cut(std::string_view text, std::size_t size) {
  if (text.size() <= size) return std::string(text);
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80) --size;
  return std::string(text.substr(0, size));
}

}  // namespace

Result<Bytes> read_file(const std::string& path, std::size_t most) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(Errc::io, "the file cannot be opened; check its name and permissions");
  struct stat info{};
  Bytes out;
  const bool regular = ::fstat(file, &info) == 0 && S_ISREG(info.st_mode);
  const auto size = regular ? static_cast<std::size_t>(info.st_size) : 0;
  ssize_t got = 0;
  if (regular && size <= most) {
    out.resize(size);
    std::size_t at = 0;
    while (at < size && (got = ::read(file, out.data() + at, size - at)) > 0)
      at += static_cast<std::size_t>(got);
    out.resize(at);
  }
  ::close(file);
  if (!regular) return fail(Errc::io, "only regular files are sent");
  if (size > most)
    return fail(Errc::too_large,
                "the file is too large: a thumbnail has 64 KiB at most, a file 256 MiB");
  if (out.empty()) return fail(Errc::io, "the file is empty or cannot be read");
  return out;
}

Status write_new_file(const std::string& path, ByteView bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) {
    return fail(errno == EEXIST ? Errc::conflict : Errc::io,
                errno == EEXIST ? Literal("there is a file of that name, which stays; give another")
                                : Literal("the file cannot be written; check its folder"));
  }
  std::size_t at = 0;
  ssize_t put = 1;
  while (at < bytes.size() && (put = ::write(file, bytes.data() + at, bytes.size() - at)) > 0)
    at += static_cast<std::size_t>(put);
  const bool written = at == bytes.size() && ::fsync(file) == 0;
  ::close(file);
  if (written) return {};
  ::unlink(path.c_str());
  return fail(Errc::io, "the file could not be put on the disk; is it full?");
}

Result<std::string> keep_file(const std::string& path, std::string_view name, ByteView bytes) {
  constexpr int kMostNames = 100;
  struct stat info{};
  const bool folder = ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  if (!folder) {
    if (auto put = write_new_file(path, bytes); !put) return std::unexpected(put.error());
    return path;
  }
  const std::string safe = safe_filename(name);
  const std::size_t dot = safe.rfind('.');
  for (int i = 1; i <= kMostNames; ++i) {
    std::string one = path + "/" + safe;
    if (i > 1) {
      const std::string number = " (" + std::to_string(i) + ")";
      one = path + "/" + safe.substr(0, dot) + number +
            (dot == std::string::npos ? std::string() : safe.substr(dot));
    }
    const Status put = write_new_file(one, bytes);
    if (put) return one;
    if (!is_taken(put)) return std::unexpected(put.error());
  }
  return fail(Errc::conflict,
              "there are a hundred files of that name in this folder; give another");
}

std::string safe_filename(std::string_view name) {
  constexpr std::size_t kMost = 120, kEnding = 16;
  if (!valid_utf8(name)) return "file";
  const std::size_t slash = name.find_last_of("/\\");
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  std::string out;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t begin = at;
    const char32_t c = next_code_point(name, at);
    if (!forbidden_in_names(c)) out.append(name.substr(begin, at - begin));
  }
  const std::size_t first = out.find_first_not_of(". ");
  const std::size_t last = out.find_last_not_of(". ");
  if (first == std::string::npos) return "file";
  out = out.substr(first, last + 1 - first);
  if (out.size() > kMost) {
    const std::size_t dot = out.rfind('.');
    const std::string ending =
        dot != std::string::npos && out.size() - dot <= kEnding ? out.substr(dot) : std::string();
    out = cut(out, kMost - ending.size()) + ending;
  }
  return is_device(out) ? "_" + out : out;
}

}  // namespace dim
