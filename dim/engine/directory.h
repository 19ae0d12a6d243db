// What is known of other entities: metas (provisional or pinned), documents. In memory; stores feed
// it.
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dim/base/time.h"
#include "dim/identity/document.h"
#include "dim/identity/meta.h"

namespace dim {

enum class MetaState : std::uint8_t {
  unknown,
  provisional,
  pinned,
  suspect /* two metas with proof: blocked */
};

/// One entity. Every meta and document in it has verified.
struct Known {
  std::optional<Meta> meta{};
  MetaState state = MetaState::unknown;
  std::vector<Document> documents{};  ///< newest of each (type, terminal), oldest first
  std::vector<Meta>
      rivals{};  ///< other valid metas for this ID: without proof, or (suspect) with it
  std::vector<Digest32> refused{};  ///< metas that the user has decided against
  bool chain_alarm = false;  ///< a visa chain had a fork or a gap (I13); cleared by accept_document
  std::vector<Document> contested{};  ///< what broke the chain: the newest of each (type, terminal)
  std::uint64_t revision = 0;         ///< counts what has changed here since the program began
  /// Message keys of the documents, parsed once: (ID or ID/terminal, key, index in `documents`).
  struct DocumentKey {
    std::string entry{};
    PublicKey key;
    std::size_t document = 0;
  };
  std::vector<DocumentKey> keys{};
};

/// Trust rules A02, A04, A05 over values that came from anywhere. Not thread-safe; one owner.
class Directory {
 public:
  explicit Directory(std::size_t provisional_limit = 10'000)
      : provisional_limit_(provisional_limit) {}

  const Known* find(const Id& id) const;
  /// Keeps `meta` as provisional: as the first, or as one of three rivals of another provisional
  /// one. Errc::meta when it does not make the ID; Errc::conflict (event meta-suspect) for another
  /// one than the pinned.
  Status learn_meta(const Id& id, const Meta& meta);
  /// A signature by this meta's key over something else verified: pins it; a provisional other one
  /// yields (J16). Errc::conflict for another one than the pinned: both have proof now, the entity
  /// is suspect and nothing is sealed to it until `decide`.
  Status prove(const Id& id, const Meta& meta);
  /// The user has chosen between the metas of a suspect entity; what the others sign says nothing
  /// any more. Errc::not_found for a digest that none of them has.
  Status decide(const Id& id, const Digest32& meta_digest);
  /// Verified against the entity's metas; also proof of possession. Errc::not_found without a meta;
  /// Errc::conflict when older than the one kept, or when `rev` and `prev` do not continue it (I13:
  /// chain_alarm is set); Errc::bad_request for times (A04), and for one older than 16 others of
  /// the entity: the newest 16 are kept, and besides 32 of removed devices, which come back by no
  /// way.
  Result<Document> learn_document(const Id& id, const JsonObject& document, Millis now);
  /// As learn_document, for one that stood unsigned beside a message (A04): check_new_place too.
  /// `broken_chain`: as accept_document.
  Result<Document> learn_attached(const Id& id, const JsonObject& document, Millis now,
                                  bool broken_chain = false);
  /// As learn_document, but the user (or the rule for unverified contacts) takes it although the
  /// chain is broken.
  Result<Document> accept_document(const Id& id, const JsonObject& document, Millis now);
  /// The same for all that has broken the chain so far.
  void accept_contested(const Id& id);
  /// What a store has kept of an entity, in place of what is known; all of it has verified, and
  /// `known.keys` is made anew.
  void restore(const Id& id, Known known);
  /// Keys that messages to `id` are encrypted with: one for each visa (terminal), or the meta key
  /// when it can. With a terminal in `id`: that device's alone, when it has one. Empty for suspect
  /// entities.
  std::vector<std::pair<std::string, PublicKey>> message_keys(const Id& id) const;
  /// True when all visas known of `id` promise the feature ("features": ["bind"], signed).
  bool promises(const Id& id, std::string_view feature) const;
  void forget(const Id& id);
  std::size_t size() const { return entities_.size(); }

 private:
  Known* entry(const Id& id);
  struct Rules {
    bool broken_chain = false;
    bool attached = false;
  };
  Result<Document> learn(const Id& id, const JsonObject& document, Millis now, const Rules& rules);
  void evict();

  std::map<std::string, Known, std::less<>>
      entities_;                         // by full name@address, never by address alone (A02)
  std::deque<std::string> provisional_;  // oldest first
  std::size_t provisional_count_ = 0;
  std::size_t provisional_limit_;
};

}  // namespace dim
