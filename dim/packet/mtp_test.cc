#include "dim/packet/mtp.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dim/base/hex.h"

namespace dim {
namespace {

using namespace std::string_literals;

std::string unhex(std::string_view hex) { return to_text(from_hex(hex).value()); }

MtpHeader message(std::uint64_t sn) { return {.type = MtpType::message, .sn = sn}; }

MtpFrame fragment(std::uint64_t sn, std::uint32_t pages, std::uint32_t index, std::string body) {
  return {{.type = MtpType::fragment, .sn = sn, .pages = pages, .index = index}, std::move(body)};
}

/// The bodies of all frames, then "!" when the framing is lost.
std::vector<std::string> bodies(std::string_view stream, std::size_t piece = 1 << 30) {
  MtpReader reader;
  std::vector<std::string> out;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    reader.feed(stream.substr(at, piece));
    for (;;) {
      auto next = reader.next();
      if (auto* frame = std::get_if<MtpFrame>(&next)) {
        out.push_back(std::move(frame->body));
        continue;
      }
      if (std::holds_alternative<Error>(next)) {
        out.emplace_back("!");
        return out;
      }
      break;
    }
  }
  return out;
}

TEST(Mtp, WritesWhatTheReferenceSends) {
  EXPECT_EQ(write_mtp({.type = MtpType::command, .sn = 0x15d818967628e098}, "PING"),
            unhex("44494d4015d818967628e0980000000450494e47"));
  EXPECT_EQ(write_mtp({.type = MtpType::message_response, .sn = 0x15d818967628e095}, "OK"),
            unhex("44494d4315d818967628e095000000024f4b"));
  EXPECT_EQ(write_mtp({.type = MtpType::message_response, .sn = 1, .pages = 3, .index = 1}, "OK"),
            unhex("44494d63000000000000000100000003 00000001000000024f4b"s.erase(32, 1)));
}

TEST(Mtp, ReadsEveryHeaderThatItWrites) {
  for (const MtpType type : {MtpType::command, MtpType::command_response, MtpType::message,
                             MtpType::message_response, MtpType::fragment}) {
    for (const std::uint64_t sn : {0ULL, 1ULL, ~0ULL}) {
      for (const std::uint32_t pages : {1U, 7U}) {
        for (const bool with_length : {true, false}) {
          const std::string bytes = write_mtp(
              {.type = type, .sn = sn, .pages = pages, .index = pages - 1}, "body", with_length);
          const auto decoded = read_mtp_header(bytes);
          const auto* header = std::get_if<MtpHeader>(&decoded);
          ASSERT_NE(header, nullptr);
          EXPECT_EQ(header->type, type);
          EXPECT_EQ(header->sn, sn);
          EXPECT_EQ(header->pages, pages);
          EXPECT_EQ(header->index, pages - 1);
          EXPECT_EQ(header->body_length.has_value(), with_length);
          EXPECT_EQ(header->size, bytes.size() - 4);
          for (std::size_t cut = 0; cut < header->size; ++cut) {
            EXPECT_TRUE(std::holds_alternative<NeedMore>(read_mtp_header(bytes.substr(0, cut))))
                << cut;
          }
        }
      }
    }
  }
}

TEST(Mtp, FramesDoNotDependOnWhereTheBytesAreCut) {
  const std::string stream = "junk, more than a header is long: "s + write_mtp(message(1), "one") +
                             write_mtp(message(2), "") + "xx DIM yy DIM\x7f zz, so much of it" +
                             write_mtp(message(3), std::string(5'000, 'x')) +
                             write_mtp(message(4), "four");
  const std::vector<std::string> whole = bodies(stream);
  EXPECT_EQ(whole, (std::vector<std::string>{"one", "", std::string(5'000, 'x'), "four"}));
  for (std::size_t piece = 1; piece < 60; ++piece) EXPECT_EQ(bodies(stream, piece), whole) << piece;
}

// The reference adds an absolute offset to a relative one and skips the frame here.
TEST(Mtp, NoFrameIsLostBehindTwoFalseStarts) {
  const std::string junk = "DIM\x00 0123456789012345678 DIM\xff 0123456789012345678 DIM"s;
  EXPECT_EQ(bodies(junk + write_mtp(message(1), std::string(40, 'a'))),
            std::vector<std::string>{std::string(40, 'a')});
}

TEST(Mtp, A33_JunkIsHeldUpTo64KiBAndTheFrameBehindItIsFound) {
  MtpReader reader;
  const std::string junk(10'000, 'D');
  for (int i = 0; i < 30; ++i) {
    reader.feed(junk);
    EXPECT_TRUE(std::holds_alternative<NeedMore>(reader.next()));
    EXPECT_LE(reader.held().size(), limits::kFrameJunk);
  }
  reader.feed("IM");  // the last D was the beginning of a frame
  reader.feed(write_mtp(message(9), "found, with bytes to spare").substr(3));
  auto next = reader.next();
  ASSERT_TRUE(std::holds_alternative<MtpFrame>(next));
  EXPECT_EQ(std::get<MtpFrame>(next).header.sn, 9U);
}

TEST(Mtp, A33_ALengthOverTheLimitIsRefusedBeforeItsBytesCome) {
  MtpReader reader;
  reader.feed(write_mtp(message(1), std::string(limits::kFrameBody, 'x')));
  EXPECT_TRUE(std::holds_alternative<MtpFrame>(reader.next()));
  std::string header = write_mtp(message(1), "").substr(0, 12);
  append_big_endian(header, static_cast<std::uint32_t>(limits::kFrameBody + 1));
  reader.feed(header);
  auto next = reader.next();
  ASSERT_TRUE(std::holds_alternative<Error>(next));
  EXPECT_EQ(std::get<Error>(next).code, Errc::too_large);
}

TEST(MtpAssembler, PutsFragmentsTogetherInAnyOrder) {
  std::vector<int> order{0, 1, 2, 3};
  do {
    MtpAssembler assembler;
    int come = 0;
    for (const int index : order) {
      const auto at = static_cast<std::uint32_t>(index);
      // Each comes twice: what is sent again changes nothing.
      if (++come < 4) {
        EXPECT_TRUE(std::holds_alternative<NeedMore>(
            assembler.take(fragment(5, 4, at, std::to_string(index)), 0)));
      }
      auto taken = assembler.take(fragment(5, 4, at, std::to_string(index)), 0);
      if (come < 4) {
        EXPECT_TRUE(std::holds_alternative<NeedMore>(taken));
        continue;
      }
      ASSERT_TRUE(std::holds_alternative<MtpAssembler::Whole>(taken));
      const auto& whole = std::get<MtpAssembler::Whole>(taken);
      EXPECT_EQ(whole.body, "0123");
      ASSERT_EQ(whole.parts.size(), 4U);
      for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(whole.parts[i].index, i);
      EXPECT_EQ(assembler.held_bytes(), 0U);
    }
  } while (std::ranges::next_permutation(order).found);
}

TEST(MtpAssembler, FragmentsAreForgottenAfter300Seconds) {
  MtpAssembler assembler;
  assembler.take(fragment(5, 2, 0, "old"), 1'000);
  EXPECT_TRUE(std::holds_alternative<MtpAssembler::Whole>(
      assembler.take(fragment(5, 2, 1, "in time"), 300'999)));
  assembler.take(fragment(5, 2, 0, "old"), 1'000);
  EXPECT_TRUE(std::holds_alternative<NeedMore>(assembler.take(fragment(5, 2, 1, "late"), 301'000)));
  EXPECT_EQ(assembler.held_bytes(), 4U) << "only the late one, which waits for the other again";
}

TEST(MtpAssembler, A33_MemoryIsBounded) {
  MtpAssembler assembler;
  const std::string big(512 * 1024, 'x');
  for (std::uint64_t sn = 1; sn < 100; ++sn) {
    assembler.take(fragment(sn, 3, 0, big), 0);
    EXPECT_LE(assembler.held_bytes(), 2 * limits::kFrameBody);
  }
  for (std::uint64_t sn = 1; sn < 1'000; ++sn) assembler.take(fragment(sn, 2, 0, "x"), 0);
  EXPECT_EQ(assembler.held_bytes(), limits::kFragmentedMessages);
  EXPECT_TRUE(
      std::holds_alternative<MtpAssembler::Whole>(assembler.take(fragment(999, 2, 1, "y"), 0)))
      << "the newest are the ones that are kept";

  assembler.take(fragment(1, 3, 0, big), 0);
  assembler.take(fragment(1, 3, 1, big), 0);
  EXPECT_TRUE(std::holds_alternative<Error>(assembler.take(fragment(1, 3, 2, "x"), 0)));
  EXPECT_TRUE(std::holds_alternative<Error>(
      assembler.take(fragment(1, limits::kFragmentPages + 1, 0, "x"), 0)));
}

TEST(MtpAssembler, A33_EmptyFragmentsTakeMemoryToo) {
  MtpAssembler assembler;
  for (std::uint64_t sn = 1; sn <= limits::kFragmentedMessages; ++sn) {
    for (std::uint32_t index = 1; index < limits::kFragmentPages; ++index)
      assembler.take(fragment(sn, limits::kFragmentPages, index, ""), 0);
    EXPECT_LE(assembler.memory(), 2 * limits::kFrameBody);
  }
  EXPECT_TRUE(std::holds_alternative<NeedMore>(
      assembler.take(fragment(1, limits::kFragmentPages, 0, ""), 0)))
      << "the oldest had to make room";
  EXPECT_TRUE(std::holds_alternative<MtpAssembler::Whole>(
      assembler.take(fragment(limits::kFragmentedMessages, limits::kFragmentPages, 0, ""), 0)));
}

}  // namespace
}  // namespace dim
