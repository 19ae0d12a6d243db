#include "dim/engine/account.h"

#include "testing/engine_accounts.h"

namespace dim {
namespace {

using namespace dim::testing;

Account fresh() {
  return std::move(Account::make_station("renewed", {}, kNow, os_random()).value());
}

TEST(Account, I13_WhoHasMissedSomeVisasCanFollowTheChainAllTheSame) {
  Account account = fresh();
  std::vector<Document> visas = {account.visa};
  JsonObject properties;
  for (int i = 1; i <= 10; ++i) {
    ASSERT_TRUE(account.update_visa(properties, kNow + i * 1'000));
    visas.push_back(account.visa);
  }
  const auto follows = [&](const Document& before, const Document& after) {
    Directory directory;
    EXPECT_TRUE(directory.learn_meta(account.id, account.meta));
    EXPECT_TRUE(directory.learn_document(account.id, before.json(), kNow + kDay));
    const auto learnt = directory.learn_document(account.id, after.json(), kNow + kDay);
    EXPECT_EQ(learnt.has_value(), !directory.find(account.id)->chain_alarm);
    return learnt.has_value();
  };
  for (std::size_t missed = 0; missed <= 8; ++missed)
    EXPECT_TRUE(follows(visas[9 - missed], visas[10])) << missed;
  EXPECT_FALSE(follows(visas[0], visas[10])) << "longer ago than the visa tells";
  // A thief's visa has the same number, and what follows on it does not follow on ours.
  Document forked = visas[3];
  {
    JsonObject other = visas[3].properties();
    other.set("name", "thief");
    forked = Document::make(account.id, "visa", other, *visas[3].time(), account.identity_key);
  }
  EXPECT_FALSE(follows(forked, visas[4]));
  EXPECT_FALSE(follows(forked, visas[6]));
}

}  // namespace
}  // namespace dim
