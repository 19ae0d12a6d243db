// The table of docs/protocol/registry.md section 1 against a station that runs: each operation on
// each type on each lane is done there, or refused, as the table says.
#include <gmock/gmock.h>

#include <array>
#include <map>
#include <set>

#include "server/station_fixture.h"
#include "tests/markdown.h"

namespace dim::station_test {
namespace {

constexpr const char* kPage = "docs/protocol/registry.md";
constexpr std::array kLanes{Lane::control, Lane::text, Lane::media, Lane::audio, Lane::video};
constexpr std::array kOperations{Operation::create, Operation::notify, Operation::edit,
                                 Operation::remove, Operation::erase,  Operation::destroy,
                                 Operation::get};

std::string plain(std::string cell) {
  std::erase(cell, '`');
  return cell;
}

/// Operation and type -> the lanes, the first one first.
using Table = std::map<std::pair<std::string, std::string>, std::vector<std::string>>;

Table table_of_page() {
  Table out;
  for (const auto& row : markdown_rows(kPage, 8)) {
    if (!parse_operation(row[0]) || row[0] == "CONNECT") continue;
    std::vector<std::string> lanes;
    std::istringstream in(row[3]);
    for (std::string lane; in >> lane;) {
      if (lane.back() == ',') lane.pop_back();
      lanes.push_back(lane);
    }
    out[{row[0], plain(row[1])}] = lanes;
  }
  return out;
}

class Registry : public StationTest {
 protected:
  void SetUp() override {
    const Rate free{0, 0};
    Quotas& quotas = config.quotas;
    for (Rate* rate : {&quotas.messages, &quotas.notices, &quotas.history, &quotas.documents,
                       &quotas.names, &quotas.hubs, &quotas.invites, &quotas.changes,
                       &quotas.destroys, &quotas.media, &quotas.subnet_messages})
      *rate = free;
    start();
    for (const Lane lane : kLanes) {
      LoggedIn in = login("alice");
      if (lane != Lane::control) {
        EXPECT_EQ(open_lane(in, std::nullopt, lane).code, 200);
      }
      sessions_.push_back(std::move(in));
    }
  }

  /// What a request that is otherwise empty gets on a lane.
  Packet asked(Lane lane, Operation operation, const std::string& type, const char* priority) {
    LoggedIn& in = sessions_[static_cast<std::size_t>(lane)];
    Packet packet = Packet::request(operation);
    packet.set("id", std::to_string(++asked_)).set("type", type);
    packet.set("target", "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4").set("priority", priority);
    return answer(lane == Lane::control ? *in.control : *in.text, packet);
  }

 private:
  std::vector<LoggedIn> sessions_;
  int asked_ = 0;
};

TEST_F(Registry, EveryOperationIsDoneOnTheLanesOfTheTableAndOnNoOther) {
  const Table table = table_of_page();
  ASSERT_GT(table.size(), 70U) << kPage << " has no table";
  std::set<std::string> types{"nonsense"};
  for (const auto& [key, lanes] : table) types.insert(key.second);
  for (const std::string& type : types) {
    for (const Operation operation : kOperations) {
      const std::string word(to_string(operation));
      const auto row = table.find({word, type});
      const bool writes = operation != Operation::get && operation != Operation::notify;
      for (const Lane lane : kLanes) {
        for (const char* priority : {"normal", "high"}) {
          const Packet got = asked(lane, operation, type, priority);
          const std::string what =
              word + " " + type + " on " + std::string(to_string(lane)) + ", priority " + priority;
          if (row == table.end()) {
            EXPECT_EQ(got.code, 501) << what << ": it has no row in " << kPage << " section 1";
            continue;
          }
          const auto& lanes = row->second;
          const bool overtakes = writes && lane == Lane::control && lanes.front() == "text" &&
                                 priority == std::string_view("high");
          if (lanes.front() == "all" || overtakes ||
              std::ranges::find(lanes, to_string(lane)) != lanes.end()) {
            EXPECT_THAT(got.code, testing::AllOf(testing::Ne(501), testing::Ne(417)))
                << what << ": " << kPage << " section 1 has it there";
            continue;
          }
          EXPECT_EQ(got.code, 417) << what << ": " << kPage << " section 1 does not have it there";
          const auto first = std::ranges::find_if(
              kLanes, [&](Lane one) { return to_string(one) == lanes.front(); });
          EXPECT_EQ(got.get("port"), std::to_string(8800 + (first - kLanes.begin()))) << what;
        }
      }
    }
  }
}

}  // namespace
}  // namespace dim::station_test
