#include "terminal/passphrase.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace dim {
namespace {

constexpr std::size_t kMostBytes = 1'024;

}  // namespace

Result<Secret> read_passphrase(int file) {
  Secret buffer(kMostBytes);
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = ::read(file, buffer.writable().data() + size, 1);
    if (got <= 0 || buffer.view()[size] == '\n') break;
    ++size;
  }
  if (size == 0) return fail(Errc::key, "the passphrase is empty");
  return Secret::copy_of(buffer.view().first(size));
}

Result<Secret> ask_passphrase(std::string_view prompt) {
  const int terminal = ::open("/dev/tty", O_RDWR | O_CLOEXEC);
  if (terminal < 0) return fail(Errc::unavailable, "there is no terminal to ask at");
  termios before{};
  ::tcgetattr(terminal, &before);
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(terminal, TCSAFLUSH, &silent);
  (void)!::write(terminal, prompt.data(), prompt.size());
  auto secret = read_passphrase(terminal);
  ::tcsetattr(terminal, TCSAFLUSH, &before);
  (void)!::write(terminal, "\n", 1);
  ::close(terminal);
  return secret;
}

}  // namespace dim
