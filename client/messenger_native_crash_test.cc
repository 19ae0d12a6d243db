// Power cuts while forward secret messages are sent and opened: whatever of the home's files is on
// the disk then, no message is lost, none is shown twice, and no key seals two things.
#include <filesystem>
#include <set>

#include "client/native_fixture.h"
#include "client/outbox.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;

class MessengerNativeCrash : public NativeScene {
 protected:
  MessengerNativeCrash() : alice(add_on_disk("alice")), bob(add_on_disk("bob")) {}
  ~MessengerNativeCrash() override { people.clear(); }  // before their folders

  Person& add_on_disk(const std::string& name) {
    return add(Home::create(path(name), std::nullopt,
                            Account::make_user(name, kFakeNow - 10'000, fake_random()).value(),
                            fake_random())
                   .value());
  }
  std::string path(const std::string& name) const { return folder.path() + "/" + name; }
  static fs::path log_of(const std::string& home) {
    for (const auto& one : fs::recursive_directory_iterator(home)) {
      if (one.path().string().ends_with("-wal")) return one.path();
    }
    return {};
  }
  std::uintmax_t log_size(const std::string& name) const {
    return fs::file_size(log_of(path(name)));
  }

  /// The files of a home as a power cut leaves them: with its log up to `bytes`, as what is behind
  /// the last sync may be there or not.
  std::string cut(const std::string& home, std::uintmax_t bytes = UINTMAX_MAX) {
    const std::string to = path("cut " + std::to_string(++cuts));
    fs::copy(home, to, fs::copy_options::recursive);
    const fs::path log = log_of(to);
    if (bytes < fs::file_size(log)) fs::resize_file(log, bytes);
    std::string shared = log.string();
    fs::remove(shared.replace(shared.size() - 3, 3, "shm"));  // is in memory
    return to;
  }
  static Home open_home(const std::string& at) {
    return Home::open(at, std::nullopt, fake_random()).value();
  }
  /// Where the log may end between two moments: at each of its pages, and within each.
  static std::vector<std::uintmax_t> ends(std::uintmax_t from, std::uintmax_t to) {
    constexpr std::uintmax_t kHeader = 32, kPage = 4'096 + 24;
    std::set<std::uintmax_t> out{from, to};
    for (std::uintmax_t at = kHeader; at < to; at += kPage) {
      if (at > from) out.insert(at);
      if (at + kPage / 2 > from && at + kPage / 2 < to) out.insert(at + kPage / 2);
    }
    return {out.begin(), out.end()};
  }
  static std::string sessions(Home& home, const Person& with) {
    return home.vault().get("native sessions", with.device())->value_or("");
  }
  static std::vector<std::string> texts(Home& home, const Person& with) {
    std::vector<std::string> out;
    History history(home.vault());
    const auto all = history.newest(with.id(), 100).value();
    for (const HistoryEntry& one : all) out.push_back(one.text + (one.cause.empty() ? "" : "?"));
    return out;
  }

  void acquaint() {
    say(alice, bob, "hello");
    say(bob, alice, "hello yourself");
    bob.received.clear();
    wires.clear();
  }

  /// Bob's home is cut wherever it can be while it takes the message, and goes on.
  void cut_while_it_is_opened() {
    hold_pushes = true;
    say(alice, bob, "the secret");
    log_out(alice);
    ASSERT_EQ(bob.inbox.size(), 1U);
    const Packet push = bob.inbox.front();
    bob.inbox.clear();
    hold_pushes = false;
    const std::string before = sessions(bob.home, alice);
    const auto once = bob.home.vault().count("native one-time prekeys").value();
    const auto marks = bob.home.vault().count("native opened").value();
    const std::uintmax_t from = log_size("bob");
    answer(bob, Lane::text, push);
    ASSERT_THAT(texts(bob.home, alice), Contains("the secret"));
    log_out(bob);
    const std::string files = path("bob");
    const std::uintmax_t to = log_size("bob");
    ASSERT_GT(to, from);
    std::set<bool> seen;
    for (const std::uintmax_t end : ends(from, to)) {
      Home home = open_home(cut(files, end));
      const bool shown = std::ranges::count(texts(home, alice), "the secret") == 1;
      seen.insert(shown);
      EXPECT_EQ(sessions(home, alice) != before, shown) << end;
      EXPECT_EQ(home.vault().count("native opened").value() > marks, shown) << end;
      if (before.empty()) {
        EXPECT_EQ(home.vault().count("native one-time prekeys").value() < once, shown) << end;
      }
      Person& again = add(std::move(home));
      again.cursor = bob.cursor;
      log_in(again);
      answer(again, Lane::text, push);  // the station has no acknowledgement of it yet
      settle();
      std::vector<std::string> all = texts(again.home, alice);
      EXPECT_EQ(std::ranges::count(all, "the secret"), 1) << end;
      EXPECT_EQ(std::ranges::count(all, "?"), 0) << end;
      again.messenger.reset();
      again.online = false;
      people.pop_back();
    }
    EXPECT_EQ(seen.size(), 2U) << "some cuts come before, and some behind";
  }

  /// Alice's home is cut wherever it can be until a message leaves, and when it does.
  void cut_while_it_is_sealed() {
    loses = true;
    std::vector<std::pair<std::string, std::string>> left;  // bytes, files
    alice.leaving = [&](const std::string& bytes) { left.emplace_back(bytes, cut(path("alice"))); };
    const std::string before = sessions(alice.home, bob);
    const std::uintmax_t from = log_size("alice");
    const std::string guid = say(alice, bob, "the secret");
    alice.leaving = nullptr;
    log_out(alice);
    ASSERT_EQ(wires.size(), 1U);
    const std::string wire = *wires[0].content;
    const auto out = std::ranges::find_if(
        left, [&](const auto& one) { return one.first.find(wire) != std::string::npos; });
    ASSERT_NE(out, left.end());
    const std::uintmax_t to = fs::file_size(log_of(out->second));
    ASSERT_GT(to, from);
    std::string moved;
    {
      Home home = open_home(cut(out->second));
      moved = sessions(home, bob);
      EXPECT_NE(moved, before);
    }
    std::set<bool> seen;
    for (const std::uintmax_t end : ends(from, to)) {
      Home home = open_home(cut(out->second, end));
      const auto row = Outbox(home.vault()).find(guid).value();
      const bool sealed = row && !row->wire.empty();
      seen.insert(sealed);
      EXPECT_EQ(sealed, sessions(home, bob) == moved) << end;
      if (sealed) {
        EXPECT_EQ(row->wire, wire) << end;
      }
      EXPECT_EQ(row.has_value(), std::ranges::count(texts(home, bob), "the secret") == 1) << end;
    }
    EXPECT_EQ(seen.size(), 2U);
    // What has left goes out again as it was.
    loses = false;
    Person& again = add(open_home(cut(out->second)));
    log_in(again);
    ASSERT_GE(wires.size(), 2U);
    EXPECT_EQ(*wires[1].content, wire);
    EXPECT_THAT(bob.read(), ElementsAre("the secret (secure)"));
  }

  TemporaryFolder folder;
  int cuts = 0;
  Person& alice;
  Person& bob;
};

TEST_F(MessengerNativeCrash, R1_J32_TheFirstOfASessionIsOpenedWholeOrNotAtAll) {
  learn(bob, alice.home.account().visa);
  log_in(bob);
  log_in(alice);
  cut_while_it_is_opened();
}

TEST_F(MessengerNativeCrash, R1_J32_AMessageIsOpenedWholeOrNotAtAll) {
  log_in(bob);
  log_in(alice);
  acquaint();
  cut_while_it_is_opened();
}

TEST_F(MessengerNativeCrash, R1_A03_TheFirstOfASessionLeavesWithItsKeysOnTheDisk) {
  log_in(bob);
  log_in(alice);
  cut_while_it_is_sealed();
}

TEST_F(MessengerNativeCrash, R1_A03_AMessageLeavesWithItsKeysOnTheDisk) {
  log_in(bob);
  log_in(alice);
  acquaint();
  cut_while_it_is_sealed();
}

TEST_F(MessengerNativeCrash, R1_A03_PrekeysLeaveWithTheirSecretsOnTheDisk) {
  std::vector<std::pair<std::string, std::string>> left;
  alice.leaving = [&](const std::string& bytes) { left.emplace_back(bytes, cut(path("alice"))); };
  log_in(alice);
  alice.leaving = nullptr;
  const Prekeys& held = prekeys.at(alice.device());
  ASSERT_FALSE(held.once.empty());
  const std::string mark = to_base64(held.once.back().key);
  const auto out = std::ranges::find_if(
      left, [&](const auto& one) { return one.first.find(mark) != std::string::npos; });
  ASSERT_NE(out, left.end());
  Home home = open_home(out->second);
  const native::DeviceKeys keys = native_device_keys(home.vault()).value();
  const Id device = alice.home.account().device();
  for (const native::OneTimePrekey& one : held.once) {
    const auto secret = native_prekey(home.vault(), native::PrekeyKind::one_time, one.id).value();
    ASSERT_TRUE(secret) << one.id;
    EXPECT_EQ(secret->sign_one_time(keys, device), one);
  }
  const auto current =
      native_prekey(home.vault(), native::PrekeyKind::signed_prekey, held.set.signed_prekey.id)
          .value();
  ASSERT_TRUE(current);
  EXPECT_EQ(current->sign(keys, device), held.set.signed_prekey);
  const auto last =
      native_prekey(home.vault(), native::PrekeyKind::last_resort, held.set.last_resort.id).value();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->sign(keys, device), held.set.last_resort);
}

}  // namespace
}  // namespace dim
