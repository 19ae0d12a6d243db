// Strict JSON beside Boost.JSON's own parser and writer, which check less and keep no order.
#include <boost/json.hpp>

#include "bench/report.h"
#include "dim/base/json.h"

namespace dim::bench {
namespace {

/// As large and as nested as a signed message of 1 KiB.
std::string message_text() {
  JsonObject keys;
  keys.set("0xd71ae4A6aC8470d86D5a14C59C30FEeb25C55EB3", std::string(344, 'k'));
  JsonObject message;
  message.set("sender", "0xa9EC903253ed6a1c3c0B1Dd5B504b36A3Ed1099a");
  message.set("receiver", "0xd71ae4A6aC8470d86D5a14C59C30FEeb25C55EB3");
  message.set("time", 1'790'000'000.123);
  message.set("IV", std::string(24, 'i'));
  message.set("data", std::string(448, 'd'));
  message.set("keys", std::move(keys));
  message.set("type", "1");
  message.set("signature", std::string(96, 's'));
  return write_json(message);
}

/// A text in many scripts, as a content holds it.
std::string content_text() {
  JsonObject bind;
  bind.set("v", 1);
  bind.set("from", "0xa9EC903253ed6a1c3c0B1Dd5B504b36A3Ed1099a");
  bind.set("to", "0xd71ae4A6aC8470d86D5a14C59C30FEeb25C55EB3");
  bind.set("time", 1'790'000'000.123);
  JsonObject content;
  content.set("type", 1);
  content.set("sn", 123'456'789);
  content.set("time", 1'790'000'000.123);
  content.set("text", "Zażółć gęślą jaźń; 您好,世界; नमस्ते \"quoted\"\n");
  content.set("bind", std::move(bind));
  content.set("seq", 7);
  content.set("prev", std::string(44, 'p'));
  return write_json(content);
}

template <class Work>
void add(const std::string& name, Work work) {
  benchmark::RegisterBenchmark(name.c_str(), [work](benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(work());
  });
}

Ratio add_text(const std::string& name, const std::string& text) {
  const auto row = [&](std::string_view step) { return name + ": " + std::string(step); };
  const JsonObject ours = parse_json_object(text).value();
  const boost::json::value theirs = boost::json::parse(text);
  add(row("parse"), [text] { return parse_json_object(text).has_value(); });
  add(row("write, compact"), [ours] { return write_json(ours); });
  add(row("write, as the reference"), [ours] { return write_json(ours, JsonStyle::reference); });
  add(row("bare parse"), [text] { return boost::json::parse(text).is_object(); });
  add(row("bare write"), [theirs] { return boost::json::serialize(theirs); });
  return {name + ": parse and write",
          {row("bare parse"), row("bare write")},
          {row("parse"), row("write, compact")}};
}

}  // namespace
}  // namespace dim::bench

int main(int argc, char** argv) {
  using namespace dim::bench;
  const std::vector<Ratio> ratios = {add_text("message of 1 KiB", message_text()),
                                     add_text("content", content_text())};
  return run(argc, argv, ratios);
}
