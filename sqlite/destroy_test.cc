// R20: what is destroyed is nowhere in the data folder any more when the commit returns, and after
// a kill at any moment it is finished at the next start.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <random>

#include "sqlite/sqlite_store.h"
#include "sqlite/store_testing.h"
#include "sqlite/traces_testing.h"
#include "testing/long_form.h"

namespace dim {
namespace {

using testing::IsEmpty;

const Guid kChannel = guid(1'000'001);

std::unique_ptr<SqliteStore> opened(const TemporaryFolder& folder) {
  auto store = SqliteStore::open(folder.path());
  EXPECT_TRUE(store) << to_string(store.error());
  return store ? std::move(*store) : nullptr;
}

Written one(Store& store, Write write) {
  const auto out = store.commit(std::span(&write, 1));
  EXPECT_TRUE(out) << to_string(out.error());
  return out ? out->at(0) : Written{Accepted::conflict, {}};
}

Write destroy(int number) {
  return ChangePost{.guid = guid(number), .act = PostAct::destroy, .time = kTestTime};
}

std::string text_of(int number) {
  return "canary" + std::to_string(number) + " sings of number " + std::to_string(number * 7'919);
}

void put(Store& store, int number, const std::string& text, const Guid& channel = kChannel) {
  EXPECT_EQ(one(store, PutPost{.post = {.guid = guid(number),
                                        .channel = channel,
                                        .time = kTestTime,
                                        .author = "alice",
                                        .content = text}})
                .accepted,
            Accepted::stored);
}

/// Numbers `from` to `to` at once.
void put_all(Store& store, int from, int to, const std::function<Guid(int)>& channel_of) {
  std::vector<Write> batch;
  for (int i = from; i <= to; ++i) {
    batch.emplace_back(PutPost{.post = {.guid = guid(i),
                                        .channel = channel_of(i),
                                        .time = kTestTime,
                                        .author = "alice",
                                        .content = text_of(i)}});
  }
  ASSERT_TRUE(store.commit(batch));
}

void edit(Store& store, int number, const std::string& text) {
  one(store,
      ChangePost{.guid = guid(number), .act = PostAct::edit, .text = text, .time = kTestTime});
}

std::vector<std::string> traces_of(const TemporaryFolder& folder, int number) {
  auto out = dim::traces_of(folder.path(), guid(number));
  EXPECT_TRUE(out) << to_string(out.error());
  return out.value_or(std::vector<std::string>());
}

std::vector<std::string> left_of(const TemporaryFolder& folder,
                                 const std::vector<std::string>& traces) {
  return dim::left_of(folder.path(), traces);
}

bool in_any_file(const TemporaryFolder& folder, const std::string& needle) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    if (entry.is_regular_file() && bytes_of_file(entry.path()).find(needle) != std::string::npos)
      return true;
  }
  return false;
}

TEST(Destroy, R20_NothingOfItIsInAnyFileWhenTheCommitReturns) {
  const TemporaryFolder folder;
  auto store = opened(folder);
  constexpr int kPosts = 60;
  std::mt19937 random(7);
  for (int i = 1; i <= kPosts; ++i) {
    put(*store, i, text_of(i) + std::string(i % 10 == 0 ? 9'000 : 0, 'x'));
    if (i % 3 == 0) edit(*store, i / 2 + 1, text_of(1'000 + i));
    if (i % 20 == 0) {
      ASSERT_TRUE(store->tidy(kTestTime, random() % 2 == 0));
    }
  }
  std::map<int, std::vector<std::string>> traces;
  for (int i = 1; i <= kPosts; ++i) {
    traces[i] = traces_of(folder, i);
    ASSERT_GE(traces[i].size(), 2U);
    ASSERT_THAT(left_of(folder, {traces[i].front()}), testing::SizeIs(testing::Ge(3U)))
        << "the search finds what is there";
  }
  std::vector<int> order(kPosts);
  for (int i = 0; i < kPosts; ++i) order[static_cast<std::size_t>(i)] = i + 1;
  std::ranges::shuffle(order, random);
  order.resize(30);
  std::set<int> gone;
  for (const int number : order) {
    const auto word = "canary" + std::to_string(number);
    EXPECT_FALSE(in_any_file(folder, word)) << "no text lies anywhere in the plain";
    ASSERT_EQ(one(*store, destroy(number)).accepted, Accepted::stored);
    gone.insert(number);
    EXPECT_THAT(left_of(folder, traces[number]), IsEmpty()) << number;
    EXPECT_THAT(*store->search(std::array{kChannel}, word, 0, 10), IsEmpty());
    EXPECT_EQ((*store->post(guid(number)))->state, PostState::destroyed);
    EXPECT_EQ((*store->post(guid(number)))->content, "");
    EXPECT_THAT(*store->revisions(guid(number), 0, 1'000), IsEmpty());
    if (number % 7 == 0) {
      store.reset();
      store = opened(folder);
    }
  }
  for (const int number : gone) EXPECT_THAT(left_of(folder, traces[number]), IsEmpty()) << number;
  for (int i = 1; i <= kPosts; ++i) {
    if (gone.contains(i)) continue;
    EXPECT_EQ((*store->post(guid(i)))->content.substr(0, 6), "canary") << "the others stay";
    EXPECT_THAT(*store->search(std::array{kChannel}, std::to_string(i * 7'919), 0, 10),
                testing::SizeIs(testing::Le(1U)));
  }
  EXPECT_EQ(store->verify(), Result<std::size_t>(0));
}

TEST(Destroy, R20_TheIndexOfWordsIsMadeAnewUnderAnotherKey) {
  const TemporaryFolder folder;
  const auto store = opened(folder);
  put(*store, 1, "secret plan");
  put(*store, 2, "open plan");
  const std::string path = folder.path() + "/station.db";
  constexpr std::size_t kHead = 4'096, kSlot = 72;
  const std::string before = bytes_of_file(path + "-words1").substr(kHead, kSlot);
  ASSERT_EQ(before.size(), kSlot);
  one(*store, destroy(1));
  EXPECT_FALSE(in_any_file(folder, before)) << "the key of what the index held is gone";
  EXPECT_THAT(*store->search(std::array{kChannel}, "plan", 0, 10), testing::SizeIs(1));
  EXPECT_THAT(*store->search(std::array{kChannel}, "secret", 0, 10), IsEmpty());
}

TEST(Destroy, R20_AlsoWhatWasHiddenTakenBackOrDeletedBefore) {
  const TemporaryFolder folder;
  const auto store = opened(folder);
  const PostAct acts[] = {PostAct::hide, PostAct::take_back, PostAct::erase};
  for (int i = 0; i < 3; ++i) {
    put(*store, i + 1, text_of(i));
    const auto traces = traces_of(folder, i + 1);
    one(*store, ChangePost{.guid = guid(i + 1), .act = acts[i], .time = kTestTime});
    EXPECT_EQ(one(*store, destroy(i + 1)).accepted, Accepted::stored);
    EXPECT_THAT(left_of(folder, traces), IsEmpty());
  }
}

TEST(Destroy, F74_R20_WhatAChannelForgetsIsInNoFileAndItsPartOfTheIndexHasAnotherKey) {
  const TemporaryFolder folder;
  auto store = opened(folder);
  std::vector<std::string> traces;
  for (int i = 1; i <= 4; ++i) put(*store, i, text_of(i));
  edit(*store, 2, text_of(1'002));
  put(*store, 5, "stays here", guid(1'000'002));
  for (int i = 1; i <= 4; ++i) std::ranges::copy(traces_of(folder, i), std::back_inserter(traces));
  constexpr std::size_t kHead = 4'096, kSlot = 72;
  traces.push_back(bytes_of_file(folder.path() + "/station.db-words1").substr(kHead, kSlot));
  ASSERT_THAT(left_of(folder, traces), testing::SizeIs(testing::Ge(3 * traces.size())));
  EXPECT_EQ(one(*store, ExpirePosts{.channel = kChannel, .before = kTestTime + 1, .now = kTestTime})
                .accepted,
            Accepted::stored);
  EXPECT_THAT(left_of(folder, traces), IsEmpty());
  store.reset();
  store = opened(folder);
  EXPECT_EQ((*store->post(guid(5)))->content, "stays here");
  EXPECT_THAT(*store->search(std::array{guid(1'000'002)}, "stays", 0, 10), testing::SizeIs(1));
  EXPECT_EQ(store->verify(), Result<std::size_t>(0));
}

TEST(Destroy, AMessageThatIsMadeInTheSameBatchIsDestroyedToo) {
  const TemporaryFolder folder;
  const auto store = opened(folder);
  std::vector<Write> batch;
  batch.emplace_back(PutPost{.post = {.guid = guid(1),
                                      .channel = kChannel,
                                      .time = kTestTime,
                                      .author = "alice",
                                      .content = "canary"}});
  batch.push_back(destroy(1));
  ASSERT_TRUE(store->commit(batch));
  EXPECT_EQ((*store->post(guid(1)))->state, PostState::destroyed);
  EXPECT_THAT(*store->search(std::array{kChannel}, "canary", 0, 10), IsEmpty());
}

TEST(Destroy, AnIdThatIsUsedAgainKeepsItsNewKey) {
  const TemporaryFolder folder;
  auto store = opened(folder);
  put(*store, 1, "one");
  one(*store, destroy(1));
  one(*store, DropChannel{kChannel});
  while (*store->tidy(kTestTime, true)) continue;
  put(*store, 2, "two", guid(77));  // in the row, and the slot, of the first
  store.reset();
  store = opened(folder);
  EXPECT_EQ((*store->post(guid(2)))->content, "two");
  EXPECT_EQ(store->verify(), Result<std::size_t>(0));
}

TEST(Destroy, KeysMoveToAFreshFileAndTheOldEpochKeyIsGone) {
  const TemporaryFolder folder;
  auto store = opened(folder);
  for (int i = 1; i <= 20; ++i) put(*store, i, text_of(i));
  const std::string path = folder.path() + "/station.db";
  const std::string epoch = bytes_of_file(path + "-keys1").substr(16, 32);
  const std::string words = bytes_of_file(path + "-words1").substr(16, 32);
  one(*store, destroy(3));
  while (*store->tidy(kTestTime, true)) continue;
  EXPECT_FALSE(in_any_file(folder, epoch));
  EXPECT_FALSE(in_any_file(folder, words));
  EXPECT_TRUE(std::filesystem::exists(path + "-keys2"));
  const auto readable = [&] {
    for (int i = 1; i <= 20; ++i) {
      EXPECT_EQ((*store->post(guid(i)))->content, i == 3 ? "" : text_of(i));
    }
    EXPECT_THAT(*store->search(std::array{kChannel}, "canary7", 0, 10), testing::SizeIs(1));
  };
  readable();
  store.reset();
  store = opened(folder);
  readable();
}

/// Destroys what it is told to, and says so, until it is killed.
[[noreturn]] void destroy_all(const TemporaryFolder& folder, const std::vector<int>& numbers,
                              int to) {
  auto store = SqliteStore::open(folder.path());
  if (!store) ::_exit(1);
  for (const int number : numbers) {
    const Write write = destroy(number);
    if (!(*store)->commit(std::span(&write, 1))) ::_exit(1);
    if (::write(to, &number, sizeof number) != sizeof number) ::_exit(1);
    if (number % 2 == 0) (void)(*store)->tidy(kTestTime, true);
  }
  for (;;) ::pause();
}

TEST(Destroy, R20_AfterAKillAtAnyMomentItIsFinishedAtTheNextStart) {
  std::mt19937 random(20);
  const int rounds = long_form() ? 200 : 10;
  constexpr int kPosts = 10;
  int unfinished = 0;
  for (int round = 0; round < rounds; ++round) {
    const TemporaryFolder folder;
    std::map<int, std::vector<std::string>> traces;
    std::vector<int> numbers;
    {
      const auto store = opened(folder);
      for (int i = 1; i <= kPosts; ++i) {
        put(*store, i, text_of(i));
        numbers.push_back(i);
      }
    }
    for (const int i : numbers) traces[i] = traces_of(folder, i);
    std::ranges::shuffle(numbers, random);
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) destroy_all(folder, numbers, pipe[1]);
    ::close(pipe[1]);
    std::set<int> told;
    // Some are told of, and then it is killed somewhere in the next one.
    const auto most = static_cast<std::size_t>(random() % kPosts);
    int number = 0;
    while (told.size() < most && ::read(pipe[0], &number, sizeof number) == sizeof number)
      told.insert(number);
    ::usleep(static_cast<useconds_t>(random() % 2'000));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    while (::read(pipe[0], &number, sizeof number) == sizeof number) told.insert(number);
    ::close(pipe[0]);
    for (const int i : told)
      EXPECT_THAT(left_of(folder, traces[i]), IsEmpty()) << "it was told of before the kill";
    const auto store = opened(folder);
    for (int i = 1; i <= kPosts; ++i) {
      const auto post = store->post(guid(i));
      ASSERT_TRUE(post && *post) << to_string(post.error());
      if ((*post)->state == PostState::shown) {
        EXPECT_FALSE(told.contains(i));
        EXPECT_EQ((*post)->content, text_of(i));
        continue;
      }
      if (!told.contains(i)) ++unfinished;
      EXPECT_EQ((*post)->state, PostState::destroyed);
      EXPECT_THAT(left_of(folder, traces[i]), IsEmpty());
    }
    EXPECT_EQ(store->verify(), Result<std::size_t>(0));
  }
  RecordProperty("killed on the way", unfinished);
}

// --- channels and hubs

/// All slices; how many there were.
int shred(Store& store, const Shred& what) {
  int slices = 1;
  while (one(store, what).accepted == Accepted::stored) ++slices;
  return slices;
}

std::string channel_change(const std::string& operation, const std::string& name) {
  return R"({"operation":")" + operation +
         R"(","type":"channel","author":"alice","time":1,"guid":")" + kChannel.text() +
         R"(","content":{"name":")" + name + R"(","topic":"canary topic"}})";
}

TEST(Destroy, R20_NothingOfAChannelIsInAnyFileAndItsNeighboursStay) {
  const TemporaryFolder folder;
  auto store = opened(folder);
  const Guid other = guid(2'000'002);
  constexpr int kPosts = 300;
  std::map<int, std::vector<std::string>> traces;
  put_all(*store, 1, kPosts, [&](int i) { return i % 3 == 0 ? other : kChannel; });
  for (int i = 1; i <= 40; i += 6) edit(*store, i, text_of(1'000 + i));
  one(*store, ChangePost{.guid = guid(2), .act = PostAct::erase, .time = kTestTime});
  one(*store, ChangePost{.guid = guid(4), .act = PostAct::hide, .time = kTestTime});
  one(*store, PutHubChange{"hub", 1, channel_change("CREATE", "canary name")});
  one(*store, PutHubChange{"hub", 2, channel_change("EDIT", "canary renamed")});
  one(*store, PutHubChange{"hub", 3, R"({"operation":"CREATE","type":"role","content":{}})"});
  for (int i = 1; i <= kPosts; i += 20) traces[i] = traces_of(folder, i);
  ASSERT_TRUE(in_any_file(folder, "canary name"));
  std::vector<Write> batch;
  batch.emplace_back(DropChannel{kChannel});
  batch.emplace_back(ForgetChannelWords{"hub", kChannel});
  ASSERT_TRUE(store->commit(batch));
  EXPECT_FALSE(*store->post(guid(1))) << "nobody reads it from the first moment on";
  EXPECT_GT(shred(*store, {.channels = {kChannel}}), 1) << "not all of it at once";
  for (const auto& [number, trace] : traces) {
    if (number % 3 != 0) {
      EXPECT_THAT(left_of(folder, trace), IsEmpty()) << number;
    }
  }
  EXPECT_FALSE(in_any_file(folder, "canary"));
  const auto changes = *store->hub_changes(0, 10);
  ASSERT_THAT(changes, testing::SizeIs(3));
  EXPECT_EQ(changes[0].change.substr(0, 60), channel_change("CREATE", "canary name").substr(0, 60));
  EXPECT_TRUE(is_shredded(changes[1].change));
  for (int i = 3; i <= kPosts; i += 3) {
    EXPECT_EQ((*store->post(guid(i)))->content, text_of(i));
  }
  EXPECT_THAT(*store->search(std::array{other}, "canary99", 0, 10), testing::SizeIs(1));
  EXPECT_THAT(*store->search(std::array{other, kChannel}, "canary100", 0, 10), IsEmpty());
  put(*store, 1, "again", other);
  EXPECT_EQ((*store->post(guid(1)))->content, "again");
  store.reset();
  store = opened(folder);
  EXPECT_EQ((*store->post(guid(1)))->content, "again");
  EXPECT_EQ(store->verify(), Result<std::size_t>(0));
}

TEST(Destroy, R20_TheTextsOfAHubsChangesAreWrittenOver) {
  const TemporaryFolder folder;
  const auto store = opened(folder);
  constexpr int kChanges = 5'000;
  std::vector<Write> batch;
  for (int i = 1; i <= kChanges; ++i) {
    batch.emplace_back(PutHubChange{"hub", i, R"({"name":"canary )" + std::to_string(i) + "\"}"});
    batch.emplace_back(PutHubChange{"another", i, "{\"name\":\"stays\"}"});
  }
  ASSERT_TRUE(store->commit(batch));
  put(*store, 1, text_of(1));
  const auto traces = traces_of(folder, 1);
  one(*store, PutHubChange{"hub", kChanges + 1, R"({"operation":"DESTROY"})"});
  one(*store, DropChannel{kChannel});
  EXPECT_EQ(shred(*store, {.channels = {guid(5), kChannel}, .hub = "hub", .number = kChanges + 1}),
            1 + 1 + 1 + kChanges / 2'048);
  EXPECT_FALSE(in_any_file(folder, "canary"));
  EXPECT_THAT(left_of(folder, traces), IsEmpty());
  std::size_t stays = 0;
  const auto all = *store->hub_changes(0, 20'000);
  for (const StoredHubChange& one : all) {
    if (one.hub == "another") ++stays;
    if (one.hub == "hub" && !is_shredded(one.change)) {
      EXPECT_EQ(one.number, kChanges + 1);
    }
  }
  EXPECT_EQ(stays, static_cast<std::size_t>(kChanges));
}

TEST(Destroy, R20_AChannelThatWasKilledHalfWayGoesOnAfterTheStart) {
  const TemporaryFolder folder;
  const TemporaryFolder crashed;
  std::vector<std::string> traces;
  {
    const auto store = opened(folder);
    put_all(*store, 1, 600, [](int) { return kChannel; });
    put(*store, 601, "another", guid(5));
    traces = traces_of(folder, 600);
    one(*store, DropChannel{kChannel});
    EXPECT_EQ(one(*store, Shred{.channels = {kChannel}}).accepted, Accepted::stored);
    std::filesystem::copy(folder.path(), crashed.path(), std::filesystem::copy_options::recursive);
  }
  const auto store = opened(crashed);
  EXPECT_THAT(left_of(crashed, traces), testing::Not(IsEmpty()));
  while (*store->tidy(kTestTime, true)) continue;
  EXPECT_THAT(left_of(crashed, traces), IsEmpty());
  EXPECT_EQ(one(*store, Shred{.channels = {kChannel}}).accepted, Accepted::repeated);
  EXPECT_EQ((*store->post(guid(601)))->content, "another");
  EXPECT_THAT(*store->search(std::array{guid(5)}, "another", 0, 10), testing::SizeIs(1));
  EXPECT_EQ(store->verify(), Result<std::size_t>(0));
}

/// Destroys the channel slice by slice, and says each time that one is done, until it is killed.
[[noreturn]] void destroy_channel(const TemporaryFolder& folder, int to) {
  auto store = SqliteStore::open(folder.path());
  if (!store) ::_exit(1);
  const Write drop = DropChannel{kChannel};
  const Write slice = Shred{.channels = {kChannel}};
  if (!(*store)->commit(std::span(&drop, 1))) ::_exit(1);
  for (;;) {
    const auto written = (*store)->commit(std::span(&slice, 1));
    if (!written) ::_exit(1);
    const char done = written->at(0).accepted == Accepted::stored ? 'a' : 'z';
    if (::write(to, &done, 1) != 1) ::_exit(1);
    if (done == 'z') break;
  }
  for (;;) ::pause();
}

TEST(Destroy, R20_AChannelIsThereOrGoneWheneverItsStationIsKilled) {
  std::mt19937 random(21);
  constexpr int kRounds = 6, kPosts = 600;
  int unfinished = 0;
  for (int round = 0; round < kRounds; ++round) {
    const TemporaryFolder folder;
    std::map<int, std::vector<std::string>> traces;
    {
      const auto store = opened(folder);
      put_all(*store, 1, kPosts, [](int) { return kChannel; });
      put(*store, kPosts + 1, "another", guid(5));
    }
    for (int i = 1; i <= kPosts; i += 60) traces[i] = traces_of(folder, i);
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) destroy_channel(folder, pipe[1]);
    ::close(pipe[1]);
    char told = 0;
    for (int slices = round % 4; slices > 0; --slices) {
      if (::read(pipe[0], &told, 1) != 1) break;
    }
    ::usleep(static_cast<useconds_t>(random() % 5'000));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    while (::read(pipe[0], &told, 1) == 1) continue;
    ::close(pipe[0]);
    if (told == 'z') {
      for (const auto& [number, trace] : traces) EXPECT_THAT(left_of(folder, trace), IsEmpty());
    }
    const auto store = opened(folder);
    while (*store->tidy(kTestTime, true)) continue;
    const auto first = store->post(guid(1));
    ASSERT_TRUE(first);
    if (*first) {
      EXPECT_EQ(told, 0) << "nothing of it was told of";
    }
    if (!*first && told != 'z') ++unfinished;
    for (const auto& [number, trace] : traces) {
      const auto post = store->post(guid(number));
      EXPECT_EQ(post->has_value(), first->has_value());
      if (!*first) {
        EXPECT_THAT(left_of(folder, trace), IsEmpty()) << number;
      }
    }
    EXPECT_EQ((*store->post(guid(kPosts + 1)))->content, "another");
    EXPECT_EQ(store->verify(), Result<std::size_t>(0));
  }
  RecordProperty("killed on the way", unfinished);
}

// --- damage

/// Turns one bit of the slot of a message's key, or of a part's.
void turn_a_bit(const TemporaryFolder& folder, const char* file, std::int64_t slot) {
  constexpr std::size_t kHead = 4'096, kSlot = 72;
  const std::string path = folder.path() + "/station.db-" + file;
  std::string bytes = bytes_of_file(path);
  const auto at = kHead + static_cast<std::size_t>(slot - 1) * kSlot + 30;
  ASSERT_LT(at, bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST(Damage, R14_OneDamagedKeyIsOneDamagedMessage) {
  const TemporaryFolder folder;
  auto store = opened(folder);
  for (int i = 1; i <= 5; ++i) put(*store, i, text_of(i));
  edit(*store, 2, "other text");
  store.reset();
  turn_a_bit(folder, "keys1", 2);
  store = opened(folder);
  const auto page = store->posts(
      kChannel, {.order = PostPage::Order::forward, .from = 0, .limit = 10, .bytes = 100'000});
  ASSERT_TRUE(page) << to_string(page.error());
  ASSERT_THAT(*page, testing::SizeIs(5));
  for (const Post& post : *page) {
    EXPECT_EQ(post.damaged, post.guid == guid(2));
    EXPECT_EQ(post.content.empty(), post.damaged);
  }
  EXPECT_THAT(*store->revisions(guid(2), 0, 1'000), IsEmpty());
  EXPECT_EQ(store->verify(), Result<std::size_t>(2));
}

/// One of five messages is damaged; the store is open.
std::unique_ptr<SqliteStore> with_a_damaged_one(const TemporaryFolder& folder) {
  auto store = opened(folder);
  for (int i = 1; i <= 5; ++i) put(*store, i, text_of(i));
  store.reset();
  turn_a_bit(folder, "keys1", 2);
  return opened(folder);
}

TEST(Damage, R14_WritesAboutADamagedMessageAreRefusedAndTheStoreGoesOn) {
  const TemporaryFolder folder;
  auto store = with_a_damaged_one(folder);
  const Post again{.guid = guid(2),
                   .channel = kChannel,
                   .time = kTestTime,
                   .author = "alice",
                   .content = text_of(2)};
  EXPECT_EQ(one(*store, PutPost{again}).accepted, Accepted::conflict) << "nobody can compare them";
  EXPECT_EQ(one(*store, PutReport{.post = guid(2), .user = "bob", .text = "?", .time = kTestTime})
                .accepted,
            Accepted::conflict);
  for (const PostAct act : {PostAct::edit, PostAct::hide, PostAct::pin, PostAct::destroy}) {
    EXPECT_EQ(
        one(*store, ChangePost{.guid = guid(2), .act = act, .text = "other", .time = kTestTime})
            .accepted,
        Accepted::conflict);
  }
  put(*store, 6, text_of(6));
  EXPECT_TRUE((*store->post(guid(2)))->damaged);
}

TEST(Damage, R14_ADamagedMessageGoesWithItsNeighboursChannelOrTime) {
  for (const bool by_time : {false, true}) {
    SCOPED_TRACE(by_time);
    const TemporaryFolder folder;
    auto store = with_a_damaged_one(folder);
    EXPECT_EQ(one(*store, destroy(3)).accepted, Accepted::stored) << "the index is made anew";
    EXPECT_THAT(*store->search(std::array{kChannel}, "canary4", 0, 10), testing::SizeIs(1));
    if (by_time) {
      EXPECT_EQ(
          one(*store, ExpirePosts{.channel = kChannel, .before = kTestTime + 1, .now = kTestTime})
              .accepted,
          Accepted::stored);
    } else {
      one(*store, DropChannel{kChannel});
      for (bool more = true; more;) {
        const auto tidied = store->tidy(kTestTime, true);
        ASSERT_TRUE(tidied) << to_string(tidied.error());
        more = *tidied;
      }
    }
    EXPECT_FALSE(store->post(guid(2))->has_value());
    EXPECT_EQ(store->verify(), Result<std::size_t>(0));
  }
}

TEST(Damage, R14_WithoutAKeyOfTheIndexItsPartIsNotFoundAndTheRestGoesOn) {
  const TemporaryFolder folder;
  auto store = opened(folder);
  for (int i = 1; i <= 3; ++i) put(*store, i, text_of(i));
  store.reset();
  turn_a_bit(folder, "words1", 1);
  store = opened(folder);
  EXPECT_THAT(*store->search(std::array{kChannel}, "canary1", 0, 10), IsEmpty());
  put(*store, 4, text_of(4));
  edit(*store, 1, "other text");
  EXPECT_EQ((*store->post(guid(1)))->content, "other text");
  EXPECT_EQ(one(*store, destroy(2)).accepted, Accepted::stored);
  EXPECT_THAT(*store->search(std::array{kChannel}, "canary4", 0, 10), testing::SizeIs(1))
      << "it is made anew";
}

// --- media

void upload(Store& store, int number, const std::string& bytes, const std::string& owner) {
  const Digest32 digest = sha256(as_bytes(bytes));
  const auto size = static_cast<std::int64_t>(bytes.size());
  const auto opened = one(store, OpenMedia{guid(number), owner, size, digest, kTestTime});
  ASSERT_FALSE(opened.refused);
  if ((*store.media(guid(number)))->state == MediaState::complete) return;
  one(store, PutPiece{guid(number), owner, 0, bytes, kTestTime});
  while (one(store, CheckMedia{guid(number), owner, digest, kTestTime}).accepted ==
             Accepted::stored &&
         (*store.media(guid(number)))->state == MediaState::open)
    continue;
  ASSERT_EQ((*store.media(guid(number)))->state, MediaState::complete);
}

std::string large_text() {
  std::string out;
  while (out.size() < 300'000) out += "canary in media " + std::to_string(out.size()) + " ";
  return out;
}

TEST(Destroy, R20_TheBytesOfMediaAreOverwrittenWhereTheyLie) {
  const TemporaryFolder folder;
  const TemporaryFolder elsewhere;
  const auto store = opened(folder);
  upload(*store, 1, large_text(), "alice");
  const std::string second = elsewhere.path() + "/second-name";
  std::filesystem::create_hard_link(folder.path() + "/media/1", second);
  ASSERT_TRUE(in_any_file(folder, "canary in media 0 "));
  int slices = 0;
  while (one(*store, DestroyMedia{guid(1), "alice", kTestTime}).accepted == Accepted::stored)
    ++slices;
  EXPECT_GT(slices, 0);
  EXPECT_FALSE(in_any_file(folder, "canary in media"));
  EXPECT_EQ(bytes_of_file(second).find("canary"), std::string::npos) << "not only the name is gone";
  EXPECT_EQ(bytes_of_file(second).size(), large_text().size());
  EXPECT_EQ((*store->media(guid(1)))->state, MediaState::destroyed);
}

TEST(Destroy, R20_AKilledOverwritingOfMediaGoesOnAfterTheStart) {
  const TemporaryFolder folder;
  const TemporaryFolder elsewhere;
  const TemporaryFolder crashed;
  const std::string second = elsewhere.path() + "/second-name";
  {
    const auto store = opened(folder);
    upload(*store, 1, large_text(), "alice");
    // The intent is on the disk, and nothing more.
    EXPECT_EQ(one(*store, DestroyMedia{guid(1), "alice", kTestTime}).accepted, Accepted::stored);
    std::filesystem::copy(folder.path(), crashed.path(), std::filesystem::copy_options::recursive);
  }
  std::filesystem::create_hard_link(crashed.path() + "/media/1", second);
  ASSERT_TRUE(in_any_file(crashed, "canary in media"));
  const auto store = opened(crashed);
  EXPECT_EQ((*store->media(guid(1)))->state, MediaState::destroyed);
  while (*store->tidy(kTestTime, true)) continue;
  EXPECT_FALSE(in_any_file(crashed, "canary in media"));
  EXPECT_EQ(bytes_of_file(second).find("canary"), std::string::npos);
}

}  // namespace
}  // namespace dim
