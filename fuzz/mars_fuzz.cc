// Mars frames: what is read does not depend on where the bytes are cut, and is written back as it
// was. Input: one byte for the cuts, then the stream.
#include "dim/packet/mars.h"
#include "fuzz/check.h"

using dim::fuzz::must;

namespace {

constexpr std::size_t kBodyLimit = 4096;

struct Outcome {
  std::vector<dim::MarsFrame> frames;
  bool over = false;
};

Outcome run(std::string_view input, std::size_t step) {
  dim::MarsReader reader(kBodyLimit);
  Outcome out;
  for (std::size_t at = 0; at < input.size() && !out.over; at += step) {
    reader.feed(input.substr(at, step));
    for (;;) {
      auto next = reader.next();
      if (std::holds_alternative<dim::NeedMore>(next)) break;
      if (std::holds_alternative<dim::Error>(next)) {
        out.over = true;
        break;
      }
      out.frames.push_back(std::move(std::get<dim::MarsFrame>(next)));
    }
    must(reader.held().size() <= kBodyLimit + dim::limits::kFrameJunk + step);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input = dim::fuzz::text_of(data + 1, size - 1);
  const Outcome whole = run(input, input.size() + 1);
  const Outcome cut = run(input, 1 + data[0] % 64);
  must(whole.over == cut.over);
  must(whole.frames.size() == cut.frames.size());
  for (std::size_t i = 0; i < whole.frames.size(); ++i) {
    const auto& frame = whole.frames[i];
    must(frame.body.size() <= kBodyLimit && frame.body == cut.frames[i].body);
    const std::string bytes = dim::write_mars(frame.header, frame.options, frame.body);
    must(input.find(bytes) != std::string_view::npos);
    const auto payload = dim::read_mars_payload(frame.body);
    if (payload.sn) must(dim::mars_sn_line(*payload.sn).size() == 17);
  }
  return 0;
}
