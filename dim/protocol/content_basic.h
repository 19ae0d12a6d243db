// Contents for people: text, pages, name cards, quotes, money, and what applications agree on.
// Each keeps in `rest` what it has no member for.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "dim/identity/ted.h"
#include "dim/protocol/head.h"

namespace dim {

/// 1: a text. "format": "markdown" and templates stay in `rest`.
struct TextContent {
  ContentHead head;
  std::string text{};
  JsonObject rest{};

  static TextContent make(std::string_view text, Millis now, Random& random);
};

/// When a text disappears, in ms; 0: never, and where what it says is no time within 366 days of
/// its own (docs/protocol/contents.md section 3).
Millis expiry_of(const TextContent& content);
/// Says so; `expires` in ms, kept in whole seconds.
void set_expiry(TextContent& content, Millis expires);

/// 32: a web page, by URL or with its HTML in place. Nothing of it is fetched by itself (A40).
struct PageContent {
  ContentHead head;
  std::string title{};
  std::string url{};   ///< "about:blank" where only `html` counts
  std::string html{};  ///< written by the sender: hostile text
  std::string desc{};
  std::optional<PortableFile> icon{};
  JsonObject rest{};

  static PageContent make(std::string_view url, std::string_view title, std::string_view desc,
                          Millis now, Random& random);
};

/// 51: somebody's ID with the name the sender knows it by. Says nothing about that entity: only its
/// own documents do.
struct CardContent {
  ContentHead head;
  Id did;
  std::string name{};
  std::optional<PortableFile> avatar{};
  JsonObject rest{};

  static CardContent make(const Id& did, std::string_view name, Millis now, Random& random);
};

/// 55: an answer to a message that both have. `origin` names it and proves nothing.
struct QuoteContent {
  struct Origin {
    Id sender;
    std::optional<Id> receiver{};  ///< the group, where it was written in one
    std::string type{};
    std::int64_t sn = 0;  ///< 0 when missing
  };

  ContentHead head;
  std::string text{};
  std::optional<Origin> origin{};
  JsonObject origin_rest{};  ///< further members of `origin`
  JsonObject rest{};

  static QuoteContent make(std::string_view text, Origin origin, Millis now, Random& random);
};

/// 64: an amount of a currency. No payment: that is for applications to agree on.
struct MoneyContent {
  ContentHead head;
  std::string currency{};
  double amount = 0;  ///< finite; comes as number or as text
  JsonObject rest{};

  static MoneyContent make(std::string_view currency, double amount, Millis now, Random& random);
};

/// 65: as money, from somebody to somebody.
struct TransferContent {
  ContentHead head;
  std::string currency{};
  double amount = 0;
  std::optional<Id> remitter{}, remittee{};
  JsonObject rest{};

  static TransferContent make(std::string_view currency, double amount, const Id& remitter,
                              const Id& remittee, Millis now, Random& random);
};

/// Application (160) and customized (204) contents: app, module, action, and whatever members they
/// agree on.
struct CustomizedContent {
  ContentHead head;
  std::string app{};
  std::string mod{};
  std::string act{};
  JsonObject rest{};

  static CustomizedContent make(std::string_view app, std::string_view mod, std::string_view act,
                                Millis now, Random& random);
  /// Type 160, which has an app and no fixed module or action.
  static CustomizedContent application(std::string_view app, Millis now, Random& random);
};

}  // namespace dim
