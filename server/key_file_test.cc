#include "server/key_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "dim/crypto/os_random.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Argon2Cost kCheap{.passes = 1, .memory_bytes = 8'192};
constexpr Millis kTime = 1'750'000'000'000;

Secret secret(std::string_view text) { return Secret::copy_of(as_bytes(text)); }

class KeyFile : public testing::Test {
 protected:
  KeyFile() : made(std::move(make_keys(kTime, random).value())) {}

  void seal(std::string_view passphrase) {
    made.seal.emplace(std::move(make_seal(secret(passphrase), random, kCheap).value()));
  }
  void save() {
    const auto saved = save_keys(data(), made, random);
    ASSERT_TRUE(saved) << saved.error().text;
  }
  std::expected<StationKeys, Failure> load(std::optional<std::string_view> passphrase = {}) {
    std::optional<Secret> given;
    if (passphrase) given = secret(*passphrase);
    return load_keys(data(), given);
  }
  Exit refused(std::optional<std::string_view> passphrase = {}) {
    const auto keys = load(passphrase);
    EXPECT_FALSE(keys);
    return keys ? Exit::ok : keys.error().code;
  }
  std::string content() {
    std::ifstream in(key_file(data()), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(std::string_view text) {
    std::ofstream out(key_file(data()), std::ios::binary | std::ios::trunc);
    out << text;
  }
  const std::string& data() { return folder.path(); }
  std::string identity_key() {
    return std::string(as_text(made.account.identity_key.json().view()));
  }

  OsRandom random;
  TemporaryFolder folder;
  StationKeys made;
};

TEST_F(KeyFile, ComesBackAsItWasSaved) {
  save();
  const auto keys = load();
  ASSERT_TRUE(keys) << keys.error().text;
  EXPECT_EQ(keys->account.id.text(), made.account.id.text());
  EXPECT_EQ(keys->account.identity_key.public_key().data(),
            made.account.identity_key.public_key().data());
  EXPECT_EQ(keys->pins(), made.pins());
  EXPECT_FALSE(keys->seal);
}

TEST_F(KeyFile, A43_SealedKeysComeBackWithTheirPassphrase) {
  seal("correct horse");
  save();
  const auto keys = load("correct horse");
  ASSERT_TRUE(keys) << keys.error().text;
  EXPECT_EQ(keys->account.identity_key.public_key().data(),
            made.account.identity_key.public_key().data());
  ASSERT_EQ(keys->account.message_keys.size(), made.account.message_keys.size());
  ASSERT_EQ(keys->tls.size(), made.tls.size());
  EXPECT_TRUE(equal_secret(keys->tls[1].key_pem.view(), made.tls[1].key_pem.view()));
  EXPECT_EQ(keys->pins(), made.pins());
}

TEST_F(KeyFile, A43_SealedKeysCanBeSavedAgainWithoutThePassphrase) {
  seal("correct horse");
  save();
  auto keys = load("correct horse");
  ASSERT_TRUE(keys);
  ASSERT_TRUE(update_visa(*keys, "::1", 8'800, kTime + 1'000));
  const std::string before = content();
  ASSERT_TRUE(save_keys(data(), *keys, random));
  EXPECT_NE(content(), before);
  const auto again = load("correct horse");
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(*again->account.visa.properties().text("host"), "::1");
}

TEST_F(KeyFile, A43_NothingSecretStandsInASealedFile) {
  save();
  EXPECT_THAT(content(), HasSubstr(identity_key()));
  seal("correct horse");
  save();
  const std::string text = content();
  EXPECT_THAT(text, Not(HasSubstr("PRIVATE KEY")));
  EXPECT_THAT(text, Not(HasSubstr("identity")));
  EXPECT_THAT(text, Not(HasSubstr("correct horse")));
  const std::string key = identity_key();
  for (std::size_t at = 0; at + 40 <= key.size(); at += 40)
    EXPECT_THAT(text, Not(HasSubstr(key.substr(at, 40)))) << at;
}

TEST_F(KeyFile, TheCardNeedsNoPassphrase) {
  for (const bool sealed : {false, true}) {
    if (sealed) seal("correct horse");
    save();
    const auto card = load_card(data());
    ASSERT_TRUE(card) << card.error().text;
    EXPECT_EQ(card->id.text(), made.account.id.text());
    EXPECT_EQ(card->pins(), made.pins());
    EXPECT_EQ(card->sealed, sealed);
  }
}

TEST_F(KeyFile, C04_AMissingFileIs78) {
  EXPECT_FALSE(have_keys(data()));
  EXPECT_EQ(refused(), Exit::keys);
  EXPECT_EQ(load_card(data()).error().code, Exit::keys);
}

TEST_F(KeyFile, C04_AFileThatOthersMayReadIs77) {
  save();
  for (const mode_t mode : {0644U, 0640U, 0604U, 0620U}) {
    ::chmod(key_file(data()).c_str(), mode);
    EXPECT_EQ(refused(), Exit::permissions) << mode;
    EXPECT_EQ(load_card(data()).error().code, Exit::permissions) << mode;
  }
}

TEST_F(KeyFile, C04_AWrongOrMissingPassphraseIs77) {
  seal("correct horse");
  save();
  const std::string before = content();
  EXPECT_EQ(refused("correct house"), Exit::permissions);
  EXPECT_EQ(refused(""), Exit::permissions);
  EXPECT_EQ(refused(), Exit::permissions);
  EXPECT_THAT(load().error().text, HasSubstr("--passphrase-file"));
  EXPECT_EQ(content(), before);
}

TEST_F(KeyFile, C04_AFileThatIsCutAnywhereIs78) {
  for (const bool sealed : {false, true}) {
    if (sealed) seal("correct horse");
    save();
    const std::string whole = content();
    for (std::size_t size = 0; size + 2 < whole.size(); size += 211) {
      write(std::string_view(whole).substr(0, size));
      EXPECT_EQ(sealed ? refused("correct horse") : refused(), Exit::keys) << size;
      EXPECT_EQ(load_card(data()).error().code, Exit::keys) << size;
    }
  }
}

// It was told as damage: "put the copy from your backup there".
TEST_F(KeyFile, C04_R3_AFileWhoseReadingFailsIs70AndNotDamaged) {
  ASSERT_EQ(::mkdir(key_file(data()).c_str(), 0700), 0);  // it opens, and no read of it works
  const auto keys = load();
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().code, Exit::store_failed);
  EXPECT_THAT(keys.error().text, HasSubstr("Is a directory"));
  EXPECT_THAT(keys.error().text, Not(HasSubstr("backup")));
}

TEST_F(KeyFile, C04_PartsOfAnotherStationAre78) {
  save();
  auto object = parse_json_object(content());
  ASSERT_TRUE(object);
  const StationKeys other = std::move(make_keys(kTime, random).value());
  const auto with = [&](const char* name, Json value) {
    JsonObject mixed = *object;
    mixed.set(name, std::move(value));
    write(write_json(mixed));
    return refused();
  };
  EXPECT_EQ(with("id", other.account.id.text()), Exit::keys);
  EXPECT_EQ(with("meta", other.account.meta.json()), Exit::keys);
  EXPECT_EQ(with("visa", other.account.visa.json()), Exit::keys);
  EXPECT_EQ(with("tls", JsonArray{}), Exit::keys);
  EXPECT_EQ(with("identity", JsonObject{}), Exit::keys);
}

TEST_F(KeyFile, C04_SealedSecretsOfAnotherStationDoNotOpenUnderThisId) {
  seal("correct horse");
  save();
  const auto sealed = parse_json_object(content());
  ASSERT_TRUE(sealed);
  StationKeys other = std::move(make_keys(kTime, random).value());
  other.seal.emplace(made.seal->lock, made.seal->key.clone());
  ASSERT_TRUE(save_keys(data(), other, random));
  auto object = parse_json_object(content());
  ASSERT_TRUE(object);
  object->set("sealed", *sealed->text("sealed"));
  write(write_json(*object));
  EXPECT_EQ(refused("correct horse"), Exit::permissions);
}

TEST_F(KeyFile, C04_ADamagedSealIs78) {
  seal("correct horse");
  save();
  const auto object = parse_json_object(content());
  ASSERT_TRUE(object);
  JsonObject changed = *object;
  changed.set("lock", JsonObject{});
  write(write_json(changed));
  EXPECT_EQ(refused("correct horse"), Exit::keys);
  changed = *object;
  changed.set("sealed", "no base64 at all!");
  write(write_json(changed));
  EXPECT_EQ(refused("correct horse"), Exit::keys);
}

TEST_F(KeyFile, APassphraseToKeysThatAreOpenIsAnError) {
  save();
  EXPECT_EQ(refused("correct horse"), Exit::usage);
  EXPECT_THAT(load("correct horse").error().text, HasSubstr("dimd passphrase"));
}

TEST_F(KeyFile, A43_IsForItsOwnerOnlyAndLeavesNothingBeside) {
  save();
  struct stat info{};
  ASSERT_EQ(::stat(key_file(data()).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(std::distance(fs::directory_iterator(data()), fs::directory_iterator{}), 1);
}

TEST_F(KeyFile, CannotBeSavedWhereThereIsNoFolder) {
  const auto saved = save_keys(data() + "/none", made, random);
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, Exit::not_writable);
}

}  // namespace
}  // namespace dim
