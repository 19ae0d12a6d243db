// Mars frames: what is read does not depend on where the bytes are cut, and is written back as it
// was. Input: one byte for the cuts, then the stream.
#include "dim/packet/mars.h"
#include "fuzz/frames.h"

using dim::fuzz::must;

namespace {

auto run(std::string_view input, std::size_t step) {
  return dim::fuzz::read_frames<dim::MarsFrame, dim::MarsReader>(
      input, step, [](const dim::MarsFrame&, std::size_t) {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input = dim::fuzz::text_of(data + 1, size - 1);
  const auto whole = run(input, input.size() + 1);
  const auto cut = run(input, 1 + data[0] % 64);
  must(whole.over == cut.over);
  must(whole.frames.size() == cut.frames.size());
  for (std::size_t i = 0; i < whole.frames.size(); ++i) {
    const auto& frame = whole.frames[i];
    must(frame.body == cut.frames[i].body);
    const std::string bytes = dim::write_mars(frame.header, frame.options, frame.body);
    must(input.find(bytes) != std::string_view::npos);
    const auto payload = dim::read_mars_payload(frame.body);
    if (payload.sn) must(dim::mars_sn_line(*payload.sn).size() == 17);
  }
  return 0;
}
