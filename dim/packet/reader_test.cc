#include "dim/packet/reader.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include "dim/base/limits.h"
#include "dim/packet/reader_testing.h"

namespace dim {
namespace {

using namespace std::string_literals;

/// Refused with 401, and the packet behind it is read.
void expect_skipped(std::string_view packet, std::string_view reply = "") {
  EXPECT_EQ(said(std::string(packet) + std::string(kNext)),
            "401" + (reply.empty() ? "" : ":" + std::string(reply)) + " NOTIFY")
      << packet;
}

void expect_fatal(std::string_view packet, std::string_view reply = "") {
  EXPECT_EQ(said(std::string(packet) + std::string(kNext)),
            "401!" + (reply.empty() ? "" : ":" + std::string(reply)))
      << packet;
}

Packet only(std::string_view input, PacketReader::Options options = {}) {
  Outcomes all = read_all(input, options);
  EXPECT_EQ(all.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Packet>(all.at(0))) << summary(all);
  return std::get<Packet>(all.at(0));
}

TEST(Reader, ReadsARequest) {
  const Packet packet = only(
      "version: dim/2023\noperation: CREATE\nid: 7\ntype: message\ntarget: [a, b]\nx-unknown: "
      "kept: as it is # [ \u00E9\nlength: 26\n"
      "checksum: sha256-nJ0LSHiFgWLK5M/Qo6r5j57U9otz3P9VNAvTMOBAQn4=\ncontent: |\n\"\"\"\nThis is "
      "my message content\n\"\"\"\n\n");
  EXPECT_EQ(packet.operation, Operation::create);
  EXPECT_EQ(packet.fields,
            (std::vector<Packet::Field>{{"id", "7"},
                                        {"type", "message"},
                                        {"target", "[a, b]"},
                                        {"x-unknown", "kept: as it is # [ \u00E9"}}));
  EXPECT_EQ(packet.content, "This is my message content");
}

TEST(Reader, ReadsAResponse) {
  const Packet packet = only("version: dim/2023\ncode: 418\nstatus: Token_Required\nreply: 7\n\n");
  EXPECT_TRUE(packet.is_response());
  EXPECT_EQ(packet.code, 418);
  EXPECT_EQ(packet.fields, (std::vector<Packet::Field>{{"reply", "7"}}));
  EXPECT_FALSE(packet.content);
  EXPECT_EQ(said("version: dim/2023\ncode: 599\n\n"), "=599") << "codes of later editions are read";
  for (const std::string_view code : {"0", "99", "600", "0200", "20", "2O0", "+20", "200 Okay"}) {
    expect_skipped("version: dim/2023\ncode: " + std::string(code) + "\n\n");
  }
  expect_skipped("version: dim/2023\ncode: 200\nreply: seven\n\n");
  expect_skipped("version: dim/2023\ncode: 200\nstatus: Okay\nstatus: Okay\n\n");
}

TEST(Reader, ReadsWhatAPersonTypesWithEitherLineEnd) {
  EXPECT_EQ(said("version: dim/2023\r\noperation: CREATE\r\ncontent: "
                 "|\r\n\"\"\"\r\ntwo\r\nlines\r\n\"\"\"\r\n\r\n"),
            "CREATE<two\r\nlines>");
  EXPECT_EQ(said("version: dim/2023\r\noperation: CREATE\r\nlength: 3\r\ncontent: "
                 "|\r\n\"\"\"\r\none\r\n\"\"\"\r\n\r\n"),
            "CREATE<one>");
  EXPECT_EQ(said(create_with("", "two\nlines")), "CREATE<two\nlines>");
  EXPECT_EQ(said(create_with("", "")), "CREATE<>");
  EXPECT_EQ(said("version: dim/2023\noperation: CREATE\ncontent: |\n\"\"\"\n\"\"\"\n\n"),
            "CREATE<>");
  EXPECT_EQ(said(create_with("length: 0\n", "")), "CREATE<>");
  EXPECT_EQ(said(create_with("", "\n\n")), "CREATE<\n\n>");
}

TEST(Reader, TheErrorNamesTheLine) {
  const Outcomes all = read_all(get_with("id: 1\nid: 2\n"));
  EXPECT_EQ(std::get<BadPacket>(all.at(0)).error.at, 4U);
}

TEST(Reader, P01_SixteenEmptyLinesMayStandBeforeAPacket) {
  EXPECT_EQ(
      said(std::string(16, '\n') + std::string(kNext) + std::string(16, '\n') + std::string(kNext)),
      "NOTIFY NOTIFY");
  EXPECT_EQ(said(std::string(17, '\n') + std::string(kNext)), "401!");
  EXPECT_EQ(said(std::string(1000, '\n')), "401!");
  std::string with_cr;
  for (int i = 0; i < 16; ++i) with_cr += "\r\n";
  EXPECT_EQ(said(with_cr + std::string(kNext)), "NOTIFY");
  EXPECT_EQ(said(with_cr + "\r\n"), "401!");
}

TEST(Reader, P02_P03_OtherEditionsAre505) {
  for (const std::string_view edition : {"dim/2022", "dim/2023.9", "dim/2024", "dim/1"}) {
    EXPECT_EQ(said("version: " + std::string(edition) + "\noperation: GET\nid: 7\n\n" +
                   std::string(kNext)),
              "505:7 NOTIFY")
        << edition;
  }
}

TEST(Reader, P03_OtherVersionsAre401) {
  for (const std::string_view version : {"DIM/2023", "dim/", "dim/x", "dim/.5", "dim", "2023",
                                         "dim/2023 ", " dim/2023", "dim/2023x", "\"dim/2023\""}) {
    expect_skipped("version: " + std::string(version) + "\noperation: GET\nid: 7\n\n", "7");
  }
}

TEST(Reader, P04_TheFirstLineIsTheVersion) {
  for (const std::string_view line :
       {"operation: GET\n", "Version: dim/2023\n", "version:dim/2023\n", "version:\n", "version\n",
        " version: dim/2023\n", "# x\n"}) {
    expect_fatal(line);
  }
}

TEST(Reader, P05_HttpIsRefusedAtItsFirstByte) {
  PacketReader reader({});
  reader.feed("G");
  const auto next = reader.next();
  const auto* bad = std::get_if<BadPacket>(&next);
  ASSERT_NE(bad, nullptr);
  EXPECT_TRUE(bad->fatal);
  EXPECT_EQ(bad->error.code, Errc::bad_request);
  EXPECT_EQ(bad->error.hint.find("HTTP"), std::string_view::npos);
  expect_fatal("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
}

TEST(Reader, P08_OperationsAreCheckedAndNeeded) {
  expect_skipped("version: dim/2023\noperation: connect\nid: 7\n\n", "7");
  expect_skipped("version: dim/2023\noperation: \nid: 7\n\n", "7");
  expect_skipped("version: dim/2023\noperation:\nid: 7\n\n", "7");
  expect_skipped("version: dim/2023\noperation: GET \nid: 7\n\n", "7");
  expect_skipped("version: dim/2023\nid: 7\n\n", "7");
  expect_skipped("version: dim/2023\nid: 7\noperation: GET\n\n", "7");
  expect_skipped("version: dim/2023\n\n");
  EXPECT_EQ(said("version: dim/2023\noperation: FETCH\nid: 7\n\n" + std::string(kNext)),
            "405:7 NOTIFY");
  EXPECT_EQ(said("version: dim/2023\noperation: FETCH\nid: 7\nlength: 3\ncontent: "
                 "|\n\"\"\"\n\n\n\n\n\"\"\"\n\n" +
                 std::string(kNext)),
            "405:7 NOTIFY");
}

TEST(Reader, P09_OperationAndCodeExcludeEachOther) {
  expect_skipped("version: dim/2023\noperation: GET\ncode: 200\nid: 7\n\n", "7");
  expect_skipped("version: dim/2023\ncode: 200\noperation: GET\nid: 7\n\n", "7");
}

TEST(Reader, P10_AKeyStandsOnce) {
  expect_skipped(get_with("id: 1\nid: 1\n"));
  expect_skipped(get_with("id: 1\nx: 1\nx: 1\n"), "1");
  expect_skipped(get_with("operation: GET\n"));
  expect_skipped(get_with("version: dim/2023\n"));
  expect_fatal(create_with("length: 2\nlength: 2\n", "hi"), "7");
  expect_fatal(create_with("length: 2\nlength: 3\n", "hi"), "7");
}

TEST(Reader, P11_KeysHaveTheirGrammar) {
  for (const std::string_view line :
       {"Type: x", "TYPE: x", "ty pe: x", "ty_pe: x", "type : x", ": x", "::: x", "t\u00FDpe: x",
        "type", "-: x", "-a: x", "1a: x", " a: x", "a:x", "a:"}) {
    expect_skipped(get_with("id: 7\n" + std::string(line) + "\n"), "7");
  }
  EXPECT_EQ(said(get_with("a-1-b: x\nz9: y\n")), "GET");
}

TEST(Reader, P12_RefusesControlCharacters) {
  for (const std::string& bad : {"\0"s, "\x1B[2J"s, "\r"s, "a\rb"s, "\x01"s, "\x7F"s, "\t"s,
                                 "\u2028"s, "\u2029"s, "\u0085"s, "\u009B"s, "\u0080"s}) {
    expect_skipped(get_with("id: 7\nx: a" + bad + "b\n"), "7");
    if (bad != "\r") expect_skipped(get_with("id: 7\nx: " + bad + "\n"), "7");
    expect_skipped(get_with("id: 7\nx" + bad + ": a\n"), "7");
  }
  EXPECT_EQ(said(get_with("x: \u00A0\u4F60\U0001F600\u200D\n")), "GET");
}

TEST(Reader, P13_RefusesInvalidUtf8) {
  for (const std::string_view bad : {"\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xF5",
                                     "\xE2\x82", "\xC3", "\x80", "\xFF", "\xF0\x8F\xBF\xBF"}) {
    expect_skipped(get_with("id: 7\nx: a" + std::string(bad) + "\n"), "7");
  }
}

TEST(Reader, P14_RefusesAByteOrderMark) {
  const Outcomes all = read_all("\xEF\xBB\xBF" + std::string(kNext));
  EXPECT_NE(std::get<BadPacket>(all.at(0)).error.hint.find("byte order mark"),
            std::string_view::npos);
  expect_fatal("\xEF\xBB\xBFversion: dim/2023\noperation: GET\n\n");
  expect_skipped(get_with("id: 7\n\xEF\xBB\xBFx: 1\n"), "7");
  expect_skipped(get_with("id: 7\nx: a\uFEFF\n"), "7");
}

/// A GET whose header has exactly `size` bytes, in few lines.
std::string header_of(std::size_t size) {
  std::string out = "version: dim/2023\noperation: GET\nid: 7\n";
  for (char key = 'a'; out.size() + 4000 < size; ++key)
    out += key + ": "s + std::string(3000, 'x') + "\n";
  return out + "z: " + std::string(size - out.size() - 4, 'x') + "\n";
}

TEST(Reader, P15_AHeaderHasAtMost16KiB) {
  EXPECT_EQ(header_of(16'384).size(), 16'384U);
  EXPECT_EQ(said(header_of(16'384) + "\n" + std::string(kNext)), "GET NOTIFY");
  EXPECT_EQ(said(header_of(16'384) + "\r\n" + std::string(kNext)), "GET NOTIFY");
  EXPECT_EQ(said(header_of(16'385) + "\n" + std::string(kNext)), "411!:7");
  EXPECT_EQ(said("version: dim/2023\n" + std::string(100'000, 'x')), "411!");
}

TEST(Reader, P15_ALineHasAtMost4KiB) {
  EXPECT_EQ(said(get_with("x: " + std::string(4'093, 'x') + "\n")), "GET");
  EXPECT_EQ(said(get_with("x: " + std::string(4'093, 'x') + "\r\n")), "GET");
  expect_skipped(get_with("id: 7\nx: " + std::string(4'094, 'x') + "\n"), "7");
  expect_fatal(get_with("id: 7\nlength: " + std::string(4'094, '1') + "\n"), "7");
}

TEST(Reader, P15_AHeaderHasAtMost64Lines) {
  const auto with_lines = [](int count) {
    std::string lines = "id: 7\n";
    for (int i = 4; i <= count; ++i) lines += "k" + std::to_string(i) + ": x\n";
    return get_with(lines);
  };
  EXPECT_EQ(said(with_lines(64)), "GET");
  expect_skipped(with_lines(65), "7");
  expect_skipped(with_lines(1'000), "7");
}

TEST(Reader, P16_P19_TellsThatAPacketIsUnderWay) {
  PacketReader reader({});
  EXPECT_FALSE(reader.in_packet());
  reader.feed("\n\n");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(reader.next()));
  EXPECT_FALSE(reader.in_packet()) << "empty lines are no packet";
  reader.feed("version: dim/2023\nopera");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(reader.next()));
  EXPECT_TRUE(reader.in_packet());
  EXPECT_EQ(reader.packet_bytes(), 23U);
  reader.feed("tion: CREATE\nlength: 10\ncontent: |\n\"\"\"\n123");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(reader.next()));
  EXPECT_EQ(reader.packet_bytes(), 23U + 42U);
  reader.feed("4567890\n\"\"\"\n\nversion");
  EXPECT_TRUE(std::holds_alternative<Packet>(reader.next()));
  EXPECT_EQ(reader.buffered(), 7U);
  EXPECT_EQ(reader.packet_bytes(), 7U);
}

TEST(Reader, P17_LengthIsAPlainNumber) {
  for (const std::string_view length :
       {"-1", "+5", "0x10", "5.0", " 5", "5 ", "18446744073709551616", "18446744073709551615", "05",
        "00", "", "five", "5,0", "\xEF\xBC\x95"}) {
    expect_fatal(create_with("length: " + std::string(length) + "\n", "12345"), "7");
  }
  expect_fatal(create_with("length:5\n", "12345"), "7");
  EXPECT_EQ(said(create_with("length: 5\n", "12345")), "CREATE<12345>");
}

TEST(Reader, P18_LengthAndFenceMustAgree) {
  for (const std::string_view length : {"2", "4", "6", "8", "0"}) {
    expect_fatal(
        create_with("length: " + std::string(length) + "\n", "12345") + "12345678901234567890",
        "7");
  }
}

TEST(Reader, P18_LengthWithoutContentLosesTheFraming) {
  expect_fatal(get_with("id: 7\nlength: 5\n"), "7");
  expect_fatal(get_with("id: 7\nlength: 0\n"), "7");
}

TEST(Reader, P20_A33_TooLongContentIsSkippedExactly) {
  const std::string evil = "\n\"\"\"\n\nversion: dim/2023\noperation: DESTROY\n\n";
  std::string content(65'537 - evil.size(), 'x');
  content += evil;
  EXPECT_EQ(said(create_with("length: 65537\n", content) + std::string(kNext)), "411:7 NOTIFY");
  EXPECT_EQ(
      said(create_with("length: 65537\n", content) + std::string(kNext), {.lane = Lane::text}),
      "CREATE<" + content + "> NOTIFY");
  content.pop_back();
  EXPECT_EQ(said(create_with("length: 65536\n", content) + std::string(kNext)),
            "CREATE<" + content + "> NOTIFY");
}

TEST(Reader, P20_WhatIsSkippedIsNotHeld) {
  PacketReader reader({});
  reader.feed(
      "version: dim/2023\noperation: CREATE\nid: 7\nlength: 100000000\ncontent: |\n\"\"\"\n");
  EXPECT_TRUE(std::holds_alternative<BadPacket>(reader.next()))
      << "said before the bytes have come";
  const std::string piece(100'000, 'x');
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_TRUE(std::holds_alternative<std::monostate>(reader.next()));
    EXPECT_TRUE(reader.in_packet());
    EXPECT_EQ(reader.buffered(), 0U);
    reader.feed(piece);
  }
  EXPECT_GT(reader.packet_bytes(), 100'000'000U);
  reader.feed("\n\"\"\"\n\n" + std::string(kNext));
  EXPECT_TRUE(std::holds_alternative<Packet>(reader.next()));
}

TEST(Reader, P20_TooLongContentWithoutLengthCloses) {
  EXPECT_EQ(said(create_with("", std::string(65'536, 'x'))),
            "CREATE<" + std::string(65'536, 'x') + ">");
  EXPECT_EQ(said(create_with("", std::string(65'537, 'x'))), "411!:7");
  EXPECT_EQ(said(create_with("", std::string(65'536, '\n'))),
            "CREATE<" + std::string(65'536, '\n') + ">");
  EXPECT_EQ(said(create_with("", std::string(65'537, '\n'))), "411!:7");
  EXPECT_EQ(said("version: dim/2023\noperation: CREATE\ncontent: |\n\"\"\"\n" +
                 std::string(200'000, '"')),
            "411!");
}

TEST(Reader, P21_TypedContentEndsAtTheFirstFence) {
  EXPECT_EQ(said(create_with("", "a\n\"\"\"\n\nrest\n")), "CREATE<a> 401!");
  expect_fatal(create_with("", "a\n\"\"\"\nrest\n"), "7");
  EXPECT_EQ(said(create_with("", "a\n\"\"\"\"\n \"\"\"\n\"\"\" \n\"\"")),
            "CREATE<a\n\"\"\"\"\n \"\"\"\n\"\"\" \n\"\">");
}

TEST(Reader, P22_CountedContentMayHoldAnything) {
  const std::string evil =
      "x\n\"\"\"\n\nversion: dim/2023\noperation: DESTROY\ntarget: y\n\n\0\xFF\r"s;
  EXPECT_EQ(said(create_with("length: " + std::to_string(evil.size()) + "\n", evil)),
            "CREATE<" + evil + ">");
}

TEST(Reader, A44_AFenceOutOfPlaceLosesTheFraming) {
  const std::string inner = "\n\nversion: dim/2023\noperation: DESTROY\n\n";
  for (const std::string_view line : {"Content: |", "content : |", "content:|", "content: |-",
                                      "content: >", "content: | ", "c: |", " content: |"}) {
    expect_fatal("version: dim/2023\noperation: CREATE\nid: 7\n" + std::string(line) +
                     "\n\"\"\"\nx" + inner + "\"\"\"\n\n",
                 "7");
  }
  for (const std::string_view line :
       {"", "\"\"", "\"\"\"\"", " \"\"\"", "\"\"\" ", "'''", "x", "\r\r"}) {
    expect_fatal("version: dim/2023\noperation: CREATE\nid: 7\ncontent: |\n" + std::string(line) +
                     "\nx\n\"\"\"\n\n",
                 "7");
  }
}

TEST(Reader, P23_ChecksumsMustBeRight) {
  constexpr std::string_view kRight = "sha256-nJ0LSHiFgWLK5M/Qo6r5j57U9otz3P9VNAvTMOBAQn4=";
  constexpr std::string_view kText = "This is my message content";
  const auto with = [&](std::string_view checksum) {
    return create_with("checksum: " + std::string(checksum) + "\n", kText);
  };
  EXPECT_EQ(said(with(kRight)), "CREATE<This is my message content>");
  EXPECT_EQ(said(with("[" + std::string(kRight) + "]")), "CREATE<This is my message content>");
  for (const std::string& wrong :
       {"sha256-1hOHtZ8DyHqIvi5yqxsHB1pqr9UvZhxcw2MFaOM7wTg="s, "sha256-"s, "sha256"s,
        "md5-1B2M2Y8AsgTpgAmY7PhCfg=="s, "SHA256-nJ0LSHiFgWLK5M/Qo6r5j57U9otz3P9VNAvTMOBAQn4="s,
        "sha256-1hOHtZ8DyHqIvi5yqxsHB1pqr9UvZhxcw2MFaOM7wT!="s,
        "sha256-1hOHtZ8DyHqIvi5yqxsHB1pqr9UvZhxcw2MFaOM7w"s, "sha256:x"s, "-"s, "[]"s,
        "[" + std::string(kRight) + ", " + std::string(kRight) + "]",
        "[" + std::string(kRight) + ", md5-1B2M2Y8AsgTpgAmY7PhCfg==]"}) {
    expect_skipped(with(wrong), "7");
  }
  expect_skipped(
      create_with("checksum: " + std::string(kRight) + "\nchecksum: " + std::string(kRight) + "\n",
                  kText),
      "7");
  expect_skipped(get_with("id: 7\nchecksum: " + std::string(kRight) + "\n"), "7");
}

TEST(Reader, P23_TheChecksumIsThatOfTheContentAsItCame) {
  Packet packet = Packet::request(Operation::create);
  packet.content = "12345";
  std::string wire = write_packet(packet);
  wire.replace(wire.find("12345\n"), 5, "12346");
  EXPECT_EQ(said(wire + std::string(kNext)), "401 NOTIFY");
}

TEST(Reader, P24_AfterConnectContentHasAChecksum) {
  constexpr PacketReader::Options kAfter{.checksum_required = true};
  EXPECT_EQ(said(create_with("length: 2\n", "hi") + std::string(kNext), kAfter), "401:7 NOTIFY");
  EXPECT_EQ(said(create_with("", "hi") + std::string(kNext), kAfter), "401:7 NOTIFY");
  EXPECT_EQ(
      said(create_with("checksum: " + checksum_of("hi", Checksum::sha256) + "\n", "hi"), kAfter),
      "CREATE<hi>");
  EXPECT_EQ(said(kNext, kAfter), "NOTIFY");
}

TEST(Reader, P25_Crc32cOnlyWhereAgreed) {
  const std::string packet =
      create_with("checksum: " + checksum_of("hi", Checksum::crc32c) + "\n", "hi");
  expect_skipped(packet, "7");
  EXPECT_EQ(said(packet, {.crc32c_agreed = true}), "CREATE<hi>");
  EXPECT_EQ(said(create_with("checksum: crc32c-AAAAAA==\n", "hi"), {.crc32c_agreed = true}),
            "401:7");
  EXPECT_EQ(said(create_with("checksum: crc32c-AAAA\n", "hi"), {.crc32c_agreed = true}), "401:7");
  const std::string both =
      "[" + checksum_of("hi", Checksum::crc32c) + ", " + checksum_of("hi", Checksum::sha256) + "]";
  EXPECT_EQ(said(create_with("checksum: " + both + "\n", "hi"), {.crc32c_agreed = true}),
            "CREATE<hi>");
}

TEST(Reader, P26_IdsHaveOneToTwentyDigits) {
  EXPECT_EQ(
      said(get_with("id: 0\n") + get_with("id: 99999999999999999999\n") + get_with("id: 007\n")),
      "GET GET GET");
  for (const std::string_view id :
       {"999999999999999999999", "seven", "-1", "7a", "0x7", "7.0", ""}) {
    expect_skipped(get_with("id: " + std::string(id) + "\n"));
  }
}

TEST(Reader, P31_YamlMeansNothing) {
  for (const std::string_view value :
       {"&a x", "*a", "!!binary aGk=", "'quoted'", "\"quoted\"", "{a: b}", "[a, [b]]", "| x", "> x",
        "x # y", "~", "null", "@a", "`a`", "%TAG", "? a", "- a"}) {
    EXPECT_EQ(only(get_with("x: " + std::string(value) + "\n")).get("x"), value);
  }
  for (const std::string_view line :
       {"<<: *a", "---", "...", "- a", "? a", "%YAML 1.2", "# comment", "\"x\": y", "'x': y",
        "x:\ty", "\tx: y", "&a x: y", "  folded"}) {
    expect_skipped(get_with("id: 7\n" + std::string(line) + "\n"), "7");
  }
}

TEST(Reader, P40_PriorityAndTimeHaveTheirGrammar) {
  EXPECT_EQ(said(get_with("priority: high\ntime: 2026-11-24T14:43:00.125Z\n") +
                 get_with("priority: normal\n") +
                 get_with("priority: low\ntime: 2018-01-01T00:00:00Z\n")),
            "GET GET GET");
  for (const std::string_view priority : {"urgent", "High", "1", "high,low"}) {
    expect_skipped(get_with("id: 7\npriority: " + std::string(priority) + "\n"), "7");
  }
  for (const std::string_view time :
       {"1969-12-31T23:59:59.999Z", "2017-12-31T23:59:59.999Z", "9999-01-01T00:00:00.000Z",
        "2026-11-24T14:43:00.125", "2026-11-24T14:43:00+01:00", "yesterday", "1700000000"}) {
    expect_skipped(get_with("id: 7\ntime: " + std::string(time) + "\n"), "7");
  }
}

TEST(Reader, P42_HalfAPacketIsNothing) {
  const std::string whole = create_with("length: 5\n", "12345");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(said(std::string_view(whole).substr(0, size)), "") << size;
  }
  EXPECT_EQ(said(whole), "CREATE<12345>");
}

TEST(Reader, P43_OneByteAtATimeIsLinear) {
  // A mebibyte in steps of one byte, in lines and in one line: minutes if anything were scanned
  // again.
  for (const std::string& content :
       {std::string(limits::kTextContent, 'x'), std::string(limits::kTextContent, '\n')}) {
    const std::string counted =
        create_with("length: " + std::to_string(content.size()) + "\n", content);
    const std::string typed = create_with("", content);
    for (const std::string& wire : {counted, typed}) {
      const Outcomes all = read_all(wire, {.lane = Lane::text}, 1);
      ASSERT_EQ(all.size(), 1U);
      EXPECT_EQ(std::get<Packet>(all[0]).content, content);
    }
  }
}

TEST(Reader, P44_AThousandPacketsInOneSegment) {
  std::string wire;
  for (int i = 0; i < 1'000; ++i) {
    Packet packet = Packet::request(Operation::create);
    packet.set("id", std::to_string(i)).content = "content " + std::to_string(i);
    wire += write_packet(packet);
  }
  const Outcomes all = read_all(wire);
  ASSERT_EQ(all.size(), 1'000U);
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(std::get<Packet>(all[i]).get("id"), std::to_string(i));
}

TEST(Reader, P45_NoiseIsRefusedInTheFirstKibibyte) {
  std::uint32_t state = 1;
  for (int run = 0; run < 1'000; ++run) {
    std::string noise = run % 2 == 0 ? "" : "version: ";
    while (noise.size() < 1'024) {
      state = state * 1'664'525 + 1'013'904'223;
      noise.push_back(static_cast<char>(state >> 24));
      if (noise.back() == '\n') noise.back() = 'n';
    }
    EXPECT_EQ(said(noise), "401!");
  }
}

TEST(Reader, AfterAFatalErrorThereIsNothingEverAgain) {
  PacketReader reader({});
  Outcomes all;
  reader.feed("x");
  drain(reader, all);
  reader.feed(kNext);
  drain(reader, all);
  EXPECT_EQ(summary(all), "401!");
  EXPECT_EQ(reader.buffered(), 0U);
  EXPECT_FALSE(reader.in_packet());
}

TEST(Reader, OptionsHoldFromTheNextPacketOn) {
  PacketReader reader({});
  reader.feed(create_with("", "hi") + create_with("", "hi"));
  EXPECT_TRUE(std::holds_alternative<Packet>(reader.next()));
  reader.set_options({.checksum_required = true});
  EXPECT_TRUE(std::holds_alternative<BadPacket>(reader.next()));
}

TEST(Reader, R8_HoldsNothingBetweenTwoPackets) {
  const auto in_use = [] {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const std::string large = create_with("", std::string(200'000, 'x'));
  std::vector<PacketReader> readers(64, PacketReader({.lane = Lane::text}));
  const std::size_t before = in_use();
  for (PacketReader& reader : readers) {
    reader.feed(large);
    EXPECT_TRUE(std::holds_alternative<Packet>(reader.next()));
  }
  EXPECT_LT(in_use(), before + 64 * 1'024) << "1 KiB each";
}

}  // namespace
}  // namespace dim
