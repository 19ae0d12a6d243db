#include "client/hub_link.h"

#include <gmock/gmock.h>

#include "client/station_fixture.h"

namespace dim {
namespace {

const char* const kHub = "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";
const char* const kInvite = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4";

HubLink link() { return {*Id::parse(kHub), *Guid::parse(kInvite), fake_target()}; }

TEST(HubLink, F06_HasEverythingThatSomebodyNeedsWhoHasNothingYet) {
  const auto read = HubLink::parse(link().text());
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(read->hub.text(), kHub);
  EXPECT_EQ(read->invite.text(), kInvite);
  EXPECT_EQ(read->station.id, fake_target().id);
  EXPECT_EQ(read->station.host, "::1");
  EXPECT_EQ(read->station.port, 8800);
  EXPECT_EQ(read->station.pins, fake_target().pins);
  EXPECT_EQ(read->text(), link().text());
  EXPECT_THAT(link().text(), testing::StartsWith("dim:hub:Group-777@"));
}

TEST(HubLink, N8_SaysThatItsPortIsThatOfTheWebGateway) {
  EXPECT_FALSE(HubLink::parse(link().text())->station.web);
  HubLink over_web = link();
  over_web.station.web = true;
  EXPECT_TRUE(HubLink::parse(over_web.text())->station.web);
}

TEST(HubLink, I16_SaysWhatIsMissing) {
  const std::string whole = link().text();
  const auto error = [](std::string text) {
    const auto read = HubLink::parse(text);
    return read ? "nothing" : std::string(read.error().hint);
  };
  const auto without = [&](std::string_view key) {
    std::string text = whole;
    const std::size_t at = text.find(std::string(key) + "=");
    return text.erase(at, text.find(';', at) + 1 - at);
  };
  EXPECT_THAT(error("dim:user:bobby"), testing::HasSubstr("begins with dim:hub:"));
  EXPECT_THAT(error("dim:hub:dancers?invite=1"), testing::HasSubstr("names no hub"));
  EXPECT_THAT(error(without("invite")), testing::HasSubstr("no invite"));
  EXPECT_THAT(error(without("station")), testing::HasSubstr("names no station"));
  EXPECT_THAT(error(without("host")), testing::HasSubstr("no host"));
  EXPECT_FALSE(HubLink::parse(whole.substr(0, whole.find('?')) + "?invite=42;")) << "no GUID";
  EXPECT_FALSE(HubLink::parse("dim:hub:%00"));
}

}  // namespace
}  // namespace dim
