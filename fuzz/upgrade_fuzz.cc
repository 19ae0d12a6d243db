// What comes before TLS (A45): the first byte, the plain CONNECT, injected bytes. Input: one byte
// that says how the rest is cut, then the bytes of the peer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "dim/packet/reader.h"
#include "net/upgrade.h"

namespace {

using dim::UpgradeStep;

void must(bool claim) {
  if (!claim) std::abort();
}

struct Outcome {
  UpgradeStep::Kind kind = UpgradeStep::Kind::need_more;
  std::string replies;
  std::size_t tls_from = std::string::npos;  // offset in the input
  std::optional<dim::Error> error;
};

template <class Upgrade>
Outcome run(std::string_view input, std::size_t step) {
  Upgrade upgrade;
  Outcome out;
  for (std::size_t at = 0; at < input.size() && out.kind == UpgradeStep::Kind::need_more;) {
    const std::string_view piece = input.substr(at, step);
    const UpgradeStep got = upgrade.feed(piece);
    at += piece.size();
    out.kind = got.kind;
    out.replies += got.reply;
    out.error = got.error;
    must(got.error.has_value() == (got.kind == UpgradeStep::Kind::refuse));
    if (got.kind == UpgradeStep::Kind::start_tls) {
      must(got.rest.empty() || got.rest.data() + got.rest.size() == piece.data() + piece.size());
      out.tls_from = at - got.rest.size();
    }
  }
  return out;
}

// Everything a station says before TLS is one or more responses without content.
void check_replies(std::string_view replies) {
  dim::PacketReader reader({.lane = dim::Lane::control});
  reader.feed(replies);
  for (;;) {
    auto next = reader.next();
    if (std::holds_alternative<std::monostate>(next)) break;
    const auto* packet = std::get_if<dim::Packet>(&next);
    must(packet != nullptr && packet->is_response() && !packet->content);
  }
  must(reader.buffered() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = 1 + data[0] % 64;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);

  const Outcome whole = run<dim::UpgradeServer>(input, std::string_view::npos);
  const Outcome cut = run<dim::UpgradeServer>(input, step);
  must(whole.kind == cut.kind);
  must(whole.tls_from == cut.tls_from);
  must(whole.error.has_value() == cut.error.has_value());
  if (whole.error) must(whole.error->code == cut.error->code);
  if (whole.kind == UpgradeStep::Kind::start_tls) must(input[whole.tls_from] == 0x16);
  check_replies(whole.replies);
  check_replies(cut.replies);

  // A client goes over to TLS only with nothing behind 101; bytes that come later are TLS's to
  // judge.
  const Outcome client = run<dim::UpgradeClient>(input, std::string_view::npos);
  if (client.kind == UpgradeStep::Kind::start_tls) must(client.tls_from == input.size());
  run<dim::UpgradeClient>(input, step);
  return 0;
}
