#include "server/quotas.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace dim {
namespace {

bool read_address(std::string_view text, std::array<std::uint8_t, 16>& out) {
  if (!text.empty() && text.front() == '[') text = text.substr(1, text.find(']') - 1);
  if (const auto zone = text.find('%'); zone != std::string_view::npos) text = text.substr(0, zone);
  const std::string address(text);
  if (inet_pton(AF_INET6, address.c_str(), out.data()) == 1) return true;
  // Where 6to4 would have put it.
  out = {0x20, 0x02};
  return inet_pton(AF_INET, address.c_str(), out.data() + 2) == 1;
}

}  // namespace

void TokenBucket::refill(const Rate& rate, Millis now) {
  if (tokens_ < 0) {
    tokens_ = rate.burst;
  } else if (now > last_) {
    tokens_ =
        std::min(rate.burst, tokens_ + rate.per_second * static_cast<double>(now - last_) / 1000);
  }
  last_ = std::max(last_, now);
}

Millis TokenBucket::take(const Rate& rate, Millis now, double cost) {
  if (rate.per_second <= 0) return 0;
  refill(rate, now);
  if (tokens_ >= cost) {
    tokens_ -= cost;
    return 0;
  }
  return std::max<Millis>(
      1, static_cast<Millis>(std::ceil((cost - tokens_) * 1000 / rate.per_second)));
}

Millis TokenBucket::wait(const Rate& rate, Millis now) {
  if (rate.per_second <= 0) return 0;
  refill(rate, now);
  if (tokens_ >= 1) return 0;
  return std::max<Millis>(1,
                          static_cast<Millis>(std::ceil((1 - tokens_) * 1000 / rate.per_second)));
}

void TokenBucket::charge(const Rate& rate, Millis now) {
  if (rate.per_second <= 0) return;
  refill(rate, now);
  tokens_ = std::max(0.0, tokens_ - 1);
}

std::uint64_t subnet_of(std::string_view address) {
  std::array<std::uint8_t, 16> bytes{};
  if (!read_address(address, bytes)) return 0;
  const bool is_v4 = bytes[0] == 0x20 && bytes[1] == 0x02 && !address.contains(':');
  if (is_v4) bytes[5] = 0;  // the last byte of the address: its /24 is one network
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i) out = out << 8 | bytes[i];
  return out;
}

bool is_loopback(std::string_view address) {
  std::array<std::uint8_t, 16> bytes{};
  if (!read_address(address, bytes)) return false;
  if (bytes[0] == 0x20 && bytes[1] == 0x02 && bytes[2] == 127) return true;  // IPv4
  if (bytes[15] != 1) return false;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace dim
