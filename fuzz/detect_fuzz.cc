// The detector of framings: what it has found does not change when more comes, and the stream
// behind it takes any bytes. Input: one byte for the cuts, then the first bytes of a connection.
#include "dim/packet/frame_stream.h"
#include "dim/packet/transport_detect.h"
#include "fuzz/check.h"

using dim::fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input = dim::fuzz::text_of(data + 1, size - 1);
  const std::size_t step = 1 + data[0] % 64;
  const auto outcome = dim::detect_framing(input);
  if (const auto* framing = std::get_if<dim::Framing>(&outcome)) {
    const auto more = dim::detect_framing(std::string(input) + "more");
    must(std::holds_alternative<dim::Framing>(more) && std::get<dim::Framing>(more) == *framing);
  }
  if (std::holds_alternative<dim::NeedMore>(outcome)) {
    must(input.size() <= dim::limits::kUpgradeRequest);
  }

  dim::FrameStream stream({.framing = {}, .first_sn = data[0]});
  bool over = false;
  for (std::size_t at = 0; at < input.size(); at += step) {
    stream.feed(input.substr(at, step));
    for (;;) {
      auto next = stream.next(static_cast<dim::Millis>(at) * 1000);
      if (std::holds_alternative<std::monostate>(next)) break;
      must(!over);
      over = std::holds_alternative<dim::BadFrame>(next);
      if (over) continue;
      const auto& event = std::get<dim::FrameEvent>(next);
      must(stream.framing().has_value());
      must(event.texts.empty() == (event.kind != dim::FrameEvent::Kind::messages));
      for (const std::string& text : event.texts) must(!text.empty());
    }
  }
  return 0;
}
