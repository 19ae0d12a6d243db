// A section of docs/protocol played on a real station: one scene, with the people of
// vectors/accounts.json. docs/protocol/README.md says how its blocks are written.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dim/engine/hub_post.h"
#include "dim/native/prekeys.h"
#include "net/upgrade.h"
#include "server/station_fixture.h"
#include "tests/markdown.h"

namespace dim {

inline const JsonObject& vector_accounts() {
  static const JsonObject accounts = parse_json_object(read_file("vectors/accounts.json")).value();
  return accounts;
}

/// "alice", "bob", "carol", "station": keys that everybody can read.
inline Account vector_account(std::string_view name) {
  const Json* found = vector_accounts().find(name);
  if (found == nullptr) throw std::invalid_argument("no account " + std::string(name));
  const JsonObject& object = *found->object();
  const Id id = Id::parse(*object.text("id")).value();
  const Meta meta = Meta::parse(*object.find("meta")->object()).value();
  std::vector<PrivateKey> keys;
  keys.push_back(PrivateKey::parse(*object.find("message_private_key")->object()).value());
  return {id, meta, Document::parse(*object.find("visa")->object(), id, meta).value(),
          PrivateKey::parse(*object.find("identity_private_key")->object()).value(),
          std::move(keys)};
}

/// `text` with what stands for each <name>, or for what `fill` returns nothing, as it is.
template <class Fill>
std::string filled(std::string_view text, Fill fill) {
  std::string out;
  while (!text.empty()) {
    const std::size_t begin = text.find('<');
    const std::size_t end = text.find('>', begin);
    out.append(text.substr(0, begin));
    if (begin == std::string_view::npos || end == std::string_view::npos) {
      if (begin != std::string_view::npos) out.append(text.substr(begin));
      break;
    }
    const std::string_view name = text.substr(begin + 1, end - begin - 1);
    const std::optional<std::string> value = fill(name);
    out.append(value ? *value : std::string(text.substr(begin, end - begin + 1)));
    text.remove_prefix(end + 1);
  }
  return out;
}

class Scene : public station_test::StationTest {
 public:
  explicit Scene(std::vector<MarkdownBlock> blocks) : blocks_(std::move(blocks)) {}

  void play() {
    SetUp();
    prepare();
    for (const MarkdownBlock& block : blocks_) {
      SCOPED_TRACE(block.place());
      const auto words = block.words();
      if (words[0] == "stage") {
        stage(block);
      } else if (const std::size_t at = words[1].find('>'); at != std::string::npos) {
        say(block, words[1].substr(0, at), words[1].substr(at + 1));
      } else {
        const std::size_t to = words[1].find('<');
        hear(block, words[1].substr(0, to), words[1].substr(to + 1),
             words.size() > 2 && words[2] == "closes");
      }
      if (testing::Test::HasFatalFailure()) return;
    }
    for (auto& [name, end] : ends_) {
      if (name.contains(kAside)) continue;
      for (const Packet& packet : received(end)) {
        ADD_FAILURE() << blocks_.back().place() << ": behind the last block the station tells "
                      << name << ":\n"
                      << write_packet(packet);
      }
    }
  }

  ~Scene() override { station.reset(); }  // before the accounts and the store that it uses
  void TestBody() override {}

 private:
  /// Connections that the pages do not show: log-ins whose text lane is shown.
  static constexpr const char* kAside = " (aside)";

  /// One connection.
  struct End {
    std::string person;  ///< "stranger" for nobody
    std::unique_ptr<station_test::Peer> peer;
    std::optional<UpgradeServer> plain;  ///< before TLS
    std::string plain_sent;
    bool closed = false;
    std::vector<Packet> waiting;
    Packet hello, challenge;
    std::string session, token;  ///< of the log-in on it, where it was not played
  };

  static std::string person_of(std::string name) {
    while (!name.empty() && std::isdigit(static_cast<unsigned char>(name.back())) != 0)
      name.pop_back();
    return name;
  }
  const Account& account(const std::string& person) {
    auto found = accounts_.find(person);
    if (found == accounts_.end()) found = accounts_.emplace(person, vector_account(person)).first;
    return found->second;
  }

  void make_station() {
    if (small_inbox_) {
      small_store_.emplace(InboxLimits{*small_inbox_, 1 << 20});
      small_committer_.emplace(*small_store_);
    }
    Store& to = small_store_ ? static_cast<Store&>(*small_store_) : store;
    station_test::TestCommitter& by = small_committer_ ? *small_committer_ : committer;
    station = std::make_unique<Station>(config, account("station"), to, by, clock, random);
  }

  /// What the scene starts with: Alice and Bob have logged in once; connections whose first block
  /// is no CONNECT are logged in.
  void prepare() {
    for (const MarkdownBlock& block : blocks_) {
      if (block.info.starts_with("stage") && block.text.starts_with("the station has "))
        stage(block);
    }
    make_station();
    for (const char* person : {"alice", "bob"}) {
      End& end = open(person, "8800", person);
      log_in(end);
      station->closed(end.peer->id);
      station->end_of_turn();
      ends_.clear();
    }
    values_.clear();
    std::set<std::string> seen;
    for (const MarkdownBlock& block : blocks_) {
      const auto words = block.words();
      if (words[0] == "stage" || !seen.insert(name_of(words[1])).second) continue;
      const std::string name = words[1].substr(0, words[1].find_first_of("<>"));
      const std::string port = words[1].substr(words[1].find_first_of("<>") + 1);
      // A lane in a connection is proven in one that is logged in.
      const bool by_hand =
          block.text.contains("operation: CONNECT\n") && !block.text.contains("\nlane: ");
      if (live_port(port) && !block.text.contains("\nsession: ")) {
        open_lane(name, port, std::nullopt);
        continue;
      }
      if (person_of(name) == "stranger" || (by_hand && port != "8801")) continue;
      if (port == "8802") {
        open_lane(name, port, std::nullopt);
        continue;
      }
      if (by_hand) {
        // Only the lane is proven by hand: its session is there already.
        if (!logs_in_by_hand(person_of(name))) log_in(open(name + kAside, "8800", person_of(name)));
        continue;
      }
      if (port == "8801") {
        if (!opens_later(name)) open_text(name, 0);
      } else {
        log_in(open(name, port, person_of(name)));
      }
    }
  }

  /// Opens the text lane of a new session.
  void open_text(const std::string& name, std::optional<Cursor> after) {
    open_lane(name, "8801", after);
  }
  void open_lane(const std::string& name, const std::string& port, std::optional<Cursor> after) {
    log_in(open(name + kAside, "8800", person_of(name)));
    End& lane = open(name, port, person_of(name));
    Packet packet = Packet::request(Operation::connect);
    packet.set("session", values_["session"])
        .set("proof", proof_of(lane, static_cast<std::uint16_t>(std::stoi(port))));
    if (after) packet.set("after", std::to_string(*after));
    send(*lane.peer, packet);
    ASSERT_EQ(received(lane).at(0).code, 200);
    lane.waiting.erase(lane.waiting.begin());
  }

  static bool live_port(const std::string& port) { return port == "8803" || port == "8804"; }
  bool opens_later(const std::string& name) const {
    return std::ranges::any_of(blocks_, [&](const MarkdownBlock& block) {
      return block.info.starts_with("stage") && block.text.starts_with(name + " opens ");
    });
  }
  bool logs_in_by_hand(const std::string& person) const {
    return std::ranges::any_of(blocks_, [&](const MarkdownBlock& block) {
      return block.info.starts_with("dim " + person + ">8800") &&
             block.text.contains("operation: CONNECT\n") && !block.text.contains("\nlane: ");
    });
  }

  static std::string name_of(std::string word) {
    std::ranges::replace(word, '<', ' ');
    std::ranges::replace(word, '>', ' ');
    return word;
  }

  End& open(const std::string& name, const std::string& port, const std::string& person) {
    End& end = ends_[name + " " + port];
    end.person = person;
    if (port == "plain") {
      end.plain.emplace();
    } else {
      end.peer = connect(static_cast<Lane>(std::stoi(port) - 8800));
    }
    return end;
  }

  void log_in(End& end) {
    Packet hello_packet = hello(account(end.person), account("station").id.text());
    hello_packet.set("checksums", "[sha256]");
    end.hello = hello_packet;
    end.challenge = answer(*end.peer, hello_packet);
    ASSERT_EQ(end.challenge.code, 418) << end.challenge.get("message");
    Packet packet = Packet::request(Operation::connect);
    packet.set("id", "2")
        .set("author", account(end.person).id.text())
        .set("target", account("station").id.text())
        .set("challenge", std::string(end.challenge.get("challenge")))
        .set("signature", signature_of(end));
    packet.content = credentials(end.person);
    const Packet welcome = answer(*end.peer, packet);
    ASSERT_EQ(welcome.code, 200) << welcome.get("message");
    for (const char* key : {"session", "token", "resume"}) values_[key] = welcome.get(key);
    end.session = values_["session"];
    end.token = values_["token"];
  }

  std::string credentials(const std::string& person) {
    JsonObject content;
    content.set("meta", account(person).meta.json());
    content.set("visa", account(person).visa.json());
    return write_json(content);
  }
  std::string signature_of(const End& end) {
    ConnectInput input;
    input.station_id = account("station").id.text();
    input.author_id = end.hello.get("author");
    input.channel_binding = end.peer->binding;
    input.challenge = from_base64(end.challenge.get("challenge")).value_or(Bytes{});
    input.nonce = from_base64(end.hello.get("nonce")).value_or(Bytes{});
    input.offered = end.hello.get("checksums");
    input.chosen = end.challenge.get("chosen");
    return to_base64(account(end.person).identity_key.sign(connect_signing_input(input)));
  }
  std::string proof_of(const End& end, std::uint16_t port) {
    const std::string& text = end.token.empty() ? values_["token"] : end.token;
    const Bytes token = from_base64(text).value_or(Bytes{});
    return to_base64(port_proof(token, port, end.peer->binding));
  }

  std::vector<Packet>& received(End& end) {
    if (end.plain) {
      if (end.plain_sent.empty()) return end.waiting;
      PacketReader reader({.lane = Lane::text});
      reader.feed(std::exchange(end.plain_sent, {}));
      for (auto next = reader.next(); std::holds_alternative<Packet>(next); next = reader.next())
        end.waiting.push_back(std::get<Packet>(next));
    } else {
      for (Packet& packet : end.peer->take()) end.waiting.push_back(std::move(packet));
      end.closed = end.closed || end.peer->link.closed;
    }
    return end.waiting;
  }

  // --- blocks
  void say(const MarkdownBlock& block, const std::string& name, const std::string& port) {
    if (!ends_.contains(name + " " + port)) {
      open(name, port, person_of(name));
    }
    End& end = ends_[name + " " + port];
    ASSERT_FALSE(end.closed) << "this connection is closed";
    std::string text = filled(block.text, [&](std::string_view key) {
      return value(end, port, std::string(key), block.text);
    });
    text = framed(text);
    if (end.plain) {
      const UpgradeStep step = end.plain->feed(text);
      end.plain_sent = step.reply;
      end.closed = step.kind == UpgradeStep::Kind::refuse;
      return;
    }
    PacketReader reader({.lane = Lane::text, .crc32c_agreed = true});
    reader.feed(text);
    if (auto next = reader.next(); std::holds_alternative<Packet>(next)) {
      const Packet& packet = std::get<Packet>(next);
      if (packet.operation == Operation::connect && packet.has("nonce")) end.hello = packet;
    }
    bytes(*end.peer, text);
  }

  void hear(const MarkdownBlock& block, const std::string& name, const std::string& port,
            bool closes) {
    ASSERT_TRUE(ends_.contains(name + " " + port)) << "nobody is connected so";
    End& end = ends_[name + " " + port];
    auto& waiting = received(end);
    ASSERT_FALSE(waiting.empty()) << "the station says nothing";
    const Packet packet = waiting.front();
    waiting.erase(waiting.begin());
    if (packet.code == 418) end.challenge = packet;
    const std::string said = write_packet(packet);
    ASSERT_TRUE(matches(block.text, said)) << "the document says\n"
                                           << block.text << "the station says\n"
                                           << said;
    EXPECT_EQ(end.closed && waiting.empty(), closes) << "whether the connection is closed";
  }

  void stage(const MarkdownBlock& block) {
    const std::string& text = block.text;
    std::istringstream in(text);
    long number = 0;
    auto& by = small_committer_ ? *small_committer_ : committer;
    if (text == "the station stops\n") {
      station->stop();
      station->end_of_turn();
    } else if (text == "the disk is full\n") {
      by.error = Error{Errc::insufficient_storage, "no space is left on the disk"};
    } else if (text == "the memory of the station is used up\n") {
      station->memory_used(config.memory_bytes);
    } else if (text == "the disk fails\n") {
      by.error = Error{Errc::io, "the disk failed"};
    } else if (text == "the disk is slow\n") {
      by.held = true;
    } else if (text == "the disk is done\n") {
      by.held = false;
      by.run();
      station->end_of_turn();
    } else if (text.ends_with(" opens 8801 without pushes\n")) {
      open_text(text.substr(0, text.find(' ')), std::nullopt);
    } else if (text.ends_with(" logs in and is cut off\n")) {
      End& end = open("cut off", "8800", text.substr(0, text.find(' ')));
      log_in(end);
      station->closed(end.peer->id);
      station->end_of_turn();
      ends_.erase("cut off 8800");
    } else if (text.ends_with(" is banned\n")) {
      station->reload(config.quotas, {account(text.substr(0, text.find(' '))).id.text()});
      station->end_of_turn();
    } else if (text == "the station takes new people by invitation\n") {
      std::string answer;
      for (const char* line :
           {R"({"verb":"registration-set","target":"invite"})", R"({"verb":"codes-make"})"}) {
        station->admin(line, "operator:0", [&](std::string told) { answer = std::move(told); });
        station->end_of_turn();
      }
      const auto made = parse_json_object(answer);
      ASSERT_TRUE(made && made->text("invite") != nullptr) << answer;
      values_["code"] = *made->text("invite");
    } else if (text == "the station has inboxes of one message\n") {
      small_inbox_ = 1;
    } else if (text == "the station has a quota of one message\n") {
      config.quotas.messages = {1, 1};
    } else if (text.ends_with(" seconds pass\n") && in >> number) {
      pass(number * 1'000);
    } else {
      FAIL() << "no such stage direction: " << text;
    }
  }

  // --- a private hub of Alice's, whose second membership has Bob in it
  const Meta& private_meta() {
    if (!private_meta_)
      private_meta_ = Meta::make_mkm(account("alice").identity_key, "private-4711");
    return *private_meta_;
  }
  std::string private_hub() { return private_meta().id(EntityType::group)->text(); }
  std::string of_private_hub(const std::string& kind, const std::string& key,
                             const std::string& person) {
    const JsonObject first =
        first_roster(account("alice"), private_hub(), private_meta(), 1'790'000'000'000);
    if (key == "roster") return write_json(first);
    Roster roster = Roster::begin(private_hub(), first).value();
    const std::string bob = account("bob").id.bare().text();
    const JsonObject second =
        roster.next(account("alice"), {bob}, {}, 1'790'000'000'000).value().value();
    if (key == "roster2") return write_json(second);
    EXPECT_TRUE(roster.extend(second));
    if (kind == "roster") {
      const HistoryRule rule{*Guid::parse(values_.at("guid")), 30};
      return write_json(
          roster.next(account("alice"), {}, {}, 1'790'000'000'000, {rule}).value().value());
    }
    Directory known;
    for (const char* name : {"alice", "bob"}) {
      const Account& one = account(name);
      EXPECT_TRUE(known.learn_meta(one.id, one.meta));
      EXPECT_TRUE(known.learn_document(one.id, one.visa.json(), clock.now()));
    }
    return seal_post("In the blue pot.",
                     {*Guid::parse(values_.at("guid")), *Guid::parse(values_.at("guid3")), 1},
                     roster, roster.members(), account(person), known, clock.now(), random)
        .value();
  }
  std::optional<Meta> private_meta_;

  // --- the suite N1 on the device `phone`
  std::string of_native(const std::string& kind, const Account& owner) {
    const Id phone = Id::parse(owner.id.bare().text() + "/phone").value();
    if (kind == "device") {
      JsonObject properties;
      properties.set("key", *owner.visa.properties().find("key"));
      properties.set("n1", native_keys_.public_half().json());
      return write_json(
          Document::make(phone, "visa", properties, clock.now(), owner.identity_key).json());
    }
    const auto made = [&](native::PrekeyKind what, std::uint32_t id) {
      return native::PrekeySecret::generate(what, id, clock.now(), random);
    };
    native::PrekeySet set{
        .signed_prekey = made(native::PrekeyKind::signed_prekey, 1).sign(native_keys_, phone),
        .last_resort = made(native::PrekeyKind::last_resort, 2).sign(native_keys_, phone)};
    set.one_time.push_back(
        made(native::PrekeyKind::one_time, 3).sign_one_time(native_keys_, phone));
    return write_json(set.json());
  }
  native::DeviceKeys native_keys_ = native::DeviceKeys::generate(random);

  // --- placeholders
  /// What a request writes for <key>. Names that end in a digit are others of the same kind.
  std::optional<std::string> value(End& end, const std::string& port, const std::string& key,
                                   const std::string& block) {
    const std::string kind = person_of(key);
    if (kind == "length" || kind == "checksum") return std::nullopt;
    if (key == "session" && !end.session.empty()) return end.session;
    if (const auto found = values_.find(key); found != values_.end()) return found->second;
    std::string made;
    if (kind == "signature") return signature_of(end);
    if (kind == "proof") {
      auto number = static_cast<std::uint16_t>(std::stoi(port));
      if (block.contains("\nlane: text\n")) number = 8801;
      if (block.contains("\nlane: media\n")) number = 8802;
      if (block.contains("\nlane: audio\n")) number = 8803;
      if (block.contains("\nlane: video\n")) number = 8804;
      return proof_of(end, number);
    }
    if (kind == "meta") {
      made = write_json(account(end.person).meta.json());
    } else if (kind == "visa") {
      made = write_json(account(end.person).visa.json());
    } else if (kind == "document") {
      JsonObject properties;
      properties.set("name", "Alice");
      made = write_json(Document::make(account(end.person).id, "visa", properties, clock.now(),
                                       account(end.person).identity_key)
                            .json());
    } else if (kind == "message") {
      const std::size_t at = block.find("target: ") + 8;
      made = signed_message(account(end.person), block.substr(at, block.find('\n', at) - at), key);
    } else if (kind == "login") {
      made = *login_packet(account(end.person), account("station").id.text(), clock.now()).content;
    } else if (kind == "hub" || kind == "hubmeta") {
      const Meta meta = Meta::make_mkm(account("alice").identity_key, "Group-4711");
      made = kind == "hub" ? meta.id(EntityType::group)->text() : write_json(meta.json());
    } else if (kind == "privatehub" || kind == "privatemeta") {
      made = kind == "privatehub" ? private_hub() : write_json(private_meta().json());
    } else if (kind == "device" || kind == "prekeys") {
      made = of_native(kind, account(end.person));
    } else if (kind == "roster" || kind == "sealed") {
      made = of_private_hub(kind, key, end.person);
    } else if (kind == "guid") {
      made = Guid::make(clock.now(), random).text();
    } else {
      ADD_FAILURE() << "nothing is known for <" << key << ">";
    }
    values_[key] = made;
    return made;
  }

  /// Length and checksum of the content, where the block leaves them open.
  static std::string framed(const std::string& text) {
    constexpr std::string_view kOpen = "\n\"\"\"\n";
    const std::size_t begin = text.find(kOpen);
    if (begin == std::string::npos) return text;
    const std::string content =
        text.substr(begin + kOpen.size(),
                    text.rfind(kOpen) - std::min(text.rfind(kOpen), begin + kOpen.size()));
    return filled(text, [&](std::string_view key) -> std::optional<std::string> {
      if (key == "length") return std::to_string(content.size());
      if (key == "checksum") return checksum_of(content, Checksum::sha256);
      return std::nullopt;
    });
  }

  static bool fits(std::string_view kind, std::string_view text) {
    const auto only = [&](std::string_view letters) {
      return !text.empty() && text.find_first_not_of(letters) == std::string_view::npos;
    };
    if (kind == "number" || kind == "length") return only("0123456789");
    if (kind == "guid" || kind == "session") return Guid::parse(text).has_value();
    if (kind == "time") return parse_time(text).has_value();
    if (kind == "json") return parse_json_object(text).has_value();
    if (kind == "text") return valid_value(text);
    if (kind == "checksum") return text.starts_with("sha256-") || text.starts_with("crc32c-");
    return from_base64(text).has_value();  // signature, challenge, token, …
  }

  /// Compares, and remembers what stands for the names that are new.
  bool matches(std::string_view pattern, std::string_view said) {
    static const std::set<std::string, std::less<>> kNewEachTime = {
        "number", "length", "time", "json", "text", "checksum", "signature"};
    for (;;) {
      const std::size_t begin = pattern.find('<');
      if (begin == std::string_view::npos) return pattern == said;
      if (pattern.substr(0, begin) != said.substr(0, begin)) return false;
      const std::size_t end = pattern.find('>', begin);
      const std::string key(pattern.substr(begin + 1, end - begin - 1));
      pattern.remove_prefix(end + 1);
      said.remove_prefix(begin);
      const std::string_view literal =
          pattern.substr(0, std::min(pattern.find('<'), pattern.size()));
      const std::size_t size = said.find(literal);
      if (size == std::string_view::npos) return false;
      const std::string_view value = said.substr(0, size);
      said.remove_prefix(size);
      const std::string kind = person_of(key);
      if (const auto found = values_.find(key); found != values_.end()) {
        if (found->second != value) return false;
        continue;
      }
      if (kind == "message" || kind == "document" || !fits(kind, value)) return false;
      if (!kNewEachTime.contains(kind)) values_[key] = value;
    }
  }

  std::vector<MarkdownBlock> blocks_;
  std::map<std::string, Account, std::less<>> accounts_;
  std::map<std::string, End> ends_;
  std::map<std::string, std::string> values_;
  std::optional<std::size_t> small_inbox_;
  std::optional<MemoryStore> small_store_;
  std::optional<station_test::TestCommitter> small_committer_;
};

}  // namespace dim
