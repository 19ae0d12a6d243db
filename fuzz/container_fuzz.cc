// Containers of sound and pictures, whole and in pieces: the same packets come out, and what was
// read is written in a form that is read as the same.
#include <cstdlib>
#include <string>
#include <vector>

#include "client/media_container.h"

namespace {

using namespace dim;

std::vector<MediaPacket> read(Container container, std::string_view text, std::size_t step) {
  const auto reader = make_reader(container);
  std::vector<MediaPacket> out;
  for (std::size_t at = 0; at < text.size(); at += step) {
    reader->feed(text.substr(at, step));
    while (true) {
      auto next = reader->next();
      if (!next) return out;
      if (!*next) break;
      out.push_back(std::move(**next));
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Container container : {Container::ogg, Container::ivf, Container::raw}) {
    const auto whole = read(container, text, size == 0 ? 1 : size);
    if (read(container, text, 11) != whole) std::abort();
    const auto writer = make_writer(container);
    std::string again;
    std::size_t written = 0;
    for (const MediaPacket& one : whole) {
      const std::string bytes = writer->write(one);
      written += bytes.empty() ? 0 : 1;
      again += bytes;
    }
    again += writer->finish();
    if (read(container, again, again.size() + 1).size() != written) std::abort();
  }
  return 0;
}
