#include "net/upgrade.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

using Kind = UpgradeStep::Kind;

constexpr std::string_view kConnect =
    "version: dim/2023\noperation: CONNECT\ntarget: 2001:db8::7\nencryption: AES\n\n";

std::string with(std::string_view lines) {
  return "version: dim/2023\noperation: CONNECT\n" + std::string(lines) + "\n";
}

int code_in(std::string_view reply) {
  const std::size_t at = reply.find("\ncode: ");
  return at == std::string_view::npos ? 0 : std::stoi(std::string(reply.substr(at + 7, 3)));
}

// Code of the answer; how the bytes are cut makes no difference.
int answer(std::string_view input) {
  UpgradeServer whole;
  const UpgradeStep step = whole.feed(input);
  UpgradeServer cut;
  std::string replies;
  UpgradeStep last;
  for (const char& c : input) {
    last = cut.feed({&c, 1});
    replies += last.reply;
    if (last.kind != Kind::need_more) break;
  }
  EXPECT_EQ(last.kind, step.kind) << input;
  if (step.kind != Kind::refuse || step.error->code != Errc::security_error) {
    EXPECT_EQ(replies, step.reply) << input;
  }
  EXPECT_EQ(step.kind == Kind::refuse, step.error.has_value());
  return code_in(step.reply);
}

TEST(Upgrade, P06_ATlsRecordStartsTlsAtOnce) {
  UpgradeServer server;
  const UpgradeStep step = server.feed("\x16\x03\x01rest");
  EXPECT_EQ(step.kind, Kind::start_tls);
  EXPECT_EQ(step.rest, "\x16\x03\x01rest");
  EXPECT_EQ(step.reply, "");
  EXPECT_FALSE(server.switched());
}

TEST(Upgrade, PlainConnectIsAnsweredBy101ThenTls) {
  UpgradeServer server;
  UpgradeStep step = server.feed(kConnect);
  EXPECT_EQ(step.kind, Kind::need_more);
  EXPECT_EQ(code_in(step.reply), 101);
  EXPECT_TRUE(step.reply.starts_with("version: dim/2023\n"));
  EXPECT_TRUE(server.switched());
  step = server.feed("\x16\x03");
  EXPECT_EQ(step.kind, Kind::start_tls);
  EXPECT_EQ(step.rest, "\x16\x03");
  EXPECT_EQ(step.reply, "");
}

TEST(Upgrade, AClientMaySendItsHelloWithoutWaitingFor101) {
  UpgradeServer server;
  const std::string sent = std::string(kConnect) + "\x16\x03\x01 hello";
  const UpgradeStep step = server.feed(sent);
  EXPECT_EQ(step.kind, Kind::start_tls);
  EXPECT_EQ(code_in(step.reply), 101);
  EXPECT_EQ(step.rest, "\x16\x03\x01 hello");
}

TEST(Upgrade, OptionalKeysAndListsAreTaken) {
  EXPECT_EQ(answer(with("id: 7\npriority: high\ntarget: ::1\nencryption: AES\n")), 101);
  UpgradeServer server;
  const UpgradeStep step = server.feed(with("id: 7\ntarget: ::1\nencryption: AES\n"));
  EXPECT_NE(step.reply.find("\nreply: 7\n"), std::string::npos);
}

TEST(Upgrade, S03_ChoosesAesOrNamesIt) {
  EXPECT_EQ(answer(with("target: ::1\nencryption: [RC4, AES]\n")), 101);
  EXPECT_EQ(answer(with("target: ::1\nencryption: ROT13\n")), 303);
  UpgradeServer server;
  const UpgradeStep step = server.feed(with("target: ::1\nencryption: ROT13\n"));
  EXPECT_EQ(step.kind, Kind::refuse);
  EXPECT_NE(step.reply.find("\nencryption: [AES]\n"), std::string::npos);
}

TEST(Upgrade, S01_S02_RefusesTargetsThatAreNoIPv6Address) {
  for (const std::string_view target :
       {"1.2.3.4", "::ffff:1.2.3.4", "::1.2.3.4", "64:ff9b::102:304", "016.1.1.1", "0x7f000001",
        "::", "ff02::1", "fe80::1%eth0", "[::1, ::2]", "nonsense"}) {
    EXPECT_EQ(answer(with("target: " + std::string(target) + "\nencryption: AES\n")), 401)
        << target;
  }
  EXPECT_EQ(answer(with("encryption: AES\n")), 401) << "P29: no target";
}

TEST(Upgrade, P33_RefusesAnythingButThePlainConnect) {
  EXPECT_EQ(answer("version: dim/2023\noperation: GET\ntarget: ::1\n\n"), 413);
  EXPECT_EQ(answer("version: dim/2023\ncode: 200\n\n"), 413);
  EXPECT_EQ(
      answer(with(
          "target: ::1\nencryption: AES\nauthor: 0x95E6F72fB194200e95b60332E8142DDF41C7c333\n")),
      413);
  EXPECT_EQ(answer(with("target: ::1\nencryption: AES\nunknown: x\n")), 413);
  EXPECT_EQ(answer(with("target: ::1\n")), 413);
  EXPECT_EQ(
      answer(with("target: ::1\nencryption: AES\nlength: 2\ncontent: |\n\"\"\"\nhi\n\"\"\"\n")),
      413);
}

TEST(Upgrade, P34_A45_RefusesBytesInjectedBehindConnect) {
  EXPECT_EQ(answer(std::string(kConnect) + "version: dim/2023\n"), 300);
  EXPECT_EQ(answer(std::string(kConnect) + "\n"), 300);
  EXPECT_EQ(answer(std::string(kConnect) + std::string(100'000, 'x')), 300);
  UpgradeServer later;
  EXPECT_EQ(code_in(later.feed(kConnect).reply), 101);
  const UpgradeStep step = later.feed("operation: DESTROY\n");
  EXPECT_EQ(step.kind, Kind::refuse);
  EXPECT_EQ(code_in(step.reply), 300);
}

TEST(Upgrade, P05_P45_ClosesOnAnythingElse) {
  EXPECT_EQ(answer("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 401);
  UpgradeServer server;
  EXPECT_EQ(server.feed("GET / HTTP/1.1\r\n").reply.find("HTTP"), std::string::npos);
  EXPECT_EQ(answer(std::string("\0\x01\x02", 3)), 401);
  EXPECT_EQ(answer("\n"), 401);
  EXPECT_EQ(answer("vendor: x\n\n"), 401);
}

TEST(Upgrade, P02_P08_P40_HeaderErrorsHaveTheirOwnCodes) {
  EXPECT_EQ(answer("version: dim/2022\noperation: CONNECT\n\n"), 505);
  EXPECT_EQ(answer("version: dim/2023\noperation: connect\n\n"), 401);
  EXPECT_EQ(answer(with("priority: urgent\ntarget: ::1\nencryption: AES\n")), 401);
  EXPECT_EQ(answer(with("id: x\ntarget: ::1\nencryption: AES\n")), 401);
}

TEST(Upgrade, AnEndlessPlainPacketEndsAt4KiB) {
  std::string endless = "version: dim/2023\noperation: CONNECT\n";
  for (int i = 0; i < 60; ++i)
    endless += "k" + std::to_string(i) + ": " + std::string(150, 'x') + "\n";
  EXPECT_EQ(answer(endless), 411);
}

TEST(UpgradeClient, GoesOnAfter101Only) {
  UpgradeServer server;
  const UpgradeStep answered = server.feed(UpgradeClient::request("2001:db8::7"));
  UpgradeClient client;
  UpgradeStep step;
  for (const char& c : answered.reply) {
    ASSERT_EQ(step.kind, Kind::need_more);
    step = client.feed({&c, 1});
  }
  EXPECT_EQ(step.kind, Kind::start_tls);
}

TEST(UpgradeClient, S19_StopsAtAnyOtherAnswer) {
  const auto error = [](std::string_view answer_bytes) {
    UpgradeClient client;
    const UpgradeStep step = client.feed(answer_bytes);
    EXPECT_EQ(step.kind, Kind::refuse) << answer_bytes;
    return step.error ? step.error->code : Errc::internal;
  };
  EXPECT_EQ(error("version: dim/2023\ncode: 200\nstatus: Okay\n\n"), Errc::downgrade);
  EXPECT_EQ(
      error("version: dim/2023\ncode: 101\nstatus: Switching_Protocols\n\nversion: dim/2023\n"),
      Errc::downgrade);
  EXPECT_EQ(error("HTTP/1.1 101 Switching Protocols\r\n\r\n"), Errc::downgrade);
  EXPECT_EQ(error(std::string(5'000, 'v')), Errc::downgrade);
  EXPECT_EQ(error("version: dim/2023\ncode: 303\nstatus: Better_Encryption\n\n"),
            Errc::better_encryption);
  EXPECT_EQ(error("version: dim/2023\ncode: 503\nstatus: Unavailable\n\n"), Errc::unavailable);
}

}  // namespace
}  // namespace dim
