// The upgrade and the frames behind it, through the stream that a station uses: the outcome does
// not depend on where the bytes are cut. Input: one byte for the cuts, then the bytes of a peer.
#include "dim/packet/frame_stream.h"
#include "fuzz/check.h"

using dim::fuzz::must;

namespace {

struct Outcome {
  std::string said;  // kinds, texts and replies
  bool over = false;
};

Outcome run(std::string_view input, std::size_t step) {
  dim::FrameStream stream({.framing = dim::Framing::websocket, .first_sn = 1});
  Outcome out;
  for (std::size_t at = 0; at < input.size(); at += step) {
    stream.feed(input.substr(at, step));
    for (;;) {
      auto next = stream.next(0);
      if (std::holds_alternative<std::monostate>(next)) break;
      if (const auto* bad = std::get_if<dim::BadFrame>(&next)) {
        must(!out.over);
        out.over = true;
        out.said += "!" + bad->reply;
        continue;
      }
      const auto& event = std::get<dim::FrameEvent>(next);
      must(!out.over);
      out.said += static_cast<char>('a' + static_cast<int>(event.kind)) + event.reply;
      for (const std::string& text : event.texts) {
        must(!text.empty() && text.size() <= dim::limits::kFrameBody);
        out.said += text + "\n";
        const auto sent = stream.encode_message(text);
        must(sent.bytes.ends_with(text));
      }
    }
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
  must(whole.said == cut.said);

  // A client's reader, with masks refused, sees what a station writes.
  const std::string text(input.substr(0, 1000));
  dim::WebSocketReader reader({.masks = dim::WebSocketReader::Masks::refused});
  reader.feed(dim::write_websocket(dim::WebSocketKind::binary, text));
  auto next = reader.next();
  const auto* message = std::get_if<dim::WebSocketMessage>(&next);
  must(message != nullptr && message->payload == text);
  dim::read_websocket_answer(input, "key");
  return 0;
}
