#include "dim/engine/directory.h"

#include "dim/engine/device_link.h"

#include "dim/engine/verify.h"
#include "testing/engine_accounts.h"
#include "testing/twin_metas.h"

namespace dim {
namespace {

using namespace dim::testing;

JsonObject visa_of(const Twin& owner, Millis time = kNow - kDay) {
  JsonObject properties;
  properties.set("key", carol().message_keys[0].public_key().json());
  return Document::make(owner.id, "visa", properties, time, owner.key).json();
}

SignedMessage message_by(const Twin& sender) {
  SealedMessage sealed{.envelope = {.sender = sender.id, .receiver = bob().id, .time = kSeconds},
                       .data = Bytes(320, 1)};
  SignedMessage message = sign(std::move(sealed), sender.key);
  message.json.set("meta", sender.meta.json());
  return message;
}

// The visa of Alice with other properties, and other `rev` and `prev` where they are given.
JsonObject visa(Millis time, std::optional<int> rev, std::optional<std::string> prev) {
  JsonObject properties;
  properties.set("key", alice().message_keys[0].public_key().json());
  if (rev) properties.set("rev", *rev);
  if (prev) properties.set("prev", *prev);
  return Document::make(alice().id, "visa", properties, time, alice().identity_key).json();
}

std::string link_to(const Document& document) { return "sha256-" + to_base64(document.digest()); }

Errc refusal(Directory& directory, const JsonObject& document) {
  const auto learnt = directory.learn_document(alice().id, document, kNow);
  return learnt ? Errc::internal : learnt.error().code;
}

Directory with_meta_of_alice() {
  Directory directory;
  EXPECT_TRUE(directory.learn_meta(alice().id, alice().meta));
  return directory;
}

// ---- metas ----

TEST(Directory, A02_EntitiesAreKnownByFullIdNotByAddress) {
  const Twin owner = make_twin(kFirstTwin);
  Directory directory;
  ASSERT_TRUE(directory.learn_meta(owner.id, owner.meta));
  EXPECT_NE(directory.find(owner.id), nullptr);
  EXPECT_NE(directory.find(owner.id.with_terminal("phone")), nullptr);
  const Id other("another", owner.id.address());
  EXPECT_EQ(directory.find(other), nullptr);
  EXPECT_EQ(failure(directory.learn_meta(other, owner.meta)), Errc::meta);
  EXPECT_EQ(directory.size(), 1U);
}

TEST(Directory, A02_MetaOfSomebodyElseIsRefused) {
  Directory directory;
  EXPECT_EQ(failure(directory.learn_meta(alice().id, bob().meta)), Errc::meta);
  EXPECT_EQ(failure(directory.prove(alice().id, bob().meta)), Errc::meta);
  EXPECT_EQ(directory.size(), 0U);
}

TEST(Directory, A02_MetaIsProvisionalUntilItsKeyHasSignedSomething) {
  Directory directory = with_meta_of_alice();
  EXPECT_EQ(directory.find(alice().id)->state, MetaState::provisional);
  ASSERT_TRUE(directory.learn_document(alice().id, alice().visa.json(), kNow));
  EXPECT_EQ(directory.find(alice().id)->state, MetaState::pinned);
}

TEST(Directory, J15_ForgedMetaDoesNotReplaceThePinnedOne) {
  const Twin real = make_twin(kFirstTwin);
  const Twin forged = make_twin(kSecondTwin);
  ASSERT_EQ(real.id, forged.id);
  ASSERT_NE(real.meta.digest(), forged.meta.digest());
  Directory directory;
  ASSERT_TRUE(directory.prove(real.id, real.meta));
  const auto status = directory.learn_meta(real.id, forged.meta);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::conflict);
  EXPECT_TRUE(status.error().hint.starts_with("meta-suspect"));
  EXPECT_EQ(directory.find(real.id)->meta->digest(), real.meta.digest());
  EXPECT_EQ(directory.find(real.id)->state, MetaState::pinned);
}

TEST(Directory, J16_TheRealMetaWinsWhenItsVisaComes) {
  const Twin real = make_twin(kFirstTwin);
  const Twin forged = make_twin(kSecondTwin);
  Directory directory;
  ASSERT_TRUE(directory.learn_meta(real.id, forged.meta)) << "the forged one arrives first";
  ASSERT_TRUE(directory.learn_meta(real.id, real.meta));
  EXPECT_EQ(directory.find(real.id)->meta->digest(), forged.meta.digest());
  ASSERT_TRUE(directory.learn_document(real.id, visa_of(real), kNow));
  EXPECT_EQ(directory.find(real.id)->meta->digest(), real.meta.digest());
  EXPECT_EQ(directory.find(real.id)->state, MetaState::pinned);
  EXPECT_EQ(directory.message_keys(real.id).size(), 1U);
}

TEST(Directory, J16_TheRealMetaWinsWhenItsMessageComes) {
  const Twin real = make_twin(kFirstTwin);
  const Twin forged = make_twin(kSecondTwin);
  Directory directory;
  ASSERT_TRUE(directory.learn_meta(real.id, forged.meta));
  const SignedMessage message = message_by(real);
  ASSERT_TRUE(learn_attachments(message, directory, kNow));
  ASSERT_TRUE(verify_and_pin(message, directory, kNow));
  EXPECT_EQ(directory.find(real.id)->meta->digest(), real.meta.digest());
}

TEST(Directory, J16_A02_TwoMetasWithProofBlockSendingUntilTheUserDecides) {
  const Twin real = make_twin(kFirstTwin);
  const Twin forged = make_twin(kSecondTwin);
  Directory directory;
  ASSERT_TRUE(directory.learn_meta(real.id, real.meta));
  ASSERT_TRUE(directory.learn_document(real.id, visa_of(real), kNow));
  ASSERT_EQ(directory.message_keys(real.id).size(), 1U);
  const SignedMessage second = message_by(forged);
  EXPECT_EQ(failure(verify_and_pin(second, directory, kNow)), Errc::conflict);
  EXPECT_EQ(directory.find(real.id)->state, MetaState::suspect);
  EXPECT_TRUE(directory.message_keys(real.id).empty());
  const auto sealed =
      seal(message_of(alice(), real.id, text_content()), alice(), directory, {}, os_random());
  EXPECT_EQ(failure(sealed), Errc::conflict);

  EXPECT_EQ(failure(directory.decide(real.id, alice().meta.digest())), Errc::not_found);
  ASSERT_TRUE(directory.decide(real.id, real.meta.digest()));
  EXPECT_EQ(directory.find(real.id)->state, MetaState::pinned);
  EXPECT_EQ(directory.message_keys(real.id).size(), 1U);
}

TEST(Directory, J16_DecidingForTheOtherMetaDropsTheOldDocuments) {
  const Twin real = make_twin(kFirstTwin);
  const Twin forged = make_twin(kSecondTwin);
  Directory directory;
  ASSERT_TRUE(directory.learn_meta(real.id, forged.meta));
  ASSERT_TRUE(directory.learn_document(real.id, visa_of(forged), kNow));
  ASSERT_EQ(failure(directory.prove(real.id, real.meta)), Errc::conflict);
  ASSERT_TRUE(directory.decide(real.id, real.meta.digest()));
  EXPECT_EQ(directory.find(real.id)->meta->digest(), real.meta.digest());
  EXPECT_TRUE(directory.message_keys(real.id).empty());
}

TEST(Directory, A05_StrangersAreForgottenOldestFirstButNotPinnedOnes) {
  Directory directory(2);
  ASSERT_TRUE(directory.prove(alice().id, alice().meta));
  ASSERT_TRUE(directory.learn_meta(bob().id, bob().meta));
  ASSERT_TRUE(directory.learn_meta(carol().id, carol().meta));
  ASSERT_TRUE(directory.learn_meta(station().id, station().meta));
  EXPECT_NE(directory.find(alice().id), nullptr);
  EXPECT_EQ(directory.find(bob().id), nullptr);
  EXPECT_NE(directory.find(carol().id), nullptr);
  EXPECT_NE(directory.find(station().id), nullptr);
}

// ---- documents ----

TEST(Directory, A04_RollbackIsRefused) {
  Directory directory = with_meta_of_alice();
  const JsonObject newer = visa(kNow - 1'000, std::nullopt, std::nullopt);
  ASSERT_TRUE(directory.learn_document(alice().id, newer, kNow));
  EXPECT_EQ(refusal(directory, visa(kNow - 2'000, std::nullopt, std::nullopt)), Errc::conflict);
  EXPECT_TRUE(directory.learn_document(alice().id, newer, kNow)) << "the same again";
  EXPECT_EQ(*directory.find(alice().id)->documents[0].time(), kNow - 1'000);
}

TEST(Directory, A04_FutureDocumentsAreRefused) {
  constexpr Millis kFiveMinutes = 300'000;
  Directory directory = with_meta_of_alice();
  EXPECT_EQ(refusal(directory, visa(kNow + kFiveMinutes + 1'000, 1, {})), Errc::bad_request);
  EXPECT_TRUE(directory.find(alice().id)->documents.empty());
  EXPECT_TRUE(directory.learn_document(alice().id, visa(kNow + kFiveMinutes, 1, {}), kNow));
}

TEST(Directory, A04_TimelessDocumentsAreRefused) {
  JsonObject object = alice().visa.json();
  auto data = parse_json_object(*object.text("data"));
  ASSERT_TRUE(data);
  const auto resign = [&] {
    const std::string text = write_json(*data, JsonStyle::reference);
    object.set("data", text);
    object.set("signature", to_base64(alice().identity_key.sign(as_bytes(text))));
  };
  Directory directory = with_meta_of_alice();
  data->erase("time");
  resign();
  EXPECT_EQ(refusal(directory, object), Errc::bad_request);
  EXPECT_TRUE(directory.message_keys(alice().id).empty());
  data->set("time", kSeconds - 60);
  resign();
  EXPECT_TRUE(directory.learn_document(alice().id, object, kNow));
}

TEST(Directory, A04_DocumentsCannotBeMovedToAnotherIdOfTheSameKey) {
  // A station has an ID of another type, and of another name, with the same key.
  const PrivateKey& key = station().identity_key;
  const Id bot = station().meta.id(EntityType::bot).value();
  const Meta other_meta = Meta::make_mkm(key, "other");
  const Id other = other_meta.id(EntityType::station).value();
  Directory directory;
  ASSERT_TRUE(directory.learn_meta(bot, station().meta));
  ASSERT_TRUE(directory.learn_meta(other, other_meta));
  for (const Id& id : {bot, other}) {
    JsonObject moved = station().visa.json();
    EXPECT_FALSE(directory.learn_document(id, moved, kNow));
    moved.set("did", id.text());
    moved.set("ID", id.text());
    EXPECT_FALSE(directory.learn_document(id, moved, kNow)) << "the signed did is another";
    EXPECT_TRUE(directory.find(id)->documents.empty());
    const Document own = Document::make(id, "visa", {}, kNow - kDay, key);
    EXPECT_TRUE(directory.learn_document(id, own.json(), kNow));
  }
}

TEST(Directory, I13_ForkAndGapOfTheChainRaiseTheAlarm) {
  const Document first = Directory(with_meta_of_alice())
                             .learn_document(alice().id, visa(kNow - 9'000, 1, {}), kNow)
                             .value();
  const std::string link = link_to(first);
  struct Case {
    const char* name;
    JsonObject document;
  };
  const std::vector<Case> cases = {
      {"gap", visa(kNow - 8'000, 3, link)},
      {"fork", visa(kNow - 8'000, 2, link_to(alice().visa))},
      {"no prev", visa(kNow - 8'000, 2, {})},
      {"same rev", visa(kNow - 8'000, 1, link)},
      {"chain left out", visa(kNow - 8'000, {}, {})},
  };
  for (const Case& entry : cases) {
    Directory directory = with_meta_of_alice();
    ASSERT_TRUE(directory.learn_document(alice().id, first.json(), kNow));
    EXPECT_EQ(refusal(directory, entry.document), Errc::conflict) << entry.name;
    EXPECT_TRUE(directory.find(alice().id)->chain_alarm) << entry.name;
    EXPECT_EQ(directory.find(alice().id)->documents[0].digest(), first.digest()) << entry.name;
    EXPECT_TRUE(directory.accept_document(alice().id, entry.document, kNow)) << entry.name;
    EXPECT_FALSE(directory.find(alice().id)->chain_alarm) << entry.name;
    EXPECT_NE(directory.find(alice().id)->documents[0].digest(), first.digest()) << entry.name;
  }
  Directory directory = with_meta_of_alice();
  ASSERT_TRUE(directory.learn_document(alice().id, first.json(), kNow));
  EXPECT_TRUE(directory.learn_document(alice().id, visa(kNow - 8'000, 2, link), kNow));
  EXPECT_FALSE(directory.find(alice().id)->chain_alarm);
}

TEST(Directory, I13_OurOwnVisasContinueTheirChain) {
  Account account = Account::make_station("chained", {}, kNow - kDay, os_random()).value();
  Directory directory;
  ASSERT_TRUE(directory.learn_meta(account.id, account.meta));
  ASSERT_TRUE(directory.learn_document(account.id, account.visa.json(), kNow));
  JsonObject properties;
  properties.set("name", "Station");
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(account.update_visa(properties, kNow - kDay));
    EXPECT_TRUE(directory.learn_document(account.id, account.visa.json(), kNow));
  }
  ASSERT_TRUE(account.renew_message_key(kNow));
  EXPECT_TRUE(directory.learn_document(account.id, account.visa.json(), kNow));
  EXPECT_EQ(account.message_keys.size(), 2U);
  EXPECT_FALSE(directory.find(account.id)->chain_alarm);
  const auto keys = directory.message_keys(account.id);
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0].second.data(), account.message_keys[0].public_key().data());
}

TEST(Directory, A08_PromiseIsThatOfAllVisas) {
  Directory directory = directory_of({&alice()});
  EXPECT_TRUE(directory.promises(alice().id, "bind"));
  EXPECT_FALSE(directory.promises(alice().id, "native"));
  EXPECT_FALSE(directory.promises(bob().id, "bind"));
  EXPECT_FALSE(directory_of_old_alice().promises(alice().id, "bind"));
  const Document phone = Document::make(alice().id.with_terminal("phone"), "visa", {}, kNow - kDay,
                                        alice().identity_key);
  ASSERT_TRUE(directory.learn_document(alice().id, phone.json(), kNow));
  EXPECT_FALSE(directory.promises(alice().id, "bind"));
}

TEST(Directory, A04_RemovedDevicesTakeNoPlaceAndTheirVisasComeBackByNoWay) {
  Directory directory = directory_of({&alice()});
  Millis at = kNow - kDay;
  const auto visa = [&](int number, bool removed) {
    JsonObject properties;
    if (removed) properties.set("removed", true);
    at += 1'000;
    return Document::make(alice().id.with_terminal("device-" + std::to_string(number)), "visa",
                          properties, at, alice().identity_key)
        .json();
  };
  const auto learn = [&](const JsonObject& document) {
    return directory.learn_document(alice().id, document, kNow).has_value();
  };
  std::vector<JsonObject> old;
  const auto add = [&](int number) {
    old.push_back(visa(number, false));
    EXPECT_TRUE(learn(old.back())) << number;
  };
  for (int number = 0; number < 15; ++number) add(number);
  for (int number = 0; number < 40; ++number) {
    ASSERT_TRUE(learn(visa(number, true)));
    add(number + 15);
  }
  const auto& documents = directory.find(alice().id)->documents;
  EXPECT_EQ(std::ranges::count_if(documents, is_removed), 32);
  EXPECT_EQ(documents.size(), 48U);
  EXPECT_EQ(documents.front().digest(), alice().visa.digest()) << "nobody was pushed out";
  for (std::size_t i = 0; i < 40; ++i) EXPECT_FALSE(learn(old[i])) << i;
}

// A name that is left in the order of arrival would also grow without end (a link of a neighbour
// forgets and learns at each change of speaker).
TEST(Directory, A33_WhoIsForgottenOrProvenLosesTheirPlaceInTheOrderOfArrival) {
  std::vector<Twin> crowd;
  for (int i = 0; i < 6; ++i) {
    PrivateKey key = PrivateKey::generate_ec(os_random());
    Meta meta = Meta::make_mkm(key, "crowd-" + std::to_string(i));
    Id id = meta.id(EntityType::user).value();
    crowd.push_back({std::move(key), std::move(meta), std::move(id)});
  }
  Directory directory(4);
  const auto learn = [&](std::size_t i) {
    ASSERT_TRUE(directory.learn_meta(crowd[i].id, crowd[i].meta));
  };
  const auto knows = [&](std::size_t i) { return directory.find(crowd[i].id) != nullptr; };
  learn(0);
  directory.forget(crowd[0].id);
  for (const std::size_t i : {1U, 2U, 3U, 0U, 4U}) learn(i);
  EXPECT_FALSE(knows(1)) << "the oldest";
  EXPECT_TRUE(knows(0)) << "one of the newest";
  ASSERT_TRUE(directory.prove(crowd[2].id, crowd[2].meta));
  directory.forget(crowd[2].id);
  for (const std::size_t i : {1U, 2U}) learn(i);
  EXPECT_FALSE(knows(3));
  EXPECT_TRUE(knows(2));
}

TEST(Directory, A36_OneUserWhateverTheCaseOfTheAddress) {
  Directory directory = directory_of({&alice()});
  std::string lower = alice().id.text();
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'F') letter = static_cast<char>(letter - 'A' + 'a');
  }
  const auto id = Id::parse(lower);
  ASSERT_TRUE(id);
  EXPECT_EQ(directory.find(*id), directory.find(alice().id));
  EXPECT_NE(directory.find(*id), nullptr);
  EXPECT_TRUE(directory.learn_meta(*id, alice().meta));
  EXPECT_EQ(directory.size(), 1U);
}

TEST(Directory, A36_LookAlikeNamesAreOtherEntities) {
  const Twin owner = make_twin(kFirstTwin);
  Directory directory;
  ASSERT_TRUE(directory.learn_meta(owner.id, owner.meta));
  const Id cyrillic("tw\xD1\x96ns", owner.id.address());
  EXPECT_EQ(directory.find(cyrillic), nullptr);
  EXPECT_EQ(failure(directory.learn_meta(cyrillic, owner.meta)), Errc::meta);
}

}  // namespace
}  // namespace dim
