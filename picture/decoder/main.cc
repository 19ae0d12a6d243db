// dim-picture: looks at one picture of a stranger and ends. `dim` starts it with two pipes: the
// file comes in, what picture/answer.h says goes out. Before it reads a byte it has given up
// everything else: files, network, other programs, most of memory and time (A41).
//
//   dim-picture jpeg  BYTES
//   dim-picture pixels BYTES COLUMNS ROWS
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>

#include "picture/decoder/decode.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DIM_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define DIM_SANITIZED 1
#endif
#endif
#ifndef DIM_SANITIZED
#define DIM_SANITIZED 0
#endif

namespace {

constexpr rlim_t kMemory = 768UL << 20;  // addresses; sanitisers take terabytes of them
constexpr rlim_t kSeconds = 10;          // of a processor

struct Wish {
  dim::PictureForm form{};
  std::size_t bytes = 0;
  dim::Box box{dim::kPreviewSide, dim::kPreviewSide};
};

std::optional<int> number(std::string_view text, int most) {
  int out = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (wrong != std::errc() || end != text.data() + text.size() || out < 1 || out > most)
    return std::nullopt;
  return out;
}

std::optional<Wish> wish_of(std::span<char*> words) {
  const bool pixels = words.size() == 5 && std::string_view(words[1]) == "pixels";
  if (!pixels && (words.size() != 3 || std::string_view(words[1]) != "jpeg")) return std::nullopt;
  const auto bytes = number(words[2], dim::kPictureBytes);
  if (!bytes) return std::nullopt;
  Wish out{.form = pixels ? dim::PictureForm::pixels : dim::PictureForm::jpeg,
           .bytes = static_cast<std::size_t>(*bytes)};
  if (!pixels) return out;
  const auto columns = number(words[3], dim::kPreviewSide);
  const auto rows = number(words[4], dim::kPreviewSide);
  if (!columns || !rows) return std::nullopt;
  out.box = {*columns, *rows};
  return out;
}

bool is_pipe(int file) {
  struct stat info{};
  return ::fstat(file, &info) == 0 && S_ISFIFO(info.st_mode);
}

/// Also where less is allowed already.
bool limit(__rlimit_resource what, rlim_t most) {
  rlimit is{};
  if (::getrlimit(what, &is) != 0) return false;
  const rlim_t least = std::min(is.rlim_max, most);
  const rlimit both{least, least};
  return ::setrlimit(what, &both) == 0;
}

/// Reading from 0, writing to 1, memory, and the end; anything else ends this process.
bool allow_little() {
  const std::unique_ptr<void, decltype(&seccomp_release)> rules(seccomp_init(SCMP_ACT_KILL_PROCESS),
                                                                seccomp_release);
  if (!rules) return false;
  const auto allow = [&](int call, std::initializer_list<scmp_arg_cmp> when = {}) {
    return seccomp_rule_add_array(rules.get(), SCMP_ACT_ALLOW, call,
                                  static_cast<unsigned>(when.size()), when.begin()) == 0;
  };
  const auto is = [](unsigned argument, scmp_datum_t value) {
    return scmp_arg_cmp{argument, SCMP_CMP_EQ, value, 0};
  };
  const auto has = [](unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
    return scmp_arg_cmp{argument, SCMP_CMP_MASKED_EQ, mask, value};
  };
  bool done = allow(SCMP_SYS(read), {is(0, STDIN_FILENO)}) &&
              allow(SCMP_SYS(write), {is(0, STDOUT_FILENO)}) &&
              // No file becomes memory, and no memory becomes code.
              allow(SCMP_SYS(mmap), {has(2, PROT_EXEC, 0), has(3, MAP_ANONYMOUS, MAP_ANONYMOUS)});
  for (const int call : {SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise),
                         SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
                         SCMP_SYS(rt_sigreturn), SCMP_SYS(exit), SCMP_SYS(exit_group)}) {
    done = done && allow(call);
  }
  if (DIM_SANITIZED != 0) {
    for (const int call : {SCMP_SYS(sigaltstack), SCMP_SYS(gettid), SCMP_SYS(getpid),
                           SCMP_SYS(sched_yield), SCMP_SYS(rt_sigprocmask)}) {
      done = done && allow(call);
    }
  }
  return done && seccomp_load(rules.get()) == 0;
}

/// False: this system does not let a program give up its rights.
bool confine() {
  if (::close_range(STDERR_FILENO, ~0U, 0) != 0) return false;
  return limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NOFILE, 0) &&
         limit(RLIMIT_CPU, kSeconds) && (DIM_SANITIZED != 0 || limit(RLIMIT_AS, kMemory)) &&
         allow_little();
}

/// All that comes, which must be that many bytes.
bool read_all(dim::Bytes& out) {
  std::size_t at = 0;
  while (at < out.size()) {
    const ssize_t got = ::read(STDIN_FILENO, out.data() + at, out.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += static_cast<std::size_t>(got);
  }
  return true;
}

bool write_all(dim::ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return true;
}

dim::PictureAnswer answer(const Wish& wish) {
  try {
    dim::Bytes file(wish.bytes);
    if (!read_all(file)) return {.refusal = dim::PictureRefusal::damaged, .form = wish.form};
    const bool drawn = wish.form == dim::PictureForm::pixels;
    return dim::answer_picture(file, wish.form, wish.box,
                               drawn ? dim::kSmallPixels : dim::kPicturePixels);
  } catch (const std::bad_alloc&) {
    return {.refusal = dim::PictureRefusal::no_memory, .form = wish.form};
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto wish = wish_of({argv, static_cast<std::size_t>(argc)});
  if (!wish || !is_pipe(STDIN_FILENO) || !is_pipe(STDOUT_FILENO)) {
    constexpr std::string_view kUsage =
        "dim-picture looks at one picture for dim, which starts it; alone it does nothing\n";
    (void)!::write(STDERR_FILENO, kUsage.data(), kUsage.size());
    ::_exit(2);
  }
  const dim::PictureAnswer out =
      confine()
          ? answer(*wish)
          : dim::PictureAnswer{.refusal = dim::PictureRefusal::unconfined, .form = wish->form};
  // No destructors and no handlers: they would ask for what is not allowed any more.
  ::_exit(write_all(dim::write_picture_answer(out)) ? 0 : 1);
}
