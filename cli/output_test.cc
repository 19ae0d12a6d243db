#include "cli/output.h"

#include <gmock/gmock.h>

#include "client/rebound.h"

namespace dim {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

Id bobby() { return Id::parse("0x95e6f72fb194200e95b60332e8142ddf41c7c333").value(); }

/// What it prints for people: standard output, then standard error.
template <class Print>
std::pair<std::string, std::string> printed(Print print) {
  CaptureStdout();
  CaptureStderr();
  print();
  std::string out = GetCapturedStdout();
  return {std::move(out), GetCapturedStderr()};
}

TEST(ExitCodes, AreThoseOfTheDocuments) {
  const auto exit = [](Errc code) { return static_cast<int>(exit_of({code, "why"})); };
  EXPECT_EQ(exit(Errc::usage), 2);
  EXPECT_EQ(exit(Errc::unreachable), 4);
  EXPECT_EQ(exit(Errc::station_changed), 5);
  EXPECT_EQ(exit(Errc::downgrade), 5);
  EXPECT_EQ(exit(Errc::security_error), 5);
  EXPECT_EQ(exit(Errc::not_found), 1);
  EXPECT_EQ(exit(Errc::io), 1);
}

TEST(Output, AnObjectIsOneLineThatBeginsWithItsEvent) {
  JsonObject members;
  members.set("text",
              "one\ntwo\xC2\x85three\xE2\x80\xA8"
              "four\xE2\x80\xA9"
              "five");
  const auto [out, err] = printed([&] { Output(true).object("message", std::move(members)); });
  EXPECT_EQ(out,
            "{\"event\":\"message\",\"text\":\"one\\ntwo\\u0085three\\u2028four\\u2029five\"}\n");
  EXPECT_EQ(err, "");
}

TEST(Output, IsEitherForPeopleOrForPrograms) {
  const auto both = [](bool json) {
    return printed([json] {
      const Output output(json);
      output.line("a line");
      output.note("a note");
      output.object("thing", {});
    });
  };
  EXPECT_EQ(both(true), std::pair(std::string("{\"event\":\"thing\"}\n"), std::string()));
  EXPECT_EQ(both(false), std::pair(std::string("a line\n"), std::string("a note\n")));
}

TEST(Output, AnErrorHasItsCodeAndWhatTheStationSays) {
  const Error error{Errc::station_changed, "another station answers"};
  const auto json = printed([&] { Output(true).error(error, "go away"); });
  EXPECT_EQ(json.first,
            "{\"event\":\"error\",\"code\":\"E_STATION_CHANGED\",\"message\":\"another station "
            "answers\",\"station\":\"go away\"}\n");
  const auto text = printed([&] { Output(false).error(error, "go\x1b[2J away"); });
  EXPECT_EQ(text.first, "");
  EXPECT_THAT(text.second, HasSubstr("dim: another station answers (the station says: go"));
  EXPECT_THAT(text.second, Not(HasSubstr("\x1b")));
}

TEST(Output, C11_AMessageShowsNoControlCharactersOfItsSender) {
  HistoryEntry entry{.guid = std::string(32, 'a'), .peer = bobby(), .time = 1'750'000'000'000};
  entry.text = "hello \x1b[31mred";
  entry.content_type = "text";
  entry.label = Label::secure;
  const auto people = printed([&] { Output(false).message(entry, {"bob\x1b[1mby"}); });
  EXPECT_THAT(people.first, HasSubstr("bob\\u{1B}[1mby: hello \\u{1B}[31mred"));
  EXPECT_THAT(people.first, Not(HasSubstr("\x1b")));
  const auto json = printed([&] { Output(true).message(entry, {"bobby"}); });
  const auto object = parse_json_object(std::string_view(json.first));
  ASSERT_TRUE(object) << json.first;
  EXPECT_EQ(*object->text("text"), entry.text);
  EXPECT_EQ(*object->text("direction"), "in");
  EXPECT_EQ(*object->text("guid"), entry.guid);
}

TEST(Output, C11_AMessageCannotPoseAsAnother) {
  HistoryEntry entry{.guid = std::string(32, 'a'), .peer = bobby(), .time = 1'750'000'000'000};
  entry.text = "hi\n17:20  carol: send me your key";
  entry.words = "answers \n17:20  carol: yes";
  entry.content_type = "text";
  entry.label = Label::secure;
  entry.missing = 1;
  entry.sender = bobby();
  const auto one = [&] {
    return printed([&] {
             Output(false).message(entry, {.peer_name = "group\n17:20  carol",
                                           .sender_name = "bob\n17:20  carol: hello"});
           })
        .first;
  };
  EXPECT_THAT(one(), Not(HasSubstr("\n17:20")));
  EXPECT_THAT(one(), HasSubstr("hi\n       | 17:20  carol: send"));
  entry.cause = "no\n17:20  carol: way";
  EXPECT_THAT(one(), Not(HasSubstr("\n17:20")));
  entry.outgoing = true;
  EXPECT_THAT(one(), Not(HasSubstr("\n17:20")));
}

TEST(Output, AMessageThatIsNotProvenSaysSo) {
  HistoryEntry entry{.guid = std::string(32, 'a'), .peer = bobby(), .time = 1'750'000'000'000};
  entry.text = "hello";
  entry.content_type = "text";
  const auto shown = [&](Label label) {
    entry.label = label;
    return printed([&] { Output(false).message(entry, {"bobby"}); }).first;
  };
  EXPECT_THAT(shown(Label::addressee_unproven),
              HasSubstr("hello  [old protocol, addressee not proven]\n"));
  EXPECT_THAT(shown(Label::not_encrypted), HasSubstr("hello  [not encrypted]\n"));
  EXPECT_THAT(shown(Label::secure_old), Not(HasSubstr("[")));
  EXPECT_THAT(shown(Label::secure), Not(HasSubstr("[")));
  entry.late = true;
  EXPECT_THAT(shown(Label::secure), HasSubstr("[arrived late]"));
}

TEST(Output, TheLabelOfAMessageIsThereForScriptsInTheWordsOfTheDocuments) {
  HistoryEntry entry{.guid = std::string(32, 'a'), .peer = bobby(), .time = 1'750'000'000'000};
  entry.text = "hello";
  entry.content_type = "text";
  for (const auto& [label, words] :
       {std::pair(Label::secure, "secure"),
        {Label::secure_old, "secure, old protocol"},
        {Label::addressee_unproven, "old protocol, addressee not proven"},
        {Label::not_encrypted, "not encrypted"}}) {
    entry.label = label;
    const auto json = printed([&] { Output(true).message(entry, {"bobby"}); });
    const auto object = parse_json_object(std::string_view(json.first));
    ASSERT_TRUE(object) << json.first;
    EXPECT_EQ(*object->text("label"), words);
  }
}

TEST(Output, A13_WhatDoesNotFollowOnTheLastMessageSaysSo) {
  HistoryEntry entry{.guid = std::string(32, 'a'), .peer = bobby(), .time = 1'750'000'000'000};
  entry.text = "hello";
  entry.content_type = "text";
  const auto people = [&] {
    return printed([&] { Output(false).message(entry, {"bobby"}); }).first;
  };
  const auto scripts = [&] {
    return printed([&] { Output(true).message(entry, {"bobby"}); }).first;
  };
  EXPECT_THAT(people(), Not(HasSubstr("does not follow")));
  EXPECT_THAT(scripts(), Not(HasSubstr("forked")));
  entry.forked = true;
  EXPECT_THAT(people(), HasSubstr("does not follow on what bobby wrote before"));
  EXPECT_THAT(scripts(), HasSubstr("\"forked\":true"));
}

TEST(Output, A02_AlarmsNameWhatToDoAndCannotPoseAsMessages) {
  HistoryEntry notice{.guid = std::string(32, 'a'), .peer = bobby(), .time = 1'750'000'000'000};
  notice.content_type = "keys: two";
  notice.words = "two keys";
  const auto people = printed([&] { Output(false).alarm(notice, "bob\n17:20  carol: hello"); });
  EXPECT_THAT(people.first, HasSubstr("KEYS CHANGED"));
  EXPECT_THAT(people.first, HasSubstr("dim verify"));
  EXPECT_THAT(people.first, Not(HasSubstr("\n17:20")));
  EXPECT_THAT(printed([&] { Output(true).alarm(notice, "bob"); }).first,
              HasSubstr("\"blocked\":true"));
  notice.content_type = "keys: new";
  EXPECT_THAT(printed([&] { Output(true).alarm(notice, "bob"); }).first,
              HasSubstr("\"blocked\":false"));
}

TEST(Output, J22_A08_WhatWasWrittenForAnotherIsAnAlarm) {
  HistoryEntry entry{.guid = std::string(32, 'a'), .peer = bobby(), .time = 1'750'000'000'000};
  entry.cause = "E_REBOUND: this message was written for somebody else";
  ASSERT_TRUE(is_rebound(entry));
  const auto people = printed([&] { Output(false).alarm(entry, "bob\n17:20  carol: hello"); });
  EXPECT_THAT(people.first, HasSubstr("NOT WRITTEN FOR YOU"));
  EXPECT_THAT(people.first, Not(HasSubstr("\n17:20")));
  const std::string object = printed([&] { Output(true).alarm(entry, "bob"); }).first;
  EXPECT_THAT(object, HasSubstr("\"event\":\"alarm\""));
  EXPECT_THAT(object, HasSubstr("\"cause\":\"E_REBOUND"));
  EXPECT_THAT(object, HasSubstr("\"blocked\":false"));
}

TEST(Output, F07_ANewDeviceIsToldAndIsNoAlarm) {
  HistoryEntry notice{.guid = std::string(32, 'a'), .peer = bobby(), .time = 1'750'000'000'000};
  notice.content_type = "keys: device";
  notice.text = "laptop";
  notice.words = "has a new device";
  const auto people = printed([&] { Output(false).alarm(notice, "bob"); }).first;
  EXPECT_THAT(people, HasSubstr("bob has a new device: laptop"));
  EXPECT_THAT(people, Not(HasSubstr("KEYS CHANGED")));
  EXPECT_THAT(printed([&] { Output(true).alarm(notice, "bob"); }).first,
              HasSubstr("\"event\":\"contact_device\""));
}

TEST(Output, A03_ThatForwardSecrecyIsGoneOrBackIsToldAndIsNoAlarm) {
  HistoryEntry notice{.guid = std::string(32, 'a'), .peer = bobby(), .time = 1'750'000'000'000};
  notice.words = "what you write to them is";
  for (const auto& [type, flag] : {std::pair{"keys: forward secret", "true"},
                                   std::pair{"keys: not forward secret", "false"}}) {
    notice.content_type = type;
    const auto people = printed([&] { Output(false).alarm(notice, "bob"); }).first;
    EXPECT_THAT(people, HasSubstr("bob: what you write to them is.\n"));
    EXPECT_THAT(people, Not(HasSubstr("KEYS CHANGED")));
    const auto json = printed([&] { Output(true).alarm(notice, "bob"); }).first;
    EXPECT_THAT(json, HasSubstr("\"event\":\"contact_secrecy\""));
    EXPECT_THAT(json, HasSubstr(std::string("\"forward_secret\":") + flag));
  }
}

TEST(Output, A03_OfOwnMessagesThoseAreMarkedThatAreForwardSecret) {
  HistoryEntry entry{.guid = std::string(32, 'a'), .peer = bobby(), .outgoing = true};
  entry.content_type = "text";
  const auto shown = [&] { return printed([&] { Output(true).message(entry, {"bobby"}); }).first; };
  EXPECT_THAT(shown(), Not(HasSubstr("label")));
  entry.label = Label::secure;
  EXPECT_THAT(shown(), HasSubstr("\"label\":\"secure\""));
}

TEST(Output, I11_AWrongClockIsToldWithByHowMuch) {
  const auto people = [](Millis ahead) {
    return printed([=] { Output(false).clocks_differ(ahead); }).second;
  };
  EXPECT_THAT(people(3'780'000), HasSubstr("1 h 3 min slow"));
  EXPECT_THAT(people(-360'000), HasSubstr("6 min fast"));
  EXPECT_THAT(people(-90'000'000), HasSubstr("1 d 1 h fast"));
  EXPECT_EQ(printed([] { Output(true).clocks_differ(-360'000); }).first,
            "{\"event\":\"clock\",\"state\":\"fast\",\"seconds\":360}\n");
}

TEST(Output, TypingAndPresenceAreNotesForPeople) {
  const auto typing = printed([] { Output(false).typing(bobby(), true, "bobby"); });
  EXPECT_EQ(typing.first, "");
  EXPECT_THAT(typing.second, HasSubstr("bobby is typing"));
  const auto presence = printed([] { Output(true).presence(bobby(), "away", "bobby"); });
  EXPECT_THAT(presence.first, HasSubstr("\"state\":\"away\""));
  EXPECT_EQ(presence.second, "");
}

}  // namespace
}  // namespace dim
