#include "dim/protocol/content_basic.h"

#include <gmock/gmock.h>

#include "dim/crypto/os_random.h"
#include "dim/protocol/content.h"
#include "dim/protocol/wire.h"
#include "testing/contents.h"

namespace dim {
namespace {

using namespace dim::testing;

TEST(BasicContents, APageKeepsItsTitleAndItsHtmlApartFromItsDescription) {
  PageContent page = PageContent::make("https://example.com/", "Title", "Desc", kNow, os_random());
  page.html = "<b>x</b>";
  page.icon = PortableFile{.url = "https://example.com/i.png"};
  const PageContent out = round_trip(page);
  EXPECT_EQ(out.title, "Title");
  EXPECT_EQ(out.url, "https://example.com/");
  EXPECT_EQ(out.desc, "Desc");
  EXPECT_EQ(out.html, "<b>x</b>");
  ASSERT_TRUE(out.icon);
  EXPECT_EQ(out.icon->url, page.icon->url);
}

TEST(BasicContents, F16_ATextSaysWhenItDisappears) {
  TextContent text = TextContent::make("short", kNow, os_random());
  EXPECT_EQ(expiry_of(text), 0);
  set_expiry(text, kNow + 90'500);
  const TextContent out = round_trip(text);
  EXPECT_EQ(expiry_of(out), (kNow + 90'500) / 1'000 * 1'000);
  const auto of = [](std::string_view expires) {
    const auto content = decode_content(
        json(R"({"type":1,"sn":1,"time":1000,"text":"x","expires":)" + std::string(expires) + "}"));
    return content ? expiry_of(*content->as<TextContent>()) : -1;
  };
  EXPECT_EQ(of("1060"), 1'060'000);
  EXPECT_EQ(of("31623400"), 31'623'400'000) << "366 days";
  for (const char* const wrong :
       {"31623401", "0", "-5", "1060.5", "\"1060\"", "null", "true", "9223372036854775807"})
    EXPECT_EQ(of(wrong), 0) << wrong;
}

TEST(BasicContents, ACardNeedsAnIdAndReadsTheOldNameOfIt) {
  CardContent card = CardContent::make(id(kBob), "Bob", kNow, os_random());
  card.avatar = PortableFile{.url = "https://example.com/b.png"};
  const CardContent out = round_trip(card);
  EXPECT_EQ(out.did, id(kBob));
  EXPECT_EQ(out.name, "Bob");
  EXPECT_EQ(out.avatar->url, card.avatar->url);
  const auto old = decode_content(
      json(R"({"type":51,"sn":1,"ID":"0x95E6F72fB194200e95b60332E8142DDF41C7c333","name":"B"})"));
  ASSERT_TRUE(old);
  EXPECT_EQ(old->as<CardContent>()->did, id(kBob));
  EXPECT_EQ(refusal(R"({"type":51,"sn":1,"name":"B"})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":51,"sn":1,"did":"0x95E6F72fB194200e95b60332E8142DDF41C7c333",
                        "ID":"0x21e27549d780db2a32058bD960A6245b01Ad85FF"})"),
            Errc::content);
}

TEST(BasicContents, AnAvatarThatCannotBeReadDoesNotSpoilTheCard) {
  const auto card = decode_content(
      json(R"({"type":51,"sn":1,"did":"0x95E6F72fB194200e95b60332E8142DDF41C7c333","avatar":5})"));
  ASSERT_TRUE(card);
  EXPECT_FALSE(card->as<CardContent>()->avatar);
  EXPECT_EQ(*encode_content(*card).find("avatar"), Json(5));
}

TEST(BasicContents, AQuoteNamesItsOriginAndKeepsMoreOfIt) {
  QuoteContent quote = QuoteContent::make(
      "yes", {.sender = id(kAlice), .receiver = id(kGroup), .type = "1", .sn = 12345}, kNow,
      os_random());
  quote.origin_rest.set("signature", "AAAA");
  const QuoteContent out = round_trip(quote);
  ASSERT_TRUE(out.origin);
  EXPECT_EQ(out.origin->sender, id(kAlice));
  EXPECT_EQ(out.origin->receiver, id(kGroup));
  EXPECT_EQ(out.origin->sn, 12345);
  EXPECT_EQ(out.origin_rest, quote.origin_rest);
  EXPECT_EQ(refusal(R"({"type":55,"sn":1,"text":"x","origin":[]})"), Errc::content);
  EXPECT_EQ(refusal(R"({"type":55,"sn":1,"text":"x","origin":{"sender":"nobody"}})"),
            Errc::content);
}

TEST(BasicContents, AmountsAreNumbersOrTextAndWholeOnesStayWhole) {
  const auto money = round_trip(MoneyContent::make("USD", 100, kNow, os_random()));
  EXPECT_EQ(money.currency, "USD");
  EXPECT_EQ(money.amount, 100);
  EXPECT_THAT(write_json(encode_content(Content(money))), ::testing::HasSubstr("\"amount\":100}"));
  const auto text = decode_content(json(R"({"type":65,"sn":1,"currency":"USD","amount":"12.5"})"));
  ASSERT_TRUE(text);
  EXPECT_EQ(text->as<TransferContent>()->amount, 12.5);
  EXPECT_FALSE(text->as<TransferContent>()->remitter);
  for (const std::string_view amount : {R"("12x")", R"("nan")", R"("1e999")", "[]", "true"}) {
    EXPECT_EQ(refusal(R"({"type":64,"sn":1,"amount":)" + std::string(amount) + "}"), Errc::content)
        << amount;
  }
}

TEST(BasicContents, ATransferNamesBothSides) {
  const auto out =
      round_trip(TransferContent::make("EUR", 0.25, id(kAlice), id(kBob), kNow, os_random()));
  EXPECT_EQ(out.remitter, id(kAlice));
  EXPECT_EQ(out.remittee, id(kBob));
  EXPECT_EQ(out.amount, 0.25);
}

TEST(BasicContents, ApplicationsHaveTwoTypesOfTheirOwn) {
  const auto own = round_trip(CustomizedContent::application("chat.dim.test", kNow, os_random()));
  EXPECT_EQ(own.head.type, "160");
  EXPECT_EQ(own.app, "chat.dim.test");
  EXPECT_EQ(CustomizedContent::make("a", "b", "c", kNow, os_random()).head.type, "204");
}

}  // namespace
}  // namespace dim
