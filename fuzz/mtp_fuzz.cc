// MTP frames: what is read does not depend on where the bytes are cut, is written back as it was,
// and nothing beyond the limits is held. Input: one byte for the cuts, then the stream.
#include "dim/packet/mtp.h"
#include "fuzz/frames.h"

using dim::fuzz::must;

namespace {

using Outcome = dim::fuzz::Frames<dim::MtpFrame>;

Outcome run(std::string_view input, std::size_t step) {
  dim::MtpAssembler assembler;
  const auto assemble = [&](const dim::MtpFrame& frame, std::size_t index) {
    if (frame.header.type != dim::MtpType::fragment) return;
    auto taken = assembler.take(frame, static_cast<dim::Millis>(index) * 10'000);
    if (const auto* whole = std::get_if<dim::MtpAssembler::Whole>(&taken)) {
      must(whole->parts.size() == frame.header.pages);
      must(whole->body.size() <= dim::limits::kFrameBody);
    }
    must(assembler.held_bytes() <= 2 * dim::limits::kFrameBody);
  };
  return dim::fuzz::read_frames<dim::MtpFrame, dim::MtpReader>(input, step, assemble);
}

bool has_open_length(const Outcome& outcome) {
  for (const auto& frame : outcome.frames) {
    if (!frame.header.body_length) return true;  // "all that is there" is about the cuts
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input = dim::fuzz::text_of(data + 1, size - 1);
  const Outcome whole = run(input, input.size() + 1);
  const Outcome cut = run(input, 1 + data[0] % 64);
  if (has_open_length(whole) || has_open_length(cut)) return 0;
  must(whole.over == cut.over);
  must(whole.frames.size() == cut.frames.size());
  for (std::size_t i = 0; i < whole.frames.size(); ++i) {
    const auto& frame = whole.frames[i];
    must(frame.body == cut.frames[i].body);
    const std::string bytes = dim::write_mtp(frame.header, frame.body);
    const auto again = dim::read_mtp_header(bytes);
    const auto* header = std::get_if<dim::MtpHeader>(&again);
    must(header != nullptr && header->type == frame.header.type && header->sn == frame.header.sn);
    must(header->pages == frame.header.pages);
    must(bytes.substr(header->size) == frame.body);
  }
  return 0;
}
