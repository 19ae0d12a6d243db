// For tests of the station: accounts whose metas make one ID (A02, J16).
#pragma once
#include <string_view>

#include "server/station_fixture.h"
#include "testing/twin_metas.h"

namespace dim::station_test {

/// Of kFirstTwin or kSecondTwin, with a visa of its own that promises nothing.
inline Account twin_account(std::string_view scalar) {
  dim::testing::Twin twin = dim::testing::make_twin(scalar);
  auto message_key = PrivateKey::generate_rsa();
  EXPECT_TRUE(message_key.has_value());
  JsonObject properties;
  properties.set("name", "twin");
  properties.set("key", message_key->public_key().json());
  Document visa =
      Document::make(twin.id, "visa", properties, ManualClock().now() - 30'000, twin.key);
  std::vector<PrivateKey> keys;
  keys.push_back(std::move(*message_key));
  return {std::move(twin.id), std::move(twin.meta), std::move(visa), std::move(twin.key),
          std::move(keys)};
}

}  // namespace dim::station_test
