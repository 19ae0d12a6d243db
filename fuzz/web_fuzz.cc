// The web gateway's upgrade from HTTP and the frames behind it, of either side: the outcome does
// not depend on where the bytes are cut. Input: one byte for the cuts, one for the side, then the
// bytes of a peer.
#include <set>
#include <utility>

#include "fuzz/check.h"
#include "net/web_stream.h"

using dim::fuzz::must;

namespace {

/// Gives the same bytes each time, so that the nonce of a client is known to the corpus.
class FixedRandom final : public dim::Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) byte = 7;
  }
};

struct Outcome {
  std::string said, plain;
  bool over = false, open = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome run(std::string_view input, std::size_t step, bool client) {
  static const std::set<std::string, std::less<>> origins{"https://chat.example"};
  FixedRandom random;
  dim::WebStream stream =
      client ? dim::WebStream("station.example", 443, random) : dim::WebStream(origins);
  stream.output() = {};
  Outcome out;
  for (std::size_t at = 0; at < input.size() && !stream.is_over(); at += step) {
    stream.feed(input.substr(at, step), out.plain);
    out.said += std::exchange(stream.output(), {});
  }
  out.over = stream.is_over();
  out.open = stream.is_open();
  must(!(out.over && out.open));
  must(out.plain.size() <= input.size());
  must(out.said.size() <= input.size() * 2 + 1'024);
  if (!client && !out.open && !out.over) must(input.size() <= dim::kWebHead);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input = dim::fuzz::text_of(data + 2, size - 2);
  const bool client = data[1] % 2 == 1;
  must(run(input, input.size() + 1, client) == run(input, 1 + data[0] % 64, client));
  return 0;
}
