// What `dimd admin` asks: lines, requests, and what of them the store keeps. Whoever may write to
// the socket is the operator, but a request must not bring the station down, and what is read is
// within its bounds.
#include <algorithm>
#include <string>
#include <string_view>

#include "dim/base/json.h"
#include "dim/base/utf8.h"
#include "dim/identity/id.h"
#include "dim/packet/guid.h"
#include "fuzz/check.h"
#include "server/admin_request.h"
#include "server/admin_socket.h"
#include "server/operator_rules.h"

namespace {

using namespace dim;

void try_line(std::string_view line) {
  const auto read = AdminRequest::parse(line);
  if (!read) return;
  fuzz::must(line.size() <= limits::kAdminRequest);
  fuzz::must(read->limit >= 1 && read->limit <= limits::kAdminPage);
  fuzz::must(read->reason.size() <= limits::kAdminReason && valid_utf8(read->reason));
  fuzz::must(!read->reason.contains('\n') && !read->target.contains('\n'));
  fuzz::must(read->uses >= 0 && read->before >= 0 && read->until >= 0);
  for (const auto& [name, value] : read->quotas) fuzz::must(!value || check_quota(name, *value));
  if (read->verb == AdminVerb::bans_add) {
    const OperatorAct act{"operator:1", read->reason, 1, read->until};
    OperatorRules rules;
    fuzz::must(rules.set("ban", read->target, act.text()).has_value());
    fuzz::must(rules.bans().size() == 1);
    fuzz::must(rules.set("ban", read->target, "").has_value() && rules.bans().empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try_line(text);
  LineReader whole(limits::kAdminRequest), pieces(limits::kAdminRequest);
  whole.feed(text);
  std::string joined;
  while (const auto line = whole.next()) {
    try_line(*line);
    joined += *line + '\n';
  }
  std::string again;
  for (const char c : text) {
    pieces.feed({&c, 1});
    while (const auto line = pieces.next()) again += *line + '\n';
  }
  fuzz::must(joined == again);
  fuzz::must(text.starts_with(joined));
  static_cast<void>(OperatorAct::parse(text));
  if (const auto code = JoinCode::parse(text)) {
    const auto same = JoinCode::parse(code->text());
    fuzz::must(same && same->text() == code->text());
    fuzz::must(code->hash.size() == 64 && code->uses >= 0 && code->until >= 0);
  }
  static_cast<void>(
      OperatorRules::load({{"code", std::string(text.substr(0, 32)),
                            std::string(text.substr(std::min<std::size_t>(32, text.size())))}}));
  for (const char* kind : {"ban", "disabled", "frozen", "quota", "registration"}) {
    const auto rules = OperatorRules::load({{kind, "bob@x", std::string(text)}});
    if (rules) static_cast<void>(rules->quotas({}, "bob@x"));
  }
  return 0;
}
