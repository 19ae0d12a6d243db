// For tests of the reader: what it says about an input, in one line.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dim/packet/reader.h"

namespace dim {

using Outcomes = std::vector<std::variant<Packet, BadPacket>>;

inline void drain(PacketReader& reader, Outcomes& out) {
  for (;;) {
    auto next = reader.next();
    if (auto* packet = std::get_if<Packet>(&next)) {
      out.emplace_back(std::move(*packet));
    } else if (auto* bad = std::get_if<BadPacket>(&next)) {
      out.emplace_back(std::move(*bad));
    } else {
      return;
    }
  }
}

/// Everything the reader makes of `input`, fed in pieces of `piece` bytes.
inline Outcomes read_all(std::string_view input, PacketReader::Options options = {},
                         std::size_t piece = 1 << 30) {
  PacketReader reader(options);
  Outcomes out;
  for (std::size_t at = 0; at < input.size(); at += piece) {
    reader.feed(input.substr(at, piece));
    drain(reader, out);
  }
  return out;
}

/// "GET", "=201", "401" (skipped), "401:7" (with reply 7), "401!" (fatal); with the content behind
/// a packet in <>.
inline std::string summary(const Outcomes& outcomes) {
  std::string out;
  for (const auto& outcome : outcomes) {
    if (!out.empty()) out.push_back(' ');
    if (const auto* packet = std::get_if<Packet>(&outcome)) {
      out.append(packet->operation ? std::string(to_string(*packet->operation))
                                   : "=" + std::to_string(packet->code));
      if (packet->content) out.append("<").append(*packet->content).append(">");
    } else {
      const auto& bad = std::get<BadPacket>(outcome);
      out.append(std::to_string(status_of(bad.error.code)));
      if (bad.fatal) out.push_back('!');
      if (!bad.reply.empty()) out.append(":").append(bad.reply);
    }
  }
  return out;
}

/// The summary of an input, which must be the same whole, byte by byte and in sevens.
inline std::string said(std::string_view input, PacketReader::Options options = {}) {
  const std::string whole = summary(read_all(input, options));
  EXPECT_EQ(summary(read_all(input, options, 1)), whole);
  EXPECT_EQ(summary(read_all(input, options, 7)), whole);
  return whole;
}

/// A GET with more header lines.
inline std::string get_with(std::string_view lines) {
  return "version: dim/2023\noperation: GET\n" + std::string(lines) + "\n";
}

/// A CREATE with id 7 and a content, typed, with more header lines before it.
inline std::string create_with(std::string_view lines, std::string_view content) {
  return "version: dim/2023\noperation: CREATE\nid: 7\n" + std::string(lines) +
         "content: |\n\"\"\"\n" + std::string(content) + "\n\"\"\"\n\n";
}

inline constexpr std::string_view kNext = "version: dim/2023\noperation: NOTIFY\n\n";

}  // namespace dim
