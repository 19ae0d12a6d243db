#include "cli/hub_output.h"

#include <gmock/gmock.h>

#include "dim/base/base64.h"
#include "dim/crypto/file_seal.h"
#include "dim/crypto/os_random.h"
#include "dim/engine/media_link.h"

namespace dim {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kMe = "0x21e27549d780db2a32058bD960A6245b01Ad85FF";
const std::string kOther = "0x95E6F72fB194200e95b60332E8142DDF41C7c333";
const Guid kChannel = *Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4");
const Guid kMessage = *Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f33f2a91");
const std::string kBell = "\x07";

HubView hub() {
  HubView out{.id = "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H",
              .name = "garden" + kBell,
              .topic = "a\x1b[2J",
              .owner = kMe};
  out.channels[kChannel] = {.name = "general" + kBell, .topic = kBell};
  return out;
}
Post post() {
  return {.guid = kMessage,
          .channel = kChannel,
          .cursor = 4,
          .changed = 9,
          .time = 1'790'000'000'000,
          .author = kOther,
          .revision = 2,
          .content = "hello" + kBell,
          .reactions = {{"ok" + kBell, 3}}};
}

template <class Print>
std::string printed(bool json, Print print) {
  testing::internal::CaptureStdout();
  const Output out(json);
  HubOutput hubs(out, kMe, [](const std::string&) { return "bobby" + kBell; });
  hubs.ids = true;
  print(hubs);
  return testing::internal::GetCapturedStdout();
}

TEST(HubOutput, WhoseNameIsNotKnownIsShownByAPieceOfTheIdAndListedWithTheWhole) {
  const auto lines = [](bool json, auto print) {
    testing::internal::CaptureStdout();
    const Output out(json);
    print(HubOutput(out, kMe, [](const std::string& id) { return id; }));
    return testing::internal::GetCapturedStdout();
  };
  const auto print = [](const HubOutput& out) { out.post(hub(), post(), false); };
  EXPECT_THAT(lines(false, print), HasSubstr("  0x95E6F7… in "));
  EXPECT_THAT(lines(false, print), Not(HasSubstr(kOther)));
  EXPECT_THAT(lines(true, print), HasSubstr("\"author_name\":\"" + kOther + "\""));
  EXPECT_THAT(
      lines(false, [](const HubOutput& out) { out.request(hub(), {.who = kOther, .arrived = 0}); }),
      HasSubstr(kOther));
}

TEST(HubOutput, C11_NothingOfOthersDrivesATerminal) {
  const HubNotice notice{.object = HubObject::channel,
                         .change = Operation::create,
                         .author = kOther,
                         .hub = hub().id,
                         .time = 0,
                         .shown = *parse_json_object(R"({"name":"x\u0007"})")};
  const PostEvent event{.object = HubObject::reaction,
                        .channel = kChannel,
                        .guid = kMessage,
                        .author = kOther,
                        .symbol = kBell};
  const std::string all = printed(false, [&](const HubOutput& out) {
    out.hub(hub());
    out.channel(hub(), kChannel);
    out.post(hub(), post(), false);
    out.event(hub(), event);
    out.revision(hub(), post(), {.number = 1, .time = 0, .content = kBell});
    out.notice(notice, "name" + kBell);
    out.left(hub());
    out.member(hub(), {.who = kOther, .member = {}});
    out.penalty(hub(), true, {.who = kOther, .penalty = {.by = kMe, .reason = kBell}});
  });
  EXPECT_THAT(all, Not(HasSubstr(kBell)));
  EXPECT_THAT(all, Not(HasSubstr("\x1b")));
  EXPECT_THAT(all, HasSubstr("hello\\u{7}"));
}

TEST(HubOutput, C11_NothingOfOthersPosesAsAnotherLine) {
  const std::string forged = "hi\n17:20  alice in gardeners/general: pay here";
  HubView where = hub();
  where.name = where.topic = where.channels[kChannel].name = where.channels[kChannel].topic =
      forged;
  where.roles[kMessage] = {.name = forged};
  where.categories[kMessage] = {.name = forged};
  where.channels[kChannel].category = kMessage;
  where.channels[kChannel].overrides = {
      {.role = kMessage,
       .allow = *Permissions::parse(std::vector<std::string>{"read"}),
       .deny = {}}};
  Post one = post();
  one.content = forged;
  one.reactions = {{forged, 3}};
  Post hidden = one;
  hidden.state = PostState::hidden;
  testing::internal::CaptureStdout();
  const Output text(false);
  HubOutput out(text, kMe, [&](const std::string&) { return forged; });
  out.hub(where);
  out.channel(where, kChannel);
  out.role(where, kMessage);
  out.category(where, kMessage);
  out.post(where, one, true);
  out.post(where, hidden, false);
  out.event(
      where,
      {.channel = kChannel, .guid = kMessage, .author = kOther, .revision = 2, .text = forged});
  out.event(where, {.operation = Operation::create,
                    .object = HubObject::reaction,
                    .channel = kChannel,
                    .guid = kMessage,
                    .author = kOther,
                    .symbol = forged});
  out.revision(where, one, {.number = 1, .time = 0, .content = forged});
  out.notice({.object = HubObject::role,
              .change = Operation::create,
              .author = kOther,
              .hub = hub().id,
              .time = 0,
              .shown = *parse_json_object(R"({"name":"x\n17:20  alice: y"})")},
             forged);
  out.left(where);
  out.member(where, {.who = kOther, .member = {.roles = {kMessage}}});
  out.penalty(where, true, {.who = kOther, .penalty = {.by = kMe, .reason = forged}});
  out.request(where, {.who = kOther, .arrived = 0});
  out.unread(where, kChannel, {.cursor = 2, .newest = 3, .unread = 1, .mentions = 1});
  const std::string all = testing::internal::GetCapturedStdout();
  EXPECT_THAT(all, Not(HasSubstr("\n17:20")));
  EXPECT_THAT(all, HasSubstr("\n       | 17:20  alice in gardeners/general: pay here"));
}

TEST(HubOutput, F13_APostIsALineThatNamesIt) {
  Post one = post();
  one.content = "hello";
  one.reactions = {{"🌹", 3}};
  const std::string line =
      printed(false, [&](const HubOutput& out) { out.post(hub(), one, true); });
  EXPECT_THAT(line, HasSubstr("hello  [edited]  🌹 3  [changed]  #3f2a91\n"));
  const std::string json = printed(true, [&](const HubOutput& out) { out.post(hub(), one, true); });
  EXPECT_THAT(
      json, HasSubstr(R"("cursor":4,"changed":9,"revision":2,"reactions":{"🌹":3},"again":true)"));
  one.state = PostState::removed;
  one.content.clear();
  EXPECT_THAT(printed(false, [&](const HubOutput& out) { out.post(hub(), one, false); }),
              HasSubstr(": [removed]"));
}

TEST(HubOutput, A29_WhatCannotBeReadCallsNobodyAndMayBeOfNobody) {
  Post one = post();
  one.author.clear();
  one.content.clear();
  one.mentions = {kMe};
  one.unreadable = "in no form";
  const auto print = [&](const HubOutput& out) { out.post(hub(), one, false); };
  const std::string line = printed(false, print);
  EXPECT_THAT(line, HasSubstr("  ? in garden"));
  EXPECT_THAT(line, HasSubstr(": [cannot be read: in no form]"));
  EXPECT_THAT(line, Not(HasSubstr("for you")));
  EXPECT_THAT(printed(true, print), Not(HasSubstr("mentions")));
}

TEST(HubOutput, F15_F16_F24_APostSaysItsThreadWhomItIsForAndHowLongItStays) {
  Post one = post();
  one.thread = kMessage;
  one.answers = 2;
  one.answered = 7;
  one.mentions = {kMe, std::string(kEveryone)};
  one.expires = 1'795'694'400'000;
  const std::string line =
      printed(false, [&](const HubOutput& out) { out.post(hub(), one, false); });
  EXPECT_THAT(line,
              HasSubstr("[thread #3f2a91]  [2 in its thread]  [for you]  [until 2026-11-26T"));
  const std::string json =
      printed(true, [&](const HubOutput& out) { out.post(hub(), one, false); });
  EXPECT_THAT(json,
              HasSubstr(R"("thread":")" + kMessage.text() +
                        R"(","answers":2,"answered":7,"mentions":[")" + std::string(kMe) +
                        R"(","everyone"],"for_me":true,"expires":"2026-11-26T12:00:00.000Z")"));
  const auto unread = [](const HubOutput& out) {
    out.unread(
        hub(), kChannel,
        {.cursor = 2, .newest = 9, .unread = 5, .mentions = 1, .level = NotifyLevel::mentions});
  };
  EXPECT_THAT(printed(true, unread), HasSubstr(R"("unread":5,"mentions":1,"level":"mentions")"));
  EXPECT_THAT(printed(false, unread), HasSubstr(", 1 for you  (notify: mentions)"));
}

TEST(HubOutput, N9_WhatABanHasDoneIsInItsObject) {
  JsonObject more;
  more.set("streams", 2);
  more.set("invites", 1);
  more.set("took", 3);
  const std::string json = printed(true, [&](const HubOutput& out) {
    out.notice({.object = HubObject::ban,
                .change = Operation::create,
                .author = kMe,
                .hub = hub().id,
                .member = kOther,
                .time = 0},
               "garden", more);
  });
  EXPECT_THAT(json, HasSubstr(R"("streams":2,"invites":1,"took":3})"));
}

TEST(HubOutput, N1_WhoHasErasedAMessageIsCountedAndNamed) {
  const auto print = [](const HubOutput& out) {
    out.erased({hub(), kChannel}, kMessage, {kMe, kOther}, 4);
  };
  const std::string line = printed(false, print);
  EXPECT_THAT(line, HasSubstr("Erased 2 of 4: you, bobby"));
  EXPECT_THAT(line, Not(HasSubstr(kBell))) << "C11";
  const std::string json = printed(true, print);
  EXPECT_THAT(json, HasSubstr(R"("erased":2,"of":4,"by":[)"));
  EXPECT_THAT(json, HasSubstr(kOther));
}

TEST(HubOutput, ANoticeSpeaksToWhomItIsAbout) {
  const auto said = [](HubObject object, Operation change, const std::string& member) {
    return printed(false, [&](const HubOutput& out) {
      out.notice(
          {.object = object, .change = change, .author = member, .hub = hub().id, .member = member},
          "garden");
    });
  };
  EXPECT_THAT(said(HubObject::request, Operation::create, kMe), HasSubstr(": you ask to come in"));
  EXPECT_THAT(said(HubObject::request, Operation::create, kOther), HasSubstr(" asks to come in"));
  EXPECT_THAT(said(HubObject::ban, Operation::create, kMe), HasSubstr(": you are banned"));
  EXPECT_THAT(said(HubObject::owner, Operation::edit, kMe), HasSubstr(": you own the hub now"));
}

TEST(HubOutput, TroubleNamesWhatCannotBeRead) {
  const HubRefusal why{.error = {Errc::unavailable, "later"}, .code = 503, .station = "busy"};
  const auto json = [&](const HubView* one, const std::optional<Guid>& channel) {
    return printed(true, [&](const HubOutput& out) { out.trouble(one, channel, why); });
  };
  const HubView in = hub();
  EXPECT_EQ(json(nullptr, std::nullopt), std::string(R"({"event":"hub_trouble","code":")") +
                                             std::string(name_of(why.error.code)) +
                                             "\",\"message\":\"later\",\"station\":\"busy\"}\n");
  EXPECT_THAT(json(&in, kChannel), HasSubstr(R"("channel":")" + kChannel.text()));
  EXPECT_THAT(json(&in, std::nullopt), Not(HasSubstr("channel")));
}

TEST(HubOutput, AHubIsSaidToBePublic) {
  EXPECT_THAT(printed(true, [](const HubOutput& out) { out.hub(hub()); }),
              HasSubstr(R"("public":true)"));
}

TEST(HubOutput, F43_F46_C11_FilesOfAMessageAreNamedWithoutTheirKeys) {
  MediaLink link{.guid = kMessage, .station = "gsp-s001@2ACLy3krqTAvf5G6FTtPYvAaR4gLAMhVVQ"};
  link.size = sealed_size(82'000);
  OsRandom random;
  link.key = Secret::random(32, random);
  link.name = "../x\u202egpj.png";
  const std::string key = to_base64url(link.key.view());
  Post one = post();
  one.content = "Look\n" + link.text() + "mime=image/png;width=640;height=480;";
  const auto print = [&](const HubOutput& out) {
    out.post(hub(), one, false);
    out.event(hub(), {.channel = kChannel,
                      .guid = kMessage,
                      .author = kOther,
                      .revision = 2,
                      .text = one.content});
    out.revision(hub(), one, {.number = 1, .time = 0, .content = one.content});
  };
  const std::string people = printed(false, print);
  EXPECT_THAT(people, HasSubstr("Look  [picture xgpj.png, 640x480, 80 KiB]"));
  EXPECT_THAT(people, Not(HasSubstr(key)));
  EXPECT_THAT(people, Not(HasSubstr("dim:object")));
  const auto object =
      parse_json_object(printed(true, [&](const HubOutput& out) { out.post(hub(), one, false); }));
  ASSERT_TRUE(object);
  EXPECT_EQ(*object->text("text"), "Look");
  const JsonObject& file = *(*object->find("files")->array())[0].object();
  EXPECT_EQ(*file.text("name"), "xgpj.png");
  EXPECT_EQ(*file.text("kind"), "image");
  EXPECT_EQ(*file.text("mime"), "image/png");
  EXPECT_EQ(*file.find("bytes")->integer(), 82'000);
  EXPECT_EQ(*file.find("width")->integer(), 640);
  EXPECT_FALSE(*file.find("preview")->boolean());
  EXPECT_EQ(MediaLink::parse(*file.text("link"))->guid, kMessage);
}

}  // namespace
}  // namespace dim
