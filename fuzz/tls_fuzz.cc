// A TLS stream fed with anything. Input: one byte that chooses the side, the state and how the rest
// is cut, then bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/tls.h"

namespace {

using dim::TlsStream;

void must(bool claim) {
  if (!claim) std::abort();
}

struct Keys {
  dim::Certificate certificate = *dim::make_certificate();
  std::shared_ptr<const dim::TlsContext> server = *dim::TlsContext::server(certificate);
  std::shared_ptr<const dim::TlsContext> client = *dim::TlsContext::client();
};

void join(TlsStream& client, TlsStream& server) {
  std::string plain;
  must(client.start(0, plain).has_value());
  for (int i = 0; i < 4; ++i) {
    must(server.feed(std::exchange(client.output(), {}), 0, plain).has_value());
    must(client.feed(std::exchange(server.output(), {}), 0, plain).has_value());
  }
  must(server.state() == TlsStream::State::open && client.state() == TlsStream::State::open);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Keys keys;
  if (size == 0) return 0;
  const bool as_client = (data[0] & 1) != 0, open = (data[0] & 2) != 0, hold = (data[0] & 4) != 0;
  const std::size_t step = 1 + (data[0] >> 3) * 100U;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);

  TlsStream server(keys.server), client(keys.client);
  std::string plain;
  if (hold && !open) server.hold_hello();
  TlsStream& tested = as_client ? client : server;
  if (open) {
    join(client, server);
  } else if (as_client) {
    must(client.start(0, plain).has_value());
  }
  for (; !input.empty(); input.remove_prefix(std::min(step, input.size()))) {
    if (!tested.feed(input.substr(0, step), 0, plain)) break;
    if (tested.state() == TlsStream::State::hello && !tested.start(0, plain)) break;
  }
  // Nobody without our keys says anything that counts: no plain text, no open connection, no proper
  // end.
  must(plain.empty());
  must(!tested.peer_ended());
  if (!open) must(tested.state() != TlsStream::State::open);
  return 0;
}
