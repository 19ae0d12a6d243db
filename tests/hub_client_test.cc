// What people do in public hubs, from their clients through the core of a real station.
#include "dim/engine/media_link.h"
#include "tests/hub_people.h"

namespace dim::station_test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using enum Operation;
using enum HubObject;
constexpr Operation kCreate = Operation::create;

class HubClientTest : public HubPeople {
 protected:
  /// Alice's hub with a channel, and Bob in it.
  void gather(bool bob_follows = false) {
    alice_ = &person("alice");
    bob_ = &person("bob", bob_follows);
    hub_ = found(*alice_);
    channel_ = make(*alice_, HubObject::channel, hub_, R"({"name":"general"})");
    join(*alice_, *bob_, hub_);
    settle();
  }
  Person& alice() { return *alice_; }
  Person& bob() { return *bob_; }
  PostQuery here() const {
    PostQuery query;
    query.target = channel_->text();
    return query;
  }
  Person* alice_ = nullptr;
  Person* bob_ = nullptr;
  std::string hub_;
  std::optional<Guid> channel_;
};

TEST_F(HubClientTest, F20_AHubIsFoundedSeenAndListed) {
  gather();
  const auto seen = read(bob(), hub_);
  ASSERT_TRUE(seen) << seen.error().station;
  EXPECT_EQ(seen->name, "Gardeners");
  EXPECT_EQ(seen->owner, alice().id());
  EXPECT_EQ(seen->members, 2);
  ASSERT_THAT(seen->channels, SizeIs(1));
  EXPECT_EQ(seen->channels.begin()->second.name, "general");
  const Guid under = make(alice(), HubObject::category, hub_, R"({"name":"plants"})");
  make(alice(), HubObject::channel, hub_,
       R"({"name":"roses","category":")" + under.text() + R"(","topic":"red"})");
  auto mine = get<std::vector<HubView>>(
      [&](HubDone<std::vector<HubView>> done) { bob().hubs().mine(std::move(done)); });
  ASSERT_TRUE(mine);
  ASSERT_THAT(*mine, SizeIs(1));
  EXPECT_THAT(mine->front().channels, SizeIs(2));
  EXPECT_EQ(mine->front().categories.at(under).name, "plants");
  const auto place = find_place(*mine, "Gardeners/roses", bob().home);
  ASSERT_TRUE(place) << to_string(place.error());
  EXPECT_EQ(mine->front().channels.at(*place->channel).topic, "red");
  Person& carol = person("carol");
  EXPECT_EQ(read(carol, hub_).error().code, 404);
}

TEST_F(HubClientTest, ListsOfMoreThanAPageComeWhole) {
  gather();
  for (int i = 0; i < 90; ++i)
    make(alice(), HubObject::role, hub_, R"({"name":"r)" + std::to_string(i) + "\"}");
  for (int i = 0; i < 210; ++i)
    make(alice(), HubObject::channel, hub_, R"({"name":"c)" + std::to_string(i) + "\"}");
  const auto seen = read(bob(), hub_);
  ASSERT_TRUE(seen) << seen.error().station;
  EXPECT_THAT(seen->roles, SizeIs(90));
  EXPECT_THAT(seen->channels, SizeIs(211));
}

TEST_F(HubClientTest, F11_F12_F13_F14_PostsAreAnsweredEditedReactedToTakenBackAndDeleted) {
  gather();
  const Guid question = post(bob(), hub_, *channel_, "Where do the roses go?");
  EXPECT_EQ(bob().posted.at(question.text()).code, 201);
  const Guid answer = post(alice(), hub_, *channel_, "Into the sun.", question);
  EXPECT_EQ(
      code(bob(), on(edit, message, question).set("revision", "1"), "Where do the red roses go?"),
      200);
  EXPECT_EQ(code(bob(), on(edit, message, question).set("revision", "1"), "Stale?"), 407);
  EXPECT_EQ(code(alice(), on(edit, message, question), "Mine!"), 403);
  EXPECT_EQ(code(alice(), on(kCreate, reaction, question).set("symbol", "🌹")), 201);
  EXPECT_EQ(code(alice(), on(kCreate, pin, question)), 201);
  PostQuery whole;
  whole.target = question.text();
  whole.earlier = true;
  auto page = posts(bob(), whole);
  ASSERT_TRUE(page) << page.error().station;
  ASSERT_THAT(page->posts, SizeIs(1));
  const Post& post = page->posts.front();
  EXPECT_EQ(post.content, "Where do the red roses go?");
  EXPECT_EQ(post.revision, 2);
  EXPECT_THAT(post.reactions, ElementsAre(ReactionCount{"🌹", 1}));
  EXPECT_NE(post.pinned, 0);
  ASSERT_THAT(page->earlier, SizeIs(1));
  EXPECT_EQ(page->earlier.front().content, "Where do the roses go?");
  PostQuery pinned = here();
  pinned.pinned = true;
  EXPECT_THAT(texts(posts(bob(), pinned)), ElementsAre("Where do the red roses go?"));

  EXPECT_EQ(code(alice(), on(Operation::remove, message, question)), 200) << "hides it";
  Person& carol = person("carol");
  join(alice(), carol, hub_);
  page = posts(carol, here());
  ASSERT_THAT(page->posts, SizeIs(2));
  EXPECT_EQ(page->posts.back().state, PostState::hidden);
  EXPECT_EQ(page->posts.back().content, "");
  EXPECT_EQ(page->posts.front().reply, question);
  EXPECT_EQ(code(alice(), on(edit, message, question).set("state", "shown")), 200);
  EXPECT_EQ(code(bob(), on(Operation::remove, message, question)), 200) << "takes it back";
  EXPECT_EQ(posts(carol, here())->posts.back().state, PostState::removed);
  EXPECT_EQ(code(alice(), on(erase, message, answer)), 204);
  EXPECT_EQ(posts(carol, here())->posts.front().state, PostState::deleted);
  whole.target = answer.text();
  EXPECT_EQ(posts(carol, whole).error().code, 410);
}

TEST_F(HubClientTest, F49_N14_WhatAMessageLinksToIsNamedToTheStationAndGoesWithIt) {
  gather();
  const auto file = [&](Person& owner) {
    const std::string bytes = "sealed bytes of a file, " + std::to_string(store.blobs());
    MediaLink out{.guid = Guid::make(clock.now(), random),
                  .station = hub_station_account().id.text(),
                  .size = static_cast<std::int64_t>(bytes.size()),
                  .sha256 = sha256(as_bytes(bytes)),
                  .key = Secret::copy_of(Bytes(32, 9)),
                  .name = "a file"};
    const std::vector<Write> upload{
        OpenMedia{.guid = out.guid, .owner = owner.id(), .size = out.size, .time = clock.now()},
        PutPiece{out.guid, owner.id(), 0, bytes, clock.now()},
        CheckMedia{out.guid, owner.id(), out.sha256, clock.now()}};
    EXPECT_TRUE(store.commit(upload));
    return out;
  };
  const MediaLink roses = file(alice()), tulips = file(alice()), letter = file(bob());
  const Guid one = post(alice(), hub_, *channel_, "Look: " + roses.text() + " (roses)");
  EXPECT_EQ(alice().posted.at(one.text()).code, 201);
  EXPECT_THAT(*store.media_channels(roses.guid, 10), ElementsAre(*channel_));
  const Guid other = make(alice(), HubObject::channel, hub_, R"({"name":"other"})");
  const Guid passed = post(bob(), hub_, other, roses.text());
  EXPECT_EQ(bob().posted.at(passed.text()).code, 201) << "somebody who reads it passes it on";
  EXPECT_THAT(*store.media_channels(roses.guid, 10), ElementsAre(*channel_)) << "and holds nothing";
  EXPECT_EQ(code(alice(), on(erase, message, one)), 204);
  EXPECT_EQ(store.media(roses.guid).value()->state, MediaState::deleted);
  EXPECT_EQ(code(bob(), on(Operation::remove, message, passed)), 200);
  // A link that somebody was given is text, when the file is not theirs to hold.
  const Guid given = post(bob(), hub_, *channel_, tulips.text());
  EXPECT_EQ(bob().posted.at(given.text()).code, 201);
  EXPECT_THAT(*store.media_channels(tulips.guid, 10), IsEmpty());
  EXPECT_EQ(*bob().messenger->waiting(), 0U);

  ASSERT_TRUE(bob().messenger->send_text(*Id::parse(alice().id()), "Look: " + letter.text()));
  settle();
  EXPECT_EQ(store.media(letter.guid).value()->touched, kMediaHeld) << "as long as it waits";
  EXPECT_NE(store.media(tulips.guid).value()->touched, kMediaHeld);
}

TEST_F(HubClientTest, PagesGoInBothDirections) {
  gather();
  for (int i = 1; i <= 7; ++i) post(alice(), hub_, *channel_, std::to_string(i));
  PostQuery query = here();
  query.limit = 3;
  auto page = posts(bob(), query);
  EXPECT_THAT(texts(page), ElementsAre("7", "6", "5"));
  ASSERT_TRUE(page->next);
  query.before = page->next;
  page = posts(bob(), query);
  EXPECT_THAT(texts(page), ElementsAre("4", "3", "2"));
  query.before = page->next;
  page = posts(bob(), query);
  EXPECT_THAT(texts(page), ElementsAre("1"));
  EXPECT_FALSE(page->next);
  query.before.reset();
  query.after = 2;
  page = posts(bob(), query);
  EXPECT_THAT(texts(page), ElementsAre("3", "4", "5"));
  query.after = page->next;
  EXPECT_THAT(texts(posts(bob(), query)), ElementsAre("6", "7"));
}

TEST_F(HubClientTest, F18_UnreadIsExactAndTheSameAfterTheStationIsStartedAgain) {
  gather();
  for (int i = 1; i <= 5; ++i) post(alice(), hub_, *channel_, std::to_string(i));
  EXPECT_EQ(mark(bob(), *channel_)->unread, 5);
  EXPECT_EQ(mark(alice(), *channel_)->unread, 0) << "one's own are read";
  EXPECT_EQ(code(bob(), on(notify, HubObject::mark, *channel_).set("cursor", "3")), 200);
  EXPECT_EQ(mark(bob(), *channel_)->unread, 2);
  restart();
  come(bob(), false);
  const auto again = mark(bob(), *channel_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->unread, 2);
  EXPECT_EQ(again->cursor, 3);
}

TEST_F(HubClientTest, F17_SearchFindsAChineseWordOfTwoCharacters) {
  gather();
  post(alice(), hub_, *channel_, "今天天气很好");
  post(alice(), hub_, *channel_, "天上的气球");
  post(alice(), hub_, *channel_, "Rosen und Lilien");
  PostQuery query;
  query.target = hub_;
  query.search = "天气";
  EXPECT_THAT(texts(posts(bob(), query)), ElementsAre("今天天气很好"));
  query.search = "rosen";
  query.target = channel_->text();
  EXPECT_THAT(texts(posts(bob(), query)), ElementsAre("Rosen und Lilien"));
}

TEST_F(HubClientTest, R1_R5_WhatWasWrittenWhileTheStationWasAwayArrivesOnce) {
  gather();
  committer.held = true;
  const Guid first = post(bob(), hub_, *channel_, "before the kill");
  EXPECT_THAT(bob().posted, IsEmpty());
  committer.run();  // stored, and the answer is lost
  committer.held = false;
  restart();
  const auto second = bob().messenger->post(*Id::parse(hub_), *channel_, "while it was away", {});
  ASSERT_TRUE(second);
  EXPECT_EQ(bob().messenger->waiting().value(), 2U);
  come(bob(), false);
  EXPECT_EQ(bob().messenger->waiting().value(), 0U);
  EXPECT_EQ(bob().posted.at(first.text()).code, 201);
  EXPECT_EQ(bob().posted.at(second->text()).code, 201);
  come(alice(), false);
  EXPECT_THAT(texts(posts(alice(), here())), ElementsAre("while it was away", "before the kill"));
}

TEST_F(HubClientTest, WhatTheStationRefusesIsSaidAndLeavesTheOutbox) {
  gather();
  Person& carol = person("carol");
  const Guid lost = post(carol, hub_, *channel_, "may I?");
  EXPECT_EQ(carol.posted.at(lost.text()).code, 404);
  auto refused = carol.messenger->refused_posts();
  ASSERT_TRUE(refused);
  ASSERT_THAT(*refused, SizeIs(1)) << "its text is there until somebody has seen it";
  EXPECT_EQ(refused->front().guid, lost);
  EXPECT_EQ(refused->front().hub, hub_);
  EXPECT_EQ(refused->front().channel, *channel_);
  EXPECT_EQ(refused->front().text, "may I?");
  EXPECT_EQ(refused->front().code, 404);
  ASSERT_TRUE(carol.messenger->forget_refused(lost));
  EXPECT_THAT(*carol.messenger->refused_posts(), IsEmpty());
  EXPECT_EQ(carol.messenger->waiting().value(), 0U);
  EXPECT_EQ(carol.messenger->post(*Id::parse(hub_), *channel_, "", {}).error().code,
            Errc::bad_request);
  EXPECT_EQ(
      carol.messenger->post(*Id::parse(hub_), *channel_, std::string(65'537, 'x'), {}).error().code,
      Errc::bad_request);
}

TEST_F(HubClientTest, FollowersHearWhatHappensInOrderAndNothingTwice) {
  gather(true);
  bob().told.clear();
  const Guid one = post(alice(), hub_, *channel_, "one");
  post(bob(), hub_, *channel_, "my own is not news");
  code(alice(), on(edit, message, one), "one!");
  code(alice(), on(kCreate, reaction, one).set("symbol", "👍"));
  code(alice(), on(erase, message, one));
  EXPECT_THAT(bob().told, ElementsAre("new: one", "EDIT message one!", "CREATE reaction 👍",
                                      "DELETE message "));
  bob().told.clear();
  bob().messenger->tick();
  settle();
  EXPECT_EQ(mark(bob(), *channel_)->unread, 0) << "what was told is read";
  bob().messenger->stop();
  settle();
  const Guid two = post(alice(), hub_, *channel_, "two");
  post(alice(), hub_, *channel_, "three");
  code(alice(), on(kCreate, reaction, two).set("symbol", "👍"));
  come(bob(), true);
  EXPECT_THAT(bob().told, ElementsAre("new: three", "new: two"));
  bob().told.clear();
  bob().messenger->stop();
  settle();
  code(alice(), on(edit, message, two), "two!");
  come(bob(), true);
  EXPECT_THAT(bob().told, ElementsAre("again: two!"));
}

TEST_F(HubClientTest, F18_WhoeverIsLetInAgainHearsNothingOfWhatWasWrittenMeanwhile) {
  gather();
  come(bob(), true);
  post(alice(), hub_, *channel_, "told");
  EXPECT_THAT(bob().told, ElementsAre("new: told"));
  come(bob(), false);  // nothing of his follows from here on
  bob().told.clear();
  clock.at += 1'000;
  EXPECT_EQ(
      code(alice(),
           HubClient::request(Operation::erase, HubObject::member, hub_).set("member", bob().id())),
      204);
  settle();
  post(alice(), hub_, *channel_, "while he was out");
  clock.at += 1'000;
  come(bob(), false);
  join(alice(), bob(), hub_);
  post(alice(), hub_, *channel_, "after he came");
  EXPECT_EQ(mark(bob(), *channel_)->unread, 1);
  come(bob(), true);
  EXPECT_THAT(bob().told, ElementsAre("new: after he came"));
}

TEST_F(HubClientTest, F15_F24_ThreadsAndMentionsArriveAsTheyWereWritten) {
  gather();
  const Guid root = post(alice(), hub_, *channel_, "Which soil?");
  const PostLinks links{.thread = root, .mentions = {alice().id()}};
  ASSERT_TRUE(bob().messenger->post(*Id::parse(hub_), *channel_, "@alice: clay", links));
  settle();
  PostQuery query = here();
  query.thread = root;
  const auto thread = posts(alice(), query);
  ASSERT_TRUE(thread);
  ASSERT_THAT(thread->posts, SizeIs(1));
  EXPECT_EQ(thread->posts.front().thread, root);
  EXPECT_THAT(thread->posts.front().mentions, ElementsAre(alice().id()));
  EXPECT_EQ(mark(alice(), *channel_)->mentions, 1);
  EXPECT_EQ(code(alice(), HubClient::request(Operation::edit, HubObject::mark, channel_->text())
                              .set("level", "none")),
            200);
  EXPECT_EQ(mark(alice(), *channel_)->level, NotifyLevel::none);
}

TEST_F(HubClientTest, FollowersHearOfNewChannelsAndReadThem) {
  gather(true);
  bob().told.clear();
  const Guid fresh = make(alice(), HubObject::channel, hub_, R"({"name":"fresh"})");
  post(alice(), hub_, fresh, "hello there");
  EXPECT_THAT(bob().told, ElementsAre("CREATE channel", "new: hello there"));
  const Guid secret = make(alice(), HubObject::channel, hub_, R"({"name":"s","kind":"private"})");
  post(alice(), hub_, secret, "not for bob");
  EXPECT_THAT(bob().told, SizeIs(2));
}

TEST_F(HubClientTest, F21_RolesGiveRightsAndAnOverrideTakesThemInOneChannel) {
  gather();
  const Guid role = make(alice(), HubObject::role, hub_,
                         R"({"name":"keeper","permissions":["moderate"],"rank":5})");
  const Guid text = post(alice(), hub_, *channel_, "a text");
  EXPECT_EQ(code(bob(), on(Operation::remove, message, text)), 403);
  EXPECT_EQ(
      code(alice(), HubClient::request(edit, HubObject::member, hub_).set("member", bob().id()),
           R"({"roles":[")" + role.text() + "\"]}"),
      200);
  EXPECT_EQ(code(bob(), on(Operation::remove, message, text)), 200);
  EXPECT_EQ(code(alice(), on(edit, HubObject::channel, *channel_),
                 R"({"overrides":[{"role":"everyone","deny":["write"],"allow":[]}]})"),
            200);
  const Guid silent = post(bob(), hub_, *channel_, "may I write?");
  EXPECT_EQ(bob().posted.at(silent.text()).code, 403);
}

TEST_F(HubClientTest, N9_WhoIsBannedIsOutAtOnceAndLearnsIt) {
  gather(true);
  bob().told.clear();
  committer.held = true;
  bool answered = false;
  Packet packet = HubClient::request(kCreate, HubObject::ban, hub_).set("member", bob().id());
  packet.content = R"({"reason":"spam"})";
  alice().hubs().ask(packet, [&](const HubResult<Packet>& answer) {
    answered = true;
    ASSERT_TRUE(answer) << answer.error().station;
    EXPECT_EQ(answer->get("streams"), "1");
  });
  settle();
  EXPECT_FALSE(answered) << "the disk works still";
  ASSERT_TRUE(bob().failure) << "and his stream has ended";
  EXPECT_THAT(bob().told, Contains("CREATE ban"));
  committer.held = false;
  committer.run();
  station->end_of_turn();
  settle();
  EXPECT_TRUE(answered);
  come(bob(), true);
  EXPECT_THAT(bob().told, Contains("left Gardeners"));
  EXPECT_EQ(read(bob(), hub_).error().code, 403);
  const Guid lost = post(bob(), hub_, *channel_, "let me in");
  EXPECT_EQ(bob().posted.at(lost.text()).code, 403);
}

TEST_F(HubClientTest, F22_WhoAsksIsLetInByTheOwner) {
  gather();
  Person& carol = person("carol");
  const Guid asks = make(alice(), HubObject::invite, hub_, R"({"approval":true})");
  EXPECT_EQ(code(carol, HubClient::request(kCreate, HubObject::member, hub_),
                 R"({"invite":")" + asks.text() + "\"}"),
            202);
  auto waiting = get<std::vector<JsonObject>>([&](HubDone<std::vector<JsonObject>> done) {
    alice().hubs().list(HubObject::request, hub_, std::move(done));
  });
  ASSERT_TRUE(waiting) << waiting.error().station;
  ASSERT_THAT(*waiting, SizeIs(1));
  EXPECT_EQ(read_request_view(waiting->front())->who, carol.id());
  EXPECT_EQ(
      code(alice(), HubClient::request(edit, HubObject::request, hub_).set("member", carol.id())),
      200);
  EXPECT_TRUE(read(carol, hub_));
}

}  // namespace
}  // namespace dim::station_test
