#include "tui/keys.h"

#include <gmock/gmock.h>

namespace dim::tui {
namespace {

/// What was pressed, in words: "text:a", "alt+up", "enter".
std::string words(const std::vector<KeyPress>& all) {
  static const std::vector<std::string> names{
      "text",      "control", "enter",    "newline",    "tab",       "backtab",
      "backspace", "erase",   "escape",   "up",         "down",      "left",
      "right",     "home",    "end",      "page_up",    "page_down", "help",
      "paste",     "click",   "wheel_up", "wheel_down", "focus_in",  "focus_out"};
  std::string out;
  for (const KeyPress& one : all) {
    if (!out.empty()) out += ' ';
    if (one.alt) out += "alt+";
    if (one.ctrl) out += "ctrl+";
    if (one.shift) out += "shift+";
    out += names[static_cast<std::size_t>(one.key)];
    if (!one.text.empty()) out += ":" + one.text;
    if (one.key == Key::click)
      out += "@" + std::to_string(one.row) + "," + std::to_string(one.column);
  }
  return out;
}

std::string pressed(std::string_view bytes) {
  KeyDecoder decoder;
  auto all = decoder.feed(bytes);
  for (KeyPress& one : decoder.flush()) all.push_back(std::move(one));
  return words(all);
}

TEST(Keys, TextAndControl) {
  EXPECT_EQ(pressed("hi 你好"), "text:hi 你好");
  EXPECT_EQ(pressed("\r"), "enter");
  EXPECT_EQ(pressed("\n\t\x7F\x08"), "newline tab backspace backspace");
  EXPECT_EQ(pressed("\x01\x11"), "control:a control:q");
  EXPECT_EQ(pressed("a\xFF"
                    "b"),
            "text:ab");
}

TEST(Keys, OfAllFamiliesOfTerminals) {
  for (const std::string_view up : {"\x1b[A", "\x1bOA"}) EXPECT_EQ(pressed(up), "up");
  EXPECT_EQ(pressed("\x1b[1;3A"), "alt+up");
  EXPECT_EQ(pressed("\x1b\x1b[B"), "alt+down");
  EXPECT_EQ(pressed("\x1b[1;5A"), "ctrl+up");
  EXPECT_EQ(pressed("\x1b[1;2D"), "shift+left");
  EXPECT_EQ(pressed("\x1b[H\x1b[1~\x1b[7~\x1bOH"), "home home home home");
  EXPECT_EQ(pressed("\x1b[F\x1b[4~\x1b[8~"), "end end end");
  EXPECT_EQ(pressed("\x1b[5~\x1b[6~\x1b[3~"), "page_up page_down erase");
  EXPECT_EQ(pressed("\x1bOP\x1b[[A\x1b[11~"), "help help help");
  EXPECT_EQ(pressed("\x1b[Z"), "backtab");
  EXPECT_EQ(pressed("\x1b[O\x1b[I"), "focus_out focus_in");
  EXPECT_EQ(pressed("\x1b\r\x1b[13;5u"), "newline ctrl+newline");
  EXPECT_EQ(pressed("\x1b"
                    "a\x1b\x7F"),
            "alt+text:a alt+backspace");
  EXPECT_EQ(pressed("\x1b[<0;12;3M\x1b[<0;12;3m\x1b[<64;1;1M\x1b[<65;1;1M"),
            "click@2,11 wheel_up wheel_down");
  EXPECT_EQ(pressed("\x1b[200;5x\x1b[99~\x1b[?1;2c"), "");
}

TEST(Keys, ALoneEscapeIsTheKeyAndTornSequencesWait) {
  KeyDecoder decoder;
  EXPECT_EQ(words(decoder.feed("\x1b")), "");
  EXPECT_EQ(words(decoder.feed("[")), "");
  EXPECT_EQ(words(decoder.feed("A")), "up");
  EXPECT_EQ(words(decoder.feed("\x1b")), "");
  EXPECT_EQ(words(decoder.flush()), "escape");
  EXPECT_EQ(words(decoder.feed("\xE4\xBD")), "");
  EXPECT_EQ(words(decoder.feed("\xA0")), "text:你");
  EXPECT_EQ(words(decoder.feed("\x1b[1;")), "");
  EXPECT_EQ(words(decoder.flush()), "");
  EXPECT_EQ(words(decoder.feed("a")), "text:a");
}

TEST(Keys, C11_APasteIsOneTextWhateverIsInIt) {
  EXPECT_EQ(pressed("\x1b[200~one\rtwo\r\n\x1b[Athree\x1b[201~x"),
            "paste:one\ntwo\n\x1b[Athree text:x");
  // Torn anywhere.
  const std::string whole = "\x1b[200~a\rb\x1b[201~";
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    KeyDecoder decoder;
    auto all = decoder.feed(std::string_view(whole).substr(0, cut));
    for (KeyPress& one : decoder.feed(std::string_view(whole).substr(cut)))
      all.push_back(std::move(one));
    EXPECT_EQ(words(all), "paste:a\nb") << cut;
  }
}

TEST(Keys, APasteWhoseEndIsLostIsOverAfterAWhile) {
  KeyDecoder decoder;
  decoder.feed("\x1b[200~abc");
  std::string out;
  for (int i = 0; i < 60; ++i) out += words(decoder.flush());
  EXPECT_EQ(out, "paste:abc");
  EXPECT_EQ(words(decoder.feed("\r")), "enter");
}

TEST(Keys, C11_TenMegabytesArePastedInConstantMemoryAndCut) {
  KeyDecoder decoder;
  EXPECT_TRUE(decoder.feed("\x1b[200~").empty());
  const std::string chunk(4'096, 'x');
  for (int i = 0; i < 2'560; ++i) ASSERT_TRUE(decoder.feed(chunk).empty());
  const auto all = decoder.feed("\x1b[201~");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0].cut);
  EXPECT_EQ(all[0].text.size(), kPasteBytes);
}

TEST(Keys, C11_SeveralLinesAtOnceWereNotTypedAndAreNotSent) {
  EXPECT_EQ(pressed("rm -rf\rls\r"), "text:rm -rf newline text:ls newline");
  KeyDecoder decoder;
  EXPECT_EQ(words(decoder.feed("one\rtw")), "text:one newline text:tw");
  EXPECT_EQ(words(decoder.feed("o\r")), "text:o newline");  // the same paste goes on
  decoder.flush();
  EXPECT_EQ(words(decoder.feed("typed\r")), "text:typed enter");
}

}  // namespace
}  // namespace dim::tui
