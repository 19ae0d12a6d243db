// What a station shows of a hub is read back as it was; what is not in that form is refused.
#include "dim/engine/hub_view.h"

#include <gmock/gmock.h>

#include "dim/engine/hub_roster.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

const std::string kUser = "0x21e27549d780db2a32058bD960A6245b01Ad85FF";
const std::string kOther = "0x95E6F72fB194200e95b60332E8142DDF41C7c333";
const std::string kGroup = "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";
const std::string kGuid = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4";
const std::string kGuid2 = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5";
constexpr Millis kNow = 1'790'000'000'000;

HubChange change_of(Operation operation, HubObject object, std::string_view body) {
  HubChange out{.operation = operation, .object = object, .actor = kUser, .time = kNow};
  out.body = *parse_json_object(body);
  return out;
}

Hub hub() {
  auto made = Hub::found(kGroup, change_of(Operation::create, HubObject::hub,
                                           R"({"name":"Gardeners","topic":"roses"})"));
  EXPECT_TRUE(made) << to_string(made.error());
  HubChange category = change_of(Operation::create, HubObject::category, R"({"name":"plants"})");
  category.guid = *Guid::parse(kGuid);
  EXPECT_TRUE(made->apply(category));
  HubChange channel =
      change_of(Operation::create, HubObject::channel,
                R"({"name":"general","kind":"announcement","category":")" + kGuid +
                    R"(","overrides":[{"role":"everyone","allow":["write"],"deny":["attach"]}]})");
  channel.guid = *Guid::parse(kGuid2);
  EXPECT_TRUE(made->apply(channel));
  return std::move(*made);
}

TEST(HubView, F20_IsWhatTheHubIs) {
  const Hub made = hub();
  const auto read = read_hub(made.hub_json());
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(read->id, made.id());
  EXPECT_EQ(read->name, made.name());
  EXPECT_EQ(read->topic, made.topic());
  EXPECT_EQ(read->owner, kUser);
  EXPECT_EQ(read->everyone, made.everyone());
  EXPECT_EQ(read->members, 1);
  EXPECT_EQ(read->categories, made.categories());
  const auto channel = read_channel_view(made.channel_json(*Guid::parse(kGuid2)));
  ASSERT_TRUE(channel) << to_string(channel.error());
  EXPECT_EQ(channel->first.text(), kGuid2);
  EXPECT_EQ(channel->second, made.channels().begin()->second);
  const auto member = read_member_view(made.member_json(kUser, kNow));
  ASSERT_TRUE(member) << to_string(member.error());
  EXPECT_EQ(member->who, kUser);
  EXPECT_EQ(member->member.joined, kNow);
  EXPECT_FALSE(member->muted);
  const auto penalty = read_penalty_view(Hub::penalty_json(
      kOther, {.by = kUser, .reason = "spam", .time = kNow, .until = kNow + 1'000}));
  ASSERT_TRUE(penalty) << to_string(penalty.error());
  EXPECT_EQ(penalty->penalty.reason, "spam");
  EXPECT_EQ(penalty->penalty.until, kNow + 1'000);
}

TEST(HubView, InvitesAndRequestsAreRead) {
  Hub made = hub();
  HubChange invite =
      change_of(Operation::create, HubObject::invite, R"({"uses":2,"approval":true})");
  invite.guid = *Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9e6");
  ASSERT_TRUE(made.apply(invite));
  const auto shown = read_invite_view(made.invite_json(*invite.guid));
  ASSERT_TRUE(shown) << to_string(shown.error());
  EXPECT_EQ(shown->second.uses, 2);
  EXPECT_TRUE(shown->second.approval);
  HubChange join = change_of(Operation::create, HubObject::member,
                             R"({"invite":")" + invite.guid->text() + "\"}");
  join.actor = join.member = kOther;
  ASSERT_TRUE(made.apply(join));
  const JsonObject asked = made.request_json(kOther);
  EXPECT_FALSE(asked.contains("invite")) << "an invite is its own key";
  const auto request = read_request_view(asked);
  ASSERT_TRUE(request) << to_string(request.error());
  EXPECT_EQ(request->who, kOther);
  EXPECT_EQ(request->arrived, made.requests().find(kOther)->second.arrived);
}

TEST(HubView, F76_ActsOfTheLogAreReadAndNothingElse) {
  const auto read = [](const std::string& text) { return read_act_view(*parse_json_object(text)); };
  const std::string head = R"({"number":7,"time":"2026-11-26T12:00:00.000Z","author":")" + kUser +
                           R"(","act":"CREATE ban")";
  const auto whole = read(head + R"(,"member":")" + kOther +
                          R"(","guid":"018f6f0e7b8c7cc2a1f3b0d5f3a1c9e6","reason":"spam"})");
  ASSERT_TRUE(whole) << to_string(whole.error());
  EXPECT_EQ(whole->number, 7);
  EXPECT_EQ(whole->act, "CREATE ban");
  EXPECT_EQ(whole->member, kOther);
  EXPECT_EQ(whole->reason, "spam");
  EXPECT_TRUE(read(head + "}"));
  for (const char* more :
       {R"(,"member":"nobody"})", R"(,"guid":"x"})", R"(,"reason":"a\nb"})", R"(,"reason":7})"})
    EXPECT_FALSE(read(head + more)) << more;
  for (const auto& [part, wrong] :
       {std::pair{R"("number":7)", R"("number":0)"}, std::pair{R"("number":7)", R"("n":7)"},
        std::pair{"CREATE ban", ""}, std::pair{"CREATE ban", "a\\u0007b"},
        std::pair{"2026-11-26", "soon"}, std::pair{kUser.c_str(), "nobody"}}) {
    std::string text = head + "}";
    text.replace(text.find(part), std::string_view(part).size(), wrong);
    EXPECT_FALSE(read(text)) << text;
  }
}

TEST(HubView, F72_ReportsAreRead) {
  const std::string usual =
      R"({"guid":")" + kGuid + R"(","channel":")" + kGuid2 + R"(","member":")" + kUser +
      R"(","author":")" + kOther +
      R"(","time":"2026-11-26T12:00:00.000Z","text":"spam",)"
      R"("written":"2026-11-26T11:00:00.000Z","revision":2,"content":"pills"})";
  const auto report = read_report_view(*parse_json_object(usual));
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_EQ(report->post.text(), kGuid);
  EXPECT_EQ(report->user, kUser);
  EXPECT_EQ(report->author, kOther);
  EXPECT_EQ(report->time - report->written, 3'600'000);
  EXPECT_EQ(report->revision, 2);
  EXPECT_EQ(report->content, "pills");
  for (const char* const key :
       {"guid", "channel", "member", "author", "time", "written", "text", "content"}) {
    JsonObject without = *parse_json_object(usual);
    without.erase(key);
    EXPECT_FALSE(read_report_view(without)) << key;
  }
}

TEST(HubView, WhatIsNotInTheFormIsRefused) {
  const auto hub_from = [](std::string_view text) {
    return read_hub(*parse_json_object(text)).has_value();
  };
  const std::string owner = R"(,"owner":")" + kUser + "\"";
  EXPECT_TRUE(hub_from(R"({"hub":")" + kGroup + R"(","name":"x")" + owner + "}"));
  EXPECT_FALSE(hub_from("{}"));
  EXPECT_FALSE(hub_from(R"({"hub":")" + kUser + R"(","name":"x")" + owner + "}")) << "no group";
  EXPECT_FALSE(hub_from(R"({"hub":")" + kGroup + R"(","name":"x","owner":7})"));
  EXPECT_FALSE(hub_from(R"({"hub":")" + kGroup + "\"" + owner + "}")) << "no name";
  EXPECT_FALSE(hub_from(R"({"hub":")" + kGroup + R"(","name":"a\u0007b")" + owner + "}"));
  EXPECT_FALSE(hub_from(R"({"hub":")" + kGroup + R"(","name":"x","roles":[1])" + owner + "}"));
  EXPECT_FALSE(hub_from(R"({"hub":")" + kGroup + R"(","name":"x","members":-1)" + owner + "}"));
  EXPECT_FALSE(read_list("[]"));
  EXPECT_FALSE(read_list(R"({"list":[1]})"));
  EXPECT_FALSE(read_list("no json"));
  EXPECT_THAT(*read_list(R"({"list":[{},{}]})"), SizeIs(2));
  EXPECT_FALSE(read_revisions(R"({"list":[{"revision":1}]})"));
}

Packet push() {
  Packet packet = Packet::request(Operation::create);
  packet.set("type", "message").set("author", kUser).set("target", kGuid).set("guid", kGuid2);
  packet.set("time", "2026-11-26T12:00:00.000Z").set("cursor", "4");
  packet.content = "hello";
  return packet;
}

TEST(PostView, F13_HasEverythingThatCreateShows) {
  Packet packet = push();
  packet.set("changed", "9").set("reply-to", kGuid).set("revision", "3");
  packet.set("edited", "2026-11-26T12:01:00.000Z").set("pinned", "2026-11-26T12:02:00.000Z");
  packet.set("state", "hidden").set("reactions", "[🌹 12, ok 1]");
  const auto post = read_post(packet);
  ASSERT_TRUE(post) << to_string(post.error());
  EXPECT_EQ(post->cursor, 4);
  EXPECT_EQ(post->changed, 9);
  EXPECT_EQ(post->reply->text(), kGuid);
  EXPECT_EQ(post->revision, 3);
  EXPECT_EQ(post->pinned - post->edited, 60'000);
  EXPECT_EQ(post->state, PostState::hidden);
  EXPECT_THAT(post->reactions, ElementsAre(ReactionCount{"🌹", 12}, ReactionCount{"ok", 1}));
  EXPECT_EQ(read_post(push())->changed, 4) << "unchanged since";
}

TEST(PostView, F15_F16_F24_HasItsThreadWhomItIsForAndHowLongItStays) {
  Packet packet = push();
  packet.set("thread", kGuid).set("mentions", "[" + kOther + ", everyone]");
  packet.set("answers", "3").set("answered", "9").set("expires", "2026-11-26T12:01:00.000Z");
  const auto post = read_post(packet);
  ASSERT_TRUE(post) << to_string(post.error());
  EXPECT_EQ(post->thread->text(), kGuid);
  EXPECT_THAT(post->mentions, ElementsAre(kOther, std::string(kEveryone)));
  EXPECT_EQ(post->answers, 3);
  EXPECT_EQ(post->answered, 9);
  EXPECT_EQ(post->expires - post->time, 60'000);
  for (const auto& [key, value] :
       {std::pair{"thread", "x"}, std::pair{"mentions", "[nobody]"}, std::pair{"answers", "-1"},
        std::pair{"answered", "x"}, std::pair{"expires", "soon"}}) {
    Packet wrong = push();
    EXPECT_FALSE(read_post(wrong.set(key, value))) << key;
  }
}

TEST(PostView, OfWhatIsNotInTheFormThePlaceIsReadWhereItCanBe) {
  Packet packet = push();
  packet.set("time", "yesterday").set("changed", "3").set("mentions", "[nobody]");
  ASSERT_FALSE(read_post(packet));
  const auto shown = unreadable_post(packet);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->cursor, 4);
  EXPECT_EQ(shown->changed, 4) << "not before it was made";
  EXPECT_EQ(shown->time, 0);
  EXPECT_FALSE(shown->author.empty());
  EXPECT_EQ(shown->content, "");
  EXPECT_FALSE(shown->unreadable.empty());
  for (const auto& [key, value] : {std::pair{"guid", "x"}, std::pair{"cursor", "0"}}) {
    Packet nowhere = packet;
    EXPECT_FALSE(unreadable_post(nowhere.set(key, value))) << key;
  }
}

TEST(PostView, WhatIsNotInTheFormIsRefused) {
  const auto with = [](std::string_view key, std::string value) {
    Packet packet = push();
    packet.set(key, std::move(value));
    return read_post(packet).has_value();
  };
  EXPECT_FALSE(with("cursor", "0"));
  EXPECT_FALSE(with("cursor", "4x"));
  EXPECT_FALSE(with("cursor", "99999999999999999999"));
  EXPECT_FALSE(with("changed", "3")) << "before it was made";
  EXPECT_FALSE(with("author", "bobby"));
  EXPECT_FALSE(with("target", kGroup));
  EXPECT_FALSE(with("state", "lost"));
  EXPECT_FALSE(with("reactions", "[🌹]"));
  EXPECT_FALSE(with("reactions", "[🌹 -1]"));
  EXPECT_FALSE(with("time", "yesterday"));
  Packet packet = push();
  packet.content = "\xFF";
  EXPECT_FALSE(read_post(packet));
  packet.content = std::string(limits::kSealedPostBytes + 1, 'x');
  EXPECT_FALSE(read_post(packet));
}

TEST(PostView, F11_LiveChangesAreReadAndOthersAreNot) {
  Packet packet = push();
  packet.operation = Operation::edit;
  const auto edited = read_post_event(packet.set("revision", "2"));
  ASSERT_TRUE(edited) << to_string(edited.error());
  EXPECT_EQ(edited->revision, 2);
  EXPECT_EQ(edited->text, "hello");
  packet.operation = Operation::create;
  EXPECT_FALSE(read_post_event(packet)) << "a message that is new";
  packet.set("type", "reaction");
  EXPECT_FALSE(read_post_event(packet)) << "without a symbol";
  EXPECT_EQ(read_post_event(packet.set("symbol", "👍"))->symbol, "👍");
  packet.operation = Operation::edit;
  EXPECT_FALSE(read_post_event(packet)) << "a reaction is not edited";
  Packet gone = push();
  gone.operation = Operation::erase;
  EXPECT_EQ(read_post_event(gone)->state, PostState::deleted);
}

TEST(HubNotice, IsReadAndToldFromWhatIsForPersons) {
  Packet packet = Packet::request(Operation::notify);
  packet.set("type", "channel").set("change", "CREATE").set("author", kUser).set("target", kGroup);
  packet.set("guid", kGuid).set("number", "2").set("time", "2026-11-26T12:00:00.000Z");
  packet.content = R"({"name":"general"})";
  const auto notice = read_hub_notice(packet);
  ASSERT_TRUE(notice) << to_string(notice.error());
  EXPECT_EQ(notice->object, HubObject::channel);
  EXPECT_EQ(notice->guid->text(), kGuid);
  EXPECT_EQ(*notice->shown->text("name"), "general");
  EXPECT_TRUE(is_of_hubs(packet));
  EXPECT_TRUE(is_of_hubs(push()));
  packet.set("number", "0");
  EXPECT_FALSE(read_hub_notice(packet));
  Packet letter = push();
  EXPECT_FALSE(is_of_hubs(letter.set("target", kUser)));
  Packet typing = Packet::request(Operation::notify);
  EXPECT_FALSE(is_of_hubs(typing.set("type", "typing").set("author", kUser)));
  EXPECT_TRUE(is_of_hubs(typing.set("target", kGuid)));
  EXPECT_FALSE(is_of_hubs(Packet::response(200, "1").set("type", "mark")));
}

}  // namespace
}  // namespace dim
