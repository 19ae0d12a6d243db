#include "dim/identity/name.h"

namespace dim {
namespace {

bool is_name(std::string_view name) { return check_name(name).has_value(); }

TEST(Name, TakesOrdinaryNames) {
  for (const std::string_view name :
       {"a", "hulk", "gsp-s001", "Group_7.x", "张三", "测试-seed", "Müller", "Наташа", "a:b+c"}) {
    EXPECT_TRUE(is_name(name)) << name;
  }
}

TEST(Name, I02_Takes64BytesAndNot65) {
  EXPECT_TRUE(is_name(std::string(64, 'n')));
  EXPECT_FALSE(is_name(std::string(65, 'n')));
  EXPECT_FALSE(is_name(""));
}

TEST(Name, I02_RefusesControlWhiteSpaceAndInvisibleCharacters) {
  const std::vector<std::string> names = {"a\rb",
                                          "a\nb",
                                          "a\tb",
                                          std::string("a\0b", 3),
                                          "a b",
                                          "a\u00A0b",
                                          "a\u2003b",
                                          "a\u2028b",
                                          "a\u202Eb",
                                          "a\u200Db",
                                          "a\u200Bb",
                                          "a\uFEFFb",
                                          "a\u2066b",
                                          "a\u0085b",
                                          "a\u3164b",
                                          "a\u00ADb",
                                          "\u3000a",
                                          "a\u180Eb",
                                          "a\x7F"
                                          "b",
                                          "\uE000"};
  for (const std::string& name : names) EXPECT_FALSE(is_name(name)) << name;
}

TEST(Name, I01_RefusesAtAndSlash) {
  EXPECT_FALSE(is_name("a@b"));
  EXPECT_FALSE(is_name("a/b"));
}

TEST(Name, I03_RefusesWhatIsNotInNormalForm) {
  EXPECT_TRUE(is_name("\u00E9"));
  EXPECT_FALSE(is_name("e\u0301")) << "NFD";
  EXPECT_FALSE(is_name("\uFF21dmin")) << "full width";
  EXPECT_FALSE(is_name("o\uFB03ce")) << "ligature";
  EXPECT_FALSE(is_name("\u212B")) << "Angstrom sign";
}

TEST(Name, RefusesBrokenUtf8) {
  for (const std::string_view name :
       {"\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "a\xFF"})
    EXPECT_FALSE(is_name(name));
}

TEST(Name, I03_CyrillicLookAlikeIsTakenAndWarnedOf) {
  EXPECT_TRUE(is_name("adm\u0456n"));
  EXPECT_TRUE(mixed_scripts("adm\u0456n"));
  EXPECT_TRUE(mixed_scripts("\u0391dmin")) << "Greek capital alpha";
}

TEST(Name, OneScriptIsNoMixture) {
  for (const std::string_view name :
       {"admin", "admin-7", "Наташа", "张三", "さくらサクラ桜", "한국人", "Müller", "42", ""}) {
    EXPECT_FALSE(mixed_scripts(name)) << name;
  }
}

TEST(Name, MixtureOfAsianWritingsThatNobodyUsesIsOne) { EXPECT_TRUE(mixed_scripts("さ한")); }

}  // namespace
}  // namespace dim
