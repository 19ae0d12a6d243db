// A messenger whose home is on a disk, for what has to survive a program's end. Included by tests
// only.
#pragma once
#include <stdlib.h>

#include <filesystem>

#include "client/messenger_fixture.h"

namespace dim {

class HomeTest : public MessengerTest {
 protected:
  HomeTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "dim-home-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
    Account me = Account::make_user("me", kFakeNow - 1'000, fake_random()).value();
    home = Home::create(folder_ + "/home", std::nullopt, std::move(me), fake_random()).value();
    EXPECT_TRUE(home.set_station(fake_target()));
    know(peer());
  }
  ~HomeTest() override {
    messenger.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  /// As the next `dim` of this home finds it.
  void restart() {
    messenger.reset();
    received.clear();
    home = reopen();
    log_in();
  }
  /// As another program that runs at the same time has it.
  Home reopen() { return Home::open(folder_ + "/home", std::nullopt, fake_random()).value(); }

 private:
  std::string folder_;
};

}  // namespace dim
