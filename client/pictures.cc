#include "client/pictures.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <vector>

#include "client/files.h"
#include "client/history.h"
#include "client/home.h"
#include "picture/answer.h"

namespace dim {
namespace {

constexpr std::chrono::seconds kPatience{60};  // it may use 10 s of a processor

std::unexpected<Error> cannot_start() {
  return fail(Errc::not_implemented,
              "no preview: the program dim-picture, which stands beside dim, cannot be started");
}

class File {
 public:
  explicit File(int file) : file_(file) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(); }
  int get() const { return file_; }
  void close() {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
  }

 private:
  int file_;
};

/// A program that ends early must not end this one, whoever has made this process.
class WithoutBrokenPipe {
 public:
  WithoutBrokenPipe() {
    ::sigemptyset(&signal_);
    ::sigaddset(&signal_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  WithoutBrokenPipe(const WithoutBrokenPipe&) = delete;
  WithoutBrokenPipe& operator=(const WithoutBrokenPipe&) = delete;
  ~WithoutBrokenPipe() {
    if (::sigismember(&before_, SIGPIPE) == 0) {
      constexpr timespec kNow{};
      while (::sigtimedwait(&signal_, nullptr, &kNow) > 0) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t signal_{}, before_{};
};

/// The process, or -1. It has two pipes, no environment, and no file of this process.
pid_t start(const std::string& path, const std::vector<std::string>& words, int in, int out) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (::posix_spawn_file_actions_init(&actions) != 0) return -1;
  if (::posix_spawnattr_init(&attributes) != 0) {
    ::posix_spawn_file_actions_destroy(&actions);
    return -1;
  }
  sigset_t none, defaults;
  ::sigemptyset(&none);
  ::sigemptyset(&defaults);
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGXCPU})
    ::sigaddset(&defaults, signal);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::array<char*, 1> environment{nullptr};
  pid_t process = -1;
  const bool started = ::posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO) == 0 &&
                       ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) == 0 &&
                       ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO) == 0 &&
                       ::posix_spawnattr_setsigmask(&attributes, &none) == 0 &&
                       ::posix_spawnattr_setsigdefault(&attributes, &defaults) == 0 &&
                       ::posix_spawnattr_setflags(
                           &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0 &&
                       ::posix_spawn(&process, path.c_str(), &actions, &attributes,
                                     arguments.data(), environment.data()) == 0;
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return started ? process : -1;
}

/// Gives it `input`, takes what it says, until it closes its pipe. False: it has said too much, or
/// not in time.
bool converse(File& to, const File& from, ByteView input, Bytes& out) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  out.resize(kPictureAnswer + 1);
  std::size_t filled = 0;
  while (filled < out.size()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    std::array<pollfd, 2> files{pollfd{from.get(), POLLIN, 0}, pollfd{to.get(), POLLOUT, 0}};
    const int ready = ::poll(files.data(), to.get() < 0 ? 1 : 2, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    if (to.get() >= 0 && files[1].revents != 0) {
      const ssize_t put = ::write(to.get(), input.data(), input.size());
      if (put >= 0) input = input.subspan(static_cast<std::size_t>(put));
      // One that wants no more may have an answer all the same.
      if (input.empty() || (put < 0 && errno != EAGAIN && errno != EINTR)) to.close();
    }
    if (files[0].revents != 0) {
      const ssize_t got = ::read(from.get(), out.data() + filled, out.size() - filled);
      if (got < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (got == 0) {
        out.resize(filled);
        return true;
      }
      if (got > 0) filled += static_cast<std::size_t>(got);
    }
  }
  return false;
}

std::unexpected<Error> refused(PictureRefusal why, PictureForm form) {
  switch (why) {
    case PictureRefusal::no_picture:
      return fail(Errc::content, "no preview: it is no PNG, JPEG, GIF or WebP picture");
    case PictureRefusal::too_many_pixels:
      return form == PictureForm::pixels
                 ? fail(Errc::content,
                        "no preview: what came as one has more than 4 million pixels")
                 : fail(Errc::content, "no preview: it has more than 64 million pixels");
    case PictureRefusal::too_many_frames:
      return fail(Errc::content, "no preview: it is an animation of more than 10,000 pictures");
    case PictureRefusal::unsupported:
      return fail(Errc::content, "no preview: it is a kind of picture that is not looked at");
    case PictureRefusal::no_memory:
      return fail(Errc::content, "no preview: looking at it takes too much memory");
    case PictureRefusal::unconfined:
      return fail(Errc::not_implemented,
                  "no preview: this system does not let dim-picture give up its rights (seccomp)");
    default:
      return fail(Errc::content, "no preview: the picture is cut off or damaged");
  }
}

Result<PictureAnswer> ask(const std::string& path, PictureForm form, ByteView picture,
                          std::vector<std::string> words) {
  if (picture.empty() || picture.size() > kPictureBytes)
    return fail(Errc::too_large, "no preview: the file has no bytes or more than 64 MiB");
  const WithoutBrokenPipe quiet;
  std::array<int, 2> in{-1, -1}, out{-1, -1};
  if (::pipe2(in.data(), O_CLOEXEC) != 0) return cannot_start();
  File child_in(in[0]), to(in[1]);
  if (::pipe2(out.data(), O_CLOEXEC) != 0) return cannot_start();
  File from(out[0]), child_out(out[1]);
  words.insert(words.begin(), path);
  words.insert(words.begin() + 2, std::to_string(picture.size()));
  const pid_t process = start(path, words, child_in.get(), child_out.get());
  if (process < 0) return cannot_start();
  child_in.close();
  child_out.close();
  ::fcntl(to.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(from.get(), F_SETFL, O_NONBLOCK);
  Bytes said;
  const bool answered = converse(to, from, picture, said);
  if (!answered) ::kill(process, SIGKILL);
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  if (answered && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    auto read = read_picture_answer(said, form);
    if (read && read->refusal != PictureRefusal::none) return refused(read->refusal, form);
    return read;
  }
  // The loader, or a program of that name that is none.
  if (WIFEXITED(status)) return cannot_start();
  return fail(Errc::content, "no preview: looking at it took too long, or ended the program");
}

const TransportableData* data_of(const std::optional<PortableFile>& small) {
  if (!small || !small->data || small->data->data.empty()) return nullptr;
  return &*small->data;
}

std::optional<PictureSize> size_of(const JsonObject& rest) {
  const auto side = [&](std::string_view name) -> std::int64_t {
    const Json* value = rest.find(name);
    const std::int64_t* number = value == nullptr ? nullptr : value->integer();
    return number != nullptr && *number <= INT32_MAX ? *number : 0;
  };
  const std::int64_t width = side("width"), height = side("height");
  if (width < 1 || height < 1) return std::nullopt;
  return std::pair{width, height};
}

std::string beside_this() {
  std::error_code wrong;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", wrong);
  return (here.parent_path() / "dim-picture").string();
}

}  // namespace

PictureProgram::PictureProgram(std::string path)
    : path_(path.empty() ? beside_this() : std::move(path)) {}

Result<Preview> PictureProgram::preview(ByteView picture) const {
  auto answer = ask(path_, PictureForm::jpeg, picture, {"jpeg"});
  if (!answer) return std::unexpected(answer.error());
  return Preview{std::move(answer->body), answer->width, answer->height};
}

Result<Preview> PictureProgram::preview_of(const std::string& path) const {
  auto bytes = read_file(path, kPictureBytes);
  if (!bytes) {
    if (bytes.error().code == Errc::too_large)
      return fail(Errc::too_large, "no preview: the file has more than 64 MiB");
    return std::unexpected(bytes.error());
  }
  return preview(*bytes);
}

Result<PreviewPixels> PictureProgram::pixels(ByteView preview, int columns, int rows) const {
  const auto side = [](int wanted) { return std::to_string(std::clamp(wanted, 1, kPreviewSide)); };
  auto answer = ask(path_, PictureForm::pixels, preview, {"pixels", side(columns), side(rows)});
  if (!answer) return std::unexpected(answer.error());
  return PreviewPixels{answer->small_width, answer->small_height, std::move(answer->body)};
}

const TransportableData* preview_in(const ImageContent& image) { return data_of(image.thumbnail); }
const TransportableData* preview_in(const VideoContent& video) { return data_of(video.snapshot); }

const TransportableData* preview_in(const Content& content) {
  if (const auto* image = content.as<ImageContent>()) return preview_in(*image);
  if (const auto* video = content.as<VideoContent>()) return preview_in(*video);
  return nullptr;
}

std::optional<PictureSize> size_in(const ImageContent& image) { return size_of(image.rest); }
std::optional<PictureSize> size_in(const VideoContent& video) { return size_of(video.rest); }

bool shows_pictures_of(Home& home, const HistoryEntry& entry) {
  if (entry.outgoing) return true;
  const auto contact = home.contact(entry.sender.value_or(entry.peer));
  return contact && *contact && !(*contact)->is_stranger() && !(*contact)->refused;
}

}  // namespace dim
