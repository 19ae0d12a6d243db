#include "server/passphrase.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "dim/crypto/os_random.h"
#include "server/key_file.h"
#include "server/store_failure.h"
#include "sqlite/folder_lock.h"
#include "terminal/passphrase.h"

namespace dim {
namespace {

constexpr const char* kVariable = "DIMD_PASSPHRASE";

std::expected<Secret, Failure> passphrase_in(const std::string& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return std::unexpected(Failure{Exit::usage, fmt::format("{}: the passphrase cannot be read: {}",
                                                            file, std::strerror(errno))});
  }
  struct stat info{};
  // A pipe belongs to whoever made it; a file may be read by everybody.
  if (::fstat(fd, &info) != 0 || (S_ISREG(info.st_mode) && (info.st_mode & 077) != 0)) {
    ::close(fd);
    return std::unexpected(
        Failure{Exit::permissions,
                fmt::format("{}: others may read the passphrase; run chmod 600 {}", file, file)});
  }
  auto secret = read_passphrase(fd);
  ::close(fd);
  if (!secret) {
    return std::unexpected(
        Failure{Exit::usage,
                fmt::format("{}: its first line is empty; the passphrase stands there", file)});
  }
  return std::move(*secret);
}

std::expected<Secret, Failure> asked(std::string_view prompt, std::string_view instead) {
  auto secret = ask_passphrase(prompt);
  if (secret) return std::move(*secret);
  return std::unexpected(
      Failure{Exit::usage, fmt::format("{}; {}",
                                       secret.error().code == Errc::unavailable
                                           ? "there is no terminal to ask for the passphrase"
                                           : "the passphrase is empty",
                                       instead)});
}

std::expected<Secret, Failure> new_passphrase(const std::string& file) {
  if (!file.empty()) return passphrase_in(file);
  constexpr std::string_view kInstead =
      "give the new one with --new-passphrase-file FILE, or --remove";
  auto first = asked("New passphrase: ", kInstead);
  if (!first) return first;
  const auto again = asked("Once more: ", kInstead);
  if (!again) return std::unexpected(again.error());
  if (!equal_secret(first->view(), again->view())) {
    return std::unexpected(
        Failure{Exit::usage, "the two are not the same; nothing was changed, try again"});
  }
  return first;
}

}  // namespace

std::expected<std::optional<Secret>, Failure> given_passphrase(const std::string& file) {
  if (!file.empty()) {
    auto read = passphrase_in(file);
    if (!read) return std::unexpected(read.error());
    return std::move(*read);
  }
  char* variable = std::getenv(kVariable);
  if (variable == nullptr) return std::nullopt;
  const std::span<std::uint8_t> text(reinterpret_cast<std::uint8_t*>(variable),
                                     std::strlen(variable));
  if (text.empty()) {
    return std::unexpected(Failure{
        Exit::usage, fmt::format("{} is empty; put the passphrase there, or unset it", kVariable)});
  }
  Secret secret = Secret::copy_of(text);
  // What a process was started with can be read in /proc by the same user and by root.
  wipe(text);
  ::unsetenv(kVariable);
  return secret;
}

std::expected<std::string, Failure> reseal_keys(const Reseal& wish) {
  if (!have_keys(wish.data)) {
    return std::unexpected(Failure{
        Exit::keys, fmt::format("{}: no keys here; `dimd run --data {} --passphrase-file FILE` "
                                "makes sealed ones",
                                key_file(wish.data), wish.data)});
  }
  const auto lock = FolderLock::take(wish.data);
  if (!lock) return std::unexpected(store_failure(wish.data, lock.error()));
  const auto card = load_card(wish.data);
  if (!card) return std::unexpected(card.error());
  std::expected<std::optional<Secret>, Failure> old;
  if (card->sealed || !wish.old_file.empty()) old = given_passphrase(wish.old_file);
  if (!old) return std::unexpected(old.error());
  if (card->sealed && !*old) {
    auto answer = asked("Present passphrase: ", "give the present one with --passphrase-file FILE");
    if (!answer) return std::unexpected(answer.error());
    *old = std::move(*answer);
  }
  auto keys = load_keys(wish.data, *old);
  if (!keys) return std::unexpected(keys.error());
  OsRandom random;
  keys->seal.reset();
  if (!wish.remove) {
    const auto fresh = new_passphrase(wish.new_file);
    if (!fresh) return std::unexpected(fresh.error());
    auto seal = make_seal(*fresh, random, wish.cost);
    if (!seal) return std::unexpected(seal.error());
    keys->seal = std::move(*seal);
  }
  if (auto saved = save_keys(wish.data, *keys, random); !saved)
    return std::unexpected(saved.error());
  if (wish.remove) {
    return fmt::format("{}: no passphrase any more; whoever reads the file has the station's keys",
                       key_file(wish.data));
  }
  return fmt::format(
      "{}: sealed; `dimd run` needs the passphrase from now on, and nobody can tell it you again. "
      "Backups of before open without it",
      key_file(wish.data));
}

}  // namespace dim
