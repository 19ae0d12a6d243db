// Forms of addresses beside the built-in ones. A user of the library adds their own to a table, a
// value that goes to the functions which read text; addresses made with it carry their form along,
// so that metas can answer for them.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dim {

class Meta;

/// One form of address.
struct AddressForm {
  std::string name{};  ///< for people: "Base36"
  struct Found {
    std::string text{};        ///< the one canonical text of this address: equality compares it
    std::uint8_t network = 0;  ///< an EntityType
  };
  /// Nothing when the text is no address of this form. 4 to 64 ASCII letters and digits; the
  /// built-in forms come first.
  std::function<std::optional<Found>(std::string_view text)> parse{};
  /// The canonical text of the address that `meta` makes for a network; nothing when it makes none.
  /// It must commit to the key (A02): whoever finds another meta for the same text becomes that
  /// entity.
  std::function<std::optional<std::string>(const Meta& meta, std::uint8_t network)> make{};
};

/// The added forms, tried in order after the built-in ones.
class AddressTable {
 public:
  AddressTable() = default;
  AddressTable with(AddressForm form) const {
    AddressTable table = *this;
    table.forms_.push_back(std::make_shared<const AddressForm>(std::move(form)));
    return table;
  }
  const std::vector<std::shared_ptr<const AddressForm>>& forms() const { return forms_; }

 private:
  std::vector<std::shared_ptr<const AddressForm>> forms_;
};

}  // namespace dim
