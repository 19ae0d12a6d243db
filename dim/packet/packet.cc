#include "dim/packet/packet.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "dim/base/base64.h"
#include "dim/base/limits.h"
#include "dim/base/utf8.h"
#include "dim/crypto/digest.h"
#include "dim/packet/header.h"

namespace dim {
namespace {

constexpr std::array<std::string_view, 8> kOperations = {"CONNECT", "CREATE", "NOTIFY", "EDIT", "REMOVE", "DELETE", "DESTROY", "GET"};

struct Code {
  int number;
  std::string_view name;
};

constexpr auto kCodes = std::to_array<Code>({
    {100, "Information"}, {101, "Switching_Protocols"}, {102, "Processing"}, {103, "Request_Timeout"},
    {200, "Okay"}, {201, "Created"}, {202, "Accepted"}, {204, "No_Content"}, {205, "Reset_Content"}, {206, "Partial_Content"},
    {300, "Security_Error"}, {301, "Ssl_Handshake_Failed"}, {302, "Ssl_Certificate_Expired"}, {303, "Better_Encryption_Required"},
    {400, "Client_Error"}, {401, "Bad_Request"}, {402, "Unauthorised"}, {403, "Forbidden"}, {404, "Not_Found"},
    {405, "Method_Not_Allowed"}, {406, "Proxy_Authentication_Required"}, {407, "Conflict"}, {410, "Gone"},
    {411, "Payload_Too_Large"}, {412, "Uri_Too_Long"}, {413, "Too_Early"}, {414, "Upgrade_Recommended"},
    {415, "Upgrade_Required"}, {416, "Too_Many_Requests"}, {417, "Wrong_Instance"}, {418, "Token_Required"}, {419, "Token_Invalid"},
    {500, "Internal_Server_Error"}, {501, "Not_Implemented"}, {502, "Bad_Gateway"}, {503, "Service_Unavailable"},
    {504, "Gateway_Timeout"}, {505, "Dim_Edition_Not_Supported"}, {506, "Insufficient_Storage"}, {507, "Loop_Detected"},
    {508, "Network_Authentication_Required"}, {509, "Bandwidth_Limit_Exceeded"}, {510, "Site_Overloaded"}, {511, "Request_Timeout"},
});

}  // namespace

std::string_view to_string(Operation operation) { return kOperations[static_cast<std::size_t>(operation)]; }

Result<Operation> parse_operation(std::string_view word) {
  const auto found = std::ranges::find(kOperations, word);
  if (found != kOperations.end()) return static_cast<Operation>(found - kOperations.begin());
  const bool upper = !word.empty() && std::ranges::all_of(word, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!upper) return fail(Errc::bad_request, "an operation is one upper-case word, as CREATE");
  return fail(Errc::method_not_allowed, "operations are CONNECT CREATE NOTIFY EDIT REMOVE DELETE DESTROY GET");
}

std::string_view to_string(Lane lane) {
  switch (lane) {
    case Lane::control: return "control";
    case Lane::text: return "text";
    case Lane::media: return "media";
    case Lane::audio: return "audio";
    case Lane::video: return "video";
    case Lane::gateway: return "gateway";
  }
  return "";
}

std::size_t content_limit(Lane lane) {
  switch (lane) {
    case Lane::text:
    case Lane::gateway: return limits::kTextContent;
    case Lane::media: return limits::kMediaContent;
    default: return limits::kControlContent;
  }
}

std::string_view code_name(int code) {
  const auto found = std::ranges::lower_bound(kCodes, code, {}, &Code::number);
  return found != kCodes.end() && found->number == code ? found->name : std::string_view();
}

Packet Packet::request(Operation operation) {
  Packet packet;
  packet.operation = operation;
  return packet;
}

Packet Packet::response(int code, std::string_view reply) {
  Packet packet;
  packet.code = code;
  if (!reply.empty()) packet.set("reply", std::string(reply));
  return packet;
}

Packet Packet::response(const Error& error, std::string_view reply) {
  Packet packet = response(status_of(error.code), reply);
  packet.set("message", std::string(error.hint));
  return packet;
}

std::string_view Packet::get(std::string_view key) const {
  for (const Field& field : fields) {
    if (field.first == key) return field.second;
  }
  return {};
}

bool Packet::has(std::string_view key) const {
  return std::ranges::any_of(fields, [&](const Field& field) { return field.first == key; });
}

Packet& Packet::set(std::string_view key, std::string value) {
  for (Field& field : fields) {
    if (field.first == key) {
      field.second = std::move(value);
      return *this;
    }
  }
  fields.emplace_back(key, std::move(value));
  return *this;
}

Result<std::vector<std::string>> Packet::list(std::string_view key) const {
  std::string_view text = get(key);
  std::vector<std::string> out;
  if (!text.starts_with('[')) {
    if (text.empty()) return fail(Errc::bad_request, "this packet lacks a field that it needs");
    out.emplace_back(text);
    return out;
  }
  const auto bad = fail(Errc::bad_request, "a list is written as [a, b], with 1 to 256 items and none inside another");
  if (!text.ends_with(']')) return bad;
  text = text.substr(1, text.size() - 2);
  while (true) {
    const std::size_t comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (item.empty() || item.find_first_of("[]") != std::string_view::npos || out.size() == limits::kListItems) return bad;
    out.emplace_back(item);
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

std::string write_packet(const Packet& packet, Checksum checksum) {
  std::string out;
  std::size_t size = 160;
  for (const Packet::Field& field : packet.fields) size += field.first.size() + field.second.size() + 3;
  if (packet.content) size += packet.content->size() + 96;
  out.reserve(size);
  const auto line = [&](std::string_view key, std::string_view value) {
    out.append(key).append(": ").append(value).push_back('\n');
  };
  const auto number = [&](std::string_view key, std::uint64_t value) {
    char digits[20];
    const char* end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    line(key, {digits, static_cast<std::size_t>(end - digits)});
  };
  line("version", kEdition);
  if (packet.operation) {
    line("operation", to_string(*packet.operation));
  } else {
    number("code", static_cast<std::uint64_t>(std::max(packet.code, 0)));
    line("status", code_name(packet.code));
  }
  for (const auto& [key, value] : packet.fields) {
    if (valid_key(key) && valid_value(value)) line(key, value);
  }
  if (packet.content) {
    number("length", packet.content->size());
    const ByteView bytes = as_bytes(*packet.content);
    if (checksum == Checksum::sha256) {
      out.append("checksum: sha256-").append(to_base64(sha256(bytes))).push_back('\n');
    } else {
      const std::uint32_t crc = crc32c(bytes);
      const std::array<std::uint8_t, 4> big = {static_cast<std::uint8_t>(crc >> 24), static_cast<std::uint8_t>(crc >> 16),
                                               static_cast<std::uint8_t>(crc >> 8), static_cast<std::uint8_t>(crc)};
      out.append("checksum: crc32c-").append(to_base64(big)).push_back('\n');
    }
    out.append("content: |\n\"\"\"\n").append(*packet.content).append("\n\"\"\"\n");
  }
  out.push_back('\n');
  return out;
}

}  // namespace dim
