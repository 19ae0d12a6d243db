#include "dim/packet/packet.h"

#include <gtest/gtest.h>

#include "dim/base/limits.h"

namespace dim {
namespace {

Errc refusal(std::string_view value) {
  Packet packet = Packet::request(Operation::create);
  packet.set("target", std::string(value));
  const auto list = packet.list("target");
  return list ? Errc::internal : list.error().code;
}

TEST(Packet, P08_OperationsAreUpperCaseAndKnown) {
  for (const std::string_view word :
       {"CONNECT", "CREATE", "NOTIFY", "EDIT", "REMOVE", "DELETE", "DESTROY", "GET"}) {
    EXPECT_EQ(to_string(parse_operation(word).value()), word);
  }
  EXPECT_EQ(parse_operation("DELETE").value(), Operation::erase);
  for (const std::string_view word :
       {"connect", "Connect", "", " GET", "GET ", "GET2", "G\xC3\x89T"}) {
    EXPECT_EQ(parse_operation(word).error().code, Errc::bad_request) << word;
  }
  EXPECT_EQ(parse_operation("FETCH").error().code, Errc::method_not_allowed);
}

TEST(Packet, CodesHaveTheNamesOfTheSpecification) {
  EXPECT_EQ(code_name(101), "Switching_Protocols");
  EXPECT_EQ(code_name(201), "Created");
  EXPECT_EQ(code_name(401), "Bad_Request");
  EXPECT_EQ(code_name(402), "Unauthorised");
  EXPECT_EQ(code_name(505), "Dim_Edition_Not_Supported");
  EXPECT_EQ(code_name(511), "Request_Timeout");
  for (const int code : {0, -1, 99, 203, 408, 409, 420, 512, 600})
    EXPECT_EQ(code_name(code), "") << code;
}

TEST(Packet, EveryErrorIsAnsweredByACodeWithAName) {
  for (int i = 0; i <= static_cast<int>(Errc::usage); ++i) {
    const Packet packet = Packet::response(Error{static_cast<Errc>(i), "what would be right"}, "7");
    EXPECT_NE(code_name(packet.code), "") << packet.code;
    EXPECT_EQ(packet.get("reply"), "7");
    EXPECT_EQ(packet.get("message"), "what would be right");
  }
}

TEST(Packet, P29_ReadsListsAndSingleValues) {
  Packet packet = Packet::request(Operation::create);
  using Items = std::vector<std::string>;
  EXPECT_EQ(packet.set("target", "a").list("target").value(), Items{"a"});
  EXPECT_EQ(packet.set("target", "a, b").list("target").value(), Items{"a, b"});
  EXPECT_EQ(packet.set("target", "[a]").list("target").value(), Items{"a"});
  EXPECT_EQ(packet.set("target", "[a, b,c ,  d]").list("target").value(),
            (Items{"a", "b", "c", "d"}));
  std::string most = "[0";
  for (std::size_t i = 1; i < limits::kListItems; ++i) most += ", " + std::to_string(i);
  EXPECT_EQ(packet.set("target", most + "]").list("target").value().size(), limits::kListItems);
}

TEST(Packet, P29_RefusesMissingEmptyNestedAndLongLists) {
  EXPECT_EQ(Packet::request(Operation::create).list("target").error().code, Errc::bad_request);
  for (const std::string_view value : {"", "[]", "[ ]", "[a,]", "[,a]", "[a, , b]", "[a, [b]]",
                                       "[[a]]", "[a], [b]", "[", "[a", "[a, b"}) {
    EXPECT_EQ(refusal(value), Errc::bad_request) << value;
  }
  std::string many = "[0";
  for (std::size_t i = 1; i < 257; ++i) many += ", " + std::to_string(i);
  EXPECT_EQ(refusal(many + "]"), Errc::bad_request);
}

TEST(Packet, FieldsKeepTheirOrderAndAreReplacedInPlace) {
  Packet packet = Packet::request(Operation::get);
  packet.set("a", "1").set("b", "2").set("a", "3");
  EXPECT_EQ(packet.fields, (std::vector<Packet::Field>{{"a", "3"}, {"b", "2"}}));
  EXPECT_TRUE(packet.has("b"));
  EXPECT_FALSE(packet.has("c"));
  EXPECT_EQ(packet.get("c"), "");
}

TEST(WritePacket, WritesARequest) {
  Packet packet = Packet::request(Operation::create);
  packet.set("id", "7").set("type", "message");
  packet.content = "This is my message content";
  EXPECT_EQ(write_packet(packet),
            "version: dim/2023\noperation: CREATE\nid: 7\ntype: message\nlength: 26\n"
            "checksum: sha256-nJ0LSHiFgWLK5M/Qo6r5j57U9otz3P9VNAvTMOBAQn4=\ncontent: "
            "|\n\"\"\"\nThis is my message content\n\"\"\"\n\n");
  packet.content = "123456789";  // the check value of CRC-32C is e3069283
  EXPECT_NE(write_packet(packet, Checksum::crc32c).find("length: 9\nchecksum: crc32c-4waSgw==\n"),
            std::string::npos);
}

TEST(WritePacket, WritesAResponse) {
  EXPECT_EQ(write_packet(Packet::response(201, "7").set("guid", "x")),
            "version: dim/2023\ncode: 201\nstatus: Created\nreply: 7\nguid: x\n\n");
  EXPECT_EQ(write_packet(Packet::response(299)), "version: dim/2023\ncode: 299\n\n");
}

TEST(WritePacket, A44_LeavesOutWhatWouldBreakTheHeader) {
  using namespace std::string_view_literals;
  Packet packet = Packet::request(Operation::notify);
  for (const std::string_view value : {"a\nb: c"sv, "a\r"sv, "a\0b"sv, "\x1B[1m"sv, "a\u2028b"sv,
                                       "a\u0085b"sv, "\uFEFF"sv, "\xFF"sv, ""sv, " a"sv, "a "sv}) {
    packet.fields.emplace_back("key", value);
  }
  for (const std::string_view key :
       {"", "Key", "a b", "a:", "a\n", "k\xC3\xA9", "-a", "9a", "version", "operation", "code",
        "length", "checksum", "content"}) {
    packet.fields.emplace_back(key, "value");
  }
  packet.fields.emplace_back("long", std::string(limits::kLineBytes - 5, 'x'));
  EXPECT_EQ(write_packet(packet), "version: dim/2023\noperation: NOTIFY\n\n");
  EXPECT_NE(
      write_packet(packet.set("fits", std::string(limits::kLineBytes - 6, 'x'))).find("fits: xxx"),
      std::string::npos);
}

TEST(Packet, LanesHaveNamesAndLimits) {
  EXPECT_EQ(to_string(Lane::control), "control");
  EXPECT_EQ(to_string(Lane::gateway), "gateway");
  EXPECT_EQ(content_limit(Lane::control), 65'536U);
  EXPECT_EQ(content_limit(Lane::text), 1'048'576U);
  EXPECT_EQ(content_limit(Lane::media), 1'048'576U);
  // Frames are in packets only inside the connection of 8800: there it is 256 KiB
  // (lane_queue_test.cc).
  EXPECT_EQ(content_limit(Lane::audio), 65'536U);
  EXPECT_EQ(content_limit(Lane::video), 65'536U);
}

}  // namespace
}  // namespace dim
