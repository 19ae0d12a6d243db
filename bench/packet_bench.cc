// Packets of DIM/2023: writing them, and reading them from a stream.
#include "bench/report.h"
#include "dim/crypto/digest.h"
#include "dim/packet/reader.h"

namespace dim::bench {
namespace {

constexpr std::size_t kContentBytes = 1'024;

Packet create_packet() {
  Packet packet = Packet::request(Operation::create);
  packet.set("id", "17")
      .set("type", "message")
      .set("target", "0xd71ae4A6aC8470d86D5a14C59C30FEeb25C55EB3")
      .set("guid", "0198f3a1c2d47e5f8a9b0c1d2e3f4a5b");
  packet.content = std::string(kContentBytes, 'x');
  return packet;
}

Packet response_packet() {
  return Packet::response(202, "17")
      .set("guid", "0198f3a1c2d47e5f8a9b0c1d2e3f4a5b")
      .set("time", "2026-11-25T12:00:00.000Z");
}

void write(benchmark::State& state, const Packet& packet, Checksum checksum) {
  for (auto _ : state) benchmark::DoNotOptimize(write_packet(packet, checksum));
}

void read(benchmark::State& state, const std::string& bytes) {
  PacketReader reader({.lane = Lane::text, .crc32c_agreed = true});
  for (auto _ : state) {
    reader.feed(bytes);
    if (!std::holds_alternative<Packet>(reader.next())) {
      state.SkipWithError("the reader did not take the packet");
      break;
    }
  }
}

}  // namespace
}  // namespace dim::bench

int main(int argc, char** argv) {
  using namespace dim;
  using namespace dim::bench;
  const Packet create = create_packet();
  const Packet response = response_packet();
  const auto add = [](const char* name, auto work) { benchmark::RegisterBenchmark(name, work); };
  add("write CREATE with 1 KiB, crc32c",
      [&](benchmark::State& state) { write(state, create, Checksum::crc32c); });
  add("write CREATE with 1 KiB, sha256",
      [&](benchmark::State& state) { write(state, create, Checksum::sha256); });
  add("write a response",
      [&](benchmark::State& state) { write(state, response, Checksum::crc32c); });
  add("read CREATE with 1 KiB, crc32c",
      [&](benchmark::State& state) { read(state, write_packet(create, Checksum::crc32c)); });
  add("read CREATE with 1 KiB, sha256",
      [&](benchmark::State& state) { read(state, write_packet(create, Checksum::sha256)); });
  add("read a response",
      [&](benchmark::State& state) { read(state, write_packet(response, Checksum::crc32c)); });
  add("bare crc32c of 1 KiB", [&](benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(crc32c(as_bytes(*create.content)));
  });
  add("bare sha256 of 1 KiB", [&](benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(sha256(as_bytes(*create.content)));
  });
  return run(argc, argv, {});
}
