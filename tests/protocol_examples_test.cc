// Every fenced block of docs/protocol is executed; docs/protocol/README.md section 5 says how.
#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>

#include <functional>
#include <regex>

#include "dim/base/hex.h"
#include "dim/engine/engine.h"
#include "dim/packet/reader_testing.h"
#include "dim/packet/uri.h"
#include "dim/protocol/content.h"
#include "dim/protocol/kinds.h"
#include "dim/protocol/wire.h"
#include "tests/protocol_scene.h"

namespace dim {
namespace {

const std::filesystem::path kPages = "docs/protocol";
constexpr Millis kNow = 1'790'000'100'000;

/// "error=401" -> "401" for the key "error"; nothing when the block has no such word.
std::optional<std::string> option(const MarkdownBlock& block, const std::string& key) {
  for (const std::string& word : block.words()) {
    if (word.starts_with(key + "=")) return word.substr(key.size() + 1);
    if (word == key) return "";
  }
  return std::nullopt;
}

bool has(const MarkdownBlock& block, const std::string& word) {
  return option(block, word).has_value();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

/// What a block with error=… promises: the name or the code of the failure.
template <class T>
void expect_outcome(const MarkdownBlock& block, const Result<T>& result) {
  const auto wanted = option(block, "error");
  if (!wanted) {
    EXPECT_TRUE(result.has_value()) << (result ? "" : to_string(result.error()));
  } else if (result) {
    ADD_FAILURE() << "should be refused with " << *wanted;
  } else {
    EXPECT_THAT((std::vector{std::string(name_of(result.error().code)),
                             std::to_string(status_of(result.error().code))}),
                testing::Contains(*wanted))
        << to_string(result.error());
  }
}

/// "<9 bytes>" stands for nine letters.
std::string with_bytes(const std::string& text) {
  return filled(text, [](std::string_view name) {
    return name.ends_with(" bytes") ? std::optional(std::string(std::stoul(std::string(name)), 'x'))
                                    : std::nullopt;
  });
}

// --- packets

Lane lane_named(const std::string& name) {
  for (const Lane lane : {Lane::control, Lane::text, Lane::media, Lane::gateway}) {
    if (to_string(lane) == name) return lane;
  }
  ADD_FAILURE() << "no lane " << name;
  return Lane::text;
}

void run_packet(const MarkdownBlock& block) {
  const PacketReader::Options options{.lane = lane_named(option(block, "lane").value_or("text")),
                                      .checksum_required = has(block, "after-log-in"),
                                      .crc32c_agreed = has(block, "crc32c")};
  const std::string text = with_bytes(block.text);
  const auto error = option(block, "error");
  const auto fatal = option(block, "fatal");
  if (error || fatal) {
    // The hundreds of kilobytes of a skipped content need not be fed byte by byte.
    const std::string input = text + std::string(kNext);
    const std::string outcome =
        text.size() > 10'000 ? summary(read_all(input, options)) : said(input, options);
    EXPECT_THAT(outcome, error ? testing::MatchesRegex(*error + "(:[0-9]+)? NOTIFY")
                               : testing::MatchesRegex(*fatal + "!(:[0-9]+)?"));
    return;
  }
  const Outcomes outcomes = read_all(text, options);
  ASSERT_EQ(outcomes.size(), 1U);
  const Packet* packet = std::get_if<Packet>(&outcomes[0]);
  ASSERT_NE(packet, nullptr) << summary(outcomes);
  if (!has(block, "typed")) {
    EXPECT_EQ(write_packet(*packet, has(block, "crc32c") ? Checksum::crc32c : Checksum::sha256),
              text);
  }
}

// --- JSON

Directory everybody() {
  Directory directory;
  for (const char* name : {"alice", "bob", "carol"}) {
    const Account account = vector_account(name);
    EXPECT_TRUE(directory.learn_meta(account.id, account.meta));
    EXPECT_TRUE(directory.learn_document(account.id, account.visa.json(), kNow));
  }
  return directory;
}

struct LastMessage {
  std::optional<Opened> opened;
};

void run_message(const MarkdownBlock& block, const std::string& reader, LastMessage& last) {
  auto message = SignedMessage::parse(block.text);
  if (reader.empty()) return expect_outcome(block, message);
  ASSERT_TRUE(message) << to_string(message.error());
  Directory directory = everybody();
  auto opened = open(*message, vector_account(reader), directory, nullptr, kNow);
  expect_outcome(block, opened);
  if (!opened) return;
  EXPECT_EQ(opened->label, Label::secure_old);
  last.opened = std::move(*opened);
}

void run_content(const MarkdownBlock& block, const std::string& kind) {
  auto object = parse_json_object(block.text);
  ASSERT_TRUE(object) << to_string(object.error());
  auto content = decode_content(JsonObject(*object));
  expect_outcome(block, content);
  if (!content) return;
  EXPECT_EQ(content_name(from_wire(std::move(*object)).value()), kind);
  EXPECT_TRUE(decode_content(encode_content(*content))) << "what is written is read again";
}

void run_identity(const MarkdownBlock& block, const std::string& kind) {
  // A block may show several objects, one a line.
  for (const std::string& line : lines_of(block.text)) {
    auto object = parse_json_object(line);
    ASSERT_TRUE(object) << to_string(object.error());
    if (kind == "id") {
      auto id = Id::parse(*object->text("id"));
      ASSERT_TRUE(id) << to_string(id.error());
      EXPECT_EQ(id->name(), *object->text("name"));
      EXPECT_EQ(static_cast<int>(id->type()), *object->find("network")->integer());
    } else if (kind == "public-key") {
      expect_outcome(block, PublicKey::parse(*object));
    } else if (kind == "message-key") {
      expect_outcome(block, SymmetricKey::parse(*object));
    } else if (kind == "meta") {
      auto meta = Meta::parse(*object);
      ASSERT_TRUE(meta) << to_string(meta.error());
      for (const std::string& word : block.words()) {
        if (word == "json" || word == "meta") continue;
        EXPECT_TRUE(meta->matches(Id::parse(word).value())) << word;
      }
    } else {
      const Account account = vector_account(kind.substr(kind.find('-') + 1));
      expect_outcome(block, Document::parse(*object, account.id, account.meta));
    }
  }
}

void run_json(const MarkdownBlock& block, LastMessage& last) {
  const auto words = block.words();
  ASSERT_GE(words.size(), 2U) << "json of what?";
  const std::string& kind = words[1];
  if (kind == "message") {
    const bool read = words.size() > 2 && !words[2].contains('=');
    run_message(block, read ? words[2] : "", last);
  } else if (kind == "opened" || kind == "hash") {
    ASSERT_TRUE(last.opened) << "no message stands before";
    if (kind == "opened") {
      EXPECT_EQ(Json(last.opened->message.content), *parse_json(block.text));
    } else {
      EXPECT_EQ(Json(to_base64(last.opened->hash)), *parse_json(block.text));
    }
  } else if (kind == "content") {
    run_content(block, words.size() > 2 ? words[2] : "");
  } else if (kind == "id" || kind == "public-key" || kind == "message-key" || kind == "meta" ||
             kind.starts_with("document-")) {
    run_identity(block, kind);
  } else {
    FAIL() << "no such kind of JSON: " << kind;
  }
}

// --- words

void run_lines(const MarkdownBlock& block) {
  const std::string kind = block.words()[0];
  for (const std::string& line : lines_of(with_bytes(block.text))) {
    SCOPED_TRACE(line);
    if (kind == "uri") {
      const std::size_t arrow = line.find(" -> ");
      auto uri = Uri::parse(line.substr(0, arrow));
      expect_outcome(block, uri);
      if (uri) {
        EXPECT_EQ(uri->text(), has(block, "reads") ? line.substr(arrow + 4) : line);
      }
    } else if (kind == "name") {
      auto name = parse_graphical_id(line);
      expect_outcome(block, name);
      if (name) {
        EXPECT_EQ(*name, line);
      }
    } else {
      auto address = parse_target_address(line);
      expect_outcome(block, address);
      if (address) {
        EXPECT_EQ(*address, line);
      }
    }
  }
}

/// Rules that a page uses are defined on it or in RFC 5234 appendix B; those in <...> are of other
/// pages (tools/check_protocol).
void run_grammar(const std::vector<MarkdownBlock>& blocks) {
  std::set<std::string> defined = {"ALPHA", "BIT",    "CHAR",   "CR",   "CRLF", "CTL",
                                   "DIGIT", "DQUOTE", "HEXDIG", "HTAB", "LF",   "LWSP",
                                   "OCTET", "SP",     "VCHAR",  "WSP"};
  std::set<std::string> used;
  for (const MarkdownBlock& block : blocks) {
    for (std::string line : lines_of(block.text)) {
      line =
          std::regex_replace(line, std::regex(R"((%s)?"[^"]*"|<[^>]*>|;.*|%x[0-9A-F.\-]+)"), " ");
      std::smatch rule;
      if (std::regex_search(line, rule, std::regex(R"(^([A-Za-z][A-Za-z0-9\-]*) +=)"))) {
        defined.insert(rule[1]);
        line = rule.suffix();
      }
      const std::regex name("[A-Za-z][A-Za-z0-9\\-]*");
      for (std::sregex_iterator at(line.begin(), line.end(), name), end; at != end; ++at)
        used.insert(at->str());
    }
  }
  for (const std::string& name : used) {
    EXPECT_TRUE(defined.contains(name)) << blocks.front().place() << ": no rule is called " << name;
  }
}

void run_blocks(const std::vector<MarkdownBlock>& all) {
  std::map<std::string, std::vector<MarkdownBlock>> scenes;
  std::vector<MarkdownBlock> grammar;
  LastMessage last;
  for (const MarkdownBlock& block : all) {
    SCOPED_TRACE(block.place() + " ```" + block.info);
    const auto words = block.words();
    ASSERT_FALSE(words.empty()) << "a block says what it is";
    const std::string& kind = words[0];
    const bool spoken =
        kind == "dim" && words.size() > 1 && words[1].find_first_of("<>") != std::string::npos;
    if (kind == "stage" || spoken) {
      scenes[block.section].push_back(block);
    } else if (kind == "dim") {
      run_packet(block);
    } else if (kind == "json") {
      run_json(block, last);
    } else if (kind == "uri" || kind == "name" || kind == "ipv6") {
      run_lines(block);
    } else if (kind == "abnf") {
      grammar.push_back(block);
    } else {
      EXPECT_EQ(kind, "text") << "no such kind of block";
    }
  }
  if (!grammar.empty()) run_grammar(grammar);
  for (auto& [section, blocks] : scenes) Scene(std::move(blocks)).play();
}

void run_page(const std::filesystem::path& page) { run_blocks(markdown_blocks(page)); }

// --- the tests

TEST(ProtocolExamples, Packets) { run_page(kPages / "packets.md"); }
TEST(ProtocolExamples, Connect) { run_page(kPages / "connect.md"); }
TEST(ProtocolExamples, Operations) { run_page(kPages / "operations.md"); }
TEST(ProtocolExamples, Messages) { run_page(kPages / "messages.md"); }

TEST(ProtocolExamples, EveryOtherPage) {
  for (const auto& page : markdown_files(kPages)) {
    const std::string name = page.filename().string();
    if (name == "packets.md" || name == "connect.md" || name == "operations.md" ||
        name == "messages.md")
      continue;
    run_page(page);
  }
}

/// One block of a page.
void run_one(const std::string& info, const std::string& text) {
  run_blocks({{"a page", 1, "# A", info, text}});
}

TEST(ProtocolExamples, AWrongBlockFails) {
  EXPECT_FATAL_FAILURE(run_one("", "x\n"), "a block says what it is");
  EXPECT_NONFATAL_FAILURE(run_one("yaml", "x\n"), "no such kind of block");
  EXPECT_FATAL_FAILURE(run_one("json news", "{}\n"), "no such kind of JSON");
  EXPECT_FATAL_FAILURE(run_one("dim", "version: dim/2023\noperation: get\n\n"), "401");
  EXPECT_NONFATAL_FAILURE(run_one("dim", "version: dim/2023\r\noperation: GET\n\n"), "text");
  EXPECT_NONFATAL_FAILURE(run_one("dim error=405", "version: dim/2023\noperation: get\n\n"), "405");
  EXPECT_NONFATAL_FAILURE(run_one("uri error=401", "dim:user:bobby\n"), "should be refused");
  EXPECT_NONFATAL_FAILURE(run_one("name", "bob\n"), "5 to 32");
  EXPECT_NONFATAL_FAILURE(run_one("abnf", "a = b\n"), "no rule is called b");
  EXPECT_NONFATAL_FAILURE(run_one("json content receipt", R"({"type": 1, "sn": 1, "text": "x"})"
                                                          "\n"),
                          "receipt");
  EXPECT_FATAL_FAILURE(run_one("stage", "it rains\n"), "no such stage direction");
}

void run_dialogue(const std::string& answer, const std::string& info = "dim alice<8800") {
  run_blocks({{"a page", 1, "# A", "dim alice>8800",
               "version: dim/2023\noperation: NOTIFY\nid: 1\ntype: ping\n\n"},
              {"a page", 9, "# A", info, answer}});
}

TEST(ProtocolExamples, AnAnswerThatIsNotTheStationsFails) {
  run_dialogue("version: dim/2023\ncode: 200\nstatus: Okay\nreply: 1\n\n");
  EXPECT_FATAL_FAILURE(run_dialogue("version: dim/2023\ncode: 200\nstatus: Okay\nreply: 2\n\n"),
                       "the station says");
  EXPECT_FATAL_FAILURE(run_dialogue("version: dim/2023\ncode: <time>\nstatus: Okay\nreply: 1\n\n"),
                       "the station says");
  EXPECT_NONFATAL_FAILURE(run_dialogue("version: dim/2023\ncode: 200\nstatus: Okay\nreply: 1\n\n",
                                       "dim alice<8800 closes"),
                          "whether the connection is closed");
  EXPECT_NONFATAL_FAILURE(
      run_blocks({{"a page", 1, "# A", "dim alice>8800",
                   "version: dim/2023\noperation: NOTIFY\nid: 1\ntype: ping\n\n"}}),
      "behind the last block");
}

std::vector<std::vector<std::string>> table_rows(const std::string& page, std::size_t cells) {
  return markdown_rows(kPages / page, cells);
}

TEST(ProtocolPages, EveryCodeHasItsNameAndItsPlaceWhereItIsProvoked) {
  std::map<int, std::vector<std::string>> rows;
  for (const auto& row : table_rows("responses.md", 4)) {
    if (row[0].find_first_not_of("0123456789") == std::string::npos) rows[std::stoi(row[0])] = row;
  }
  for (int code = 100; code <= 599; ++code) {
    if (code_name(code).empty()) {
      EXPECT_FALSE(rows.contains(code)) << code;
      continue;
    }
    ASSERT_TRUE(rows.contains(code)) << code;
    EXPECT_EQ(rows[code][1], code_name(code));
    const std::string& place = rows[code][3];
    if (place.empty()) continue;
    const auto blocks = markdown_blocks(kPages / place);
    const std::string number = std::to_string(code);
    const bool provoked = std::ranges::any_of(blocks, [&](const MarkdownBlock& block) {
      const auto words = block.words();
      const bool from_station = words.size() > 1 && words[1].contains('<');
      return (from_station && block.text.contains("\ncode: " + number + "\n")) ||
             option(block, "error") == number || option(block, "fatal") == number;
    });
    EXPECT_TRUE(provoked) << place << " does not provoke " << code;
  }
}

TEST(ProtocolPages, EveryCodeThatErrorsHaveIsDocumentedAsOccurring) {
  std::set<int> occurring;
  for (const auto& row : table_rows("responses.md", 4)) {
    if (!row[3].empty() && row[0].find_first_not_of("0123456789") == std::string::npos)
      occurring.insert(std::stoi(row[0]));
  }
  // Errc has room for codes that later editions will send.
  const std::set<int> later = {507};
  for (int i = 0; i <= static_cast<int>(Errc::usage); ++i) {
    const int code = status_of(static_cast<Errc>(i));
    EXPECT_NE(occurring.contains(code), later.contains(code)) << code;
  }
}

TEST(ProtocolPages, EveryKindOfContentHasItsLimitInTheTableAndAnExample) {
  std::set<std::string> documented;
  for (const auto& row : table_rows("contents.md", 5)) {
    documented.insert(row[0] + " " + row[1] + " " + row[2] + " " + row[3]);
  }
  const auto quoted = [](std::string_view text) {
    return text.empty() ? std::string() : "`" + std::string(text) + "`";
  };
  for (const Kind& kind : built_in_kinds()) {
    const std::string limit = kind.limit >= limits::kMiB
                                  ? std::to_string(kind.limit / limits::kMiB) + " MiB"
                                  : std::to_string(kind.limit / limits::kKiB) + " KiB";
    EXPECT_TRUE(documented.contains(std::to_string(kind.type) + " " + quoted(kind.command) + " " +
                                    quoted(kind.alias) + " " + limit))
        << kind.name;
  }
  EXPECT_EQ(documented.size() - 2, built_in_kinds().size()) << "besides the head of the table";
  std::set<std::string> shown;
  for (const char* page : {"contents.md", "groups.md", "messages.md"}) {
    for (const MarkdownBlock& block : markdown_blocks(kPages / page)) {
      const auto words = block.words();
      if (words.size() > 2) shown.insert(words[2]);
    }
  }
  for (const Kind& kind : built_in_kinds()) {
    if (kind.name == "forward") continue;  // holds whole messages: too long to read
    EXPECT_TRUE(shown.contains(std::string(kind.name))) << kind.name << " has no example";
  }
}

}  // namespace
}  // namespace dim
