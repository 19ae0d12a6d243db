// Extends addresses: a form of one's own, "z" and base58 of (network, 24 bytes of SHA-256 of the
// public key, check code). It is added to a table of forms, which the functions that read text
// take.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>

#include "dim/base/base58.h"
#include "dim/crypto/os_random.h"
#include "dim/engine/engine.h"
#include "dim/protocol/content.h"

namespace {

constexpr std::size_t kKeyBytes = 24;
constexpr std::size_t kCheckBytes = 4;

dim::Bytes with_check(dim::Bytes bytes) {
  const dim::Digest32 check = dim::sha256(bytes);
  bytes.insert(bytes.end(), check.begin(), check.begin() + kCheckBytes);
  return bytes;
}

// The address commits to the key: nobody can make a second meta for it.
std::optional<std::string> make(const dim::Meta& meta, std::uint8_t network) {
  const dim::Digest32 hash = dim::sha256(meta.key().data());
  dim::Bytes bytes{network};
  bytes.insert(bytes.end(), hash.begin(), hash.begin() + kKeyBytes);
  return "z" + dim::to_base58(with_check(std::move(bytes)));
}

std::optional<dim::AddressForm::Found> parse(std::string_view text) {
  if (!text.starts_with('z')) return std::nullopt;
  const auto bytes = dim::from_base58(text.substr(1));
  if (!bytes || bytes->size() != 1 + kKeyBytes + kCheckBytes) return std::nullopt;
  if (with_check({bytes->begin(), bytes->end() - kCheckBytes}) != *bytes) return std::nullopt;
  return dim::AddressForm::Found{std::string(text), bytes->front()};
}

// An account whose ID has the new form; everything else of it is as usual.
std::optional<dim::Account> make_account(const dim::AddressTable& table, dim::Millis now,
                                         dim::Random& random) {
  auto account = dim::Account::make_user("Zoe", now, random);
  auto meta = account ? dim::Meta::make(dim::MetaType::eth, account->identity_key.public_key())
                      : dim::Result<dim::Meta>(dim::fail(dim::Errc::key, "no account"));
  auto id = meta ? meta->id(dim::EntityType::user, table)
                 : dim::Result<dim::Id>(dim::fail(dim::Errc::id, "no meta"));
  if (!id) return std::nullopt;
  account->visa =
      dim::Document::make(*id, "visa", account->visa.properties(), now, account->identity_key);
  account->id = *id;
  return std::move(*account);
}

}  // namespace

int main() {
  dim::OsRandom random;
  const dim::Millis now = 1'790'000'000'000;
  const dim::AddressTable table =
      dim::AddressTable().with({.name = "z", .parse = parse, .make = make});
  auto zoe = make_account(table, now, random);
  auto bob = dim::Account::make_user("Bob", now, random);
  if (!zoe || !bob) return 1;
  std::printf("%s\n", zoe->id.text().c_str());

  // Text becomes an ID with the table and is refused without it; a wrong check code is refused
  // always.
  std::string broken = zoe->id.text();
  std::swap(broken[5], broken[broken.find_first_not_of(broken[5], 6)]);
  if (!dim::Id::parse(zoe->id.text(), table) || dim::Id::parse(zoe->id.text()) ||
      dim::Id::parse(broken, table))
    return 2;
  if (!zoe->meta.matches(zoe->id) || bob->meta.matches(zoe->id)) return 3;

  // Metas, visas and messages of such an ID are trusted by the same rules as all others.
  dim::Directory known;
  for (const auto* person : {&*zoe, &*bob}) {
    if (!known.learn_meta(person->id, person->meta)) return 4;
    if (!known.learn_document(person->id, person->visa.json(), now)) return 5;
  }
  for (const auto& [from, to] : {std::pair{&*zoe, &*bob}, {&*bob, &*zoe}}) {
    const dim::PlainMessage message{{.sender = from->id, .receiver = to->id},
                                    dim::text_content("hello", now, random)};
    const auto sealed = dim::seal(message, *from, known, {.seq = 1}, random);
    if (!sealed) return 6;
    const std::string wire = dim::write_message(*sealed);
    if (dim::SignedMessage::parse(wire)) return 7;  // the built-in forms alone do not know this one
    const auto received = dim::SignedMessage::parse(wire, dim::Reading::strict, table);
    if (!received) return 8;
    const auto opened = dim::open(*received, *to, known, nullptr, now);
    if (!opened || opened->label != dim::Label::secure_old) return 9;
  }
  return 0;
}
